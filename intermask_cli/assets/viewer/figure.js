// A person as tapered capsules: the table DATA.figure (pictures/figure.py) put on 22 joints.
function placed(weights, joints) {
  const sum = [0, 0, 0];
  for (const [joint, weight] of weights) for (let k = 0; k < 3; k++) sum[k] += weight * joints[joint][k];
  return sum;
}
function facing(joints) {
  const { left, right, neck, pelvis } = DATA.chest;
  return unit(cross(subtract(joints[left], joints[right]), subtract(joints[neck], joints[pelvis])));
}
function figureOf(joints) {  // [{a, b, ra, rb, across, flat, tone, joint}] of one pose
  const forward = facing(joints);
  return DATA.figure.map((part) => {
    const [a, b] = part.ends.map((end) => add(placed(end, joints), forward, part.forward));
    let across = [0, 0, 0];
    if (part.width === "level") across = unit(cross(subtract(b, a), [0, 1, 0]));
    else if (part.width) across = unit(subtract(joints[part.width[1]], joints[part.width[0]]));
    return { a, b, ra: part.radii[0], rb: part.radii[1], across, flat: part.flat, tone: part.tone, joint: part.joint };
  });
}
// Okabe-Ito blue and vermilion, distinct for colour-blind people; right limbs darker than left ones.
const TONES = [
  { trunk: [0.04, 0.49, 0.75], left: [0.16, 0.58, 0.84], right: [0.02, 0.38, 0.6], face: [0.04, 0.12, 0.2] },
  { trunk: [0.89, 0.42, 0.05], left: [0.97, 0.53, 0.2], right: [0.72, 0.32, 0.02], face: [0.22, 0.09, 0.0] },
];
const pale = (tones) => Object.fromEntries(Object.entries(tones).map(([name, colour]) => [name, colour.map((v) => 0.65 * v + 0.25)]));
const GHOST_TONES = TONES.map(pale);
const paint = (colour, light = 1) => `rgb(${colour.map((v) => Math.round(255 * clamp(v * light, 0, 1))).join(" ")})`;
