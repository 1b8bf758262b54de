
/* Where the network looked for a class: the likeliest, or a chosen one. */

const METHODS = [["gradcam", "Grad-CAM"], ["layercam", "LayerCAM"], ["gradient", "Gradient"], ["occlusion", "Occlusion"]];

/* The class that was chosen for what is looked at now. */
let chosenClass = null;
let explaining = null;

const explained = () => chosenClass ?? answered?.answers[0]?.class ?? null;

const heatImage = pixelated(make("img", { alt: "", class: "look", hidden: true }));
const heatFrame = make("div", { class: "frame" }, heatImage), heatNote = note("", { id: "heat-note" });
heatFrame.style.aspectRatio = `${model.width} / ${model.height}`;
const method = selectOf(METHODS, () => explain());

byId("why").hidden = !model.hasMaps;
byId("why").append(heatFrame, heatNote, make("div", { class: "controls" }, labelled("Method", method)));

function chooseClass(cls) {
  chosenClass = cls;
  markRows();
  explain();
}

function markRows() {
  for (const row of rows) row.body.setAttribute("aria-pressed", String(row.class === explained()));
}

/* The bytes and the class that the shown heat map is of. One of something else than the answers beside it must not look like
   theirs. */
let heatOf = null;
const markHeat = () => byId("why").classList.toggle("stale", heatOf?.blob !== answered?.blob || heatOf?.class !== explained());

async function explain() {
  explaining?.abort();
  if (!answered || explained() === null) return;
  const { signal } = explaining = new AbortController(), sent = { blob: answered.blob, class: explained() };
  byId("why").classList.add("stale");
  try {
    const heat = await post(`api/heat?class=${sent.class}&method=${method.value}`, sent.blob, signal);
    if (signal.aborted) return;
    heatOf = sent;
    heatImage.src = heat.picture;
    heatImage.hidden = false;
    heatImage.alt = `Where the network looked for ${nameOf(heat)}`;
    heatNote.replaceChildren(make("strong", {}, make("bdi", {}, nameOf(heat))), `: ${heat.told}.`);
  } catch (problem) {
    if (signal.aborted) return;
    heatImage.hidden = true;
    heatNote.replaceChildren(...withCode(problem.message));
  }
  markHeat();
}

if (model.hasMaps) {
  on("subject", () => {
    chosenClass = null;
    explaining?.abort();
  });
  on("answers", () => {
    markRows();
    markHeat();
    if (answered) return;
    heatImage.hidden = true;
    heatNote.textContent = "Press an answer to see where the network looked for it.";
  });
  on("settled", explain);
}
