
/* The confusion matrix: cells to press, and the images of the pressed one. */

const { confusion } = report;
/* Up to so many classes, cells have room for counts; more than the last are too many buttons for a browser. */
const ROOMY = 12, COUNTED = 30, WHOLE = 150, CONFUSED = 60, PAIRS = 10;

const imagesOf = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
const cellsByPlace = new Map(report.cells.map((cell) => [`${cell.truth} ${cell.predicted}`, cell]));
const pairs = confusion.flatMap((row, truth) => row.flatMap((count, predicted) =>
  count > 0 && truth !== predicted ? [{ truth, predicted, count }] : []));
pairs.sort((one, other) => other.count - one.count);

/* The classes of the matrix: all, or those of the most frequent confusions. */
function shownClasses() {
  const all = confusion.map((_, cls) => cls);
  if (all.length <= WHOLE) return all;
  const confused = new Set();
  for (const { truth, predicted } of pairs) {
    if (confused.size + 2 > CONFUSED) break;
    confused.add(truth).add(predicted);
  }
  return all.filter((cls) => confused.has(cls));
}

function toldCell(truth, predicted) {
  const count = confusion[truth][predicted], share = imagesOf[truth] > 0 ? ` (${percent(count / imagesOf[truth])})` : "";
  const what = truth === predicted ? `${nameOf(truth)}, found` : `${nameOf(truth)}, taken for ${nameOf(predicted)}`;
  return `${what}: ${whole(count)} of ${counted(imagesOf[truth], "image")}${share}`;
}

const readout = make("p", { class: "readout" }), cellPanel = make("div", { class: "cell-panel" });
const cellOf = new Map();
let chosenCell = null;

function showCell(truth, predicted) {
  if (chosenCell) chosenCell.removeAttribute("aria-selected");
  chosenCell = cellOf.get(`${truth} ${predicted}`) ?? null;
  chosenCell?.setAttribute("aria-selected", "true");
  const cell = cellsByPlace.get(`${truth} ${predicted}`), count = confusion[truth][predicted];
  const absent = count > 0 ? "The images of this cell are not in this page." : "There is no such image.";
  cellPanel.replaceChildren(make("h3", {}, named(truth), ...truth === predicted ? [", found"] : [", taken for ", named(predicted)]),
    note(cell && cell.images.length > 0 ? `${toldShare(truth, count)}${cell.more > 0
      ? ` ${counted(cell.images.length, "image")} shown, the surest answers first.` : " The surest answers first."}` : absent));
  if (cell) cellPanel.append(make("div", { class: "cards" }, ...cell.images.map((at) => card(at))));
  say(`${toldCell(truth, predicted)}. ${cell ? `${counted(cell.images.length, "image")} below.` : absent}`);
}

const revealImages = () => (cellPanel.querySelector(".card") ?? cellPanel).scrollIntoView({ block: "nearest" });

/* Brings the chosen cell into its box, which may be smaller than the matrix. */
function revealCell() {
  const box = chosenCell?.closest(".matrix-box");
  box?.scrollTo(chosenCell.offsetLeft - box.clientWidth / 2, chosenCell.offsetTop - box.clientHeight / 2);
}

const toldShare = (truth, count) =>
  `${whole(count)} of ${counted(imagesOf[truth], "image")} of the class, ${percent(count / Math.max(imagesOf[truth], 1))}.`;

function cellButton(truth, predicted, counts) {
  const count = confusion[truth][predicted], share = count / Math.max(imagesOf[truth], 1), right = truth === predicted;
  // Mistakes are rare: their shades spread over the first third of the scale.
  const depth = right ? share : Math.sqrt(Math.min(3 * share, 1));
  const cell = make("button", {
    type: "button", role: "gridcell", tabindex: -1, "aria-label": toldCell(truth, predicted),
    class: `${right ? "right" : "wrong"}${depth > (right ? 0.78 : 0.66) ? " deep" : ""}`,
  }, counts && count > 0 ? whole(count) : "");
  if (count > 0) cell.style.setProperty("--depth", `${(100 * depth).toFixed(1)}%`);
  cell.place = [truth, predicted];
  cellOf.set(`${truth} ${predicted}`, cell);
  return cell;
}

