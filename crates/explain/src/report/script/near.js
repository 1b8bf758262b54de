
/* Images of different splits that show nearly the same. */

const labelsDiffer = ({ first, second }) => first.label !== second.label;

function nearSide({ split, name, label }, picture) {
  return make("figure", {}, picture, make("figcaption", {}, make("p", {}, make("strong", {}, split)), fileName({ name }),
    make("p", {}, "labelled ", make("strong", {}, named(label)))));
}

fillSection("near", report.near_by, () => {
  const { near, near_by: by, near_sprite: sheet } = report;
  if (near.length === 0) return [note(by)];
  const cutNear = sheet ? cutter(sheet) : () => "";
  const side = (image, at) =>
    nearSide(image, cutNear(at, `${image.name} of the ${image.split} split, labelled ${nameOf(image.label)}`));
  const pair = (both, i) => make("li", {}, make("div", { class: "pair" }, side(both.first, 2 * i), side(both.second, 2 * i + 1)),
    make("p", { class: "note" }, ...labelsDiffer(both) ? [make("strong", { class: "wrong" }, "labels differ"), ", "] : [],
      `likeness ${both.likeness.toFixed(4)}, ${counted(both.bits, "bit")}`));
  const differ = near.filter(labelsDiffer).length, shelf = make("ol", { class: "near" });
  return [note(by), note("Likeness: the correlation of the pixels, at most 1. Bits: those in which the hashes of the two differ."
    + (differ > 0 ? ` The labels of ${counted(differ, "pair")} differ.` : "")),
  make("div", { class: "toolbar" }, ...pager(near, shelf, pair, "pair")), shelf];
});
