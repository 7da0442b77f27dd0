// The page of `intermask serve`: sends prompts, shows progress, and plays the result in the viewer.
const byId = (id) => document.getElementById(id);
const show = (id, visible) => { byId(id).hidden = !visible; };
let job = null;  // name of the job that is shown
let latest = 0;  // answers to earlier requests are not shown

function say(text) {
  byId("message").textContent = text;
  show("message", Boolean(text));
}
async function ask(address, options = {}) {  // the answer as JSON; an Error with the service's line
  let response;
  try {
    response = await fetch(address, { credentials: "same-origin", ...options });
  } catch {
    throw new Error("the service does not answer; is it still running?");
  }
  const content = response.status === 204 ? null : await response.json().catch(() => null);
  if (response.ok) return content;
  if (response.status === 401) { show("login", true); show("ask", false); }
  const error = new Error(content?.error ?? `the service answers ${response.status}`);
  error.status = response.status;
  throw error;
}
async function describe() {
  const { models: [model] } = await ask("v1/models");
  const limits = model.limits;
  byId("model").textContent = `${model.name} on ${model.device}; up to ${limits.seconds} s and ${limits.interactions_per_request} interactions at once`;
  byId("seconds").max = limits.seconds;
  byId("samples").max = limits.interactions_per_request;
  show("login", false);
  show("ask", true);
}
async function login(event) {
  event.preventDefault();
  try {
    await ask("v1/login", { method: "POST", headers: { Authorization: `Bearer ${byId("token").value}` } });
    byId("token").value = "";
    say("");
    await describe();
  } catch (error) { say(error.message); }
}
function request() {
  const prompts = byId("prompts").value.split("\n").map((line) => line.trim()).filter(Boolean);
  // The seed as text: numbers beyond 2^53 would lose digits here.
  return { prompts, seconds: Number(byId("seconds").value), samples: Number(byId("samples").value), seed: byId("seed").value };
}
async function make(event) {
  event.preventDefault();
  const number = ++latest;
  say("");
  for (const id of ["files", "view"]) show(id, false);
  byId("make").disabled = true;
  try {
    let state = await ask("v1/jobs", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request()) });
    job = state.job;
    show("cancel", true);
    while (number === latest) {
      progress(state);
      if (!["queued", "running"].includes(state.status)) break;
      await new Promise((resolve) => setTimeout(resolve, 250));
      state = await ask(`v1/jobs/${job}`);
    }
    if (state.status === "done") present();
    if (state.error) say(state.error);
  } catch (error) {
    show("progress", false);
    say(error.message);
  }
  show("cancel", false);
  byId("make").disabled = false;
}
function progress({ status, progress: share, interactions: { total, done, failed } }) {
  show("progress", true);
  byId("bar").value = share;
  byId("state").textContent = `${status}: ${done} of ${total} made${failed ? `, ${failed} failed` : ""}`;
}
function present() {
  for (const link of document.querySelectorAll("#files a")) link.href = `v1/jobs/${job}/result?format=${link.dataset.format}`;
  byId("view").src = `v1/jobs/${job}/view`;
  for (const id of ["files", "view"]) show(id, true);
}
byId("login").addEventListener("submit", login);
byId("ask").addEventListener("submit", make);
byId("cancel").addEventListener("click", () => ask(`v1/jobs/${job}/cancel`, { method: "POST" }).catch((error) => say(error.message)));
describe().catch((error) => say(error.status === 401 ? "" : error.message));
