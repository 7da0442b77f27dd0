// The strip under the slider: when bodies touch, when feet slide, and the loop.
const THUMB = 8;  // half the slider's thumb: its first and last place are that far from its ends
const frameX = (frame, w) => THUMB + (frame / Math.max(lastFrame(), 1)) * (w - 2 * THUMB);
const frameAt = (x, w) => clamp(((x - THUMB) / (w - 2 * THUMB)) * lastFrame(), 0, lastFrame());
function drawStrip() {
  const { g, w, h } = context(byId("strip")), clip = first();
  if (!clip || !w) return;
  const box = (from, to, y, height, colour) => { g.fillStyle = colour; g.fillRect(frameX(from, w), y, Math.max(frameX(to, w) - frameX(from, w), 1.5), height); };
  box(0, lastFrame(), 1, h - 2, colourOf("--wash"));
  if (byId("marks").checked) {
    const { contact, slide } = marksOf(clip);
    for (let f = 0; f < clip.frames; f++) {
      if (contact[f] !== null) box(f, f + 1, 1, h / 2 - 1, colourOf(contact[f] < -DATA.deep ? "--deep" : "--touch"));
      if (slide[f]) box(f, f + 1, h / 2 + 1, h / 2 - 2, colourOf("--slide"));
    }
  }
  if (state.loop) {
    g.globalAlpha = 0.75;
    box(0, state.loop[0], 0, h, colourOf("--paper"));
    box(state.loop[1], lastFrame(), 0, h, colourOf("--paper"));
    g.globalAlpha = 1;
    for (const frame of state.loop) box(frame, frame, 0, h, colourOf("--focus"));
  }
  box(state.frame, state.frame, 0, h, colourOf("--ink"));
}
