// Wiring of the controls, and the start.
function openSide(id, open) {
  byId(id).hidden = !open;
  byId(`show-${id}`).setAttribute("aria-expanded", open);
  if (open && narrow.matches) openSide(id === "browse" ? "details" : "browse", false);  // one sheet at a time
  arrange();
  if (id === "browse" && open) refreshList();
}
function wire() {
  const on = (id, event, action) => byId(id).addEventListener(event, action);
  on("search", "input", () => { filterItems(); saveAddress(); });
  on("sort", "change", () => { byId("order").value = DATA.worst[byId("sort").value] ? "worst" : "low"; filterItems(); saveAddress(); });
  on("order", "change", () => { filterItems(); saveAddress(); });
  on("rows", "scroll", refreshList);
  on("list", "keydown", listKey);
  on("previous", "click", () => step(-1));
  on("next", "click", () => step(1));
  on("samples", "click", showSamples);
  on("compare", "click", () => { const pressed = byId("compare").getAttribute("aria-pressed") !== "true"; byId("compare").setAttribute("aria-pressed", pressed); if (pressed) openSide("browse", true); });
  on("show-keys", "click", () => byId("keys").showModal());
  for (const id of ["browse", "details"]) on(`show-${id}`, "click", () => openSide(id, byId(id).hidden));
  on("play", "click", () => setPlaying(!state.playing));
  on("seek", "input", () => seekTo(Number(byId("seek").value)));
  on("rate", "change", saveAddress);
  on("loop-start", "click", loopFrom);
  on("loop-end", "click", loopTo);
  on("loop-clear", "click", () => setLoop(null));
  for (const button of document.querySelectorAll("[data-view]")) button.addEventListener("click", () => namedView(button.dataset.view));
  for (const id of ["person-1", "person-2", "follow", "trails", "marks", "curve-kind"]) on(id, "change", () => { byId("chart").hidden = !byId("curve-kind").value; arrange(); saveAddress(); });
  on("truth", "change", () => show(shownItems(), true));
  on("ghost", "change", () => { setGhost(byId("ghost").value); saveAddress(); });
  on("take-glb", "click", saveGlb);
  for (const person of [0, 1]) on(`take-bvh-${person + 1}`, "click", () => saveBvh(person));
  on("copy-link", "click", copyLink);
  listenToSeeking(byId("strip"));
  listenToSeeking(byId("curves"));
  new ResizeObserver(arrange).observe(byId("panels"));
  new ResizeObserver(redraw).observe(byId("strip"));
  new ResizeObserver(refreshList).observe(byId("rows"));
  window.addEventListener("hashchange", obeyAddress);
  narrow.addEventListener("change", fitSides);
}
function fitSides() {  // on a phone the list and the details are sheets that open over the scene
  for (const id of ["details", "browse"]) openSide(id, !narrow.matches);
}
const columns = ["", "id", "prompt", ...DATA.columns];
byId("sort").replaceChildren(...columns.map((key) => new Option(key || "file order", key)));
byId("with-truth").hidden = !DATA.items.some((entry) => entry.truth);
wire();
fitSides();
obeyAddress();
requestAnimationFrame(tick);
