
/* The panel of the chosen layer. */

const chooser = make("div", { class: "controls" }), head = make("div", { class: "head" });
const index = make("div", { class: "controls" });
byId("layer").append(chooser, head, make("h3", { id: "channels-title" }, "Channels"), stripNote, strip, vector, index,
  make("div", { class: "looks" }, mapFigure, seenFigure, reachFigure), exciting, arithmetic);

const order = page.nodes.map((node) => node.id);
const layers = selectOf(page.nodes.map((node) => [String(node.id), `${nodeName(node)}  ${node.op}  ${times(node.shape)}`]), "",
  (value) => chooseLayer(Number(value)), { id: "layer-choice" });
const step = (by) => () => {
  const at = order.indexOf(state.layer) + by;
  if (at >= 0 && at < order.length) chooseLayer(order[at]);
};
chooser.append(labelled("Layer", layers), button("← before", step(-1)), button("next →", step(1)));

function fact(list, name, ...value) {
  list.append(make("dt", {}, name), make("dd", {}, ...value));
}

function showHead() {
  const node = nodeNow(), list = make("dl");
  layers.value = String(node.id);
  head.replaceChildren(make("p", { class: "name" }, make("strong", {}, nodeName(node)), ` ${node.op}`));
  if (node.text) head.append(make("p", {}, make("code", {}, node.text)));
  fact(list, "gives", times(node.shape));
  const read = node.inputs.map((id) => nodes.get(id)).filter(Boolean);
  if (read.length > 0) fact(list, "reads", read.map((from) => `${nodeName(from)} (${times(from.shape)})`).join(", "));
  fact(list, "parameters", whole(node.parameters));
  if (node.field) {
    fact(list, "receptive field", node.field.whole ? "the whole image" : `${node.field.size.map(whole).join(" × ")} pixels`);
  }
  const told = net.figures[`n${node.id}`]?.rows.find(([name]) => name === "MACs");
  if (told) fact(list, "multiply-accumulates", told[1]);
  const activity = page.activity.find((one) => one.node === node.id);
  if (activity) {
    fact(list, "zeros", percent(activity.zeros));
    if (activity.dead > 0) fact(list, "dead channels", `${activity.dead} of ${activity.channels}`);
  }
  const weights = page.weights.find((one) => one.node === node.id && one.count > 0);
  if (weights) weightFacts(list, weights);
  const charts = make("div", { class: "charts" });
  if (activity) charts.append(histogramFigure(activity, "its values", `Values of ${nodeName(node)}`));
  if (weights) {
    const name = weightsName(weights);
    charts.append(histogramFigure(weights, `its ${name}`, `The ${name} of ${nodeName(node)}`));
  }
  head.append(make("div", { class: "facts" }, list, charts));
  byId("channels-title").textContent = !layerNow() || !mapOf(node) ? "Values" : "Channels, the most active first";
}

/* Of a vector whose values are all here, any can be looked at. */
function showIndex() {
  const node = nodeNow();
  index.hidden = mapOf(node) || !valuesOf(imageNow(), node.id) || !layerNow();
  if (index.hidden) return;
  const field = make("input", { type: "number", min: 0, max: node.shape[0] - 1, value: state.channel, id: "value-choice" });
  field.addEventListener("change", () => {
    const value = Math.min(Math.max(Math.round(Number(field.value)) || 0, 0), node.shape[0] - 1);
    field.value = value;
    chooseChannel(value);
  });
  // In a field, + and − are not for the drawing.
  field.addEventListener("keydown", (event) => event.stopPropagation());
  index.replaceChildren(labelled(`Any of the ${whole(node.shape[0])} values`, field));
}

/* Chooses a layer; with `same`, the channel and cell stay where the image changed and the page has them. */
function chooseLayer(id, same = false) {
  if (!nodes.has(id) || (id === state.layer && !same)) return;
  state.layer = id;
  const layer = layerNow(), listed = layer?.channels.map(({ channel }) => channel) ?? [];
  const [known] = valuesOf(imageNow(), id) ? [] : knownCells();
  if (!same || (!listed.includes(state.channel) && !valuesOf(imageNow(), id))) {
    state.channel = known ? known.channel : listed[0] ?? 0;
    state.cell = known ? [known.row, known.column] : null;
  }
  changed("layer");
  changed("channel");
}

function chooseChannel(channel) {
  if (channel === state.channel) return;
  state.channel = channel;
  changed("channel");
}

on("layer", showHead);
on("layer", showStrip);
on("layer", showIndex);
on("channel", showIndex);
