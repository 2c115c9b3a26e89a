"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const keys = (element, name) => (element.dataset[name] || "").split(" ").filter(Boolean);
  const sentences = all(".s"), marks = all(".mark"), panes = all(".pane[data-v]");
  const hanging = document.querySelector(".hanging"), column = byId("report"), wires = byId("wires");
  const priors = byId("show-priors");
  let pinned = null, active = null;
  if (priors && innerWidth >= 1200) priors.checked = true; // portrait views leave room for them on a wide screen

  // What belongs together: a sentence, mark or card names findings (data-f) and views (data-v).
  function show(element) {
    active = element;
    all(".lit").forEach((e) => e.classList.remove("lit"));
    const findings = element ? keys(element, "f") : [];
    document.body.classList.toggle("focusing", findings.length > 0);
    if (element) {
      element.classList.add("lit");
      all("[data-f]").filter((e) => relates(element, e, findings)).forEach((e) => e.classList.add("lit"));
      const views = element.matches(".s") ? keys(element, "v") : [];
      panes.filter((p) => views.includes(p.dataset.v)).forEach((p) => p.classList.add("lit"));
    }
    draw();
  }

  function relates(from, to, findings) {
    if (from.matches(".s") && to.matches(".s")) return false;
    return keys(to, "f").some((f) => findings.includes(f));
  }

  function draw() {
    const lines = [];
    if (active) {
      const lit = active.matches(".s") ? [active] : sentences.filter((s) => s.classList.contains("lit"));
      const boxes = active.matches(".mark") ? [active] : marks.filter((m) => m.classList.contains("lit"));
      for (const s of lit) for (const m of boxes) lines.push(...wire(s, m));
    }
    wires.replaceChildren(...lines);
  }

  // A line from the near edge of the sentence to the near edge of the box; none when either is out of sight.
  function wire(sentence, mark) {
    const s = sentence.getBoundingClientRect(), m = mark.getBoundingClientRect();
    const pane = mark.closest(".pane").getBoundingClientRect(), page = column.getBoundingClientRect();
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

  function pin(element) {
    if (pinned) pinned.classList.remove("pinned");
    pinned = pinned === element ? null : element;
    if (pinned) {
      pinned.classList.add("pinned");
      const prior = panes.some((p) => p.matches(".prior") && keys(pinned, "v").includes(p.dataset.v));
      if (prior && priors) priors.checked = true;
    }
    show(pinned);
    if (pinned && !pinned.matches(".s")) {
      const first = sentences.find((s) => s.classList.contains("lit"));
      if (first) first.scrollIntoView({ block: "nearest" });
    }
  }

  for (const e of [...sentences, ...marks, ...all(".card")]) {
    e.addEventListener("pointerenter", () => show(e));
    e.addEventListener("pointerleave", () => show(pinned));
    e.addEventListener("focus", () => show(e));
    e.addEventListener("blur", () => show(pinned));
    e.addEventListener("click", (event) => { if (!event.target.closest("a")) pin(e); });
    e.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pin(e); }
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    if (pinned) pin(pinned);
    show(null);
    enlarge(null);
  });

  // Zoom changes the size, not a transform, so that lines and labels stay thin.
  const state = new Map(panes.map((p) => [p, { zoom: 1, dx: 0, dy: 0 }]));
  function place(pane) {
    const frame = pane.querySelector(".frame"), at = state.get(pane);
    if (!frame) return;
    frame.style.setProperty("--zoom", at.zoom);
    frame.style.setProperty("--dx", `${at.dx}px`);
    frame.style.setProperty("--dy", `${at.dy}px`);
  }
  function zoom(pane, factor, x, y) {
    const frame = pane.querySelector(".frame"), at = state.get(pane), before = frame.getBoundingClientRect();
    at.zoom = Math.min(12, Math.max(1, at.zoom * factor));
    place(pane);
    const after = frame.getBoundingClientRect();
    at.dx += x - after.left - ((x - before.left) / before.width) * after.width;
    at.dy += y - after.top - ((y - before.top) / before.height) * after.height;
    if (at.zoom === 1) at.dx = at.dy = 0;
    place(pane);
    draw();
  }
  function reset() {
    state.forEach((at, pane) => { Object.assign(at, { zoom: 1, dx: 0, dy: 0 }); place(pane); });
    draw();
  }
  function enlarge(pane) {
    const again = pane && pane.classList.contains("enlarged");
    panes.forEach((p) => p.classList.toggle("enlarged", p === pane && !again));
    hanging.classList.toggle("solo", Boolean(pane) && !again);
    reset();
  }
  for (const pane of panes.filter((p) => p.querySelector(".frame"))) {
    let grip = null;
    pane.addEventListener("wheel", (event) => {
      if (innerWidth <= 820 && !event.ctrlKey) return;
      event.preventDefault();
      zoom(pane, Math.exp(-event.deltaY * 0.0016), event.clientX, event.clientY);
    }, { passive: false });
    pane.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && event.pointerType !== "touch") grip = [event.clientX, event.clientY];
    });
    addEventListener("pointermove", (event) => {
      if (!grip) return;
      const at = state.get(pane);
      at.dx += event.clientX - grip[0];
      at.dy += event.clientY - grip[1];
      grip = [event.clientX, event.clientY];
      place(pane);
      draw();
    });
    addEventListener("pointerup", () => { grip = null; });
    pane.addEventListener("dblclick", () => enlarge(pane));
    pane.querySelector(".enlarge").addEventListener("click", () => enlarge(pane));
  }

  // Brightness, contrast, inversion.
  const dials = ["brightness", "contrast"].map(byId), invert = byId("invert");
  const grade = () => {
    dials.forEach((d) => root.style.setProperty(`--${d.id}`, d.value));
    root.style.setProperty("--invert", invert.checked ? 1 : 0);
  };
  dials.forEach((d) => d.addEventListener("input", grade));
  invert.addEventListener("change", grade);
  byId("reset").addEventListener("click", () => {
    dials.forEach((d) => { d.value = 1; });
    invert.checked = false;
    grade();
    reset();
  });
  all("#show-marks, #show-priors").forEach((e) => e.addEventListener("change", draw));

  column.addEventListener("scroll", draw, { passive: true });
  addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", draw);
  addEventListener("beforeprint", () => byId("report").querySelectorAll("details.provenance").forEach((d) => { d.open = true; }));

  // report.html#f1 opens with that finding lit, report.html#sentence-4 with that sentence.
  function follow() {
    let name = location.hash.slice(1);
    try { name = decodeURIComponent(name); } catch { return; }
    const card = all(".card").find((c) => c.dataset.id === name || c.id === name);
    const target = card || sentences.find((s) => s.id === name);
    if (target && target !== pinned) { pin(target); if (!card) target.scrollIntoView({ block: "nearest" }); }
  }
  addEventListener("hashchange", follow);
  follow();
})();
