
/* The two networks, which are told apart by a mark wherever they stand: a disc and a square, as in the curves. */

const { names } = report;
const SIDES = ["first", "second"];

const sideName = (side) => make("span", { class: `network ${SIDES[side]}` }, bdi(names[side]));

/* A table with a column for each network. */
function compared(label, rows) {
  return make("table", { class: "compared", "aria-label": label },
    make("thead", {}, make("tr", {}, make("td"), ...SIDES.map((_, side) => make("th", { scope: "col" }, sideName(side))))),
    make("tbody", {}, ...rows.map(([name, ...values]) => make("tr", {}, make("th", { scope: "row", dir: "auto" }, name),
      ...values.map((value) => make("td", { dir: "auto" }, value))))));
}
