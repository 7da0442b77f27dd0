// The list: search, sort, and only the rows in sight as elements, so that 10,000 scroll as well as 10.
const ROW = 64;
const listed = { active: 0 };  // number of the row that keys act on
const valueOf = (entry, key) => (key === "id" || key === "prompt" ? entry[key] : entry.fields[key]);
const missing = (value) => value === undefined || value === null || value === "" || /^[+-]?nan$/i.test(value);
function number(value) {  // NaN for text; columns of prompt files have numbers as text
  const infinite = /^([+-]?)inf(inity)?$/i.exec(value);
  return infinite ? (infinite[1] === "-" ? -Infinity : Infinity) : Number(value);
}
function compareBy(key, sign) {  // items without a value are last in either order
  return (a, b) => {
    const x = valueOf(a, key), y = valueOf(b, key);
    if (missing(x) || missing(y)) return Number(missing(x)) - Number(missing(y));
    const [p, q] = [number(x), number(y)];
    const order = p === q ? 0 : p < q ? -1 : p > q ? 1 : String(x).localeCompare(String(y), undefined, { numeric: true });
    return sign * order;
  };
}
function direction(key) {  // 1 low first, -1 high first; "worst" exists for columns that measure quality
  const order = byId("order").value;
  return order === "worst" ? (DATA.worst[key] === "low" ? 1 : -1) : order === "low" ? 1 : -1;
}
function searchText(entry) {  // without numbers, which are for sorting
  return entry.text ??= [entry.id, entry.prompt, ...Object.values(entry.fields).filter((value) => typeof value === "string" && isNaN(value))].join(" ").toLowerCase();
}
function filterItems() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean), key = byId("sort").value;
  byId("order").options[0].disabled = !DATA.worst[key];
  if (byId("order").value === "worst" && !DATA.worst[key]) byId("order").value = "low";
  byId("order").disabled = !key;
  state.items = DATA.items.filter((entry) => words.every((word) => searchText(entry).includes(word)));
  if (key) state.items.sort(compareBy(key, direction(key)));
  byId("count").textContent = `${state.items.length.toLocaleString("en")} of ${DATA.items.length.toLocaleString("en")} interactions${DATA.note}`;
  byId("list").style.height = `${state.items.length * ROW}px`;
  listed.active = Math.max(state.items.indexOf(first()), 0);
  byId("rows").scrollTop = 0;
  revealActive();
}
function refreshList() {  // rows that stay in sight stay the same elements, so that a press on one is a click
  const box = byId("rows"), list = byId("list"), shown = new Set(shownItems()), key = byId("sort").value;
  const from = Math.max(Math.floor(box.scrollTop / ROW) - 4, 0), to = Math.min(from + Math.ceil((box.clientHeight || 600) / ROW) + 8, state.items.length);
  const numbers = new Set(Array.from({ length: Math.max(to - from, 0) }, (_, k) => from + k));
  if (listed.active < state.items.length) numbers.add(listed.active);
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const wanted = [...numbers].sort((a, b) => a - b).map((number) => {
    const entry = state.items[number], row = rows.get(entry.id) || newRow(entry);
    row.id = `row-${number}`;
    row.style.top = `${number * ROW}px`;
    row.setAttribute("aria-selected", shown.has(entry));
    row.setAttribute("aria-posinset", number + 1);
    row.setAttribute("aria-setsize", state.items.length);
    row.classList.toggle("active", number === listed.active);
    const value = key && key !== "id" && key !== "prompt" && !missing(entry.fields[key]) ? `${plain(entry.fields[key])} · ` : "";
    row.lastChild.textContent = `${value}${entry.id} · ${(entry.frames / DATA.fps).toFixed(1)} s`;
    return row;
  });
  const kept = new Set(wanted);
  for (const row of [...list.children]) if (!kept.has(row)) row.remove();
  wanted.forEach((row, k) => { if (list.children[k] !== row) list.insertBefore(row, list.children[k] || null); });
  if (state.items.length) list.setAttribute("aria-activedescendant", `row-${listed.active}`);
  else list.removeAttribute("aria-activedescendant");
}
function newRow(entry) {
  const row = document.createElement("li"), text = document.createElement("span");
  row.dataset.id = entry.id;
  row.setAttribute("role", "option");
  text.textContent = entry.prompt || "(no prompt)";
  row.append(text, document.createElement("small"));
  row.onclick = (event) => { listed.active = state.items.indexOf(entry); pick(entry, event.shiftKey || event.ctrlKey || event.metaKey); };
  return row;
}
function pick(entry, added) {
  const comparing = byId("compare").getAttribute("aria-pressed") === "true";
  choose(entry, added || comparing);
  if (narrow.matches && !comparing && !added) openSide("browse", false);
}
function revealActive() {
  const box = byId("rows"), top = listed.active * ROW;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + ROW > box.scrollTop + box.clientHeight) box.scrollTop = top + ROW - box.clientHeight;
  refreshList();
}
function moveActive(to, shows) {
  if (!state.items.length) return;
  listed.active = clamp(to, 0, state.items.length - 1);
  revealActive();
  if (shows) choose(state.items[listed.active], false);
}
function listKey(event) {
  const page = Math.max(Math.floor(byId("rows").clientHeight / ROW) - 1, 1), now = listed.active, shows = !event.shiftKey;
  const moves = { ArrowDown: now + 1, ArrowUp: now - 1, PageDown: now + page, PageUp: now - page, Home: 0, End: state.items.length - 1 };
  if (event.key in moves) moveActive(moves[event.key], shows && !event.ctrlKey);
  else if (event.key === "Enter" || event.key === " ") { if (state.items.length) pick(state.items[now], event.shiftKey); }
  else return;
  event.preventDefault();
}
const plain = (value) => (typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(4))) : String(value));
