"use strict";
// One page, no dependencies: two capsule bodies on a canvas. DATA is written by page.py.
const COLOURS = [["#0072B2", "#004C78", "#4DA6DB"], ["#D55E00", "#8E3F00", "#F39A5A"]];
const byId = (id) => document.getElementById(id);
const state = { frame: 0, playing: true, yaw: 0, pitch: 0.25, zoom: 1, items: [], panels: [], last: 0, dirty: true };

// ---- data: deflated, frame-delta coded integers in units of DATA.scale metres -------------------------
async function decode(item) {
  if (item.joints) return item.joints;
  const bytes = Uint8Array.from(atob(item.data), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const values = item.bits === 32 ? new Int32Array(buffer) : new Int16Array(buffer);
  const width = 2 * DATA.joints * 3;
  const joints = new Float32Array(values.length);
  const sum = new Int32Array(width);
  for (let i = 0; i < values.length; i++) {
    sum[i % width] += values[i];
    joints[i] = sum[i % width] * DATA.scale;
  }
  item.joints = joints;
  return joints;
}

// ---- list: search and sort ---------------------------------------------------------------------------
const valueOf = (item, key) => (key === "id" || key === "prompt" ? item[key] : item.fields[key]);
const missing = (value) => value === undefined || value === null || value === "";
function compare(a, b, key, sign) {  // items without a value are last in either order
  const x = valueOf(a, key), y = valueOf(b, key);
  if (missing(x) || missing(y)) return Number(missing(x)) - Number(missing(y));
  const difference = Number(x) - Number(y);  // NaN for text; a prompt file has its numbers as text
  return sign * (difference || String(x).localeCompare(String(y), undefined, { numeric: true }));
}
function order(key) {  // 1 low first, -1 high first; high is worst in columns that do not measure quality
  const choice = byId("order").value;
  return choice === "worst" ? (DATA.worst[key] === "low" ? 1 : -1) : Number(choice);
}
function searchText(item) {  // without numbers, which are for sorting
  const texts = Object.values(item.fields).filter((value) => typeof value === "string" && isNaN(value));
  return [item.id, item.prompt, ...texts].join(" ").toLowerCase();
}
function refreshList() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  const key = byId("sort").value;
  state.items = DATA.items.filter((item) => words.every((w) => searchText(item).includes(w)));
  if (key) state.items.sort((a, b) => compare(a, b, key, order(key)));
  byId("count").textContent = state.items.length + " of " + DATA.items.length + " interactions" + DATA.note;
  const shown = new Set(state.panels.map((p) => p.item.id));
  byId("list").replaceChildren(...state.items.map((item) => {
    const row = document.createElement("li");
    row.className = shown.has(item.id) ? "on" : "";
    row.dataset.id = item.id;
    row.append(item.prompt || "(no prompt)");
    const small = document.createElement("small");
    const value = key && !missing(item.fields[key]) ? " · " + key + " " + item.fields[key] : "";
    small.textContent = item.id + " · " + (item.frames / DATA.fps).toFixed(1) + " s" + value;
    row.append(small);
    row.onclick = (event) => show(item, event.shiftKey);
    return row;
  }));
}

