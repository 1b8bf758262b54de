
/* The weights of a layer; those of a normalization are the scales of its channels. */

const weightsName = ({ weak }) => weak ? "scales" : "weights";

function weightFacts(list, weights) {
  const { mean, deviation, zeros, weak, count } = weights;
  fact(list, weightsName(weights), `mean ${shown(mean)}, deviation ${shown(deviation)}, ${percent(zeros)}\u00a0zeros`);
  if (!weak || weak.count === 0) return;
  const { channels, limit } = weak, more = weak.count - channels.length;
  fact(list, "scales near 0", `${whole(weak.count)} of ${whole(count)} ${weak.count === 1 ? "is" : "are"} within ${limit}: `
    + `${weak.count === 1 ? "channel" : "channels"} ${channels.join(", ")}${more > 0 ? ` and ${whole(more)} more` : ""}`);
}

/* The layers whose scales switch channels off. */
function weakNote() {
  const scaled = page.weights.filter((one) => one.weak), weak = scaled.filter((one) => one.weak.count > 0);
  if (scaled.length === 0) return "";
  const { limit } = scaled[0].weak, count = weak.reduce((sum, one) => sum + one.weak.count, 0);
  if (count === 0) return make("p", { class: "note" }, `No scale of a normalization is within ${limit} of 0.`);
  const layers = weak.flatMap((one, i) =>
    [i > 0 ? ", " : "", layerButton(nodes.get(one.node)), ` (${whole(one.weak.count)} of ${whole(one.count)})`]);
  return make("p", { class: "note" }, `${counted(count, "scale")} of a normalization ${count === 1 ? "is" : "are"} within `
    + `${limit} of 0, which switches a channel off: `, ...layers, ".");
}
