
/* The network: feature maps stand on the edges behind the layers that gave them. */

const THUMB = 46, ROW_THUMB = 21, ROW = 25, VECTOR = 9, GAP = 5;

const hasPicture = (id) => page.images.some((image) => image.layers[id]);
const rowsOf = (item) => [...item.svg.matchAll(/class="row[^"]*" data-n="(\d+)"/g)].map(([, id]) => Number(id));

/* The layer that gives what leaves a box. */
function lastOf(id) {
  const item = net.items[id];
  if (item.kind === "stack") return rowsOf(item).at(-1);
  const out = (item.level ?? item.all)?.nets.find((one) => one.out);
  return out?.tensors[0];
}

const shownBy = (id) => id === undefined ? undefined : holderOf(page.images[0], id)?.id;

/* The box that stands for a run of equal blocks shows what the last of them gives. */
const lastOfRun = new Map();
net.items.forEach((item, id) => {
  if (item.kind !== "run" || !item.single || !item.all) return;
  const blocks = item.all.ranks.flat().map((e) => item.all.entities[e]).filter(([kind]) => kind === "item");
  lastOfRun.set(item.first, [id, shownBy(lastOf(blocks.at(-1)[1]))]);
});

const spot = (x, y, width, height, id) =>
  `<g class="thumb" data-t="${id}" data-w="${width}" data-h="${height}" transform="translate(${num(x)} ${num(y)})"></g>`;

/* A box with a picture below it, so that the layout leaves room for both. */
function withPicture(item, own) {
  const rows = item.kind === "stack" ? rowsOf(item) : [];
  const beside = rows.slice(0, -1).filter((id) => hasPicture(id) && mapOf(nodes.get(id)));
  if (beside.length > 0) {
    const more = ROW_THUMB + 2 * GAP;
    const small = rows.map((id, i) => beside.includes(id)
      ? spot(more + item.width + GAP, i * ROW + (ROW - ROW_THUMB) / 2, ROW_THUMB, ROW_THUMB, id) : "");
    item.svg = `<g transform="translate(${more} 0)">${item.svg}</g>${small.join("")}`;
    item.width += 2 * more;
  }
  const flat = nodes.get(own).shape.length === 1, width = flat ? item.width - 24 : THUMB, height = flat ? VECTOR : THUMB;
  item.svg += `<path class="line" d="M${num(item.width / 2)} ${num(item.height)}v${GAP}"/>`
    + spot((item.width - width) / 2, item.height + GAP, width, height, "own");
  item.height += GAP + height;
  item.picture = own;
}

if (net.down) {
  net.items.forEach((item, id) => {
    if (!item.svg) return;
    const last = lastOf(id), own = item.kind === "stack" ? (hasPicture(last) ? last : undefined) : shownBy(last);
    if (own !== undefined && id !== net.root) withPicture(item, own);
  });
}

function pictureOf(thumb) {
  if (thumb.dataset.t !== "own") return Number(thumb.dataset.t);
  const id = Number(thumb.closest(".item").dataset.i), run = lastOfRun.get(id);
  return run && !net.open[run[0]] && run[1] !== undefined ? run[1] : net.items[id].picture;
}

function fillThumbs() {
  for (const thumb of drawing.querySelectorAll(".thumb")) {
    const id = pictureOf(thumb), node = nodes.get(id), layer = imageNow().layers[id];
    const size = { width: thumb.dataset.w, height: thumb.dataset.h };
    thumb.dataset.layer = id;
    thumb.replaceChildren(makeSvg("title", {}, `${nodeName(node)}: ${times(node.shape)}`));
    if (layer) {
      const preserveAspectRatio = node.shape.length === 1 ? "none" : "xMidYMid meet";
      thumb.append(makeSvg("image", { href: layer.thumb, ...size, preserveAspectRatio }));
    }
    thumb.append(makeSvg("rect", size));
  }
}

function markChosen() {
  for (const row of drawing.querySelectorAll(".row[data-n]")) {
    const chosen = Number(row.dataset.n) === state.layer;
    row.classList.toggle("chosen", chosen);
    row.setAttribute("role", "button");
    row.setAttribute("aria-pressed", String(chosen));
  }
  for (const thumb of drawing.querySelectorAll(".thumb")) {
    thumb.classList.toggle("chosen", Number(thumb.dataset.layer) === state.layer);
  }
}

drawing.addEventListener("painted", () => {
  fillThumbs();
  markChosen();
});

drawing.addEventListener("chosen", ({ detail }) => {
  if (detail.startsWith("n")) chooseLayer(Number(detail.slice(1)));
});

/* Brings the layer's panel to where it is seen, unless it is. */
function reveal() {
  const { top, bottom } = byId("layer").getBoundingClientRect();
  if (top < innerHeight / 2 && bottom > innerHeight / 3) return;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  byId("layer").scrollIntoView({ behavior: still ? "auto" : "smooth" });
}

drawing.addEventListener("keydown", (event) => {
  if (!event.target.matches(".row") || (event.key !== "Enter" && event.key !== " ")) return;
  event.preventDefault();
  reveal();
});

// Before the drawing's own listener, for which a picture is a part of its box.
drawing.addEventListener("click", (event) => {
  const thumb = event.target.closest(".thumb");
  if (thumb) {
    event.stopPropagation();
    chooseLayer(Number(thumb.dataset.layer));
  }
  if (thumb || event.target.closest(".row")) reveal();
}, true);

on("image", fillThumbs);
on("image", markChosen);
on("layer", markChosen);
