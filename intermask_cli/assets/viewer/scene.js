// One panel: floor, shadows, paths, bodies, then what lies over them.
const painter = { webgl: webglPainter() };
const GHOST_OPACITY = 0.45;
let colours = {};
const colourOf = (name) => colours[name] ??= getComputedStyle(document.documentElement).getPropertyValue(name).trim();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { colours = {}; redraw(); });

function context(canvas) {  // a 2D context in CSS pixels, cleared
  const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  const [pw, ph] = [Math.round(w * ratio), Math.round(h * ratio)];
  if (canvas.width !== pw || canvas.height !== ph) { canvas.width = pw; canvas.height = ph; }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, w, h);
  return { g, w, h, ratio };
}
const shownPersons = () => [0, 1].filter((person) => byId(`person-${person + 1}`).checked);
function drawPanel(panel) {
  const { clip, ghost } = panel, { g, w, h, ratio } = context(panel.canvas);
  if (!w || !h) return;
  const frame = Math.min(Math.floor(state.frame), clip.frames - 1), camera = cameraOf(panel, frame, w, h);
  const persons = shownPersons(), poses = persons.map((person) => pose(clip, frame, person));
  const figures = poses.map((joints, k) => [figureOf(joints), TONES[persons[k]]]);
  drawFloor(g, camera);
  if (byId("trails").checked) for (const person of persons) drawTrail(g, camera, clip, person, frame);
  for (const [figure] of figures) drawShadow(g, camera, figure);
  const bodies = painter.webgl && !painter.webgl.lost ? painter.webgl : flatPainter;
  if (ghost) {
    const at = Math.min(Math.floor(state.frame), ghost.frames - 1);
    bodies.paint(g, camera, persons.map((person) => [figureOf(pose(ghost, at, person)), GHOST_TONES[person]]), GHOST_OPACITY, ratio);
  }
  if (figures.length) bodies.paint(g, camera, figures, 1, ratio);
  persons.forEach((person, k) => drawNumber(g, camera, clip, person, poses[k]));
  if (byId("marks").checked) drawMarks(g, camera, clip, frame, persons);
}
function drawFloor(g, camera) {
  const x0 = Math.round(camera.centre[0]), z0 = Math.round(camera.centre[2]), size = Math.min(Math.ceil(camera.away), 12);
  g.lineWidth = 1;
  for (let i = -size; i <= size; i++) for (const [a, b] of [[[i, -size], [i, size]], [[-size, i], [size, i]]]) {
    for (let part = 0; part < 8; part++) {  // piece by piece, so that lines fade away and end before the eye
      const between = (t) => camera.project([x0 + a[0] + t * (b[0] - a[0]), 0, z0 + a[1] + t * (b[1] - a[1])]);
      const [u, v] = [between(part / 8), between((part + 1) / 8)];
      if (u[2] < 0.3 || v[2] < 0.3) continue;
      const t = (part + 0.5) / 8, far = Math.hypot(a[0] + t * (b[0] - a[0]), a[1] + t * (b[1] - a[1])) / size;
      g.globalAlpha = clamp(1.1 - far, 0, 1);
      g.strokeStyle = colourOf("--floor");
      g.beginPath(); g.moveTo(u[0], u[1]); g.lineTo(v[0], v[1]); g.stroke();
    }
  }
  g.globalAlpha = 1;
}
function drawShadow(g, camera, figure) {  // as from a high sun; one stroke, so that parts do not add up
  g.beginPath();
  for (const { a, b } of figure) {
    const [u, v] = [a, b].map(([x, , z]) => camera.project([x, 0, z]));
    if (u[2] < 0.3 || v[2] < 0.3) continue;
    g.moveTo(u[0], u[1]); g.lineTo(v[0] + 0.01, v[1]);
  }
  const [, , , k] = camera.project([figure[0].a[0], 0, figure[0].a[2]]);
  g.lineCap = g.lineJoin = "round"; g.lineWidth = 0.13 * k; g.strokeStyle = colourOf("--shadow"); g.stroke();
}
function drawTrail(g, camera, clip, person, frame) {
  g.beginPath();
  let drawing = false;
  for (let f = 0; f <= frame; f++) {
    const q = camera.project([at(clip, f, person, 0, 0), 0, at(clip, f, person, 0, 2)]);
    if (q[2] < 0.3) { drawing = false; continue; }
    if (drawing) g.lineTo(q[0], q[1]); else g.moveTo(q[0], q[1]);
    drawing = true;
  }
  g.strokeStyle = colourOf(person ? "--two" : "--one"); g.lineWidth = 2; g.globalAlpha = 0.6; g.stroke(); g.globalAlpha = 1;
}
function drawNumber(g, camera, clip, person, joints) {  // 1 and 2 above the heads, as in "the first person"
  const q = camera.project(add(joints[DATA.head], [0, 0.34, 0]));
  const text = String(person + 1) + (item(clip).given === person + 1 ? " given" : "");
  g.font = "600 13px system-ui, sans-serif"; g.textAlign = "center"; g.textBaseline = "middle";
  g.lineWidth = 4; g.strokeStyle = colourOf("--paper"); g.strokeText(text, q[0], q[1]);
  g.fillStyle = colourOf(person ? "--two" : "--one"); g.fillText(text, q[0], q[1]);
}
function drawMarks(g, camera, clip, frame, persons) {
  const ring = (place, metres, colour, filled) => {
    const q = camera.project(place);
    if (q[2] < 0.3) return;
    g.beginPath(); g.arc(q[0], q[1], Math.max(metres * q[3], 5), 0, 7);
    if (filled) { g.globalAlpha = 0.25; g.fillStyle = colour; g.fill(); g.globalAlpha = 1; }
    g.lineWidth = 5; g.strokeStyle = colourOf("--paper"); g.stroke();
    g.lineWidth = 2.5; g.strokeStyle = colour; g.stroke();
  };
  if (persons.length === 2) for (const { place, gap } of contactsAt(clip, frame)) ring(place, 0.07, colourOf(gap < -DATA.deep ? "--deep" : "--touch"), gap < 0.01);
  for (const { person, joint } of slidesAt(clip, frame)) if (persons.includes(person)) ring(point(clip, frame, person, joint), 0.06, colourOf("--slide"), true);
}
const item = (clip) => (clip.of ? byName.get(clip.of) : clip);
