
/* A chart of lines over the epochs, drawn to the pixels of the room it has. */

const TOP = 20, RIGHT = 14, BOTTOM = 26, LEFT = 52, LABEL = 46;
/* Points closer than this have no signs of their own. */
const APART = 9;

/* The sign of a line: what tells it apart without its colour. */
const SHAPES = {
  circle: (x, y, r) => `M${x - r} ${y}a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0z`,
  square: (x, y, r) => `M${x - r} ${y - r}h${2 * r}v${2 * r}h${-2 * r}z`,
  triangle: (x, y, r) => `M${x} ${y - 1.3 * r}l${1.2 * r} ${2.2 * r}h${-2.4 * r}z`,
};
const signPath = (shape, x, y, r) => SHAPES[shape](Math.round(10 * x) / 10, Math.round(10 * y) / 10, r);

/* What the legend says of a line. */
function legendItem({ name, kind, shape }) {
  const sign = makeSvg("svg", { width: 34, height: 12, "aria-hidden": "true" },
    makeSvg("path", { class: `drawn ${kind}`, d: "M1 6H33" }));
  if (shape) sign.append(makeSvg("path", { class: `signs ${kind}`, d: signPath(shape, 17, 6, 3.5) }));
  return make("li", {}, sign, name);
}

/* `lines` have a `name`, a `kind` that the style sheet knows, and a `shape` where they have a point an epoch. The chart is a
   slider over its stops, since arrow keys move along them; `onLook` is told of the stop that is pointed at. */
