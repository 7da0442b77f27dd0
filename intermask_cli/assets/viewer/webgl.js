// Bodies by WebGL 2, smoothly shaded, on one canvas that all panels share and copy from.
const VERTEX = `#version 300 es
layout(location=0) in vec3 corner;  // which end (0 start, 1 end), latitude, longitude
layout(location=1) in vec3 a; layout(location=2) in vec3 b; layout(location=3) in vec3 shape;  // radii, flat
layout(location=4) in vec3 across; layout(location=5) in vec3 colour;
uniform vec4 turn; uniform vec4 centre; uniform vec4 lens; uniform vec2 size;  // c s cp sp; xyz, distance; focal x y
out vec3 normal; out vec3 tint; out vec3 toEye;
vec3 seen(vec3 d) {  // right, up, towards the eye
  float forward = turn.y * d.x + turn.x * d.z;
  return vec3(turn.x * d.x - turn.y * d.z, turn.z * d.y - turn.w * forward, turn.w * d.y + turn.z * forward);
}
void main() {
  vec3 axis = b - a;
  float span = length(axis);
  axis = span > 1e-5 ? axis / span : vec3(0.0, 1.0, 0.0);
  vec3 u = dot(across, across) > 0.5 ? across : (abs(axis.y) < 0.9 ? vec3(0.0, 1.0, 0.0) : vec3(1.0, 0.0, 0.0));
  u = normalize(u - axis * dot(u, axis));
  vec3 v = cross(axis, u);
  float tilt = asin(clamp((shape.x - shape.y) / max(span, 1e-5), -0.99, 0.99)), quarter = 1.57079633;
  float latitude = corner.x < 0.5 ? -quarter + (corner.y + quarter) * (quarter + tilt) / quarter : tilt + corner.y * (quarter - tilt) / quarter;
  float ring = cos(latitude), high = sin(latitude);
  vec2 round = ring * vec2(cos(corner.z), sin(corner.z));
  float radius = corner.x < 0.5 ? shape.x : shape.y;
  vec3 place = (corner.x < 0.5 ? a : b) + radius * (u * round.x * shape.z + v * round.y + axis * high);
  normal = normalize(seen(u * round.x / shape.z + v * round.y + axis * high));
  vec3 e = seen(place - centre.xyz);
  toEye = vec3(-e.xy, centre.w - e.z);
  tint = colour;
  float depth = centre.w - e.z, near = 0.2, far = 120.0;
  gl_Position = vec4(2.0 * lens.x * e.x / size.x + (2.0 * lens.y / size.x - 1.0) * depth, 2.0 * lens.x * e.y / size.y + (1.0 - 2.0 * lens.z / size.y) * depth, (far + near) / (far - near) * depth - 2.0 * far * near / (far - near), depth);
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 normal; in vec3 tint; in vec3 toEye;
uniform float opacity;
out vec4 result;
void main() {
  vec3 n = normalize(normal), eye = normalize(toEye), sun = normalize(vec3(-0.45, 0.75, 0.6));
  float light = 0.62 + 0.16 * n.y + 0.45 * max(dot(n, sun), 0.0);
  float shine = 0.18 * pow(max(dot(n, normalize(sun + eye)), 0.0), 24.0), rim = 0.22 * pow(1.0 - max(dot(n, eye), 0.0), 3.0);
  vec3 colour = min(tint * light + shine + rim * (0.4 + 0.6 * tint), 1.0);
  result = vec4(colour * opacity, opacity);
}`;
const RINGS = 7, SIDES = 18;  // per rounded end
function capsuleGrid() {  // corners and triangles of the capsule that every part is an instance of
  const corners = [], triangles = [];
  for (const end of [0, 1]) for (let i = 0; i < RINGS; i++) for (let k = 0; k < SIDES; k++)
    corners.push(end, (end - 1 + i / (RINGS - 1)) * Math.PI / 2, k / SIDES * 2 * Math.PI);
  for (let i = 0; i < 2 * RINGS - 1; i++) for (let k = 0; k < SIDES; k++) {
    const [p, q] = [i * SIDES + k, i * SIDES + (k + 1) % SIDES];
    triangles.push(p, p + SIDES, q, q, p + SIDES, q + SIDES);
  }
  return { corners: new Float32Array(corners), triangles: new Uint16Array(triangles) };
}
function webglPainter() {  // null where the browser has no WebGL 2
  const canvas = document.createElement("canvas");
  const gl = canvas.getContext("webgl2", { alpha: true, premultipliedAlpha: true, antialias: true, preserveDrawingBuffer: true });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS)) { console.warn(gl.getProgramInfoLog(program)); return null; }
  gl.useProgram(program);
  const grid = capsuleGrid(), instances = gl.createBuffer();
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, grid.corners, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(0);
  gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, grid.triangles, gl.STATIC_DRAW);
  gl.bindBuffer(gl.ARRAY_BUFFER, instances);
  for (let k = 1; k <= 5; k++) {
    gl.enableVertexAttribArray(k);
    gl.vertexAttribPointer(k, 3, gl.FLOAT, false, 60, 12 * (k - 1));
    gl.vertexAttribDivisor(k, 1);
  }
  const uniform = (name) => gl.getUniformLocation(program, name);
  const [turn, centre, lens, size, opacity] = ["turn", "centre", "lens", "size", "opacity"].map(uniform);
  gl.enable(gl.DEPTH_TEST);
  gl.enable(gl.CULL_FACE);
  gl.cullFace(gl.FRONT);  // the grid winds the other way round
  let lost = false;
  canvas.addEventListener("webglcontextlost", () => { lost = true; redraw(); });
  return {
    get lost() { return lost; },
    paint(g, camera, figures, alpha, ratio) {  // figures: [[parts, tones]]; alpha below 1 is a ghost
      const [w, h] = [Math.max(Math.round(camera.width * ratio), 1), Math.max(Math.round(camera.height * ratio), 1)];
      if (canvas.width !== w || canvas.height !== h) { canvas.width = w; canvas.height = h; }
      gl.viewport(0, 0, w, h);
      gl.clearColor(0, 0, 0, 0);
      gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
      gl.uniform4f(turn, camera.c, camera.s, camera.cp, camera.sp);
      gl.uniform4f(centre, ...camera.centre, camera.away);
      gl.uniform4f(lens, camera.focal, camera.x, camera.y, 0);
      gl.uniform2f(size, camera.width, camera.height);
      gl.uniform1f(opacity, 1);
      const values = figures.flatMap(([figure, tones]) => figure.flatMap((p) => [...p.a, ...p.b, p.ra, p.rb, p.flat, ...p.across, ...tones[p.tone]]));
      gl.bindBuffer(gl.ARRAY_BUFFER, instances);
      gl.bufferData(gl.ARRAY_BUFFER, new Float32Array(values), gl.DYNAMIC_DRAW);
      gl.drawElementsInstanced(gl.TRIANGLES, grid.triangles.length, gl.UNSIGNED_SHORT, 0, values.length / 15);
      g.globalAlpha = alpha;
      g.drawImage(canvas, 0, 0, camera.width, camera.height);
      g.globalAlpha = 1;
    },
  };
}
