// A person as a skeleton with rotations, from the joint positions that the page has. Positions leave the twist
// of a limb open; here it follows the parent. `intermask export` writes the rotations of the dataset.
const childrenOf = (joint) => DATA.parents.flatMap((parent, child) => (parent === joint ? [child] : []));
function frameOf(left, right, up) {  // rotation from the places of three children around their joint
  const x = unit(subtract(left, right)), middle = scaled(add(left, right), 0.5), rise = subtract(up, middle);
  const y = unit(add(rise, x, -dot(rise, x)));
  return transposed([x, y, cross(x, y)]);
}
function between(from, to) {  // the smallest rotation that turns one direction into the other
  const [u, v] = [unit(from), unit(to)], axis = cross(u, v), c = dot(u, v);
  if (c < -0.999999) { const side = unit(Math.abs(u[0]) < 0.9 ? cross(u, [1, 0, 0]) : cross(u, [0, 1, 0])); return side.map((a, i) => side.map((b, k) => 2 * a * b - (i === k))); }
  const [x, y, z] = axis, k = 1 / (1 + c);
  return [[c + k * x * x, k * x * y - z, k * x * z + y], [k * x * y + z, c + k * y * y, k * y * z - x], [k * x * z - y, k * y * z + x, c + k * z * z]];
}
function globalRotations(joints) {
  const rotations = [];
  for (let joint = 0; joint < DATA.joints; joint++) {
    const children = childrenOf(joint), parent = DATA.parents[joint];
    if (children.length === 3) {
      const { left, right, up } = DATA.trunk[joint], rest = frameOf(...[left, right, up].map((child) => DATA.rest[child]));
      rotations.push(product(frameOf(...[left, right, up].map((child) => subtract(joints[child], joints[joint]))), transposed(rest)));
    } else if (children.length === 1) {
      const bone = subtract(joints[children[0]], joints[joint]);
      rotations.push(product(between(turned(rotations[parent], DATA.rest[children[0]]), bone), rotations[parent]));
    } else rotations.push(rotations[parent]);
  }
  return rotations;
}
function rigOf(clip, person) {  // {offsets, root, local}: metres from the parent, places of the pelvis, rotations
  const poses = Array.from({ length: clip.frames }, (_, frame) => pose(clip, frame, person)), rotations = poses.map(globalRotations);
  const offsets = DATA.parents.map((parent, joint) => {
    if (parent < 0) return [0, 0, 0];
    const sum = poses.reduce((total, joints, frame) => add(total, turned(transposed(rotations[frame][parent]), subtract(joints[joint], joints[parent]))), [0, 0, 0]);
    return scaled(sum, 1 / clip.frames);
  });
  const local = rotations.map((all) => all.map((matrix, joint) => (DATA.parents[joint] < 0 ? matrix : product(transposed(all[DATA.parents[joint]]), matrix))));
  return { offsets, root: poses.map((joints) => joints[0]), local };
}