// ---- panels --------------------------------------------------------------------------------------------
async function show(item, add) {  // add: next to the panels that exist, not instead of them
  await decode(item);
  if (!add) { for (const p of state.panels) p.root.remove(); state.panels = []; state.frame = 0; }
  if (!state.panels.some((p) => p.item === item)) addPanel(item);
  if (item.truth && byId("truth").checked && !state.panels.some((p) => p.item === item.truth)) {
    await decode(item.truth);
    addPanel(item.truth);
    state.panels.at(-1).yaw = state.panels.find((p) => p.item === item).yaw;  // seen from the same side
  }
  const frames = Math.max(...state.panels.map((p) => p.item.frames));
  byId("seek").max = frames - 1;
  refreshList();
  setFrame(state.frame);
}
function addPanel(item) {
  const root = document.createElement("div");
  root.className = "panel";
  const canvas = document.createElement("canvas");
  const caption = document.createElement("div");
  caption.className = "caption";
  caption.textContent = item.prompt;
  const small = document.createElement("small");
  small.textContent = " " + item.id;
  caption.append(small);
  root.append(canvas, caption);
  const panel = { root, canvas, item, yaw: sideYaw(item), distance: distanceFor(item) };
  if (state.panels.length) {
    const close = document.createElement("button");
    close.className = "close";
    close.textContent = "×";
    close.onclick = () => { root.remove(); state.panels = state.panels.filter((p) => p !== panel); refreshList(); state.dirty = true; };
    root.append(close);
  }
  canvas.onpointerdown = (down) => {
    canvas.setPointerCapture(down.pointerId);
    canvas.onpointermove = (move) => {
      state.yaw += move.movementX * 0.008;
      state.pitch = Math.min(1.4, Math.max(-0.1, state.pitch + move.movementY * 0.006));
      state.dirty = true;
    };
    canvas.onpointerup = () => { canvas.onpointermove = null; };
  };
  canvas.onwheel = (event) => { event.preventDefault(); state.zoom *= Math.exp(-event.deltaY * 0.001); state.dirty = true; };
  byId("panels").append(root);
  state.panels.push(panel);
}
function distanceFor(item) {  // metres from camera to pair, so that both are seen when farthest apart
  let widest = 0;
  for (let f = 0; f < item.frames; f++) widest = Math.max(widest, Math.hypot(at(item, f, 1, 0, 0) - at(item, f, 0, 0, 0), at(item, f, 1, 0, 2) - at(item, f, 0, 0, 2)));
  return Math.min(Math.max(4.2, 2.4 + 1.2 * widest), 40);
}
async function showSamples() {  // the samples of the first panel's prompt, four at most
  if (!state.panels.length) return;
  const prompt = state.panels[0].item.prompt;
  const samples = DATA.items.filter((item) => item.prompt === prompt).slice(0, 4);
  for (const [i, item] of samples.entries()) await show(item, i > 0);
}
const at = (item, frame, person, joint, axis) => item.joints[((frame * 2 + person) * DATA.joints + joint) * 3 + axis];
function sideYaw(item) {  // look across the mean line between the two people
  let x = 0, z = 0;
  for (let f = 0; f < item.frames; f++) { x += at(item, f, 1, 0, 0) - at(item, f, 0, 0, 0); z += at(item, f, 1, 0, 2) - at(item, f, 0, 0, 2); }
  return Math.hypot(x, z) < 0.05 * item.frames ? 0 : Math.atan2(-z, x) + 0.35;
}

