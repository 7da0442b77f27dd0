// Bodies on a plain canvas, for browsers without WebGL 2: capsules sorted by depth, each with a highlight.
function outline(g, u, v, ru, rv) {  // the hull of two circles
  const span = Math.hypot(v[0] - u[0], v[1] - u[1]);
  g.beginPath();
  if (span <= Math.abs(ru - rv) + 1e-6) { const [q, r] = ru > rv ? [u, ru] : [v, rv]; g.arc(q[0], q[1], r, 0, 7); return; }
  const along = Math.atan2(v[1] - u[1], v[0] - u[0]), open = Math.acos((ru - rv) / span);
  g.arc(u[0], u[1], ru, along + open, along - open + 2 * Math.PI);
  g.arc(v[0], v[1], rv, along - open, along + open);
  g.closePath();
}
function seenRadius(camera, part, radius) {  // a flat part is as wide as its flat side is turned to the eye
  const axis = subtract(part.b, part.a), eye = [camera.cp * camera.s, camera.sp, camera.cp * camera.c];
  const side = Math.hypot(...axis) > 1e-5 ? unit(cross(axis, eye)) : [1, 0, 0];
  return radius * Math.sqrt(1 + dot(side, part.across) ** 2 * (part.flat ** 2 - 1));
}
const flatPainter = {
  lost: false,
  paint(g, camera, figures, alpha) {
    const shapes = figures.flatMap(([figure, tones]) => figure.map((part) => {
      const [u, v] = [camera.project(part.a), camera.project(part.b)];
      return { u, v, ru: u[3] * seenRadius(camera, part, part.ra), rv: v[3] * seenRadius(camera, part, part.rb), depth: (u[2] + v[2]) / 2 - (part.tone === "face" ? 0.05 : 0), colour: tones[part.tone] };
    }));
    shapes.sort((p, q) => q.depth - p.depth);
    const edge = colourOf("--edge");
    g.globalAlpha = alpha;
    for (const { u, v, ru, rv, colour } of shapes) {
      outline(g, u, v, ru, rv);
      g.lineWidth = 1.5; g.strokeStyle = edge; g.stroke();
      g.fillStyle = paint(colour, 0.86); g.fill();
      const lit = (q, r) => [q[0] - 0.22 * r, q[1] - 0.22 * r];
      outline(g, lit(u, ru), lit(v, rv), 0.66 * ru, 0.66 * rv);
      g.fillStyle = paint(colour, 1.06); g.fill();
    }
    g.globalAlpha = 1;
  },
};
