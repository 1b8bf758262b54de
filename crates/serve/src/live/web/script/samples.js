
/* Validation images with their answers: the same ones after every epoch, and the surest mistakes of the latest. */

/* Pictures with fewer columns than this show their pixels. */
const COARSE = 96;

const samplesNote = note("They come when the first epoch is done.");
const fixedCards = make("ul", { class: "cards" }), mistakeCards = make("ul", { class: "cards" });
const fixedPart = make("div", { hidden: true }, make("h3", {}, "The same images after every epoch"), fixedCards);
const mistakePart = make("div", { hidden: true }, make("h3", {}, "The surest mistakes"), mistakeCards);
byId("samples").append(samplesNote, fixedPart, mistakePart);

function sampleCard() {
  const picture = make("img", { class: "thumb", alt: "" });
  picture.addEventListener("load", () => picture.classList.toggle("coarse", picture.naturalWidth < COARSE));
  const sign = make("span", { class: "verdict", "aria-hidden": "true" }), verdict = make("span", { class: "unseen" });
  return make("li", { class: "card" }, picture, make("p", { class: "answer" }, sign, verdict, make("strong", { dir: "auto" })),
    make("p", { class: "number" }), make("p", { class: "note", dir: "auto" }));
}

function fillSample(card, { picture, truth, guess, probability, own, right }) {
  const [image, answer, sure, told] = card.children, [sign, verdict, name] = answer.children;
  if (image.src !== picture) image.src = picture;
  image.alt = truth;
  card.classList.toggle("right", right);
  card.classList.toggle("wrong", !right);
  put(sign, right ? "✓" : "✗");
  put(verdict, right ? "Right: " : "Wrong: ");
  put(name, guess);
  mark(name, "title", guess);
  put(sure, `${percent(probability)} sure`);
  put(told, right ? "" : `is ${truth}, ${percent(own)}`);
  mark(told, "title", told.textContent);
}

function showSamples({ epoch, samples }) {
  const [fixed, mistakes] = ["fixed", "mistake"].map((kind) => samples.filter((sample) => sample.kind === kind));
  put(samplesNote, samples.length === 0 ? `There are none of epoch ${epoch}.`
    : `Validation images after epoch ${epoch}: what each was taken for, and what it is, with the probability of either.`);
  fillList(fixedCards, fixed, sampleCard, fillSample);
  fillList(mistakeCards, mistakes, sampleCard, fillSample);
  fixedPart.hidden = fixed.length === 0;
  mistakePart.hidden = mistakes.length === 0;
}

const prepareSamples = (run) => offer("samples", run.validationImages > 0 || run.judged > 0);
