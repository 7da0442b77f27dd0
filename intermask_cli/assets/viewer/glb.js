// GLB of both persons: one skeleton each with a skinned body and one animation, metres, Y up.
function quaternion(m) {  // x y z w, of length 1 and no more
  const q = rawQuaternion(m), length = Math.hypot(...q);
  return q.map((value) => clamp(value / length, -1, 1));
}
function rawQuaternion(m) {
  const t = m[0][0] + m[1][1] + m[2][2];
  if (t > 0) { const s = 2 * Math.sqrt(t + 1); return [(m[2][1] - m[1][2]) / s, (m[0][2] - m[2][0]) / s, (m[1][0] - m[0][1]) / s, s / 4]; }
  const i = m[0][0] > m[1][1] && m[0][0] > m[2][2] ? 0 : m[1][1] > m[2][2] ? 1 : 2, k = (i + 1) % 3, l = (i + 2) % 3;
  const s = 2 * Math.sqrt(1 + m[i][i] - m[k][k] - m[l][l]), q = [0, 0, 0, (m[l][k] - m[k][l]) / s];
  q[i] = s / 4; q[k] = (m[k][i] + m[i][k]) / s; q[l] = (m[l][i] + m[i][l]) / s;
  return q;
}
function bodyMesh(rest) {  // {points, normals, joints, triangles} of the figure in the rest pose
  const mesh = { points: [], normals: [], joints: [], triangles: [] }, grid = capsuleGrid();
  for (const part of figureOf(rest)) {
    const first = mesh.points.length / 3, axis = distance(part.a, part.b) > 1e-5 ? unit(subtract(part.b, part.a)) : [0, 1, 0];
    let u = Math.hypot(...part.across) > 0.5 ? part.across : Math.abs(axis[1]) < 0.9 ? [0, 1, 0] : [1, 0, 0];
    u = unit(add(u, axis, -dot(u, axis)));
    const v = cross(axis, u);
    for (let i = 0; i < grid.corners.length; i += 3) {
      const [end, latitude, around] = grid.corners.subarray(i, i + 3), ring = Math.cos(latitude);
      const round = (flat) => add(add(scaled(u, ring * Math.cos(around) * flat), v, ring * Math.sin(around)), axis, Math.sin(latitude));
      mesh.points.push(...add(end ? part.b : part.a, round(part.flat), end ? part.rb : part.ra));
      mesh.normals.push(...unit(round(1 / part.flat)));
      mesh.joints.push(part.joint, 0, 0, 0);
    }
    for (let i = 0; i < grid.triangles.length; i += 3) mesh.triangles.push(...[0, 2, 1].map((k) => first + grid.triangles[i + k]));
  }
  return mesh;
}
function glbOf(clip) {
  const gltf = { asset: { version: "2.0", generator: "intermask viewer" }, scene: 0, scenes: [{ nodes: [] }], nodes: [], meshes: [], skins: [], materials: [], animations: [{ name: item(clip).id, channels: [], samplers: [] }], accessors: [], bufferViews: [] };
  const chunks = [];
  let size = 0;
  const store = (values, type, width, bounds, target) => {
    const view = { buffer: 0, byteOffset: size, byteLength: values.byteLength };
    if (target) view.target = target;
    gltf.bufferViews.push(view);
    const accessor = { bufferView: gltf.bufferViews.length - 1, componentType: { Float32Array: 5126, Uint8Array: 5121, Uint16Array: 5123 }[values.constructor.name], count: values.length / width, type };
    if (bounds) for (const [name, pick] of [["min", Math.min], ["max", Math.max]])
      accessor[name] = Array.from({ length: width }, (_, k) => values.reduce((found, value, i) => (i % width === k ? pick(found, value) : found), name === "min" ? Infinity : -Infinity));
    gltf.accessors.push(accessor);
    chunks.push(values, new Uint8Array(-values.byteLength & 3));
    size += values.byteLength + (-values.byteLength & 3);
    return gltf.accessors.length - 1;
  };
  const floats = (values, type, width, bounds, target) => store(Float32Array.from(values), type, width, bounds, target);
  const times = floats(Array.from({ length: clip.frames }, (_, frame) => frame / DATA.fps), "SCALAR", 1, true), animation = gltf.animations[0];
  for (let person = 0; person < 2; person++) {
    const { offsets, root, local } = rigOf(clip, person), top = gltf.nodes.length, node = (joint) => top + 1 + joint, name = `p${person + 1}`;
    gltf.nodes.push({ name: `person ${person + 1}`, children: [node(0)] });
    const rest = [];
    DATA.names.forEach((joint, k) => {
      const children = childrenOf(k).map(node), q = local.map((all) => quaternion(all[k]));
      q.forEach((value, f) => { if (f && value.reduce((sum, x, i) => sum + x * q[f - 1][i], 0) < 0) q[f] = value.map((x) => -x); });
      gltf.nodes.push({ name: `${name}.${joint}`, translation: k ? offsets[k] : root[0], rotation: q[0], ...(children.length ? { children } : {}) });
      const channel = (path, values, type, width) => {
        animation.samplers.push({ input: times, output: floats(values, type, width), interpolation: "LINEAR" });
        animation.channels.push({ sampler: animation.samplers.length - 1, target: { node: node(k), path } });
      };
      channel("rotation", q.flat(), "VEC4", 4);
      if (!k) channel("translation", root.flat(), "VEC3", 3);
      rest.push(k ? add(rest[DATA.parents[k]], offsets[k]) : [0, 0, 0]);
    });
    const mesh = bodyMesh(rest), linear = TONES[person].trunk.map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    gltf.materials.push({ name, pbrMetallicRoughness: { baseColorFactor: [...linear, 1], metallicFactor: 0, roughnessFactor: 0.7 } });
    const attributes = {
      POSITION: floats(mesh.points, "VEC3", 3, true, 34962), NORMAL: floats(mesh.normals, "VEC3", 3, false, 34962),
      JOINTS_0: store(Uint8Array.from(mesh.joints), "VEC4", 4, false, 34962), WEIGHTS_0: floats(mesh.joints.map((_, i) => (i % 4 ? 0 : 1)), "VEC4", 4, false, 34962),
    };
    const indices = store(Uint16Array.from(mesh.triangles), "SCALAR", 1, false, 34963);
    gltf.meshes.push({ name: `${name}.body`, primitives: [{ attributes, indices, material: person }] });
    const inverse = floats(rest.flatMap((place) => [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, -place[0], -place[1], -place[2], 1]), "MAT4", 16);
    gltf.skins.push({ name, joints: DATA.names.map((_, k) => node(k)), skeleton: node(0), inverseBindMatrices: inverse });
    gltf.nodes.push({ name: `${name}.body`, mesh: person, skin: person });
    gltf.scenes[0].nodes.push(top, gltf.nodes.length - 1);
  }
  gltf.buffers = [{ byteLength: size }];
  const json = new TextEncoder().encode(JSON.stringify(gltf)), padding = new Uint8Array(-json.length & 3).fill(32);
  const header = Uint32Array.of(0x46546c67, 2, 28 + json.length + padding.length + size, json.length + padding.length, 0x4e4f534a);
  return new Blob([header, json, padding, Uint32Array.of(size, 0x004e4942), ...chunks], { type: "model/gltf-binary" });
}
