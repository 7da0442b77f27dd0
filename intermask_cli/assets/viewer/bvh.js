// BVH of one person: centimetres, Y up, rotations Z X Y, as `intermask export --to bvh` writes.
const END_SITES = { head: [0, 18, 0], left_foot: [0, 0, 6], right_foot: [0, 0, 6], left_wrist: [18, 0, 0], right_wrist: [-18, 0, 0] };
function bvhOf(clip, person) {
  const { offsets, root, local } = rigOf(clip, person), order = [], lines = ["HIERARCHY"], text = (v) => v.map((x) => x.toFixed(5)).join(" ");
  const describe = (joint, indent) => {
    const name = DATA.names[joint], channels = "Zrotation Xrotation Yrotation";
    order.push(joint);
    lines.push(`${indent}${joint ? "JOINT" : "ROOT"} ${name}`, `${indent}{`, `${indent}  OFFSET ${text(scaled(offsets[joint], 100))}`);
    lines.push(`${indent}  CHANNELS ${joint ? 3 : "6 Xposition Yposition Zposition"} ${channels}`);
    for (const child of childrenOf(joint)) describe(child, `${indent}  `);
    if (END_SITES[name]) lines.push(`${indent}  End Site`, `${indent}  {`, `${indent}    OFFSET ${text(END_SITES[name])}`, `${indent}  }`);
    lines.push(`${indent}}`);
  };
  describe(0, "");
  lines.push("MOTION", `Frames: ${clip.frames}`, `Frame Time: ${(1 / DATA.fps).toFixed(8)}`);
  const before = [];  // angles go on from the frame before, without jumps by a full turn
  for (let frame = 0; frame < clip.frames; frame++) {
    const angles = order.flatMap((joint) => {
      const m = local[frame][joint];
      return [Math.atan2(-m[0][1], m[1][1]), Math.asin(clamp(m[2][1], -1, 1)), Math.atan2(-m[2][0], m[2][2])].map((angle) => (angle * 180) / Math.PI);
    }).map((angle, k) => (before[k] = angle - 360 * Math.round((angle - (before[k] ?? angle)) / 360)));
    lines.push(`${text(scaled(root[frame], 100))} ${text(angles)}`);
  }
  return `${lines.join("\n")}\n`;
}
