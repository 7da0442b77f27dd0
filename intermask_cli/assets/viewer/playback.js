// Time: frame, rate and loop. The loop is [first, last] frame, or null for the whole clip.
const range = () => state.loop || [0, lastFrame()];
const clock = (frame) => (frame / DATA.fps).toFixed(2);
function setFrame(frame) {
  state.frame = clamp(frame, 0, lastFrame());
  const whole = Math.floor(state.frame), seek = byId("seek");
  seek.value = whole;
  seek.setAttribute("aria-valuetext", `frame ${whole} of ${lastFrame()}, ${clock(whole)} seconds`);
  byId("time").textContent = `${clock(whole)} / ${clock(lastFrame())} s · frame ${whole} / ${lastFrame()}`;
  redraw();
  saveAddress();
}
function seekTo(frame) {
  setPlaying(false);
  setFrame(Math.round(frame));
}
function setPlaying(playing) {
  state.playing = playing;
  const button = byId("play");
  button.innerHTML = playing ? "&#10074;&#10074;" : "&#9654;";
  button.setAttribute("aria-label", playing ? "Pause" : "Play");
  if (playing && Math.floor(state.frame) >= range()[1]) setFrame(range()[0]);
  saveAddress();
}
function setLoop(loop) {
  state.loop = loop && loop[1] > loop[0] ? loop.map((frame) => clamp(Math.round(frame), 0, lastFrame())) : null;
  if (state.loop && (state.frame < state.loop[0] || state.frame > state.loop[1])) setFrame(state.loop[0]);
  byId("loop-clear").hidden = !state.loop;
  redraw();
  saveAddress();
}
const loopFrom = () => setLoop([Math.floor(state.frame), state.loop && state.loop[1] > state.frame ? state.loop[1] : lastFrame()]);
const loopTo = () => setLoop([state.loop && state.loop[0] < state.frame ? state.loop[0] : 0, Math.floor(state.frame)]);
function changeRate(step) {
  const select = byId("rate");
  select.selectedIndex = clamp(select.selectedIndex + step, 0, select.options.length - 1);
  saveAddress();
}
let before = 0;
function tick(now) {
  const seconds = Math.min((now - before) / 1000, 0.2);
  before = now;
  if (state.playing && state.panels.length) {
    const [from, to] = range(), next = state.frame + seconds * DATA.fps * Number(byId("rate").value);
    setFrame(next >= to + 1 || next < from ? from : Math.min(next, to + 0.999));
  }
  if (state.dirty) {
    state.dirty = false;
    for (const panel of state.panels) drawPanel(panel);
    drawStrip();
    drawCurves();
  }
  requestAnimationFrame(tick);
}
