// Where the bodies touch, as the metrics define it (motion/physics.py), and where a low foot slides.
function capsulesOf(joints) {  // [start, end, radius]: the bones, and a palm beyond each wrist
  const capsules = DATA.capsules.map(([a, b, radius]) => [joints[a], joints[b], radius]);
  for (const [elbow, wrist, radius] of DATA.palms)
    capsules.push([joints[wrist], add(joints[wrist], unit(subtract(joints[wrist], joints[elbow])), DATA.palm), radius]);
  return capsules;
}
function closest(p, q, r, s) {  // nearest points of two segments (Ericson, Real-Time Collision Detection, 5.1.9)
  const d1 = subtract(q, p), d2 = subtract(s, r), between = subtract(p, r);
  const a = dot(d1, d1), e = dot(d2, d2), b = dot(d1, d2), c = dot(d1, between), f = dot(d2, between), det = a * e - b * b;
  let t1 = det > 1e-9 ? clamp((b * f - c * e) / det, 0, 1) : 0;
  const t2 = clamp((b * t1 + f) / Math.max(e, 1e-9), 0, 1);
  t1 = clamp((b * t2 - c) / Math.max(a, 1e-9), 0, 1);
  return [add(p, d1, t1), add(r, d2, t2)];
}
function contactsAt(clip, frame) {  // [{place, gap}], nearest first, one within each 15 cm
  const [one, two] = [0, 1].map((person) => capsulesOf(pose(clip, frame, person)));
  const reaches = (list) => list.map(([a, b, radius]) => [scaled(add(a, b), 0.5), distance(a, b) / 2 + radius]);
  const [r1, r2] = [reaches(one), reaches(two)], found = [];
  for (let i = 0; i < one.length; i++) for (let k = 0; k < two.length; k++) {
    if (distance(r1[i][0], r2[k][0]) > r1[i][1] + r2[k][1] + DATA.contact) continue;
    const [u, v] = closest(one[i][0], one[i][1], two[k][0], two[k][1]);
    const apart = distance(u, v) - one[i][2] - two[k][2], bones = DATA.capsules.length;
    const gap = i < bones && k < bones ? apart : Math.max(apart, 0);  // hands that hold each other are no overlap
    if (gap < DATA.contact) found.push({ place: scaled(add(u, v), 0.5), gap });
  }
  found.sort((p, q) => p.gap - q.gap);
  const kept = [];
  for (const mark of found) if (!kept.some((other) => distance(other.place, mark.place) < 0.15)) kept.push(mark);
  return kept;
}
function slidesAt(clip, frame) {  // [{person, joint, speed}] in metres per frame, of feet that are low and move
  const found = [], next = Math.min(frame + 1, clip.frames - 1), from = next - 1;
  if (from < 0) return found;
  for (let person = 0; person < 2; person++) for (const joint of DATA.feet) {
    const u = point(clip, from, person, joint), v = point(clip, next, person, joint);
    const speed = Math.hypot(v[0] - u[0], v[2] - u[2]);
    if (u[1] < DATA.low && speed > DATA.slide) found.push({ person, joint, speed });
  }
  return found;
}
function marksOf(clip) {  // of all frames: {contact, slide}: gap in metres or null, speed or 0
  if (!clip.marks) {
    const frames = Array.from({ length: clip.frames }, (_, frame) => frame);
    clip.marks = {
      contact: frames.map((frame) => contactsAt(clip, frame)[0]?.gap ?? null),
      slide: frames.map((frame) => Math.max(0, ...slidesAt(clip, frame).map((mark) => mark.speed))),
    };
  }
  return clip.marks;
}
