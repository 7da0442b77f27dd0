// The address names everything that is shown: #id=a,b&frame=40&view=... A changed address is obeyed.
const WRITE_AFTER = { playing: 500, still: 120 };  // milliseconds; browsers refuse more than a few changes a second
let writing = 0, obeying = false;
function saveAddress() {
  if (!obeying && !writing) writing = setTimeout(writeAddress, state.playing ? WRITE_AFTER.playing : WRITE_AFTER.still);
}
function writeAddress() {
  clearTimeout(writing);
  writing = 0;
  const values = {
    search: byId("search").value, sort: byId("sort").value, order: byId("sort").value && byId("order").value,
    id: shownItems().map((entry) => encodeURIComponent(entry.id)).join(","), frame: String(Math.floor(state.frame)), play: state.playing ? "1" : "",
    rate: byId("rate").value === "1" ? "" : byId("rate").value, loop: state.loop ? state.loop.join("-") : "",
    view: Object.keys(REST_VIEW).some((key) => state.view[key] !== REST_VIEW[key]) ? Object.keys(REST_VIEW).map((key) => Number(state.view[key].toFixed(3))).join(",") : "",
    hide: [1, 2].filter((person) => !byId(`person-${person}`).checked).join(","), ghost: byId("ghost").value && encodeURIComponent(byId("ghost").value),
    curves: byId("curve-kind").value, off: TOGGLES.filter((name) => byId(name).checked !== byId(name).defaultChecked).join(","),
  };
  for (const name of ["search", "sort"]) values[name] = encodeURIComponent(values[name]);
  const text = `#${Object.entries(values).filter(([, value]) => value).map(([key, value]) => `${key}=${value}`).join("&")}`;
  if (location.hash !== text) history.replaceState(null, "", text);
}
const TOGGLES = ["follow", "trails", "marks", "truth"];  // those in `off` differ from how the page starts
async function obeyAddress() {
  obeying = true;
  const address = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  const list = (name) => (address.get(name) || "").split(",").filter(Boolean);
  const has = (id, value) => [...byId(id).options].some((option) => option.value === value);
  byId("search").value = address.get("search") || "";
  byId("sort").value = has("sort", address.get("sort")) && address.has("sort") ? address.get("sort") : Object.keys(DATA.worst)[0] || "";
  byId("order").value = ["low", "high", "worst"].includes(address.get("order")) ? address.get("order") : DATA.worst[byId("sort").value] ? "worst" : "low";
  byId("rate").value = has("rate", address.get("rate")) ? address.get("rate") : "1";
  for (const person of [1, 2]) byId(`person-${person}`).checked = !list("hide").includes(String(person));
  for (const name of TOGGLES) byId(name).checked = byId(name).defaultChecked !== list("off").includes(name);
  byId("curve-kind").value = has("curve-kind", address.get("curves")) ? address.get("curves") : "";
  wantedGhost = address.get("ghost") || "";
  const view = (address.get("view") || "").split(",").map(Number);
  setView(view.length === 5 && view.every(Number.isFinite) ? Object.fromEntries(Object.keys(REST_VIEW).map((key, k) => [key, view[k]])) : REST_VIEW);
  filterItems();
  const chosen = list("id").map((id) => byName.get(id)).filter(Boolean), start = Number(address.get("frame"));
  await show(chosen.length ? chosen : state.items.slice(0, 1));
  listed.active = Math.max(state.items.indexOf(first() && item(first())), 0);
  revealActive();
  const loop = /^(\d+)-(\d+)$/.exec(address.get("loop") || "");
  setLoop(loop ? [Number(loop[1]), Number(loop[2])] : null);
  if (address.has("frame") && Number.isFinite(start)) setFrame(start);
  setPlaying(address.has("play") || (!address.has("frame") && !calm.matches));
  obeying = false;
  writeAddress();
}
