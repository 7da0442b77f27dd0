// Clips: deflated, frame-delta coded integers in units of DATA.scale metres, in the page or in files next to it.
const PARTS_KEPT = 8, CLIPS_KEPT = 24;  // a run of any length opens in little memory
const parts = new Map();  // number -> promise of the clips in that file
const arrivals = new Map();
const decoded = [];  // clips with joints, the latest last

function interactionPart(number, clips) {  // every data file calls this with its number and content
  arrivals.get(number)?.(clips);
}
function loadPart(number) {
  if (!parts.has(number)) {
    parts.set(number, new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${DATA.parts.folder}/${number}.js`;
      arrivals.set(number, resolve);
      script.onload = () => script.remove();
      script.onerror = () => { parts.delete(number); reject(new Error(`${script.src} cannot be read: keep the folder ${DATA.parts.folder} next to this page`)); };
      document.head.append(script);
    }));
    if (parts.size > PARTS_KEPT) parts.delete(parts.keys().next().value);
  }
  return parts.get(number);
}
async function coded(clip) {  // {data, bits} of a clip; those of a part are not kept with the clip
  if (clip.data) return clip;
  const item = clip.of ? byName.get(clip.of) : clip;
  const found = (await loadPart(Math.floor(item.index / DATA.parts.size)))[item.index % DATA.parts.size];
  return clip.of ? found.truth : found;
}
async function load(clip) {  // fills clip.joints: frames x 2 x joints x 3, metres
  if (clip.joints) return clip;
  const { data, bits } = await coded(clip);
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const buffer = await new Response(stream).arrayBuffer();
  const values = bits === 32 ? new Int32Array(buffer) : new Int16Array(buffer);
  const width = 2 * DATA.joints * 3, joints = new Float32Array(values.length), sum = new Int32Array(width);
  for (let i = 0; i < values.length; i++) joints[i] = (sum[i % width] += values[i]) * DATA.scale;
  clip.joints = joints;
  decoded.push(clip);
  if (decoded.length > CLIPS_KEPT) {
    const old = decoded.findIndex((other) => other !== clip && !inUse(other));
    if (old >= 0) { const [gone] = decoded.splice(old, 1); gone.joints = gone.marks = null; }
  }
  return clip;
}
const at = (clip, frame, person, joint, axis) => clip.joints[((frame * 2 + person) * DATA.joints + joint) * 3 + axis];
const point = (clip, frame, person, joint) => {
  const i = ((frame * 2 + person) * DATA.joints + joint) * 3;
  return [clip.joints[i], clip.joints[i + 1], clip.joints[i + 2]];
};
const pose = (clip, frame, person) => Array.from({ length: DATA.joints }, (_, joint) => point(clip, frame, person, joint));

const byName = new Map();
for (const [index, item] of DATA.items.entries()) {
  item.index = index;
  byName.set(item.id, item);
  if (item.truth) Object.assign(item.truth, { id: "comparison", prompt: item.prompt, of: item.id, fields: {} });
}
