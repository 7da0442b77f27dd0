// What is known about the interaction of the first panel.
function showDetails() {
  const clip = first(), entry = clip && item(clip);
  byId("about-prompt").textContent = entry ? entry.prompt || "(no prompt)" : "";
  if (!entry) { byId("about").replaceChildren(); byId("about-marks").textContent = ""; return; }
  const rows = [["id", entry.id], ["length", `${(entry.frames / DATA.fps).toFixed(2)} s, ${entry.frames} frames`]];
  rows.push(["given person", entry.given ? String(entry.given) : "none"]);
  for (const key of DATA.columns) if (key !== "frames" && !missing(entry.fields[key])) rows.push([key, plain(entry.fields[key]), placeOf(entry, key)]);
  byId("about").replaceChildren(...rows.flatMap(([name, value, place]) => {
    const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
    dt.textContent = name;
    dd.textContent = value;
    if (place) { const small = document.createElement("small"); small.textContent = place; dd.append(small); }
    return [dt, dd];
  }));
  const { contact, slide } = marksOf(entry), touching = contact.filter((gap) => gap !== null).length, sliding = slide.filter(Boolean);
  byId("about-marks").textContent = `Bodies or palms within ${100 * DATA.contact} cm in ${Math.round((100 * touching) / entry.frames)} % of the frames; a low foot slides in ${Math.round((100 * sliding.length) / entry.frames)} %` + (sliding.length ? `, at most ${Math.round(1000 * Math.max(...sliding))} mm per frame.` : ".");
}
const rankings = new Map();
function placeOf(entry, key) {  // "3rd worst of 24" or "best" for columns that measure quality
  if (!DATA.worst[key] || DATA.items.length < 2) return "";
  if (!rankings.has(key)) rankings.set(key, DATA.items.filter((other) => !missing(other.fields[key])).sort(compareBy(key, DATA.worst[key] === "low" ? 1 : -1)));
  const ranking = rankings.get(key);
  const value = entry.fields[key];
  if (value === ranking.at(-1).fields[key]) return "best";
  const place = ranking.findIndex((other) => other.fields[key] === value) + 1;  // ties share a place
  const ending = place % 100 >= 11 && place % 100 <= 13 ? "th" : { 1: "st", 2: "nd", 3: "rd" }[place % 10] || "th";
  return place === 1 ? `worst of ${ranking.length}` : `${place}${ending} worst of ${ranking.length}`;
}
