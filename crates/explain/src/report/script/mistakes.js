
/* The surest mistakes, and the labels that are probably wrong. */

function heat(uri, label) {
  if (!uri) return "";
  const image = make("img", { src: uri, alt: label, class: sprite.width < COARSE ? "thumb coarse" : "thumb" });
  image.style.aspectRatio = `${sprite.width} / ${sprite.height}`;
  return image;
}

function mistake({ image: at, predicted, truth }) {
  const image = report.images[at], [cls, probability] = image.answers[0] ?? [null, null];
  const look = (picture, ...caption) => picture
    ? make("figure", {}, picture, make("figcaption", {}, ...caption)) : "";
  return make("li", {},
    make("p", {}, "is ", make("strong", {}, named(image.truth)),
      ...cls === null ? [] : [", taken for ", make("strong", { class: "wrong" }, named(cls)), ` with ${percent(probability)}`]),
    make("div", { class: "looks" }, look(thumb(at), "the image"),
      look(heat(predicted, cls === null ? "Grad-CAM for the answer" : `Grad-CAM for ${nameOf(cls)}`),
        "for ", cls === null ? "the answer" : named(cls)),
      look(heat(truth, `Grad-CAM for ${nameOf(image.truth)}`), "for ", named(image.truth))),
    fileName(image));
}

fillSection("worst", report.worst.length > 0, () => [
  note("Where the network was wrong and most sure of it. The heat maps (Grad-CAM) show what spoke for its answer, and what "
    + "spoke for the true class."),
  make("ol", { class: "worst" }, ...report.worst.map(mistake))]);

fillSection("suspects", report.suspects.length > 0, () => {
  const { suspects } = report, shelf = make("div", { class: "cards" });
  return [note(report.suspects_by), make("div", { class: "toolbar" }, ...pager(suspects, shelf, suspect, "image"),
    copying("Copy file names", () => suspects.map(({ image }) => report.images[image].name).join("\n"))), shelf];
});

function suspect({ image: at, suggested, probability }) {
  const image = report.images[at];
  return make("figure", { class: "card" }, thumb(at), make("figcaption", {}, fileName(image),
    make("p", {}, "labelled ", make("strong", {}, named(image.truth)), `, ${percent(probability)}`),
    make("p", {}, "probably ", make("strong", { class: "wrong" }, named(suggested))), answersOf(image)));
}
