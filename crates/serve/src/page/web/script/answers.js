
/* The likeliest classes, and what the network sees. */

/* Classes that are named before there is an answer. */
const NAMED = 26;

const times = note("", { id: "times" });
const rows = Array.from({ length: Math.min(ANSWERS, model.classes.length) }, () => {
  const what = make("bdi", { class: "what" }), bar = make("span", { class: "bar" }), number = make("span", { class: "number" });
  const parts = [what, make("span", { class: "track" }, bar), number];
  const row = { what, bar, number, class: null };
  // Where there is nothing to explain, there is nothing to press.
  row.body = model.hasMaps ? button("", () => chooseClass(row.class), { class: "answer" }) : make("div", { class: "answer" });
  row.body.append(...parts);
  row.item = make("li", {}, row.body);
  return row;
});
const bars = make("ol", { class: "bars" }, ...rows.map((row) => row.item));

function welcome() {
  const named = model.classes.slice(0, NAMED), more = model.classes.length - named.length;
  return make("div", { class: "welcome" },
    make("p", {}, "Draw, drop an image, or choose one: the answer comes at once."),
    note(`The network tells ${counted(model.classes.length, "class", "classes")} apart:`),
    make("ul", { class: "names" }, ...named.map((name, cls) => make("li", {}, make("bdi", {}, name || `#${cls}`))),
      ...more > 0 ? [make("li", {}, `and ${whole(more)} more`)] : []));
}

const welcomed = welcome(), told = make("div", { class: "told" }, bars, welcomed);
byId("answers").append(told, times);
if (model.several) {
  byId("answers").append(note("An image may have several of the classes: each probability stands by itself, and they need not "
    + "add up to 100%."));
}

const seenImage = pixelated(make("img", { alt: "", class: "look" }));
const seenFrame = make("div", { class: "frame" }, seenImage);
seenFrame.style.aspectRatio = `${model.width} / ${model.height}`;
byId("seen").append(seenFrame, note(`What the network sees: ${model.preprocess}`));

/* Rows stay where they are: what is filled in anew neither flickers nor loses the focus. */
function fillRow(row, answer) {
  row.item.hidden = !answer;
  if (!answer) return;
  row.class = answer.class;
  row.what.textContent = nameOf(answer);
  row.number.textContent = percent(answer.probability);
  row.bar.style.width = `${100 * Math.min(Math.max(answer.probability, 0), 1)}%`;
  row.body.title = model.hasMaps ? `Why ${nameOf(answer)}?` : nameOf(answer);
}

on("answers", () => {
  told.classList.toggle("empty", !answered);
  byId("answers").classList.remove("stale");
  seenImage.hidden = !answered;
  if (!answered) {
    times.textContent = "";
    return;
  }
  rows.forEach((row, i) => fillRow(row, answered.answers[i]));
  const { image, network } = answered.milliseconds;
  times.textContent = `${lasting(network)} in the network, ${lasting(image)} to read the image, `
    + `${lasting(answered.took)} in all.`;
  seenImage.src = answered.seen;
  seenImage.alt = `What the network sees, ${answered.width} × ${answered.height} pixels`;
});

/* Answers on what was looked at before stay until there are others, and look like it. */
on("subject", () => {
  byId("answers").classList.toggle("stale", subject !== null && answered !== null);
  if (subject && !answered) times.textContent = "Asking the network …";
});

on("settled", () => {
  const [first] = answered.answers;
  if (first) say(`${nameOf(first)}, ${percent(first.probability)}`);
});
