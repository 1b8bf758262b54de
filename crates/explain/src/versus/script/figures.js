
/* What both networks are and are worth, and how they were trained. */

byId("about").textContent = report.about;
byId("names").append(...SIDES.map((_, side) => make("li", {}, sideName(side))));
byId("notes").hidden = report.notes.length === 0;
byId("notes").append(...report.notes.map((text) => make("li", { dir: "auto" }, text)));

fillSection("facts", report.figures.length > 0 || report.facts.length > 0, () => [
  make("ul", { id: "figures", hidden: report.figures.length === 0 }, ...report.figures.map(({ name, values, meaning, better }) =>
    make("li", {}, make("span", { class: "what" }, name), ...values.map((value, side) =>
      make("span", { class: side === better ? "of better" : "of" }, sideName(side), make("span", { class: "value" }, value),
        ...side === better ? [make("span", { class: "tag" }, "better")] : [])),
    make("span", { class: "note" }, meaning)))),
  compared("Facts", report.facts)]);

fillSection("curves", report.curves, () => [chart(report.curves, "Loss and accuracy by epoch")]);

fillSection("settings", true, () => report.settings.length === 0 ? [note("The same settings.")]
  : [note("Those that differ."), compared("Settings that differ", report.settings)]);
