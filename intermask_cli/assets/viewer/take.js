// Take away: the clip of the first panel as a file, made in the page, and the address.
function save(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name.replace(/[^A-Za-z0-9._-]+/g, "-");
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  tell(`Saved ${link.download}.`);
}
const saveBvh = (person) => first() && save(new Blob([bvhOf(first(), person)], { type: "text/plain" }), `${item(first()).id}-person${person + 1}.bvh`);
const saveGlb = () => first() && save(glbOf(first()), `${item(first()).id}.glb`);
async function copyLink() {
  writeAddress();
  try {
    await navigator.clipboard.writeText(location.href);
    tell("Link copied.");
  } catch { tell(location.href); }  // a page from disk may have no clipboard: the link is shown instead
}
