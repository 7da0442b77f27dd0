// Curves of the first panel over time: how high the feet are, how far apart the hands.
function curvesOf(clip, kind) {  // [{name, colour, dash, values}] in metres
  const frames = Array.from({ length: clip.frames }, (_, f) => f), curves = [];
  const sides = [["left", 0], ["right", 1]], colourFor = (person) => colourOf(person ? "--two" : "--one");
  for (const person of kind === "feet" ? [0, 1] : [0]) for (const [side, k] of sides) {
    const values = kind === "feet"
      ? frames.map((f) => at(clip, f, person, DATA.feet[2 * k + 1], 1))  // the toe joint
      : frames.map((f) => Math.min(...DATA.palms.map(([, other]) => distance(point(clip, f, 0, DATA.palms[k][1]), point(clip, f, 1, other)))));
    const name = kind === "feet" ? `person ${person + 1} ${side}` : `${side} hand of person 1 to the nearest of person 2`;
    curves.push({ name, colour: colourFor(person), dash: k ? [5, 4] : [], values });
  }
  return curves;
}
function drawCurves() {
  const kind = byId("curve-kind").value, clip = first();
  byId("chart").hidden = !kind || !clip;
  if (!kind || !clip) return;
  const { g, w, h } = context(byId("curves")), curves = curvesOf(clip, kind), all = curves.flatMap((curve) => curve.values);
  const low = Math.min(0, ...all), high = Math.max(kind === "feet" ? 0.3 : 0.5, ...all), y = (v) => h - 8 - ((v - low) / (high - low)) * (h - 18);
  g.font = "11px system-ui, sans-serif"; g.textAlign = "left"; g.fillStyle = colourOf("--soft"); g.strokeStyle = colourOf("--line"); g.lineWidth = 1;
  for (const v of [0, high]) { g.beginPath(); g.moveTo(THUMB, y(v)); g.lineTo(w - THUMB, y(v)); g.stroke(); g.fillText(`${v.toFixed(2)} m`, THUMB + 2, y(v) + (v ? 10 : -5)); }
  for (const { colour, dash, values } of curves) {
    g.beginPath(); g.setLineDash(dash); g.strokeStyle = colour; g.lineWidth = 1.8;
    values.forEach((v, f) => (f ? g.lineTo(frameX(f, w), y(v)) : g.moveTo(frameX(f, w), y(v))));
    g.stroke();
  }
  g.setLineDash([]); g.strokeStyle = colourOf("--ink"); g.lineWidth = 1;
  g.beginPath(); g.moveTo(frameX(state.frame, w), 0); g.lineTo(frameX(state.frame, w), h); g.stroke();
  const frame = Math.min(Math.floor(state.frame), clip.frames - 1), now = curves.map(({ name, values }) => `${name} ${values[frame].toFixed(2)} m`).join(", ");
  byId("curve-legend").textContent = `${kind === "feet" ? "Height of the toes" : "Distance of the wrists"}, right dashed: ${now}`;
  byId("curves").setAttribute("aria-label", byId("curve-legend").textContent);
}
