
/* The table of epochs, the newest first. */

const FEW = 10;
const always = () => true, judges = (run) => run.validationImages > 0;
const ever = (key) => (run) => run.records.some((record) => known(record[key]));

const COLUMNS = [
  { key: "train_loss", head: "training loss", show: lossText, there: always },
  { key: "train_top1", head: "training top-1", show: percent, there: always },
  { key: "val_loss", head: "validation loss", show: lossText, there: judges },
  { key: "val_top1", head: "validation top-1", show: percent, there: judges },
  { key: "val_top5", head: "validation top-5", show: percent, there: ever("val_top5") },
  { key: "val_map", head: "mean average precision", show: percent, there: ever("val_map") },
  { key: "lr", head: "learning rate", show: rateText, there: always },
  { key: "images_per_second", head: "images a second", show: speedText, there: always },
  { key: "seconds", head: "time", show: lasting, there: always },
];

const epochHead = make("thead"), epochBody = make("tbody"), rowOf = new Map();
const epochBox = scrolling("Epochs", { class: "scrolls epochs" }, make("table", {}, epochHead, epochBody));
let allEpochs = false, columnsNow = [];

const allButton = button("Show all", () => {
  allEpochs = !allEpochs;
  if (seen) showEpochs(seen);
}, { hidden: true });

byId("epochs").append(make("div", { class: "over" }, note("A row an epoch, the newest first."), allButton), epochBox);

/* Columns that the run turns out to have begin the table anew. */
function showColumns(run) {
  const columns = COLUMNS.filter((column) => column.there(run));
  if (columns.length === columnsNow.length) return;
  columnsNow = columns;
  epochHead.replaceChildren(make("tr", {}, make("th", { scope: "col" }, "epoch"),
    ...columns.map(({ head }) => make("th", { scope: "col", class: "figure" }, head))));
  epochBody.replaceChildren();
  rowOf.clear();
}

function epochRow(record) {
  const best = make("span", { class: "best-mark", hidden: true }, " ★ best");
  const row = make("tr", {}, make("th", { scope: "row" }, String(record.epoch), best),
    ...columnsNow.map(({ key, show }) => make("td", { class: "figure" }, show(record[key]))));
  return { row, best };
}

function showEpochs(run) {
  showColumns(run);
  epochBox.style.setProperty("--rows", Math.min(run.epochs, FEW));
  run.records.forEach((record, i) => {
    if (!rowOf.has(record.epoch)) {
      rowOf.set(record.epoch, epochRow(record));
      epochBody.prepend(rowOf.get(record.epoch).row);
    }
    const { row, best } = rowOf.get(record.epoch);
    row.hidden = !allEpochs && i < run.records.length - FEW;
    best.hidden = record.epoch !== bestOf(run);
    row.classList.toggle("best-row", !best.hidden);
  });
  allButton.hidden = run.records.length <= FEW;
  put(allButton, allEpochs ? `Show the last ${FEW}` : `Show all ${whole(run.records.length)}`);
}
