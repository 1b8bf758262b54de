
/* Loss, top-1 and learning rate over the epochs. */

const BY_STEP = { name: "training, by step", kind: "by-step" };
const TRAINING = { name: "training, by epoch", kind: "train", shape: "circle" };
const VALIDATION = { name: "validation, by epoch", kind: "held", shape: "square" };
const PRECISION = { name: "validation, mean average precision", kind: "precision", shape: "triangle" };

/* Where one chart is looked at, so are the others. */
const look = (at) => [lossChart, topChart, rateChart].forEach((chart) => chart.lookAt(at));

const lossChart = lineChart({ label: "Loss by epoch", height: 270, lines: [BY_STEP, TRAINING, VALIDATION], onLook: look });
const topChart = lineChart({
  label: "Top-1 by epoch", height: 270, lines: [BY_STEP, TRAINING, VALIDATION, PRECISION], share: true, onLook: look,
});
const rateChart = lineChart({
  label: "Learning rate by epoch", height: 120, lines: [{ ...BY_STEP, name: "by step", kind: "rate" }], fromZero: true, ticks: 2,
  onLook: look,
});

let logScale = false;
const logSwitch = button("Log scale", () => {
  logScale = !logScale;
  logSwitch.setAttribute("aria-pressed", String(logScale));
  if (seen) showCurves(seen);
}, { "aria-pressed": "false" });

const chartFigure = (title, chart, attributes = {}, ...more) => make("figure", attributes,
  make("div", { class: "over" }, make("h3", {}, title), ...more), chart.legend, chart.plot, chart.readout);

byId("curves").append(
  note("Point at a chart to read an epoch. Keys: arrows, Home, End."),
  make("div", { class: "charts" },
    chartFigure("Loss", lossChart, {}, logSwitch),
    chartFigure("Top-1", topChart),
    chartFigure("Learning rate", rateChart, { class: "wide" })));

const toldEpoch = (run, record, parts) => `Epoch ${record.epoch}${record.epoch === bestOf(run) ? ", the best" : ""}: `
  + parts.filter(([, value]) => value !== NONE).map((part) => part.join(" ")).join(", ");

/* Stops are epochs; before the first is done, points of the line by step. */
function stopsOf(run, place, byEpoch, byStep) {
  if (run.records.length > 0) return run.records.map((record) => ({ x: record.epoch, ...byEpoch(record) }));
  return run.trace.map((point) => ({ x: place(point), ...byStep(point) }));
}

function showCurves(run) {
  const place = ([step]) => step / Math.max(run.stepsPerEpoch, 1);
  const room = roomFor(Math.max(place([run.totalSteps]), run.records.at(-1)?.epoch ?? 0), run.epochs);
  const bySteps = (column) => run.trace.map((point) => [place(point), point[column]]);
  const byEpochs = (key) => run.records.map((record) => [record.epoch, record[key]]);
  const held = (key) => run.validationImages > 0 ? byEpochs(key) : null;
  const precision = run.records.some((record) => known(record.val_map)) ? byEpochs("val_map") : null;
  const best = run.validationImages > 0 ? bestOf(run) ?? 0 : null;
  const step = (column, show) => (point) =>
    ({ values: [point[column]], told: `Step ${whole(point[0])}: ${show(point[column])}` });

  lossChart.draw({
    room, best, log: logScale, points: [bySteps(1), byEpochs("train_loss"), held("val_loss")],
    stops: stopsOf(run, place, (record) => ({
      values: [null, record.train_loss, record.val_loss],
      told: toldEpoch(run, record, [["training", lossText(record.train_loss)], ["validation", lossText(record.val_loss)]]),
    }), step(1, lossText)),
  });
  topChart.draw({
    room, best, log: false, points: [bySteps(2), byEpochs("train_top1"), held("val_top1"), precision],
    stops: stopsOf(run, place, (record) => ({
      values: [null, record.train_top1, record.val_top1, record.val_map],
      told: toldEpoch(run, record, [["training", percent(record.train_top1)], ["validation", percent(record.val_top1)],
        ["mean average precision", percent(record.val_map)]]),
    }), step(2, percent)),
  });
  rateChart.draw({
    room, best: null, log: false, points: [bySteps(3)],
    stops: stopsOf(run, place, (record) => ({
      values: [record.lr], told: toldEpoch(run, record, [["at its end", rateText(record.lr)]]),
    }), step(3, rateText)),
  });
}
