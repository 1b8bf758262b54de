
/* What is looked at, and what the network says of it. One question at a time: of the pictures that come meanwhile, the newest
   is asked next. */

/* After so many milliseconds without a change a picture is settled; a busy server is waited for so many seconds at most. */
const SETTLED = 400, LONGEST_WAIT = 30;
const ANSWERS = 10;

/* What is looked at: a drawing, a file, the camera. Answers on another one come too late. */
let subject = null;
/* The answers that are shown, with the bytes that they are for. */
let answered = null;

let wanted = null, changedAt = 0, askedAt = -Infinity, notBefore = -Infinity;
let asking = null, running = false, settling = null;

/* Looks at a picture: `subject` is what it is of, `blob` gives its bytes, `every` is how many milliseconds lie between two
   questions at least. Without one, at nothing. */
function lookAt(picture) {
  clearTimeout(settling);
  changedAt = performance.now();
  wanted = picture;
  if (!picture || picture.subject !== subject) {
    subject = picture?.subject ?? null;
    asking?.abort();
    tellProblem("");
    changed("subject");
  }
  if (picture) run();
  else forget();
}

function forget() {
  answered = null;
  changed("answers");
}

async function run() {
  if (running) return;
  running = true;
  while (wanted) {
    await pause(Math.max(askedAt + wanted.every, notBefore) - performance.now());
    const picture = wanted;
    wanted = null;
    if (picture) await ask(picture);
  }
  running = false;
}

async function ask(picture) {
  const { signal } = asking = new AbortController();
  askedAt = performance.now();
  try {
    const blob = await picture.blob(), sentAt = performance.now();
    const answer = await post(`api/predict?top=${ANSWERS}`, blob, signal);
    if (signal.aborted) return;
    answered = { ...answer, blob, subject: picture.subject, took: performance.now() - sentAt };
    tellProblem("");
    changed("answers");
    if (!wanted) settling = setTimeout(() => changed("settled"), changedAt + SETTLED - performance.now());
  } catch (problem) {
    if (!signal.aborted) failed(picture, problem);
  }
}

function failed(picture, problem) {
  if (problem.wait > 0 && problem.wait <= LONGEST_WAIT && !picture.again) {
    notBefore = performance.now() + 1000 * problem.wait;
    wanted ??= { ...picture, again: true };
    tellProblem(`${problem.message} It is asked again in ${problem.wait}\u00a0s.`);
    return;
  }
  // Another image's answers must not stand below what went wrong with this one.
  if (answered?.subject !== subject) forget();
  tellProblem(problem.message);
}