// ---- drawing -------------------------------------------------------------------------------------------
function draw(panel) {
  const { canvas, item } = panel;
  const ratio = window.devicePixelRatio || 1, w = canvas.clientWidth, h = canvas.clientHeight;
  if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) { canvas.width = Math.round(w * ratio); canvas.height = Math.round(h * ratio); }
  const g = canvas.getContext("2d");
  g.setTransform(ratio, 0, 0, ratio, 0, 0);
  g.clearRect(0, 0, w, h);
  const frame = Math.min(Math.floor(state.frame), item.frames - 1);
  const centreFrame = byId("follow").checked ? frame : 0;
  const cx = (at(item, centreFrame, 0, 0, 0) + at(item, centreFrame, 1, 0, 0)) / 2;
  const cz = (at(item, centreFrame, 0, 0, 2) + at(item, centreFrame, 1, 0, 2)) / 2;
  const yaw = panel.yaw + state.yaw, c = Math.cos(yaw), s = Math.sin(yaw), cp = Math.cos(state.pitch), sp = Math.sin(state.pitch);
  const focal = 1.25 * Math.min(h, w) * state.zoom, distance = panel.distance;
  const project = (x, y, z) => {
    const dx = x - cx, dy = y - 0.9, dz = z - cz;
    const right = c * dx - s * dz, forward = s * dx + c * dz;
    const depth = distance - (sp * dy + cp * forward);
    const k = focal / Math.max(depth, 0.3);
    return [w / 2 + k * right, h * 0.52 - k * (cp * dy - sp * forward), depth, k];
  };
  drawGround(g, project, cx, cz);
  if (byId("trails").checked) for (let p = 0; p < 2; p++) drawTrail(g, project, item, p, frame);
  const parts = [];
  for (let p = 0; p < 2; p++) {
    const points = [];
    for (let j = 0; j < DATA.joints; j++) points.push(project(at(item, frame, p, j, 0), at(item, frame, p, j, 1), at(item, frame, p, j, 2)));
    for (const [a, b, radius, side] of DATA.segments) {
      if (a === b) {  // a ball (head), pushed along the neck
        const [n0, n1] = [points[DATA.neck], points[a]];
        parts.push({ depth: n1[2], x: n1[0] + 0.6 * (n1[0] - n0[0]), y: n1[1] + 0.6 * (n1[1] - n0[1]), r: radius * n1[3], colour: COLOURS[p][0] });
      } else {
        const [u, v] = [points[a], points[b]];
        parts.push({ depth: (u[2] + v[2]) / 2, u, v, r: radius, colour: COLOURS[p][side === 1 ? 1 : side === -1 ? 2 : 0] });
      }
    }
    g.fillStyle = "rgba(0,0,0,0.10)";  // soft shadow under the pelvis and both feet
    for (const j of [0, ...DATA.feet]) { const q = project(at(item, frame, p, j, 0), 0, at(item, frame, p, j, 2)); g.beginPath(); g.ellipse(q[0], q[1], 0.13 * q[3], 0.05 * q[3], 0, 0, 7); g.fill(); }
  }
  parts.sort((a, b) => b.depth - a.depth);
  for (const part of parts) {
    if (part.u) capsule(g, part); else { g.beginPath(); g.arc(part.x, part.y, part.r, 0, 7); g.fillStyle = part.colour; g.fill(); g.lineWidth = 1; g.strokeStyle = "rgba(255,255,255,0.8)"; g.stroke(); }
  }
  drawNumbers(g, project, item, frame);
  drawContacts(g, project, item, frame);
}
function drawNumbers(g, project, item, frame) {  // 1 and 2 above the heads, as in "the first person"
  g.font = "600 13px system-ui, sans-serif"; g.textAlign = "center";
  for (let p = 0; p < 2; p++) {
    const j = DATA.neck, q = project(at(item, frame, p, j, 0), at(item, frame, p, j, 1) + 0.45, at(item, frame, p, j, 2));
    g.fillStyle = COLOURS[p][1]; g.fillText(String(p + 1), q[0], q[1]);
  }
}
function capsule(g, { u, v, r, colour }) {
  g.lineCap = "round";
  const width = r * (u[3] + v[3]);
  for (const [extra, style] of [[2, "rgba(255,255,255,0.7)"], [0, colour]]) {
    g.beginPath(); g.moveTo(u[0], u[1]); g.lineTo(v[0], v[1]); g.lineWidth = width + extra; g.strokeStyle = style; g.stroke();
  }
}
function drawGround(g, project, cx, cz) {
  g.lineWidth = 1;
  g.strokeStyle = "#e3e8ed";
  const x0 = Math.round(cx), z0 = Math.round(cz), size = 3;
  for (let i = -size; i <= size; i++) {
    for (const [a, b] of [[[x0 + i, z0 - size], [x0 + i, z0 + size]], [[x0 - size, z0 + i], [x0 + size, z0 + i]]]) {
      const u = project(a[0], 0, a[1]), v = project(b[0], 0, b[1]);
      if (u[2] > 0.3 && v[2] > 0.3) { g.beginPath(); g.moveTo(u[0], u[1]); g.lineTo(v[0], v[1]); g.stroke(); }
    }
  }
}
function drawTrail(g, project, item, person, frame) {
  g.beginPath();
  for (let f = 0; f <= frame; f++) { const q = project(at(item, f, person, 0, 0), 0, at(item, f, person, 0, 2)); f ? g.lineTo(q[0], q[1]) : g.moveTo(q[0], q[1]); }
  g.strokeStyle = COLOURS[person][2]; g.lineWidth = 2; g.globalAlpha = 0.7; g.stroke(); g.globalAlpha = 1;
}
function drawContacts(g, project, item, frame) {  // a ring where the two bodies come within 15 cm
  let best = 0.15, place = null;
  for (let a = 0; a < DATA.joints; a++) for (let b = 0; b < DATA.joints; b++) {
    const d = Math.hypot(...[0, 1, 2].map((k) => at(item, frame, 0, a, k) - at(item, frame, 1, b, k)));
    if (d < best) { best = d; place = [0, 1, 2].map((k) => (at(item, frame, 0, a, k) + at(item, frame, 1, b, k)) / 2); }
  }
  if (!place) return;
  const q = project(...place);
  g.beginPath(); g.arc(q[0], q[1], 0.1 * q[3], 0, 7); g.lineWidth = 2.5; g.strokeStyle = "#009E73"; g.stroke();
}