/* A grid of one tab stop, in which arrow keys move. */
function cellGrid(classes) {
  const rows = classes.map((truth) => classes.map((predicted) => cellButton(truth, predicted, classes.length <= COUNTED)));
  const size = classes.length <= ROOMY ? "roomy" : classes.length <= COUNTED ? "counts" : "small";
  const grid = make("div", { class: `matrix ${size}`, role: "grid", "aria-label": "Confusion matrix" },
    make("div", { role: "row" }, make("span", { class: "corner", role: "columnheader" }, "is ↓ taken for →"),
      ...classes.map((cls) => make("span", { class: "column", role: "columnheader", title: nameOf(cls) }, named(cls)))),
    ...rows.map((cells, i) => make("div", { role: "row" },
      make("span", { class: "line", role: "rowheader", title: nameOf(classes[i]) }, named(classes[i])), ...cells)));
  let stop = rows[0][0];
  stop.tabIndex = 0;
  const tell = (event) => {
    if (event.target.place) readout.textContent = toldCell(...event.target.place);
  };
  grid.addEventListener("mouseover", tell);
  grid.addEventListener("focusin", (event) => {
    if (!event.target.place) return;
    stop.tabIndex = -1;
    stop = event.target;
    stop.tabIndex = 0;
    tell(event);
  });
  grid.addEventListener("click", (event) => {
    if (!event.target.place) return;
    showCell(...event.target.place);
    revealImages();
  });
  grid.addEventListener("keydown", (event) => {
    const row = rows.findIndex((cells) => cells.includes(event.target)), column = row < 0 ? -1 : rows[row].indexOf(event.target);
    const last = rows.length - 1;
    const to = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? last : row, last],
    }[event.key];
    if (row < 0 || !to) return;
    event.preventDefault();
    const [down, across] = to.map((place) => Math.min(Math.max(place, 0), last));
    rows[down][across].focus();
  });
  const box = make("div", { class: size === "small" ? "matrix-box later" : "matrix-box" }, grid);
  box.style.setProperty("--classes", classes.length);
  return box;
}

/* Cells to begin with, without a search in the matrix. */
function pairList() {
  if (pairs.length === 0) return note("Nothing was taken for anything else.");
  return make("div", { class: "pairs" }, make("h3", {}, "Most frequent confusions"), make("ol", {},
    ...pairs.slice(0, PAIRS).map(({ truth, predicted, count }) => {
      const choose = button(named(truth), () => {
        showCell(truth, predicted);
        revealCell();
        revealImages();
      }, { class: "plain" });
      choose.append(" taken for ", named(predicted));
      return make("li", {}, choose, make("span", { class: "number" }, whole(count)));
    })));
}

fillSection("confusion", confusion.length > 0 && confusion.some((row) => row.length > 0), () => {
  const classes = shownClasses();
  const few = classes.length < confusion.length
    ? ` Of the ${confusion.length} classes, the ${classes.length} that are confused most often are in it.` : "";
  readout.textContent = "Point at a cell to read it.";
  const parts = [note("Rows: what the image is. Columns: what it was taken for. Blue: right, orange: wrong, the stronger the "
    + `larger the share of the row. Press a cell to see its images. Keys: arrows, Enter.${few}`),
  make("div", { class: classes.length <= ROOMY ? "beside" : "below" }, make("div", { class: "side" }, cellGrid(classes), readout),
    cellPanel, pairList())];
  const begin = pairs.find(({ truth, predicted }) => cellsByPlace.has(`${truth} ${predicted}`));
  if (begin) {
    showCell(begin.truth, begin.predicted);
    say("");
  }
  return parts;
});
