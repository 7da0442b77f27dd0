// What the page shows. Everything here is in the address (address.js) except what is derived.
const byId = (id) => document.getElementById(id);
const REST_VIEW = { yaw: 0, pitch: 0.25, zoom: 1, right: 0, up: 0 };
const state = {
  frame: 0, playing: true, loop: null, view: { ...REST_VIEW },
  panels: [], items: [],  // items: those of the list, in its order
  dirty: true,
};
const inUse = (clip) => state.panels.some((panel) => panel.clip === clip || panel.ghost === clip);
const redraw = () => { state.dirty = true; };
const lastFrame = () => Number(byId("seek").max);
const first = () => state.panels[0]?.clip;
const shownItems = () => state.panels.filter((panel) => !panel.clip.of).map((panel) => panel.clip);
const calm = matchMedia("(prefers-reduced-motion: reduce)"), narrow = matchMedia("(max-width: 760px)");
function tell(text) { byId("message").textContent = text; }
