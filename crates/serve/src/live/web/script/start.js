
/* The run is asked how it is, again and again. */

/* Milliseconds from an answer to the next question: of a page that is looked at, and of one that is not or gets no answer. */
const SOON = 1000, LATER = 5000, PATIENCE = 15000;

const SILENT = "The run's server does not answer; it ends with the run.";
const UNKNOWN = "The token is missing or wrong: open the address that `convnet train` printed.";

/* The latest answer, the epoch of the confusion matrix that is shown, and the last epoch that was told. */
let seen = null, judgedShown = 0, toldUntil = null;
let asking = false, nextQuestion = null;

/* What the server said instead of an answer. */
class Refusal extends Error {}

/* What `read` makes of an answer; null where the server has no such thing. */
async function get(path, read) {
  let answer, content;
  try {
    answer = await fetch(path, { signal: AbortSignal.timeout(PATIENCE), cache: "no-store" });
    content = answer.ok ? await read(answer) : null;
  } catch {
    throw new Refusal(SILENT);
  }
  if (answer.status === 401) throw new Refusal(UNKNOWN);
  if (!answer.ok && answer.status !== 404) throw new Refusal(`The run's server answered ${answer.status} ${answer.statusText}.`);
  return content;
}

const json = (answer) => answer.json();
const pictureUrl = async (answer) => URL.createObjectURL(await answer.blob());

/* Says an epoch that is done, and the end of the run; nothing of what was over before the page was opened. */
function tellNews(run) {
  const last = run.records.at(-1), until = last?.epoch ?? 0, over = OVER.has(run.state);
  if (toldUntil !== null && until > toldUntil) {
    const best = last.epoch === bestOf(run) ? ", the best so far" : "";
    const judged = known(last.val_loss)
      ? `validation loss ${lossText(last.val_loss)}, ${scoreName(last)} ${percent(scoreOf(last))}${best}`
      : `training loss ${lossText(last.train_loss)}, top-1 ${percent(last.train_top1)}`;
    say(`Epoch ${until} of ${run.epochs} done: ${judged}.${over ? ` ${run.ending}` : ""}`);
  } else if (over && seen && !OVER.has(seen.state)) {
    say(run.ending || `The run is ${run.state}.`);
  }
  toldUntil = until;
}

function showRun(run) {
  // Another run has taken the address: what is kept of this one is not of that.
  if (seen && run.totalSteps < seen.totalSteps) location.reload();
  tellNews(run);
  seen = run;
  showHead(run);
  showNews(run.ending, run.state === "failed");
  document.body.classList.remove("silent");
  showCurves(run);
  showEpochs(run);
  prepareConfusion(run);
  prepareSamples(run);
}

async function question() {
  const run = await get("api/run", json);
  if (run === null) throw new Refusal("This server has no run.");
  reveal();
  showRun(run);
  await updateFilters(run, (epoch) => get(`api/filters/${epoch}.png`, pictureUrl));
  const judged = run.judged === judgedShown ? null : await get("api/judged", json);
  if (judged === null) return;
  showConfusion(judged);
  showSamples(judged);
  judgedShown = judged.epoch;
}

async function ask() {
  if (asking) return;
  clearTimeout(nextQuestion);
  asking = true;
  let wait = document.hidden || OVER.has(seen?.state) ? LATER : SOON;
  try {
    await question();
  } catch (error) {
    // Faults of this page are not taken for the server's.
    if (!(error instanceof Refusal)) throw error;
    reveal();
    if (!document.body.classList.contains("silent")) say(error.message);
    document.body.classList.add("silent");
    showNews(error.message, true);
    wait = LATER;
  } finally {
    asking = false;
    nextQuestion = setTimeout(ask, wait);
  }
}

document.addEventListener("visibilitychange", () => { if (!document.hidden) ask(); });
ask();
