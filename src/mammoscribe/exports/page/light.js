// Lighting: a sentence, mark, card or the assessment lights what it rests on (data-f findings, data-v views).
const root = document.documentElement;
root.classList.add("js");
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const byId = (id) => document.getElementById(id);
const keys = (element, name) => (element.dataset[name] || "").split(" ").filter(Boolean);
const sentences = all(".s"), marks = all(".mark"), cards = all(".card"), panes = all(".pane[data-v]:not([data-v=''])");
const hanging = document.querySelector(".hanging"), column = byId("report"), wires = byId("wires");
const priors = byId("show-priors"), status = byId("status");
let pinned = null, active = null;
if (priors && innerWidth >= 1200) priors.checked = true; // portrait views leave room for them on a wide screen

function show(element) {
  active = element;
  all(".lit").forEach((e) => e.classList.remove("lit"));
  const findings = element ? keys(element, "f") : [];
  document.body.classList.toggle("focusing", findings.length > 0);
  if (element) {
    element.classList.add("lit");
    all("[data-f]").filter((e) => relates(element, e, findings)).forEach((e) => e.classList.add("lit"));
    const views = element.matches(".s, .assessment") ? keys(element, "v") : [];
    panes.filter((p) => views.includes(p.dataset.v)).forEach((p) => p.classList.add("lit"));
  }
  draw();
}

function relates(from, to, findings) {
  if (from.matches(".s, .assessment") && to.matches(".s, .assessment")) return false;
  return keys(to, "f").some((f) => findings.includes(f));
}

function draw() {
  const lines = [];
  if (active) {
    const own = active.matches(".s, .assessment") ? [active] : sentences.filter((s) => s.classList.contains("lit"));
    const boxes = active.matches(".mark") ? [active] : marks.filter((m) => m.classList.contains("lit"));
    for (const s of own) for (const m of boxes) lines.push(...wire(s, m));
  }
  wires.replaceChildren(...lines);
}

// A line from the near edge of the sentence to the near edge of the box; none when either is out of sight.
function wire(sentence, mark) {
  const s = sentence.getBoundingClientRect(), m = mark.getBoundingClientRect();
  const pane = mark.closest(".picture").getBoundingClientRect(), page = column.getBoundingClientRect();
  const y = (s.top + s.bottom) / 2, top = document.querySelector(".top").getBoundingClientRect().bottom;
  const seen = m.width && y > Math.max(page.top, top) && y < Math.min(page.bottom, innerHeight);
  if (!seen || m.right < pane.left || m.left > pane.right || m.bottom < pane.top || m.top > pane.bottom) return [];
  const below = s.left < m.right;
  const [x1, y1] = below ? [s.left + 12, s.top] : [s.left, y];
  const [x2, y2] = below ? [(m.left + m.right) / 2, m.bottom] : [m.right, (m.top + m.bottom) / 2];
  const bend = below ? `${x1} ${(y1 + y2) / 2} ${x2} ${(y1 + y2) / 2}` : `${(x1 + x2) / 2} ${y1} ${(x1 + x2) / 2} ${y2}`;
  const colour = [...mark.classList].find((c) => /^c\d$/.test(c));
  return [
    shape("path", { d: `M${x1} ${y1}C${bend} ${x2} ${y2}`, class: colour }),
    shape("circle", { cx: x1, cy: y1, r: 2.5, class: colour }),
    shape("circle", { cx: x2, cy: y2, r: 2.5, class: colour }),
  ];
}

function shape(name, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([k, v]) => made.setAttribute(k, v));
  return made;
}

// A click keeps something lit; a second one, or Escape, lets go.
function pin(element) {
  if (pinned) pinned.classList.remove("pinned");
  pinned = pinned === element ? null : element;
  if (pinned) {
    pinned.classList.add("pinned");
    const prior = panes.some((p) => p.matches(".prior") && keys(pinned, "v").includes(p.dataset.v));
    if (prior && priors) priors.checked = true;
  }
  show(pinned);
  if (!pinned) return;
  if (pinned.matches(".mark")) {
    const first = sentences.find((s) => s.classList.contains("lit"));
    if (first) first.scrollIntoView({ block: "nearest" });
  }
  reveal();
}

function letGo() {
  if (pinned) pin(pinned);
  show(null);
}

for (const e of [...sentences, ...marks, ...cards, ...all(".assessment")]) {
  e.addEventListener("pointerenter", (event) => { if (event.pointerType !== "touch") show(e); });
  e.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") show(pinned); });
  e.addEventListener("focus", () => { if (e.matches(":focus-visible")) show(e); });
  e.addEventListener("blur", () => show(pinned));
  e.addEventListener("click", (event) => { if (!event.target.closest("a, button")) pin(e); });
  e.addEventListener("keydown", (event) => {
    if (event.target !== e || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    pin(e);
  });
}

column.addEventListener("scroll", draw, { passive: true });
addEventListener("scroll", draw, { passive: true });
