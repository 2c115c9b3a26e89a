// Views: zoom and pan (a view and its prior move together), true size, scale bars, enlarging, brightness.
// Zoom changes the size, not a transform, so that lines and labels stay thin.
const shown = panes.filter((p) => p.querySelector(".frame"));
const state = new Map();
for (const p of shown) if (!state.has(p.dataset.key)) state.set(p.dataset.key, { zoom: 1, dx: 0, dy: 0 });
const at = (pane) => state.get(pane.dataset.key);
const same = (pane) => shown.filter((p) => p.dataset.key === pane.dataset.key);
const picture = (pane) => pane.querySelector(".picture");
const BARS_MM = [50, 20, 10, 5, 2, 1];

function place(pane) {
  const { zoom, dx, dy } = at(pane);
  for (const p of same(pane)) {
    const style = picture(p).style;
    style.setProperty("--zoom", zoom);
    style.setProperty("--dx", `${dx}px`);
    style.setProperty("--dy", `${dy}px`);
    measure(p);
  }
}

// The longest of the usual lengths that takes at most a third of the pane.
function measure(pane) {
  const bar = pane.querySelector(".bar"), frame = pane.querySelector(".frame").getBoundingClientRect().width;
  if (!bar || !frame) return;
  const space = pane.getBoundingClientRect().width / 3, perMm = frame * bar.dataset.perMm;
  const mm = BARS_MM.find((length) => length * perMm <= space) || 1;
  bar.style.setProperty("--mm", mm);
  bar.firstElementChild.textContent = `${mm} mm`;
}

function zoomTo(pane, zoom, x, y) {
  const frame = pane.querySelector(".frame"), now = at(pane), before = frame.getBoundingClientRect();
  now.zoom = Math.min(40, Math.max(1, zoom));
  place(pane);
  const after = frame.getBoundingClientRect();
  now.dx += x - after.left - ((x - before.left) / before.width) * after.width;
  now.dy += y - after.top - ((y - before.top) / before.height) * after.height;
  if (now.zoom === 1) now.dx = now.dy = 0;
  place(pane);
}

function pan(pane, x, y) {
  at(pane).dx += x;
  at(pane).dy += y;
  place(pane);
}

// Bring the middle of a box, or of the frame, to the middle of its pane.
function centre(pane, box) {
  const what = box.getBoundingClientRect(), where = picture(pane).getBoundingClientRect();
  pan(pane, (where.left + where.right - what.left - what.right) / 2, (where.top + where.bottom - what.top - what.bottom) / 2);
}

const litIn = (pane) => pane.querySelector(".mark.lit");

// Lit marks that a zoomed view has out of sight come into sight.
function reveal() {
  for (const pane of shown) {
    const mark = litIn(pane);
    if (!mark || at(pane).zoom === 1) continue;
    const m = mark.getBoundingClientRect(), p = picture(pane).getBoundingClientRect();
    if (m.left < p.left || m.right > p.right || m.top < p.top || m.bottom > p.bottom) centre(pane, mark);
  }
  draw();
}

function fit() {
  for (const pane of shown) {
    Object.assign(at(pane), { zoom: 1, dx: 0, dy: 0 });
    place(pane);
  }
  status.textContent = "";
  draw();
}

function trueSize() {
  let reduced = false;
  for (const pane of shown.filter((p) => p.matches(".current"))) {
    const stage = pane.querySelector(".stage"), image = stage.querySelector("img"), where = picture(pane).getBoundingClientRect();
    const width = stage.getBoundingClientRect().width;
    if (!width) continue;
    zoomTo(pane, (at(pane).zoom * stage.dataset.w) / width, (where.left + where.right) / 2, (where.top + where.bottom) / 2);
    centre(pane, litIn(pane) || pane.querySelector(".frame"));
    reduced ||= image && image.naturalWidth < 0.9 * stage.dataset.w;
  }
  status.textContent = "One stored pixel on one screen pixel." + (reduced ? " These pictures are reduced; the crops of the marks are not." : "");
  draw();
}

function enlarge(pane) {
  const again = !pane || pane.classList.contains("enlarged");
  for (const p of panes) {
    const chosen = !again && p.dataset.key === pane.dataset.key;
    p.classList.toggle("enlarged", chosen);
    all(".enlarge", p).forEach((b) => b.setAttribute("aria-pressed", chosen));
  }
  hanging.classList.toggle("solo", !again);
  fit();
}

function hold(pane) {
  const touching = new Map();
  let moved = 0;
  const spread = () => {
    const [a, b] = [...touching.values()];
    return { gap: Math.hypot(a.x - b.x, a.y - b.y), x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  };
  pane.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomTo(pane, at(pane).zoom * Math.exp(-event.deltaY * 0.0016), event.clientX, event.clientY);
    draw();
  }, { passive: false });
  pane.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button")) return;
    if (!touching.size) moved = 0;
    touching.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  addEventListener("pointermove", (event) => {
    const last = touching.get(event.pointerId);
    if (!last) return;
    const before = touching.size === 2 ? spread() : null;
    const [x, y] = [event.clientX - last.x, event.clientY - last.y];
    touching.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moved += Math.abs(x) + Math.abs(y);
    if (before) {
      const after = spread();
      zoomTo(pane, (at(pane).zoom * after.gap) / before.gap, after.x, after.y);
    } else if (event.pointerType !== "touch" || at(pane).zoom > 1) {
      pan(pane, x, y);
    }
    draw();
  });
  for (const end of ["pointerup", "pointercancel"]) addEventListener(end, (event) => touching.delete(event.pointerId));
  // A drag that ends on a mark is no click on it.
  pane.addEventListener("click", (event) => { if (moved > 4 && !event.target.closest("button")) event.stopPropagation(); moved = 0; }, true);
  picture(pane).addEventListener("dblclick", () => enlarge(pane));
  pane.querySelector(".enlarge").addEventListener("click", () => enlarge(pane));
}
shown.forEach(hold);

const dials = ["brightness", "contrast"].map(byId), invert = byId("invert");
function grade() {
  dials.forEach((d) => root.style.setProperty(`--${d.id}`, d.value));
  root.style.setProperty("--invert", invert.checked ? 1 : 0);
}
dials.forEach((d) => d.addEventListener("input", grade));
invert.addEventListener("change", grade);
byId("true-size").addEventListener("click", trueSize);
byId("reset").addEventListener("click", () => {
  dials.forEach((d) => { d.value = 1; });
  invert.checked = false;
  grade();
  fit();
});

function remeasure() {
  shown.forEach(measure);
  draw();
}
all("#show-marks, #show-priors").forEach((e) => e.addEventListener("change", remeasure));
addEventListener("resize", remeasure);
remeasure();