// ---- time ----------------------------------------------------------------------------------------------
function setFrame(frame) {
  const last = Number(byId("seek").max);
  state.frame = last ? Math.min(Math.max(frame, 0), last) : 0;
  byId("seek").value = Math.floor(state.frame);
  byId("time").textContent = "frame " + Math.floor(state.frame) + " / " + last;
  state.dirty = true;
}
function setPlaying(playing) {
  state.playing = playing;
  byId("play").textContent = playing ? "pause" : "play";
  if (!playing) link();
}
function link() {  // the address names the items shown and the frame
  if (state.panels.length) history.replaceState(null, "", "#id=" + encodeURIComponent(state.panels.filter((p) => !p.item.of).map((p) => p.item.id).join(",")) + "&frame=" + Math.floor(state.frame));
}
function tick(now) {
  const seconds = Math.min((now - state.last) / 1000, 0.2);
  state.last = now;
  if (state.playing && state.panels.length) {
    const last = Number(byId("seek").max), next = state.frame + seconds * DATA.fps * Number(byId("speed").value);
    setFrame(next > last ? 0 : next);
  }
  if (state.dirty) { state.dirty = false; for (const panel of state.panels) draw(panel); }
  requestAnimationFrame(tick);
}

// ---- wiring --------------------------------------------------------------------------------------------
byId("search").oninput = byId("sort").onchange = byId("order").onchange = refreshList;
byId("play").onclick = () => setPlaying(!state.playing);
byId("seek").oninput = () => { setPlaying(false); setFrame(Number(byId("seek").value)); link(); };
byId("samples").onclick = showSamples;
byId("truth").onchange = () => { if (state.panels.length) show(state.panels[0].item, false); };
byId("follow").onchange = byId("trails").onchange = () => { state.dirty = true; };
window.onresize = () => { state.dirty = true; };
function step(offset) {
  const index = state.items.findIndex((item) => state.panels.length && item === state.panels[0].item);
  const next = state.items[Math.min(Math.max(index + offset, 0), state.items.length - 1)];
  if (next) show(next, false);
}
window.onkeydown = (event) => {
  if (event.target.tagName === "INPUT" && event.target.type === "search") return;
  const keys = { " ": () => setPlaying(!state.playing), ArrowLeft: () => { setPlaying(false); setFrame(Math.floor(state.frame) - 1); link(); }, ArrowRight: () => { setPlaying(false); setFrame(Math.floor(state.frame) + 1); link(); }, c: showSamples, ArrowUp: () => step(-1), ArrowDown: () => step(1) };
  if (keys[event.key]) { event.preventDefault(); keys[event.key](); }
};
async function start() {
  const keys = ["", "id", "prompt", ...DATA.columns];
  for (const item of DATA.items) if (item.truth) Object.assign(item.truth, { id: "ground truth", prompt: item.prompt, of: item.id, fields: {} });
  byId("with-truth").hidden = !DATA.items.some((item) => item.truth);
  byId("sort").replaceChildren(...keys.map((key) => { const o = document.createElement("option"); o.value = key; o.textContent = key || "file order"; return o; }));
  const address = new URLSearchParams(location.hash.slice(1));  // #search=bow&sort=skate&id=a,b&frame=40
  byId("search").value = address.get("search") || "";
  if (keys.includes(address.get("sort"))) byId("sort").value = address.get("sort");
  else byId("sort").value = DATA.columns.find((name) => DATA.worst[name]) || "";  // with scores, the worst first
  byId("order").value = { low: "1", high: "-1" }[address.get("order")] || (DATA.worst[byId("sort").value] ? "worst" : "1");
  refreshList();
  const ids = (address.get("id") || "").split(",").filter(Boolean);
  const chosen = DATA.items.filter((item) => ids.includes(item.id));
  for (const [i, item] of (chosen.length ? chosen : DATA.items.slice(0, 1)).entries()) await show(item, i > 0);
  if (address.has("frame")) { setPlaying(false); setFrame(Number(address.get("frame"))); }
  requestAnimationFrame(tick);
}
start();
