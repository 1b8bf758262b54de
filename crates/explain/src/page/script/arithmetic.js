
/* The arithmetic of the chosen cell, as a reader checks it. */

const SHOWN_TERMS = 8, WIDEST_GRID = 11;
const arithmetic = make("div", { class: "arithmetic" });

const cellName = (node, [row, column]) => mapOf(node) ? `channel ${state.channel}, row ${row}, column ${column}`
  : `value ${channelName(node, state.channel)}`;

/* Where an input of a term lies: of a vector that was a map, in the map. */
function placeOf(node, term) {
  const read = nodes.get(node.inputs[0]), holder = holderOf(imageNow(), node.inputs[0]);
  if (mapOf(read)) return [term.channel, term.row, term.column];
  if (!holder || !mapOf(holder) || holder.op === "Input") return [term.channel];
  const [, height, width] = holder.shape, area = height * width;
  return area > 1 ? [Math.floor(term.channel / area), Math.floor(term.channel % area / width), term.channel % width]
    : [term.channel];
}

function line(name, ...numbers) {
  return make("tr", {}, make("th", { scope: "row" }, name), ...numbers.map((number) => make("td", {}, number)));
}

function termsTable(node, found) {
  const sorted = found.others === undefined
    ? [...found.terms].sort((a, b) => Math.abs(b.input * b.weight) - Math.abs(a.input * a.weight)) : found.terms;
  const top = sorted.slice(0, SHOWN_TERMS), others = sorted.slice(SHOWN_TERMS);
  const count = others.length + (found.others ?? 0);
  const rest = others.reduce((sum, term) => sum + term.input * term.weight, 0) + (found.rest ?? 0);
  const places = top.map((term) => placeOf(node, term)), map = places[0]?.length === 3;
  const heads = [...map ? ["channel", "row", "column"] : ["value"], "input", "weight", "product"];
  const most = Math.max(...top.map((term) => Math.abs(term.input * term.weight)), 0);
  const table = make("table", { class: "terms" }, make("caption", {}, "The largest products"),
    make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))));
  const body = make("tbody");
  top.forEach((term, i) => {
    const product = term.input * term.weight, cell = tinted("td", product, most * 1.6, { class: "product" });
    cell.append(exact(product, "product"));
    body.append(make("tr", {}, ...places[i].map((at) => make("td", { class: "place" }, String(at))),
      make("td", {}, shown(term.input)), make("td", {}, `× ${shown(term.weight)}`), cell));
  });
  const foot = make("tfoot"), span = heads.length - 1;
  const total = (name, value, attributes = {}) => foot.append(make("tr", attributes,
    make("th", { scope: "row", colspan: span }, name), make("td", {}, value)));
  if (count > 0) total(`${counted(count, "other product")}, together`, exact(rest));
  if (found.kind !== "average") total("bias", exact(found.bias));
  total("sum", exact(found.sum, "sum"), { class: "total" });
  table.append(body, foot);
  return table;
}

/* The places of a window; what lies in the border is null. */
function gridTable(window, grid, title, winner = -1) {
  const [high, wide] = window.kernel;
  if (Math.max(high, wide) > WIDEST_GRID) return "";
  const most = Math.max(...grid.map((value) => Math.abs(value ?? 0)));
  const body = make("tbody");
  for (let y = 0; y < high; y++) {
    const row = make("tr");
    for (let x = 0; x < wide; x++) {
      const value = grid[y * wide + x];
      const cell = value === null ? make("td", { class: "outside", title: "in the border" }, "·")
        : tinted("td", value, most * 1.3, { class: winner === y * wide + x ? "winner" : null });
      if (value !== null) cell.append(value.toFixed(2).replace("-", "−").replace(/^−(0\.00)$/, "$1"));
      row.append(cell);
    }
    body.append(row);
  }
  return make("table", { class: wide > 5 ? "grid fine" : "grid" }, make("caption", {}, title), body);
}

/* What one input channel adds: its window, times the weights, is the products. */
function oneChannel(window, found) {
  const holder = make("div", { class: "one" });
  const strongest = found.terms.reduce((best, term) =>
    Math.abs(term.input * term.weight) > Math.abs(best.input * best.weight) ? term : best);
  const show = (channel) => {
    const grids = [0, 1, 2].map(() => new Array(window.kernel[0] * window.kernel[1]).fill(null));
    for (const { place, input, weight } of found.terms.filter((term) => term.channel === channel)) {
      [input, weight, input * weight].forEach((value, i) => { grids[i][place] = value; });
    }
    const sum = grids[2].reduce((total, value) => total + (value ?? 0), 0);
    holder.replaceChildren(gridTable(window, grids[0], "Input"), make("span", {}, "×"), gridTable(window, grids[1], "Weights"),
      make("span", {}, "="), gridTable(window, grids[2], `Products, together ${shown(sum)}`));
  };
  const options = Array.from({ length: found.channels }, (_, i) => [String(found.first + i), String(found.first + i)]);
  show(strongest.channel);
  return make("div", {}, make("div", { class: "controls" }, labelled("One input channel",
    selectOf(options, String(strongest.channel), (value) => show(Number(value))))), holder);
}

