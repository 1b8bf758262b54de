
/* The top of the page: what was trained, how well it does, and how it was made. */

byId("about").textContent = report.about;
byId("figures").hidden = report.figures.length === 0;
byId("figures").append(...report.figures.map(([name, value, meaning]) => make("li", {},
  make("span", { class: "what" }, name), make("span", { class: "value" }, value), make("span", { class: "note" }, meaning))));
byId("notes").hidden = report.notes.length === 0;
byId("notes").append(...report.notes.map((text) => make("li", { dir: "auto" }, text)));

fillSection("facts", report.facts.length > 0 || report.recipe, () => {
  const facts = make("dl", {}, ...report.facts.flatMap(([name, value]) =>
    [make("dt", {}, name), make("dd", { dir: "auto" }, value)]));
  if (!report.recipe) return [facts];
  return [facts, make("details", {}, make("summary", {}, "Recipe"),
    make("div", { class: "recipe" }, copying("Copy", () => report.recipe),
      scrolling("Recipe", { class: "scrolls" }, make("pre", {}, make("code", {}, report.recipe)))))];
});

fillSection("curves", report.curves, () => [chart(report.curves, "Loss and accuracy by epoch")]);

fillSection("calibration", report.reliability, () => [
  note("How often the network is right where it is so sure. On the diagonal its probabilities can be taken at their word."),
  chart(report.reliability, "Reliability")]);

fillSection("classes", report.by_class.length > 0, () => [
  note("Precision: of the images taken for the class, those that are of it. Recall: of the images of the class, those that "
    + "were found. F1: their harmonic mean. Press a heading to sort."),
  sortable({
    label: "Classes", rows: report.by_class, columns: [
      { head: "class", text: true, value: (row) => nameOf(row.class), show: (row) => named(row.class) },
      { head: "images", value: (row) => row.images, show: (row) => whole(row.images) },
      shares("recall", "Of the images of the class, those that were found", (row) => row.recall),
      ...[["precision", "Of the images taken for the class, those that are of it"],
        ["f1", "Harmonic mean of precision and recall"]].map(([key, title]) => ({
        head: key === "f1" ? "F1" : key, title, value: (row) => row[key],
        show: (row) => row[key] === null ? "–" : percent(row[key]),
      })),
    ],
  })]);
