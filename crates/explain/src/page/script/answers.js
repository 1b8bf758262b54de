
/* The photo, on which the receptive field of the chosen cell lights up, and what the network says of it. */

/* What a cell sees: the part inside the image, and how far it reaches beyond, as pixels. */
function fieldOf(node, row, column) {
  const [, height, width] = page.network.input, { field } = node;
  if (!field) return null;
  if (field.whole) return { top: 0, left: 0, height, width, beyond: 0, whole: true, size: [height, width] };
  const axis = (i, cell, length) => {
    const from = field.start[i] + cell * field.stride[i], to = from + field.size[i];
    const least = Math.min(Math.max(from, 0), length), most = Math.min(Math.max(to, 0), length);
    return [least, most - least, Math.max(-from, to - length, 0)];
  };
  const [top, high, above] = axis(0, row, height), [left, wide, aside] = axis(1, column, width);
  return { top, left, height: high, width: wide, beyond: Math.max(above, aside), whole: false, size: field.size };
}

function describeField(node, row, column) {
  const field = fieldOf(node, row, column);
  if (!field) return "It depends on the whole image.";
  if (field.whole) return "It sees the whole image.";
  const pixels = (from, length) => `${Math.floor(from)} to ${Math.ceil(from + length) - 1}`;
  const border = field.beyond > 0
    ? ` It reaches ${counted(Math.ceil(field.beyond), "pixel")} into the border, where there is nothing.` : "";
  return `It sees ${field.size.map(whole).join(" × ")} pixels: rows ${pixels(field.top, field.height)}, columns `
    + `${pixels(field.left, field.width)}.${border}`;
}

/* Photos with fewer columns than this show their pixels. */
const COARSE = 128;

const photos = [];

/* A frame of the shape of the network's images. */
function imageFrame(...children) {
  const [, height, width] = page.network.input;
  const frame = make("div", { class: width < COARSE ? "frame coarse" : "frame" }, ...children);
  frame.style.aspectRatio = `${width} / ${height}`;
  return frame;
}

/* Moves a light to a field; where a cell sees the whole image, there is none. */
function putLight(light, field) {
  const [, height, width] = page.network.input;
  light.hidden = !field || field.whole;
  if (light.hidden) return;
  light.style.left = `${100 * field.left / width}%`;
  light.style.top = `${100 * field.top / height}%`;
  light.style.width = `${100 * field.width / width}%`;
  light.style.height = `${100 * field.height / height}%`;
}

function lightOf(field) {
  const light = make("div", { class: "field" });
  putLight(light, field);
  return light;
}

/* A photo with a light that `lightFields` moves. */
function photoFrame() {
  const image = make("img", { alt: "", class: "photo" }), light = lightOf(null);
  photos.push({ image, light });
  return imageFrame(image, light);
}

function lightFields() {
  const node = nodeNow(), field = state.cell && node ? fieldOf(node, ...state.cell) : null;
  for (const { light } of photos) putLight(light, field);
}

on("cell", lightFields);
on("image", () => {
  for (const { image } of photos) {
    image.src = imageNow().photo;
    image.alt = `What the network sees of ${imageNow().name}`;
  }
});

const bars = make("ol", { class: "bars" }), sentence = make("p", { class: "sentence" });
byId("answers").append(make("div", { class: "beside" },
  make("figure", { class: "side" }, photoFrame(), make("figcaption", {},
    "What the network sees. The frame is what the chosen cell sees of it.")),
  make("div", {}, sentence, bars)));

const heatsOf = (image, cls) => image.heats.filter((heat) => heat.class === cls);

function showAnswers() {
  settle();
  const image = imageNow(), [first] = image.answers;
  sentence.replaceChildren(make("strong", {}, first.name), ` with a probability of ${percent(first.probability)}.`);
  bars.replaceChildren(...image.answers.map((answer) => {
    const bar = make("span", { class: "bar" });
    bar.style.width = `${100 * answer.probability}%`;
    const row = [make("span", { class: "what" }, answer.name), make("span", { class: "track" }, bar),
      make("span", { class: "number", title: `logit ${shown(answer.logit)}` }, percent(answer.probability))];
    if (heatsOf(image, answer.class).length === 0) return make("li", {}, make("div", { class: "answer" }, ...row));
    const choose = button("", () => chooseClass(answer.class),
      { class: "answer", "aria-pressed": String(why.first === answer.class), title: `Why ${answer.name}?` });
    choose.append(...row);
    return make("li", {}, choose);
  }));
}

on("image", showAnswers);
