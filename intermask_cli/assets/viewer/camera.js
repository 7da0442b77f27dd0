// A camera that circles the pair; each panel looks along its own pair, all panels turn together.
const ZOOM = [0.35, 6], PITCH = [-0.05, 1.55], SHIFT = 1.5;  // SHIFT in halves of the panel
const SIDE_TURN = 0.35;  // radians away from the exact side, for depth
const VIEWS = {
  side: { yaw: 0, pitch: 0.25 },
  "behind-1": { yaw: -Math.PI / 2 - SIDE_TURN + 0.3, pitch: 0.3 },  // over a shoulder, so that both are seen
  "behind-2": { yaw: Math.PI / 2 - SIDE_TURN - 0.3, pitch: 0.3 },
  top: { yaw: -SIDE_TURN, pitch: 1.55 },
};
function setView(change) {
  const v = { ...state.view, ...change };
  state.view = {
    yaw: Math.atan2(Math.sin(v.yaw), Math.cos(v.yaw)), pitch: clamp(v.pitch, ...PITCH), zoom: clamp(v.zoom, ...ZOOM),
    right: clamp(v.right, -SHIFT, SHIFT), up: clamp(v.up, -SHIFT, SHIFT),
  };
  redraw();
  saveAddress();
}
function namedView(name) {
  setView(name === "reset" ? REST_VIEW : { ...REST_VIEW, ...VIEWS[name] });
}
function sideYaw(clip) {  // look across the mean line between the two people
  let x = 0, z = 0;
  for (let f = 0; f < clip.frames; f++) { x += at(clip, f, 1, 0, 0) - at(clip, f, 0, 0, 0); z += at(clip, f, 1, 0, 2) - at(clip, f, 0, 0, 2); }
  return (Math.hypot(x, z) < 0.05 * clip.frames ? 0 : Math.atan2(-z, x)) + SIDE_TURN;
}
function reachOf(clip) {  // distance of the camera at which both fit
  let widest = 0;
  for (let f = 0; f < clip.frames; f++) widest = Math.max(widest, Math.hypot(at(clip, f, 1, 0, 0) - at(clip, f, 0, 0, 0), at(clip, f, 1, 0, 2) - at(clip, f, 0, 0, 2)));
  return clamp(2.2 + 1.05 * widest, 3.5, 40);
}
function middleOf(clip, frame) {  // of the pair on the floor, averaged over a second so that it does not shake
  const from = Math.max(frame - 15, 0), to = Math.min(frame + 15, clip.frames - 1);
  let x = 0, z = 0;
  for (let f = from; f <= to; f++) for (let p = 0; p < 2; p++) { x += at(clip, f, p, 0, 0); z += at(clip, f, p, 0, 2); }
  const n = 2 * (to - from + 1);
  return [x / n, 0.9, z / n];
}
function cameraOf(panel, frame, width, height) {
  const { clip } = panel, { yaw, pitch, zoom, right, up } = state.view;
  const [c, s] = [Math.cos(panel.yaw + yaw), Math.sin(panel.yaw + yaw)], [cp, sp] = [Math.cos(pitch), Math.sin(pitch)];
  const size = Math.min(width, height);
  const camera = {
    c, s, cp, sp, centre: middleOf(clip, byId("follow").checked ? frame : 0), away: panel.reach,
    focal: 1.25 * Math.min(height, 0.95 * width) * zoom, x: width / 2 + right * size / 2, y: height * 0.53 - up * size / 2, width, height,
  };
  camera.project = ([px, py, pz]) => {  // pixels, depth (smaller is nearer), pixels per metre
    const dx = px - camera.centre[0], dy = py - camera.centre[1], dz = pz - camera.centre[2];
    const across = c * dx - s * dz, forward = s * dx + c * dz, depth = camera.away - (sp * dy + cp * forward);
    const k = camera.focal / Math.max(depth, 0.3);
    return [camera.x + k * across, camera.y - k * (cp * dy - sp * forward), depth, k];
  };
  return camera;
}
