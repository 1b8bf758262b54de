
/* How a cell is computed from the numbers of the page, in double precision. */

/* The places of a window along an axis that lie inside the input: [place in the window, place in the input]. */
function insideOf(window, axis, cell, length) {
  const places = [];
  for (let k = 0; k < window.kernel[axis]; k++) {
    const at = cell * window.stride[axis] - window.padding[axis] + k * window.dilation[axis];
    if (at >= 0 && at < length) places.push([k, at]);
  }
  return places;
}

/* How many cells of an average's window count along an axis: the border's, as far as the padding goes. */
function countedOf(window, axis, cell, length) {
  if (!window.counts_border) return insideOf(window, axis, cell, length).length;
  const from = cell * window.stride[axis] - window.padding[axis];
  return Math.min(from + window.kernel[axis], length + window.padding[axis]) - from;
}

/* What a cell is made of, or null if the page lacks the numbers: its terms, its bias, `grid` with the sums or values at the
   places of the window (null in the border). */
function sumOf(image, node, channel, row, column) {
  const { window } = node, read = window && valuesOf(image, node.inputs[0]);
  if (!read) return null;
  if (window.kind === "max" || window.kind === "average") return pooled(read, node, channel, row, column);
  if (!node.weight) return null;
  const weight = kept(`weight ${node.id}`, () => floats(node.weight));
  const bias = kept(`bias ${node.id}`, () => floats(node.bias))[channel];
  return window.kind === "linear" ? product(read, weight, bias, node, channel)
    : convolved(read, weight, bias, node, channel, row, column);
}

const summed = (terms, bias) => terms.reduce((sum, term) => sum + term.input * term.weight, 0) + bias;

function product(read, weight, bias, node, channel) {
  const count = weight.length / node.shape[0];
  if (count !== read.length) return null;
  const terms = Array.from(read, (input, i) => ({ channel: i, row: 0, column: 0, input, weight: weight[channel * count + i] }));
  return { kind: "linear", terms, bias, sum: summed(terms, bias) };
}

function convolved(read, weight, bias, node, channel, row, column) {
  const { window } = node, [inputs, height, width] = nodes.get(node.inputs[0]).shape, [high, wide] = window.kernel;
  const group = inputs / window.groups, first = Math.floor(channel / (node.shape[0] / window.groups)) * group;
  const rows = insideOf(window, 0, row, height), columns = insideOf(window, 1, column, width);
  const terms = [], grid = new Array(high * wide).fill(null);
  for (let i = 0; i < group; i++) {
    for (const [y, atRow] of rows) {
      for (const [x, atColumn] of columns) {
        const input = read[((first + i) * height + atRow) * width + atColumn];
        const by = weight[((channel * group + i) * high + y) * wide + x];
        terms.push({ channel: first + i, row: atRow, column: atColumn, input, weight: by, place: y * wide + x });
        grid[y * wide + x] = (grid[y * wide + x] ?? 0) + input * by;
      }
    }
  }
  return { kind: "conv", terms, bias, sum: summed(terms, bias), grid, first, channels: group };
}

function pooled(read, node, channel, row, column) {
  const { window } = node, [, height, width] = nodes.get(node.inputs[0]).shape, [high, wide] = window.kernel;
  const terms = [], grid = new Array(high * wide).fill(null);
  for (const [y, atRow] of insideOf(window, 0, row, height)) {
    for (const [x, atColumn] of insideOf(window, 1, column, width)) {
      const input = read[(channel * height + atRow) * width + atColumn];
      terms.push({ channel, row: atRow, column: atColumn, input, weight: 1, place: y * wide + x });
      grid[y * wide + x] = input;
    }
  }
  if (window.kind === "max") {
    const winner = terms.reduce((best, term) => term.input > best.input ? term : best);
    return { kind: "max", terms: [winner], bias: 0, sum: winner.input, grid, winner: winner.place };
  }
  const count = countedOf(window, 0, row, height) * countedOf(window, 1, column, width);
  for (const term of terms) term.weight = 1 / count;
  return { kind: "average", terms, bias: 0, sum: summed(terms, 0), grid, count };
}

/* The same of a cell that came with the page: its largest terms, and the sum of the others. */
function sumOfKnown(node, cell) {
  const { terms, others, rest, bias, sum } = cell, kind = node.window?.kind ?? "other";
  return { kind, terms, others, rest, bias, sum, count: kind === "average" ? Math.round(1 / terms[0]?.weight) : undefined };
}
