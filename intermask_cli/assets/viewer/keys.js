// Keys of the page. A control that has the focus keeps its own keys.
const CONTROLS = "input, select, textarea, button, a, summary, dialog, [role=listbox], [contenteditable]";
const step = (offset) => moveActive(Math.max(state.items.indexOf(first() && item(first())), 0) + offset, true);
const KEYS = {
  " ": () => setPlaying(!state.playing),
  ArrowLeft: (event) => seekTo(Math.floor(state.frame) - (event.shiftKey ? DATA.fps : 1)),
  ArrowRight: (event) => seekTo(Math.floor(state.frame) + (event.shiftKey ? DATA.fps : 1)),
  ArrowUp: () => step(-1), ArrowDown: () => step(1),
  Home: () => seekTo(0), End: () => seekTo(lastFrame()),
  "[": loopFrom, "]": loopTo, "\\": () => setLoop(null),
  "<": () => changeRate(-1), ">": () => changeRate(1),
  c: showSamples, r: () => namedView("reset"),
  1: () => namedView("side"), 2: () => namedView("behind-1"), 3: () => namedView("behind-2"), 4: () => namedView("top"),
  "/": () => { openSide("browse", true); byId("search").focus(); },
  "?": () => byId("keys").showModal(),
};
window.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(CONTROLS)) return;
  const action = KEYS[event.key];
  if (action) { event.preventDefault(); action(event); }
});
// After a click with a pointer the focus goes back to the page, so that its keys go on working.
window.addEventListener("click", (event) => { if (event.detail && event.target.closest("button, input[type=checkbox], label")) document.activeElement?.blur(); });
window.addEventListener("change", (event) => { if (event.target.matches("select") && event.target.matches(":not(:focus-visible)")) event.target.blur(); });