/* A sentence or a table or two, by the kind of layer. */
function explained(node, found) {
  const { window } = node;
  switch (found.kind) {
    case "conv": {
      const title = found.channels === 1 ? "Products at the places of the window"
        : `Sums over the ${found.channels} input channels, at each place of the window`;
      return [make("div", { class: "tables" }, found.grid ? gridTable(window, found.grid, title) : "", termsTable(node, found)),
      found.channels > 1 ? oneChannel(window, found) : ""];
    }
    case "linear": return [make("div", { class: "tables" }, termsTable(node, found))];
    case "max": {
      const [winner] = found.terms;
      return [make("p", {}, "The largest cell of the window wins: row ", String(winner.row), ", column ", String(winner.column),
        " of the input, with ", exact(winner.input, "sum"), "."),
      found.grid ? gridTable(window, found.grid, "The cells of the window", found.winner) : ""];
    }
    case "average": return [make("p", {}, `The mean of ${whole(found.count)} cells: `, exact(found.sum, "sum"), "."),
      found.grid ? gridTable(window, found.grid, "The cells of the window") : "",
      found.grid ? "" : make("div", { class: "tables" }, termsTable(node, found))];
    default: return [make("div", { class: "tables" }, termsTable(node, found))];
  }
}

function compared(found, value) {
  const off = Math.abs(found.sum - value);
  return make("p", { class: "engine" }, "The network computed ", exact(value, "value"),
    off === 0 ? ", the same." : `; the ${found.kind === "max" ? "value" : "sum"} here is off by ${shown(off)}.`);
}

/* A layer that computes each value from the values at the same place. */
function elementwise(node, value) {
  const [row, column] = state.cell, image = imageNow();
  const read = node.inputs.flatMap((id) => {
    const from = nodes.get(id), all = from && valuesOf(image, id);
    if (!all || times(from.shape) !== times(node.shape)) return [];
    return [[from, all[placeIn(from, state.channel, row, column)]]];
  });
  if (read.length === 0) return [make("p", {}, "Its value is ", exact(value, "value"), ".")];
  if (node.op === "ReLU") {
    return [make("p", { class: "formula" }, `max(0, x) = max(0, ${shown(read[0][1])}) = `, exact(value, "value"))];
  }
  if (node.op === "Softmax" && !mapOf(node)) {
    const all = valuesOf(image, node.inputs[0]), largest = all.reduce((most, x) => Math.max(most, x), -Infinity);
    const total = all.reduce((sum, x) => sum + Math.exp(x - largest), 0);
    return [make("p", { class: "formula" }, `exp(${shown(read[0][1])}) divided by the sum of all ${whole(all.length)}: `,
      exact(Math.exp(read[0][1] - largest) / total, "sum")), make("p", { class: "engine" }, "The network computed ",
      exact(value, "value"), ".")];
  }
  if (node.op === "Add" && read.length === node.inputs.length) {
    const terms = read.map(([, one]) => one < 0 ? `(${shown(one)})` : shown(one)).join(" + ");
    return [make("p", { class: "formula" }, `${terms} = `, exact(value, "value")),
      make("p", { class: "note" }, `from ${read.map(([from]) => nodeName(from)).join(" and ")}`)];
  }
  return [make("table", { class: "terms" }, make("tbody", {},
    ...read.map(([from, one]) => line(`from ${nodeName(from)}`, exact(one))), line("value", exact(value, "value"))))];
}

function absent(node) {
  const known = knownCells(), parts = [];
  if (plane && node.op !== "Input") {
    parts.push(make("p", {}, "Its value is about ", shown(valueIn(plane, node, ...state.cell)), "."));
  }
  const told = known.length > 0 ? "Its arithmetic is not in this page; that of the marked cells is."
    : node.window ? "The arithmetic of this layer is not in this page." : "";
  if (told) parts.push(make("p", { class: "note" }, told));
  return parts;
}

function knownButtons(node) {
  const known = knownCells();
  if (known.length === 0 || valuesOf(imageNow(), node.id)) return [];
  const place = (cell) => mapOf(node) ? `${cell.channel}: ${cell.row}, ${cell.column}` : channelName(node, cell.channel);
  const all = known.map((cell) => button(place(cell), () => {
    const moved = cell.channel !== state.channel;
    state.channel = cell.channel;
    state.cell = [cell.row, cell.column];
    changed(moved ? "channel" : "cell");
    arithmetic.querySelector('.known [aria-pressed="true"]')?.focus();
  }, { "aria-pressed": String(isChosen(cell)) }));
  return [make("div", { class: "known", role: "group", "aria-label": "Cells with their arithmetic" },
    make("span", { class: "note" },
      mapOf(node) ? "Cells with their arithmetic (channel: row, column):" : "Values with their arithmetic:"),
    ...all)];
}

const isChosen = (cell) =>
  cell.channel === state.channel && cell.row === state.cell?.[0] && cell.column === state.cell?.[1];

function showArithmetic() {
  const node = nodeNow(), image = imageNow();
  arithmetic.hidden = !layerNow() || !state.cell;
  if (arithmetic.hidden) return;
  const [row, column] = state.cell, all = valuesOf(image, node.id), known = knownCells().find(isChosen);
  const computed = all && sumOf(image, node, state.channel, row, column);
  const value = all ? all[placeIn(node, state.channel, row, column)] : known?.value;
  const found = computed || (known && sumOfKnown(node, known));
  const parts = found ? [...explained(node, found), compared(found, value)]
    : node.op === "Input" && all
      ? [make("p", {}, "A pixel as the network reads it, after normalization: ", exact(value, "value"), ".")]
      : all ? elementwise(node, value) : absent(node);
  arithmetic.replaceChildren(make("h3", {}, `How ${cellName(node, state.cell)} came about`), ...knownButtons(node), ...parts);
  // Which cell this is, for whoever checks the page.
  arithmetic.dataset.at = [node.id, state.channel, row, column].join(" ");
  arithmetic.dataset.kind = found ? found.kind : all ? "value" : "absent";
}

on("cell", showArithmetic);
