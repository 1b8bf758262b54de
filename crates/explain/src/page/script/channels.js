
/* The channels of a layer, and the chosen one as a large map of cells. */

/* The grey levels of a picture. */
async function levelsOf(uri) {
  const image = await picture(uri);
  const canvas = make("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(image, 0, 0);
  const { data, width } = context.getImageData(0, 0, canvas.width, canvas.height);
  return { width, levels: Uint8Array.from({ length: data.length / 4 }, (_, i) => data[4 * i]) };
}

/* A channel of the strip as values, which are no finer than its grey levels. */
async function tileOf(layer, place) {
  const { width, levels } = await kept(`levels ${layer.strip}`, () => levelsOf(layer.strip));
  const { least, most } = layer.channels[place];
  const top = Math.floor(place / layer.columns) * layer.height, left = place % layer.columns * layer.width;
  const values = new Float32Array(layer.height * layer.width);
  for (let i = 0; i < values.length; i++) {
    const level = levels[(top + Math.floor(i / layer.width)) * width + left + i % layer.width];
    values[i] = least + level / 255 * (most - least);
  }
  return { height: layer.height, width: layer.width, least, most, values, whole: false };
}

/* A channel as a plane of values; null if the page does not have it. */
async function planeOf(image, node, channel) {
  const layer = image.layers[node.id], all = valuesOf(image, node.id);
  if (!layer || !mapOf(node)) return null;
  if (!all) {
    const place = layer.channels.findIndex((one) => one.channel === channel);
    return layer.strip && place >= 0 ? tileOf(layer, place) : null;
  }
  const [height, width] = sizeOf(node), values = all.subarray(channel * height * width, (channel + 1) * height * width);
  let least = Infinity, most = -Infinity;
  for (const value of values) {
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return { height, width, least, most, values, whole: true };
}

function paintPlane(canvas, { height, width, least, most, values }) {
  const range = most > least ? most - least : 1;
  fill(canvas, width, height, VIRIDIS, (i) => (values[i] - least) / range);
}

/* The value at a cell of the layer, of which the plane may be a smaller picture. */
function valueIn(plane, node, row, column) {
  const [height, width] = sizeOf(node);
  return plane.values[Math.floor(row * plane.height / height) * plane.width + Math.floor(column * plane.width / width)];
}

const strip = make("div", { class: "strip", role: "listbox", "aria-label": "Channels, the most active first" });
const vector = make("ol", { class: "bars vector" });
const stripNote = make("p", { class: "note" });

const optionsOf = () => [...strip.children];
const columnsOf = (all) => Math.max(all.findIndex((one) => one.offsetTop > all[0].offsetTop), 1);
rove(strip, optionsOf, () => columnsOf(optionsOf()));

function showStrip() {
  const node = nodeNow(), layer = layerNow(), maps = Boolean(layer && mapOf(node) && layer.strip);
  strip.hidden = !maps;
  strip.classList.toggle("few", Boolean(maps && layer.channels.length <= 12));
  vector.hidden = !layer || maps;
  strip.replaceChildren();
  vector.replaceChildren();
  stripNote.textContent = !layer ? "This layer changes only a shape, or passes on what it reads. It has no numbers of its own."
    : layer.more > 0 ? `The ${maps ? "most active" : "largest"} ${layer.channels.length} of `
      + `${whole(layer.channels.length + layer.more)}.` : "";
  if (maps) showTiles(node, layer);
  else if (layer) showVector(node, layer);
  markChannel();
}

function showTiles(node, layer) {
  layer.channels.forEach(({ channel, mean, least, most }, place) => {
    const canvas = make("canvas"), option = make("div", {
      role: "option", "data-channel": channel, title: `mean ${shown(mean)}, from ${shown(least)} to ${shown(most)}`,
      "aria-label": `Channel ${channel}, mean ${shown(mean)}`,
    }, canvas, make("span", {}, String(channel)));
    option.style.setProperty("--shape", `${layer.width} / ${layer.height}`);
    option.addEventListener("click", () => chooseChannel(channel));
    tileOf(layer, place).then((plane) => paintPlane(canvas, plane));
    strip.append(option);
  });
}

function showVector(node, layer) {
  const most = Math.max(...layer.channels.map(({ mean }) => Math.abs(mean)), 0);
  for (const { channel, mean } of layer.channels) {
    const bar = make("span", { class: mean < 0 ? "bar below" : "bar" });
    bar.style.width = `${most > 0 ? 100 * Math.abs(mean) / most : 0}%`;
    const choose = button("", () => chooseChannel(channel), { class: "answer", "data-channel": channel });
    choose.append(make("span", { class: "what" }, channelName(node, channel)), make("span", { class: "track" }, bar),
      make("span", { class: "number" }, shown(mean)));
    vector.append(make("li", {}, choose));
  }
}

function markChannel() {
  const all = optionsOf();
  for (const option of all) option.setAttribute("aria-selected", String(Number(option.dataset.channel) === state.channel));
  reachable(all, all.findIndex((option) => option.getAttribute("aria-selected") === "true"));
  for (const choose of vector.querySelectorAll("button")) {
    choose.setAttribute("aria-pressed", String(Number(choose.dataset.channel) === state.channel));
  }
}

/* The large map. */

const map = make("canvas", { class: "map", tabindex: 0, role: "application" });
const marks = make("div", { class: "marks" }), cursor = make("div", { class: "cursor" });
const mapFrame = make("div", { class: "frame" }, map, marks, cursor), mapCaption = make("figcaption");
const mapFigure = make("figure", { class: "look" }, mapFrame, mapCaption);
const seenCaption = make("figcaption"), seenFigure = make("figure", { class: "look lit" }, photoFrame(), seenCaption);
let plane = null;

/* Cells of this layer whose arithmetic came with the page. */
const knownCells = () => imageNow().cells.filter((cell) => cell.node === state.layer);
const knownHere = () => knownCells().filter((cell) => cell.channel === state.channel);

function put(element, [row, column], [height, width]) {
  element.style.left = `${100 * column / width}%`;
  element.style.top = `${100 * row / height}%`;
  element.style.width = `${100 / width}%`;
  element.style.height = `${100 / height}%`;
}

async function showMap() {
  const node = nodeNow(), image = imageNow(), channel = state.channel;
  const found = await planeOf(image, node, channel);
  if (node !== nodeNow() || image !== imageNow() || channel !== state.channel) return;
  plane = found;
  mapFigure.hidden = !plane;
  if (plane) {
    const [height, width] = sizeOf(node);
    paintPlane(map, plane);
    mapFrame.style.aspectRatio = `${width} / ${height}`;
    map.setAttribute("aria-label", `Channel ${channel}: ${height} by ${width} cells. Arrow keys choose a cell.`);
    mapCaption.replaceChildren(make("strong", {}, `Channel ${channel}`), ` ${height} × ${width} cells`, make("br"),
      scaleBar(VIRIDIS, plane.least, plane.most));
    if (!plane.whole && plane.height < height) mapCaption.append(make("br"), `Shown at ${plane.height} × ${plane.width}.`);
    marks.replaceChildren(...knownHere().map((cell) => {
      const mark = make("div", { class: "known" });
      put(mark, [cell.row, cell.column], [height, width]);
      return mark;
    }));
  }
  if (!state.cell) {
    const at = plane ? plane.values.indexOf(plane.values.reduce((most, value) => Math.max(most, value), -Infinity)) : 0;
    const [height, width] = sizeOf(node);
    state.cell = plane ? [Math.floor(Math.floor(Math.max(at, 0) / plane.width) * height / plane.height),
      Math.floor(Math.max(at, 0) % plane.width * width / plane.width)] : [0, 0];
  }
  changed("cell");
}

function chooseCell(row, column) {
  const [height, width] = sizeOf(nodeNow());
  state.cell = [Math.min(Math.max(row, 0), height - 1), Math.min(Math.max(column, 0), width - 1)];
  changed("cell");
  const value = plane ? valueIn(plane, nodeNow(), ...state.cell) : null;
  say(`Row ${state.cell[0]}, column ${state.cell[1]}${value === null ? "" : `: ${shown(value)}`}`);
}

map.addEventListener("click", (event) => {
  const box = map.getBoundingClientRect(), [height, width] = sizeOf(nodeNow());
  chooseCell(Math.floor((event.clientY - box.top) / box.height * height),
    Math.floor((event.clientX - box.left) / box.width * width));
});

map.addEventListener("keydown", (event) => {
  const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
  if (!step || !state.cell) return;
  event.preventDefault();
  chooseCell(state.cell[0] + step[0], state.cell[1] + step[1]);
});

on("channel", markChannel);
on("channel", showMap);
on("cell", () => {
  if (!state.cell || !nodeNow()) return;
  put(cursor, state.cell, sizeOf(nodeNow()));
  seenFigure.hidden = !mapOf(nodeNow());
  seenCaption.replaceChildren(make("strong", {}, `Row ${state.cell[0]}, column ${state.cell[1]}.`), " ",
    describeField(nodeNow(), ...state.cell));
});
