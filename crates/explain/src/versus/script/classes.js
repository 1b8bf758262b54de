
/* How many images of each class either network finds. */

const gain = ({ recall: [first, second] }) => first === null || second === null ? null : second - first;

function signed(points) {
  const text = Math.abs(points).toFixed(1);
  return text === "0.0" ? text : `${points < 0 ? "−" : "+"}${text}`;
}

fillSection("classes", report.by_class.length > 0, () => {
  const most = Math.max(...report.by_class.map((row) => Math.abs(gain(row) ?? 0)));
  function tilt(by) {
    const bar = make("span", { class: `bar ${SIDES[by < 0 ? 0 : 1]}` });
    bar.style.width = `${most > 0 ? 50 * Math.abs(by) / most : 0}%`;
    bar.style[by < 0 ? "right" : "left"] = "50%";
    return make("span", { class: "barred" }, make("span", { class: "track tilt" }, bar), make("span", {}, signed(100 * by)));
  }
  return [note("Recall: of the images of the class, those that were found. Difference: the second network's less the first's, in "
    + "points; the bar points left where the first finds more, right where the second does. Press a heading to sort."),
  sortable({
    label: "Classes", rows: report.by_class, columns: [
      { head: "class", text: true, value: (row) => nameOf(row.class), show: (row) => named(row.class) },
      ...names.map((name, side) => shares(name, `Recall of ${name}`, (row) => row.recall[side])),
      {
        head: "difference", title: `Recall of ${names[1]} less that of ${names[0]}, in points`, value: gain,
        show: (row) => gain(row) === null ? "–" : tilt(gain(row)),
      },
      { head: "images", value: (row) => row.images, show: (row) => whole(row.images) },
    ],
  })];
});
