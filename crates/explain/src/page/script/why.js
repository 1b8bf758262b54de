
/* Why: heat maps over the photo, for one class or for two side by side. */

const METHODS = {
  gradcam: ["Grad-CAM", "Where the layer's channels that speak for the class were active."],
  layercam: ["LayerCAM", "Like Grad-CAM, but each place of a channel has a weight of its own."],
  integrated: ["Integrated gradients",
    "What each pixel adds to the class (red) or takes from it (blue), from a blank image to this one."],
  occlusion: ["Occlusion", "How much the class loses when a patch is covered there (red), or gains (blue)."],
};

const why = { first: null, second: null, alone: false, method: null, layer: null, strength: 60 };
const controls = make("div", { class: "controls" }), heats = make("div", { class: "heats" });
const about = make("p", { class: "note" });
byId("why").append(controls, about, heats);

const classesOf = (image) => image.answers.filter((answer) => heatsOf(image, answer.class).length > 0);

function chooseClass(cls) {
  why.first = cls;
  showAnswers();
  showWhy();
}

function settle() {
  const image = imageNow(), classes = classesOf(image).map((answer) => answer.class);
  if (!classes.includes(why.first)) why.first = classes[0] ?? null;
  if (why.alone) why.second = null;
  else if (!classes.includes(why.second) || why.second === why.first) {
    why.second = classes.find((cls) => cls !== why.first) ?? null;
  }
  const methods = Object.keys(METHODS).filter((method) => image.heats.some((heat) => heat.method === method));
  if (!methods.includes(why.method)) why.method = methods[0];
  const layers = [...new Set(image.heats.filter((heat) => heat.method === why.method && heat.layer !== null)
    .map((heat) => heat.layer))].sort((a, b) => b - a);
  if (!layers.includes(why.layer)) why.layer = layers[0] ?? null;
  return { classes: classesOf(image), methods, layers };
}

const set = (name, read) => (value) => {
  why[name] = read(value);
  if (name === "second") why.alone = why.second === null;
  showAnswers();
  showWhy();
  byId(`why-${name}`)?.focus();
};

function showWhy() {
  const { classes, methods, layers } = settle();
  byId("why").hidden = classes.length === 0;
  if (classes.length === 0) return;
  const names = classes.map((answer) => [String(answer.class), `${answer.name} (${percent(answer.probability)})`]);
  const number = (value) => value === "" ? null : Number(value);
  const strength = make("input", { type: "range", min: 0, max: 100, value: why.strength, id: "why-strength" });
  strength.addEventListener("input", () => {
    why.strength = Number(strength.value);
    heats.style.setProperty("--strength", why.strength / 100);
  });
  controls.replaceChildren(
    labelled("Class", selectOf(names, String(why.first), set("first", number), { id: "why-first" })),
    labelled("Beside it", selectOf([["", "no other"], ...names.filter(([value]) => Number(value) !== why.first)],
      String(why.second ?? ""), set("second", number), { id: "why-second" })),
    labelled("Method", selectOf(methods.map((method) => [method, METHODS[method][0]]), why.method, set("method", String),
      { id: "why-method" })),
    ...layers.length > 1 ? [labelled("Layer", selectOf(layers.map((id) => [String(id), nodeName(nodes.get(id))]),
      String(why.layer), set("layer", Number), { id: "why-layer" }))] : [],
    labelled("Strength", strength));
  about.textContent = METHODS[why.method][1];
  heats.style.setProperty("--strength", why.strength / 100);
  heats.replaceChildren(...[why.first, why.second].filter((cls) => cls !== null).map(heatFigure));
}

function heatFigure(cls) {
  const image = imageNow(), answer = image.answers.find((one) => one.class === cls);
  const heat = image.heats.find((one) =>
    one.class === cls && one.method === why.method && (one.layer === null || one.layer === why.layer));
  const caption = make("figcaption", {}, make("strong", {}, answer.name), ` ${percent(answer.probability)}`);
  const frame = imageFrame(make("img", { src: image.photo, alt: "", class: "photo grey" }));
  if (heat) {
    const levels = kept(heat, () => bytes(heat.levels)), table = heat.signed ? SIGNED : VIRIDIS;
    const canvas = make("canvas", {
      role: "img", "aria-label": `${METHODS[heat.method][0]} for ${answer.name} over the photo`,
    });
    // Where a signed map says nothing, the photo is seen.
    const opacity = (share) => heat.signed ? 255 * Math.min(1, 0.12 + Math.abs(share - 0.5) * 3.2) : 255;
    const share = (i) => heat.signed ? (levels[i] - 128) / 254 + 0.5 : levels[i] / 255;
    fill(canvas, heat.width, heat.height, table, share, opacity);
    frame.append(canvas);
    caption.append(make("br"), scaleBar(table, heat.least, heat.most));
  } else {
    caption.append(make("br"), "This map is not in the page.");
  }
  return make("figure", {}, frame, caption);
}

on("image", showWhy);
