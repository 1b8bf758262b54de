// What a user sees of a network at work on an image. This part: data, state, elements, numbers, colours.

const page = JSON.parse(document.getElementById("page").textContent);
const nodes = new Map(page.nodes.map((node) => [node.id, node]));

/* What is chosen. A part of the page listens to what it shows, and says what it changed. */

const state = { image: 0, layer: null, channel: 0, cell: null };
const listeners = { image: [], layer: [], channel: [], cell: [] };

const on = (what, listener) => listeners[what].push(listener);
const changed = (what) => listeners[what].forEach((listener) => listener());

const imageNow = () => page.images[state.image];
const nodeNow = () => nodes.get(state.layer);
const layerNow = () => imageNow().layers[state.layer];

/* Elements of this page. */

function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/* A choice in a list: [value, text] pairs. */
function selectOf(options, chosen, action, attributes = {}) {
  const element = make("select", attributes);
  for (const [value, text] of options) element.append(make("option", { value, selected: value === chosen }, text));
  element.addEventListener("change", () => action(element.value));
  return element;
}

const labelled = (text, control) => make("label", {}, make("span", {}, text), control);

/* Numbers. */

function shown(value) {
  if (!Number.isFinite(value)) return value === null ? "not finite" : String(value);
  const size = Math.abs(value);
  const text = size === 0 ? "0" : size >= 1e6 || size < 5e-4 ? size.toExponential(2).replace("e+", "e").replace("e-", "e−")
    : size >= 1000 ? size.toFixed(1) : size.toFixed(4);
  return value < 0 ? `−${text}` : text;
}

const whole = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");
const times = (numbers) => numbers.map(whole).join("×");
const percent = (share) => share > 0 && share < 0.0005 ? "< 0.1\u00a0%" : `${(100 * share).toFixed(1)}\u00a0%`;
const counted = (count, one, several = `${one}s`) => `${whole(count)} ${count === 1 ? one : several}`;

/* A number that is read as text by people, and to the last digit by programs. */
const exact = (value, role) => make("data", { value, "data-role": role ?? null }, shown(value));

/* Bytes, decoded when they are first asked for. */

const decoded = new Map();

function kept(key, give) {
  if (!decoded.has(key)) decoded.set(key, give());
  return decoded.get(key);
}

const bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
const floats = (base64) => new Float32Array(bytes(base64).buffer);

function picture(uri) {
  return kept(uri, async () => {
    const image = new Image();
    image.src = uri;
    await image.decode();
    return image;
  });
}

const elements = (node) => node.shape.reduce((product, length) => product * length, 1);

/* The layer whose numbers are those of `id`: layers that only change a shape or pass on have none of their own. */
function holderOf(image, id) {
  let node = nodes.get(id);
  while (node && !image.layers[node.id]) {
    const before = node.inputs.length === 1 ? nodes.get(node.inputs[0]) : null;
    node = before && elements(before) === elements(node) ? before : null;
  }
  return node ?? null;
}

/* All values of a layer for an image, or null. */
function valuesOf(image, id) {
  const holder = holderOf(image, id);
  const values = holder && image.layers[holder.id].values;
  return values ? kept(image.layers[holder.id], () => floats(values)) : null;
}

/* Maps of one cell are looked at as a vector. */
const mapOf = (node) => node.shape.length === 3 && node.shape[1] * node.shape[2] > 1;
const sizeOf = (node) => mapOf(node) ? node.shape.slice(1) : [1, 1];
const placeIn = (node, channel, row, column) =>
  mapOf(node) ? (channel * node.shape[1] + row) * node.shape[2] + column : channel;

/* The layers whose channels are classes: the last ones, back to the Linear layer that tells them apart. */
const telling = new Set();
for (const node of [...page.nodes].reverse()) {
  if (node.shape[0] !== page.network.classes.length) break;
  telling.add(node.id);
  if (node.op === "Linear") break;
}

