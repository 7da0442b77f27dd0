// Vectors as arrays of three numbers, matrices as arrays of three rows.
const add = (a, b, k = 1) => [a[0] + k * b[0], a[1] + k * b[1], a[2] + k * b[2]];
const subtract = (a, b) => add(a, b, -1);
const scaled = (a, k) => [a[0] * k, a[1] * k, a[2] * k];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const unit = (a) => scaled(a, 1 / Math.max(Math.hypot(...a), 1e-9));
const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const transposed = (m) => [0, 1, 2].map((i) => [m[0][i], m[1][i], m[2][i]]);
const turned = (m, v) => [dot(m[0], v), dot(m[1], v), dot(m[2], v)];
const product = (a, b) => { const columns = transposed(b); return a.map((row) => columns.map((column) => dot(row, column))); };