function lineChart({ label, height, lines, share = false, fromZero = false, ticks = 5, onLook }) {
  const grid = makeSvg("g", { class: "grid" }), texts = makeSvg("g", { class: "texts" });
  const best = makeSvg("path", { class: "best" }), look = makeSvg("path", { class: "look" });
  const bestText = makeSvg("text", { class: "best-text", "text-anchor": "middle", y: TOP - 7 });
  // Outliers are drawn beyond the axis, where they are cut off.
  const clip = makeSvg("rect", { x: LEFT, y: TOP }), clipId = `room-${label.replace(/\W+/g, "-")}`;
  const drawn = lines.map(({ kind }) => makeSvg("path", { class: `drawn ${kind}` }));
  const signs = lines.map(({ kind }) => makeSvg("path", { class: `signs ${kind}` }));
  const looked = lines.map(({ kind }) => makeSvg("path", { class: `signs looked ${kind}` }));
  const svg = makeSvg("svg", { height, "aria-hidden": "true" }, makeSvg("defs", {}, makeSvg("clipPath", { id: clipId }, clip)),
    grid, texts, best, look, makeSvg("g", { "clip-path": `url(#${clipId})` }, ...drawn), ...signs, bestText, ...looked);
  const plot = make("div", { class: "plot", role: "slider", tabindex: 0, "aria-label": label, "aria-valuemin": 1 }, svg);
  plot.style.height = `${height}px`;
  const legend = make("ul", { class: "legend" }, ...lines.map(legendItem), legendItem({ name: "best epoch", kind: "best" }));
  const readout = make("p", { class: "readout" });
  let data = null, stopAt = null, placeX = null, placeY = null;

  const stopNow = () => data.stops[stopAt ?? data.stops.length - 1];

  function drawAxes(width) {
    const { log } = data;
    const bottom = height - BOTTOM, right = width - RIGHT;
    const values = data.points.flatMap((points) => points.map(([, y]) => y)).filter((y) => !log || y > 0);
    placeX = (x) => LEFT + x / data.room * (right - LEFT);
    const axis = values.length === 0 ? { ticks: [], place: () => 0 } : log ? logAxis(values)
      : linearAxis(values, { share, fromZero, count: ticks });
    placeY = (y) => log && y <= 0 ? bottom : bottom - axis.place(y) * (bottom - TOP);
    const across = axis.ticks.map(([value]) => `M${LEFT} ${Math.round(placeY(value)) + 0.5}H${right}`).join("");
    const epochs = epochTicks(data.room, Math.max((right - LEFT) / LABEL, 1));
    const down = epochs.map((epoch) => `M${Math.round(placeX(epoch)) + 0.5} ${bottom}v4`).join("");
    grid.replaceChildren(makeSvg("path", { class: "across", d: across || "M0 0" }),
      makeSvg("path", { class: "axis", d: `M${LEFT} ${bottom + 0.5}H${right}${down}` }));
    texts.replaceChildren(
      ...axis.ticks.map(([value, text]) => makeSvg("text", { x: LEFT - 7, y: placeY(value) + 4, "text-anchor": "end" }, text)),
      makeSvg("text", { x: LEFT - 12, y: bottom + 18, "text-anchor": "end" }, "epoch"),
      ...epochs.map((epoch) => makeSvg("text", { x: placeX(epoch), y: bottom + 18, "text-anchor": "middle" }, String(epoch))));
    for (const [name, value] of [["width", Math.max(right - LEFT, 0)], ["height", bottom - TOP]]) clip.setAttribute(name, value);
  }

  const inside = (y) => Math.max(placeY(y), TOP);

  function drawLines() {
    data.points.forEach((points, i) => {
      const { shape } = lines[i];
      drawn[i].setAttribute("d", points.length < 2 ? "M0 0"
        : `M${points.map(([x, y]) => `${placeX(x).toFixed(1)} ${placeY(y).toFixed(1)}`).join("L")}`);
      const few = points.length < 2 || (placeX(points.at(-1)[0]) - placeX(points[0][0])) / (points.length - 1) >= APART;
      signs[i].setAttribute("d", shape && few ? points.map(([x, y]) => signPath(shape, placeX(x), inside(y), 3)).join("") || "M0 0"
        : "M0 0");
    });
    const shown = data.best !== null && data.best > 0;
    best.setAttribute("d", shown ? `M${placeX(data.best).toFixed(1)} ${TOP - 3}V${height - BOTTOM}` : "M0 0");
    bestText.textContent = shown ? `best: ${data.best}` : "";
    if (shown) bestText.setAttribute("x", Math.min(placeX(data.best), plot.clientWidth - 24));
  }

  function drawLook() {
    const stop = stopNow(), pointed = stop && stopAt !== null;
    put(readout, stop ? stop.told : "Nothing yet.");
    look.setAttribute("d", pointed ? `M${placeX(stop.x).toFixed(1)} ${TOP}V${height - BOTTOM}` : "M0 0");
    looked.forEach((sign, i) => {
      const y = pointed ? stop.values[i] : null;
      sign.setAttribute("d", known(y) && placeX ? signPath(lines[i].shape ?? "circle", placeX(stop.x), inside(y), 5) : "M0 0");
    });
    mark(plot, "aria-valuemax", String(Math.max(data.stops.length, 1)));
    mark(plot, "aria-valuenow", String(Math.max((stopAt ?? data.stops.length - 1) + 1, 1)));
    mark(plot, "aria-valuetext", readout.textContent);
  }

  /* `room` is how many epochs the axis has, and `best` the best of them, 0 before there is one and null where there is none.
     `points` are those of each line, null where the run has no such line; `stops` have their `x`, the `values` of the lines
     there, and what is `told` of them. */
  function draw(now) {
    data = { ...now, points: now.points.map((points) => (points ?? []).filter(([, y]) => known(y))) };
    now.points.forEach((points, i) => { legend.children[i].hidden = points === null; });
    legend.lastChild.hidden = data.best === null;
    if (stopAt !== null && stopAt >= data.stops.length) stopAt = null;
    paint();
  }

  function paint() {
    const width = plot.clientWidth;
    if (!data || width === 0) return;
    svg.setAttribute("width", width);
    drawAxes(width);
    drawLines();
    drawLook();
  }

  function lookAt(at) {
    stopAt = at;
    if (data && placeX) drawLook();
  }

  plot.addEventListener("pointermove", (event) => {
    if (!data || !placeX || data.stops.length === 0) return;
    const x = event.clientX - plot.getBoundingClientRect().left;
    const far = data.stops.map((stop) => Math.abs(placeX(stop.x) - x));
    onLook(far.indexOf(Math.min(...far)));
  });
  plot.addEventListener("pointerleave", () => onLook(null));
  plot.addEventListener("blur", () => onLook(null));
  plot.addEventListener("keydown", (event) => {
    const last = (data?.stops.length ?? 0) - 1, at = stopAt ?? last;
    if (event.key === "Escape") onLook(null);
    const to = {
      ArrowLeft: at - 1, ArrowDown: at - 1, ArrowRight: at + 1, ArrowUp: at + 1, Home: 0, End: last,
    }[event.key];
    if (to === undefined || last < 0) return;
    event.preventDefault();
    onLook(Math.min(Math.max(to, 0), last));
  });
  new ResizeObserver(paint).observe(plot);

  return { legend, plot, readout, draw, lookAt };
}