/* What a channel is called: a class, or its number. */
const channelName = (node, channel) =>
  telling.has(node.id) ? `${channel} (${page.network.classes[channel]})` : String(channel);

const nodeName = (node) => node.path || node.op;

/* Colours. */

const VIRIDIS = [[68, 1, 84], [71, 44, 122], [59, 81, 139], [44, 113, 142], [33, 144, 141], [39, 173, 129], [92, 200, 99],
  [170, 220, 50], [253, 231, 37]];
const SIGNED = [[33, 84, 160], [99, 160, 208], [200, 222, 238], [247, 247, 247], [250, 208, 188], [228, 120, 96],
  [170, 24, 43]];

function colourOf(table, share) {
  const at = Math.min(Math.max(share || 0, 0), 1) * (table.length - 1), below = Math.min(Math.floor(at), table.length - 2);
  return table[below].map((level, i) => Math.round(level + (table[below + 1][i] - level) * (at - below)));
}

const signedShare = (value, most) => most > 0 ? 0.5 + value / most / 2 : 0.5;

/* A cell of a table in the colour of its value, with letters that can be read on it. */
function tinted(tag, value, most, attributes = {}) {
  const [red, green, blue] = colourOf(SIGNED, signedShare(value, most));
  const cell = make(tag, attributes);
  cell.style.background = `rgb(${red} ${green} ${blue})`;
  cell.style.color = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 115 ? "#1c2530" : "#ffffff";
  return cell;
}

/* Fills a canvas: `share` gives a pixel's place in the colours, from 0 to 1. */
function fill(canvas, width, height, table, share, opacity = () => 255) {
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d"), pixels = context.createImageData(width, height);
  const steps = kept(table, () => Array.from({ length: 256 }, (_, i) => colourOf(table, i / 255)));
  for (let i = 0; i < width * height; i++) {
    const at = share(i);
    pixels.data.set(steps[Math.round(255 * Math.min(Math.max(at || 0, 0), 1))], 4 * i);
    pixels.data[4 * i + 3] = opacity(at);
  }
  context.putImageData(pixels, 0, 0);
}

/* Draws the tile at a place of a sheet of tiles of one size, `columns` in a row. */
function drawTile(canvas, image, { columns, height, width }, place) {
  canvas.width = width;
  canvas.height = height;
  canvas.getContext("2d").drawImage(image, place % columns * width, Math.floor(place / columns) * height, width, height,
    0, 0, width, height);
}

/* What the colours stand for. */
function scaleBar(table, least, most) {
  const bar = make("span", { class: "ramp" });
  bar.style.background = `linear-gradient(90deg, ${table.map((colour) => `rgb(${colour.join(" ")})`).join(", ")})`;
  return make("span", { class: "scale" }, shown(least), bar, shown(most));
}

/* A small bar chart of counts. */
function histogram(counts, least, most, title) {
  const highest = Math.max(...counts, 1), step = 100 / counts.length;
  const bars = counts.map((count, i) => {
    const height = count ? Math.max(30 * count / highest, 0.6) : 0;
    return makeSvg("rect", { x: i * step, y: 30 - height, width: step * 0.86, height });
  });
  const svg = makeSvg("svg", { class: "histogram", viewBox: "0 0 100 30", preserveAspectRatio: "none", role: "img" },
    makeSvg("title", {}, `${title}, from ${shown(least)} to ${shown(most)}`), ...bars);
  if (least < 0 && most > 0) {
    const zero = -least / (most - least) * 100;
    svg.append(makeSvg("path", { d: `M${zero} 0V30`, class: "zero" }));
  }
  return svg;
}

/* The same with its ends and what it counts below it. */
function histogramFigure({ histogram: counts, least, most }, text, title) {
  return make("figure", {}, histogram(counts, least, most, title), make("figcaption", { class: "ends" },
    make("span", {}, shown(least)), make("span", {}, text), make("span", {}, shown(most))));
}
