// Keys, the list of keys, and addresses such as report.html#f1.
const help = byId("help");

function step(by) {
  if (!cards.length) return;
  const last = cards.indexOf(pinned);
  const next = cards[last < 0 ? (by > 0 ? 0 : cards.length - 1) : (last + by + cards.length) % cards.length];
  if (next !== pinned) pin(next);
  next.scrollIntoView({ block: "nearest" });
  status.textContent = `${next.getAttribute("aria-label")} (${cards.indexOf(next) + 1} of ${cards.length})`;
}

const flip = (id) => () => { const box = byId(id); if (box) box.click(); };
const doing = {
  ArrowRight: () => step(1), ArrowLeft: () => step(-1),
  m: flip("show-marks"), w: flip("show-weak"), p: flip("show-priors"), t: flip("show-truth"), i: flip("invert"),
  1: trueSize, 0: fit, "?": () => help.showModal(),
};
const doingInCloseup = {
  ArrowRight: () => nextCrop(1), ArrowLeft: () => nextCrop(-1), "+": () => resizeCrop(1), "-": () => resizeCrop(-1), i: flip("invert"),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Escape" && !closeup.open && !help.open) {
    letGo();
    enlarge(null);
    return;
  }
  if (event.target.matches("input[type=range]") && event.key.startsWith("Arrow")) return;
  const action = (closeup.open ? doingInCloseup : help.open ? {} : doing)[event.key];
  if (!action) return;
  event.preventDefault();
  action();
});
byId("help-open").addEventListener("click", () => help.showModal());
addEventListener("beforeprint", () => all("details.provenance, details.warnings").forEach((d) => { d.open = true; }));

// report.html#f1 opens with that finding lit, report.html#sentence-4 with that sentence.
function follow() {
  let name = location.hash.slice(1);
  try { name = decodeURIComponent(name); } catch { return; }
  const target = cards.find((c) => c.dataset.id === name || c.id === name) || sentences.find((s) => s.id === name);
  if (target && target !== pinned) { pin(target); target.scrollIntoView({ block: "nearest" }); }
}
addEventListener("hashchange", follow);
follow();
