
/* The confusion matrix of the latest epoch. Its cells are made once, and filled anew after each. */

/* Up to so many classes have room for their names and counts; more than the last have no matrix. */
const LABELLED = 20, MOST_CLASSES = 100, PAIRS = 10;
/* Cells have room for the counts there are, and at least for so many digits. */
const LEAST_DIGITS = 3;

const matrixNote = note("It comes when the first epoch is done.");
const matrixKey = note("Rows: what the image is. Columns: what it was taken for. Blue: right, orange: wrong, the stronger the "
  + "larger the share of the row. Keys: arrows.");
const cellReadout = make("p", { class: "readout" }, "Point at a cell to read it.");
const matrixBox = make("div", { class: "matrix-box" }), pairList = make("ol");
const pairs = make("div", { class: "pairs" }, make("h3", {}, "Most frequent confusions"), pairList);
const matrixParts = make("div", { class: "beside" }, make("div", { class: "side" }, matrixBox, cellReadout), pairs);
byId("confusion").append(matrixNote, matrixKey, matrixParts);

let matrixCells = null, matrixNames = [];

const bdi = (name) => make("bdi", { title: name }, name);

function toldCell(truth, guess, count, images) {
  const what = truth === guess ? `${matrixNames[truth]} found` : `${matrixNames[truth]} taken for ${matrixNames[guess]}`;
  return `${what}: ${whole(count)} of ${whole(images)}${images > 0 ? ` (${percent(count / images)})` : ""}`;
}

function tellCell(cell) {
  if (cell?.getAttribute("aria-label")) put(cellReadout, cell.getAttribute("aria-label"));
}

/* A grid of one tab stop, in which arrow keys move. */
function moveInMatrix(grid, cells) {
  let stop = cells[0][0];
  stop.tabIndex = 0;
  grid.addEventListener("mouseover", (event) => tellCell(event.target.closest('[role="gridcell"]')));
  grid.addEventListener("focusin", (event) => {
    stop.tabIndex = -1;
    stop = event.target;
    stop.tabIndex = 0;
    tellCell(stop);
  });
  grid.addEventListener("keydown", (event) => {
    const row = cells.findIndex((line) => line.includes(event.target)), column = row < 0 ? -1 : cells[row].indexOf(event.target);
    const last = cells.length - 1;
    const to = {
      ArrowUp: [row - 1, column], ArrowDown: [row + 1, column], ArrowLeft: [row, column - 1], ArrowRight: [row, column + 1],
      Home: [event.ctrlKey ? 0 : row, 0], End: [event.ctrlKey ? last : row, last],
    }[event.key];
    if (row < 0 || !to) return;
    event.preventDefault();
    const [down, across] = to.map((place) => Math.min(Math.max(place, 0), last));
    cells[down][across].focus();
  });
}

function buildMatrix(names) {
  matrixNames = names;
  const labelled = names.length <= LABELLED;
  matrixCells = names.map((_, truth) => names.map((_, guess) =>
    make("span", { role: "gridcell", tabindex: -1, class: truth === guess ? "right" : "wrong" })));
  const grid = make("div", { class: labelled ? "matrix" : "matrix small", role: "grid", "aria-label": "Confusion matrix" });
  if (labelled) {
    grid.append(make("div", { role: "row" }, make("span", { class: "corner", role: "columnheader" }, "is ↓ taken for →"),
      ...names.map((name) => make("span", { class: "column", role: "columnheader" }, bdi(name)))));
  }
  grid.append(...matrixCells.map((cells, truth) => make("div", { role: "row" },
    ...labelled ? [make("span", { class: "line", role: "rowheader" }, bdi(names[truth]))] : [], ...cells)));
  matrixBox.replaceChildren(grid);
  matrixBox.style.setProperty("--classes", names.length);
  matrixParts.classList.toggle("beside", labelled);
  matrixParts.classList.toggle("below", !labelled);
  moveInMatrix(grid, matrixCells);
}

function fillCell(cell, truth, guess, count, images) {
  const told = toldCell(truth, guess, count, images);
  if (cell.getAttribute("aria-label") === told) return;
  const right = truth === guess, share = count / Math.max(images, 1);
  // Mistakes are rare: their shades spread over the first third of the scale.
  const depth = right ? share : Math.sqrt(Math.min(3 * share, 1));
  cell.setAttribute("aria-label", told);
  cell.title = told;
  cell.style.setProperty("--depth", `${(100 * depth).toFixed(1)}%`);
  cell.classList.toggle("deep", depth > (right ? 0.78 : 0.66));
  if (matrixNames.length <= LABELLED) put(cell, count > 0 ? String(count) : "");
}

function showPairs(confusion, imagesOf) {
  const all = confusion.flatMap((row, truth) => row.flatMap((count, guess) =>
    count > 0 && truth !== guess ? [{ truth, guess, count }] : []));
  all.sort((one, other) => other.count - one.count);
  fillList(pairList, all.slice(0, PAIRS), () => make("li", {}, make("span", { dir: "auto" }), make("span", { class: "number" })),
    (item, { truth, guess, count }) => {
      put(item.firstChild, `${matrixNames[truth]} taken for ${matrixNames[guess]}`);
      put(item.lastChild, `${whole(count)} of ${whole(imagesOf[truth])}`);
    });
}

/* Before the first epoch is done, the empty matrix keeps the room of the one to come. */
function prepareConfusion(run) {
  offer("confusion", run.validationImages > 0 || run.judged > 0);
  if (!matrixCells && run.classes.length > 0 && run.classes.length <= MOST_CLASSES) buildMatrix(run.classes);
}

function showConfusion({ epoch, images, confusion }) {
  matrixParts.hidden = matrixKey.hidden = !confusion || !matrixCells;
  if (matrixParts.hidden) {
    put(matrixNote, seen.classes.length > MOST_CLASSES
      ? `There is none of more than ${MOST_CLASSES} classes.` : "There is none where images have several classes.");
    return;
  }
  put(matrixNote, `${counted(images, "image")} after epoch ${epoch}.`);
  const imagesOf = confusion.map((row) => row.reduce((sum, count) => sum + count, 0));
  const digits = String(Math.max(...confusion.flat())).length;
  matrixBox.style.setProperty("--least", `${7 * Math.max(digits, LEAST_DIGITS) + 5}px`);
  confusion.forEach((row, truth) => row.forEach((count, guess) =>
    fillCell(matrixCells[truth][guess], truth, guess, count, imagesOf[truth])));
  tellCell(matrixBox.querySelector("[role='gridcell']:hover") ?? matrixBox.querySelector("[role='gridcell']:focus"));
  showPairs(confusion, imagesOf);
}
