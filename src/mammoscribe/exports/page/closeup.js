// Close-up: the crop of a mark, enlarged by whole numbers.
const closeup = byId("closeup"), crops = all(".crop");
let cropShown = null, scale = 1;

function openCrop(figure) {
  cropShown = figure;
  const cut = figure.querySelector(".cut").cloneNode(true);
  const width = parseFloat(cut.style.getPropertyValue("--w")), height = parseFloat(cut.style.getPropertyValue("--h"));
  scale = Math.max(1, Math.floor(Math.min((innerWidth - 40) / width, (innerHeight - 110) / height, 4)));
  closeup.querySelector(".closeup-picture").replaceChildren(cut);
  closeup.className = `closeup ${[...figure.closest(".card").classList].find((c) => /^c\d$/.test(c))}`;
  scaleCrop();
  if (!closeup.open) closeup.showModal();
}

function scaleCrop() {
  const caption = cropShown.querySelector("figcaption").cloneNode(true);
  caption.querySelector(".ratio").textContent = `, ${scale}:1`;
  closeup.style.setProperty("--scale", scale);
  closeup.querySelector(".closeup-words").textContent = caption.textContent.trim();
}

function resizeCrop(step) {
  scale = Math.min(8, Math.max(1, scale + step));
  scaleCrop();
}

function nextCrop(step) {
  openCrop(crops[(crops.indexOf(cropShown) + step + crops.length) % crops.length]);
}

// Whether a crop in its card is drawn at 1:1 depends on the room there is.
function sayRatio() {
  for (const figure of crops) {
    const cut = figure.querySelector(".cut"), ratio = cut.clientWidth / cut.style.getPropertyValue("--w");
    figure.querySelector(".ratio").textContent = ratio > 0.99 ? ", 1:1" : `, drawn at ${Math.round(100 * ratio)}%`;
  }
}
addEventListener("resize", sayRatio);
sayRatio();
crops.forEach((figure) => figure.querySelector(".closer").addEventListener("click", () => openCrop(figure)));
const actions = { smaller: () => resizeCrop(-1), larger: () => resizeCrop(1) };
for (const dialog of all("dialog")) {
  dialog.addEventListener("click", (event) => {
    const wanted = event.target.closest("button")?.dataset.do;
    if (actions[wanted]) actions[wanted]();
    if (wanted === "close" || event.target === dialog) dialog.close();
  });
}
