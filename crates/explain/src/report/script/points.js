
/* The embedding: a point an image, drawn. */

const { points } = report;
const COLOURS = 8, SHAPES = 5, MARGIN = 0.03;
/* Up to so many classes each has a sign of its own; up to so many all are coloured at first. */
const SIGNS = COLOURS * SHAPES, ALL_AT_FIRST = 20, SOME_AT_FIRST = 4;

const plane = make("canvas", { class: "plane", tabindex: 0, role: "application" });
const pointClasses = [...new Set(points.map((point) => point.truth))].sort((one, other) => one - other);
const mistaken = (point) => point.truth !== point.predicted;

/* The classes in colour, with their signs: a colour, and a shape beyond the eighth. The rest is grey. */
const signs = new Map();
let pointNow = null, mistakesOnly = false;

function colourClass(cls) {
  const taken = new Set(signs.values()), own = pointClasses.indexOf(cls);
  let sign = pointClasses.length <= SIGNS ? own : 0;
  while (taken.has(sign)) sign += 1;
  signs.set(cls, sign);
}

function colourFirst() {
  const mistakes = (cls) => points.filter((point) => point.truth === cls && mistaken(point)).length;
  const some = pointClasses.length <= ALL_AT_FIRST ? pointClasses
    : pointClasses.map((cls) => [mistakes(cls), cls]).sort((one, other) => other[0] - one[0]).slice(0, SOME_AT_FIRST)
      .map(([, cls]) => cls);
  some.forEach(colourClass);
}

/* The path of a sign around a place, of about the same area for all shapes. */
function trace(context, sign, x, y, radius) {
  const corners = {
    1: [[-0.9, -0.9], [0.9, -0.9], [0.9, 0.9], [-0.9, 0.9]], 2: [[0, -1.25], [1.15, 0.85], [-1.15, 0.85]],
    3: [[0, -1.3], [1.1, 0], [0, 1.3], [-1.1, 0]], 4: [[0, 1.25], [1.15, -0.85], [-1.15, -0.85]],
  }[Math.floor(sign / COLOURS) % SHAPES];
  context.beginPath();
  if (!corners) context.arc(x, y, radius, 0, 2 * Math.PI);
  else corners.forEach(([right, down]) => context.lineTo(x + right * radius, y + down * radius));
  context.closePath();
}

const colourIn = (style, sign) => style.getPropertyValue(sign === undefined ? "--rest" : `--class-${sign % COLOURS}`);

const shownPoint = (point) => !mistakesOnly || mistaken(point);
const radiusOf = () => Math.max(2.2, Math.min(4, plane.clientWidth / 5 / Math.sqrt(points.length)));

function placeOfPoint({ x, y }) {
  const side = plane.clientWidth, inside = side * (1 - 2 * MARGIN);
  return [side * MARGIN + x * inside, side * MARGIN + (1 - y) * inside];
}

function drawPoints() {
  const side = plane.clientWidth, ratio = devicePixelRatio || 1;
  if (side === 0) return;
  plane.width = plane.height = Math.round(side * ratio);
  const context = plane.getContext("2d"), style = getComputedStyle(plane), radius = radiusOf();
  const ink = style.getPropertyValue("--ink"), ground = style.getPropertyValue("--ground");
  context.scale(ratio, ratio);
  // Grey ones below, mistakes on top.
  const layer = (point) => (signs.has(point.truth) ? 2 : 0) + (mistaken(point) ? 1 : 0);
  for (const which of [0, 1, 2, 3]) {
    for (const point of points) {
      if (layer(point) !== which || !shownPoint(point)) continue;
      const [x, y] = placeOfPoint(point), sign = signs.get(point.truth);
      trace(context, sign ?? 0, x, y, radius);
      context.fillStyle = colourIn(style, sign);
      context.globalAlpha = sign === undefined ? 0.6 : 0.85;
      context.fill();
      context.globalAlpha = 1;
      if (which === 3) {
        trace(context, 0, x, y, radius + 2);
        context.lineWidth = 1.3;
        context.strokeStyle = ink;
        context.stroke();
      }
    }
  }
  if (pointNow === null) return;
  const [x, y] = placeOfPoint(points[pointNow]);
  for (const [width, colour] of [[6, ground], [3, style.getPropertyValue("--accent")]]) {
    trace(context, 0, x, y, radius + 6);
    context.lineWidth = width;
    context.strokeStyle = colour;
    context.stroke();
  }
}

/* The sign of a class for the legend. */
function signOf(sign) {
  const canvas = make("canvas", { class: "sign", width: 32, height: 32, "aria-hidden": "true" });
  const context = canvas.getContext("2d");
  canvas.paint = () => {
    context.clearRect(0, 0, 32, 32);
    trace(context, sign ?? 0, 16, 16, 9);
    context.fillStyle = colourIn(getComputedStyle(document.documentElement), sign);
    context.fill();
  };
  canvas.paint();
  return canvas;
}

/* What a reader without the picture takes from it: which classes lie next to each other. */
function neighbours() {
  const centres = pointClasses.map((cls) => {
    const own = points.filter((point) => point.truth === cls), mean = (key) => own.reduce((sum, one) => sum + one[key], 0) / own.length;
    return { cls, count: own.length, mistakes: own.filter(mistaken).length, x: mean("x"), y: mean("y") };
  });
  const apart = (one, other) => Math.hypot(one.x - other.x, one.y - other.y);
  return centres.map((one) => {
    const others = centres.filter((other) => other !== one).sort((a, b) => apart(one, a) - apart(one, b));
    return { ...one, next: others[0]?.cls ?? null };
  });
}
