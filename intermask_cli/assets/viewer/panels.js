// Panels: the interactions that are shown side by side.
const MOST_PANELS = 4;
let latest = 0;  // the newest request wins, whichever file arrives first
async function show(items, keepFrame = false) {
  const request = ++latest, clips = [];
  for (const entry of items.slice(0, MOST_PANELS)) {
    clips.push(entry);
    if (entry.truth && byId("truth").checked && clips.length < MOST_PANELS) clips.push(entry.truth);
  }
  try {
    await Promise.all(clips.map(load));
  } catch (error) { tell(error.message); byId("panels").dataset.problem = error.message; return; }
  if (request !== latest) return;
  const old = state.panels;
  state.panels = clips.map((clip) => old.find((panel) => panel.clip === clip) || newPanel(clip));
  for (const panel of state.panels) {
    if (panel.clip.of) panel.yaw = state.panels.find((other) => other.clip === item(panel.clip))?.yaw ?? panel.yaw;  // seen from the same side
    panel.root.querySelector(".close").hidden = state.panels.length < 2;
  }
  byId("panels").replaceChildren(...state.panels.map((panel) => panel.root));
  arrange();
  byId("seek").max = Math.max(0, ...clips.map((clip) => clip.frames - 1));
  if (state.loop && state.loop[0] >= lastFrame()) state.loop = null;
  if (!keepFrame) state.frame = state.loop ? state.loop[0] : 0;
  fillGhosts();
  await setGhost(byId("ghost").value);
  refreshList();
  showDetails();
  setFrame(state.frame);
  saveAddress();
}
function newPanel(clip) {
  const root = document.createElement("div"), canvas = document.createElement("canvas"), caption = document.createElement("div");
  root.className = "panel";
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${clip.id}: ${clip.prompt || "no prompt"}`);
  caption.className = "caption";
  const small = document.createElement("small");
  small.textContent = ` ${clip.of ? "comparison" : clip.id}`;
  caption.append(clip.prompt, small);
  const close = document.createElement("button");
  close.className = "close";
  close.textContent = "×";
  close.setAttribute("aria-label", `Remove ${clip.id}`);
  root.append(canvas, caption, close);
  const panel = { root, canvas, clip, ghost: null, yaw: sideYaw(clip), reach: reachOf(clip) };
  close.onclick = () => { if (clip.of) byId("truth").checked = false; show(shownItems().filter((other) => other !== clip), true); };
  listenToGestures(canvas);
  return panel;
}
function arrange() {
  const box = byId("panels"), tall = box.clientHeight > box.clientWidth, n = state.panels.length;
  box.classList.toggle("stacked", tall && n < 4);
  box.classList.toggle("four", n === 4);
  redraw();
}
const samplesOf = (entry) => DATA.items.filter((other) => other.prompt === entry.prompt);
function showSamples() {  // of the first panel's prompt
  if (first()) show(samplesOf(item(first())), true);
}
function choose(entry, added) {  // from the list: alone, or added to what is shown (removed if it is there)
  const shown = shownItems();
  if (!added) show([entry]);
  else if (shown.includes(entry)) show(shown.filter((other) => other !== entry), true);
  else if (shown.length >= MOST_PANELS) tell(`At most ${MOST_PANELS} are shown side by side.`);
  else show([...shown, entry], true);
}

// ---- ghost: another sample of the prompt, or the comparison, faint in the same place
function fillGhosts() {
  const main = first() && item(first()), select = byId("ghost"), before = wantedGhost ?? select.value;
  const choices = main ? samplesOf(main).filter((other) => other !== main).slice(0, 50) : [];
  for (const other of shownItems()) if (other !== main && !choices.includes(other)) choices.push(other);
  const options = [["", "none"], ...(main?.truth ? [["comparison", "comparison"]] : []), ...choices.map((other) => [other.id, other.id])];
  select.replaceChildren(...options.map(([value, text]) => new Option(text, value)));
  select.value = options.some(([value]) => value === before) ? before : "";
  wantedGhost = null;
}
let wantedGhost = null;  // of the address, until there is a list to choose it from
async function setGhost(name) {
  const main = first() && item(first()), clip = name === "comparison" ? main?.truth : byName.get(name);
  if (clip) await load(clip);
  for (const panel of state.panels) panel.ghost = clip && clip !== panel.clip && item(panel.clip) === main ? clip : null;
  redraw();
}
