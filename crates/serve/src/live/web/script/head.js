
/* The top of the page: what is trained, how far it is, and the figures of now. */

const TITLE = document.title;
const OVER = new Set(["done", "interrupted", "failed"]);

const figures = ["Epoch", "Loss", "Top-1", "Best", "Learning rate", "Speed"].map((what) => {
  const value = make("span", { class: "value" }, NONE), meaning = make("span", { class: "note" }, "\u00a0");
  byId("figures").append(make("li", {}, make("span", { class: "what" }, what), value, meaning));
  return { value, meaning };
});

function putFigure(at, value, meaning) {
  put(figures[at].value, value);
  put(figures[at].meaning, meaning);
}

const shareDone = (run) => run.state === "done" ? 1
  : Math.min(run.totalSteps / Math.max(run.epochs * run.stepsPerEpoch, 1), 1);
const epochOf = (run) => `${run.epoch > 0 ? whole(run.epoch) : NONE} of ${whole(run.epochs)}`;
/* Not before all of it is done is it 100%. */
const roughly = (share) => `${Math.floor(100 * share + 1e-9)}%`;

function showProgress(run) {
  const share = shareDone(run);
  byId("whole").value = share;
  const left = OVER.has(run.state) ? run.state
    : known(run.secondsLeft) ? `${inWords(run.secondsLeft)} left` : "time left not known yet";
  put(byId("whole-told"), `${roughly(share)}, ${left}`);
  const [done, all] = run.measured ?? [run.step, run.stepsPerEpoch];
  byId("part").value = all > 0 ? Math.min(done / all, 1) : 0;
  put(byId("part-name"), run.measured ? "Measuring" : `Epoch ${epochOf(run)}`);
  put(byId("part-told"), run.measured ? `${whole(done)} of ${counted(all, "image")}` : `step ${whole(done)} of ${whole(all)}`);
  document.title = `${OVER.has(run.state) ? run.state : roughly(share)} – ${TITLE}`;
}

function showFigures(run) {
  const best = run.records.find((record) => record.epoch === bestOf(run));
  const when = OVER.has(run.state) ? "training, the last epoch" : "training, this epoch so far";
  putFigure(0, epochOf(run), `${counted(run.trainImages, "image")} each`);
  putFigure(1, lossText(run.loss), when);
  putFigure(2, percent(run.top1), when);
  putFigure(3, best ? percent(scoreOf(best)) : NONE, run.validationImages === 0 ? "there are no validation images"
    : best ? `${known(best.val_map) ? "mAP" : "top-1"}, validation, epoch ${best.epoch}` : "validation, after an epoch");
  putFigure(4, rateText(run.lr), "at this step");
  putFigure(5, speedText(run.imagesPerSecond), "images a second");
}

function putLines(holder, texts) {
  fillList(holder, texts, () => make(holder.tagName === "UL" ? "li" : "p", { dir: "auto" }), put);
}

function showHead(run) {
  put(byId("state"), run.state);
  byId("state").dataset.state = run.state;
  putLines(byId("heading"), run.heading);
  putLines(byId("notes"), run.notes);
  byId("notes").hidden = run.notes.length === 0;
  showProgress(run);
  showFigures(run);
}

/* One line for what is not as usual: how the run ended, or that nothing is heard of it. */
function showNews(text, wrong) {
  put(byId("news"), text);
  byId("news").classList.toggle("wrong", wrong);
}
