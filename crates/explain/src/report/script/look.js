
/* The embedding: looked at by pointer and by keyboard, with a legend. */

const REACH = 14;
const pointCard = make("div", { class: "point-card" }), legend = make("div", { class: "legend", role: "toolbar" });
let legendStop = 0;

function showPoint(at) {
  if (at === pointNow) return;
  pointNow = at;
  drawPoints();
  const point = points[at];
  if (point.image !== null && sprite.picture) {
    pointCard.replaceChildren(card(point.image));
  } else {
    pointCard.replaceChildren(make("p", {}, "is ", make("strong", {}, named(point.truth)), ", taken for ",
      make("strong", { class: mistaken(point) ? "wrong" : null }, named(point.predicted))),
    note("Its picture is not in this page."));
  }
}

/* The point nearest to a place, by how far `cost` says it is. */
function nearest(cost) {
  let best = null, least = Infinity;
  points.forEach((point, at) => {
    if (!shownPoint(point)) return;
    const far = cost(...placeOfPoint(point), at);
    if (far < least) [best, least] = [at, far];
  });
  return best;
}

function under(event) {
  const box = plane.getBoundingClientRect(), x = event.clientX - box.left, y = event.clientY - box.top;
  return nearest((right, down) => {
    const far = Math.hypot(right - x, down - y);
    return far < REACH ? far : Infinity;
  });
}

/* Where an arrow key leads: what lies ahead, and not far to the side. */
function ahead([right, down]) {
  const [x, y] = placeOfPoint(points[pointNow]);
  return nearest((px, py, at) => {
    const along = (px - x) * right + (py - y) * down, aside = Math.abs((px - x) * down) + Math.abs((py - y) * right);
    return at === pointNow || along <= 0 || aside > 2 * along ? Infinity : along + 2 * aside;
  });
}

plane.addEventListener("pointermove", (event) => {
  const at = under(event);
  if (at !== null) showPoint(at);
});
plane.addEventListener("click", (event) => {
  const at = under(event);
  if (at !== null) showPoint(at);
});
plane.addEventListener("keydown", (event) => {
  const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  if (!step) return;
  event.preventDefault();
  const at = ahead(step);
  if (at !== null) moveTo(at);
});
plane.addEventListener("focus", () => {
  const side = plane.clientWidth;
  if (!shownPoint(points[pointNow])) {
    const at = nearest((x, y) => Math.hypot(x - side / 2, y - side / 2));
    if (at !== null) moveTo(at);
  }
});

function moveTo(at) {
  showPoint(at);
  const { truth, predicted, image } = points[at];
  say(`${image === null ? "A point" : report.images[image].name}: ${nameOf(truth)}, taken for ${nameOf(predicted)}`);
}

function showLegend() {
  const focused = legend.contains(document.activeElement);
  legend.replaceChildren(...pointClasses.map((cls, i) => {
    const choose = button(signOf(signs.get(cls)), () => {
      if (!signs.delete(cls)) colourClass(cls);
      legendStop = i;
      showLegend();
      drawPoints();
    }, { "aria-pressed": String(signs.has(cls)), tabindex: i === legendStop ? 0 : -1 });
    choose.append(make("span", {}, named(cls)));
    return choose;
  }));
  if (focused) legend.children[legendStop].focus();
}

/* Of many classes, one is reached by Tab, the others by arrow keys. */
legend.addEventListener("keydown", (event) => {
  const last = pointClasses.length - 1;
  const to = {
    ArrowRight: legendStop + 1, ArrowDown: legendStop + 1, ArrowLeft: legendStop - 1, ArrowUp: legendStop - 1, Home: 0, End: last,
  }[event.key];
  if (to === undefined) return;
  event.preventDefault();
  legend.children[Math.min(Math.max(to, 0), last)].focus();
});
legend.addEventListener("focusin", (event) => {
  const at = [...legend.children].indexOf(event.target);
  if (at < 0) return;
  legend.children[legendStop].tabIndex = -1;
  legendStop = at;
  legend.children[at].tabIndex = 0;
});

fillSection("points", points.length > 0, () => {
  colourFirst();
  showLegend();
  const mistakes = points.filter(mistaken).length;
  plane.setAttribute("aria-label", `${counted(points.length, "image")} in a plane, ${counted(mistakes, "mistake")}. `
    + "Arrow keys move from point to point. The table below says which classes lie next to each other.");
  legend.setAttribute("aria-label", "Classes in colour");
  const only = button("Mistakes only", () => {
    mistakesOnly = !mistakesOnly;
    only.setAttribute("aria-pressed", String(mistakesOnly));
    drawPoints();
  }, { "aria-pressed": "false" });
  const colourAll = (all) => () => {
    signs.clear();
    if (all) pointClasses.forEach(colourClass);
    showLegend();
    drawPoints();
  };
  const everything = pointClasses.length <= SIGNS ? [button("Colour all", colourAll(true))] : [];
  const begin = points.findIndex((point) => mistaken(point) && point.image !== null);
  showPoint(Math.max(begin, 0));
  return [note(report.points_by), note("A point an image, coloured by its true class. A ring marks a mistake. Point at a "
    + "point, or move to it by arrow keys, to see its image. Press a class to colour it, or to make it grey."),
  make("div", { class: "toolbar" }, ...everything, button("Colour none", colourAll(false)), only),
  make("div", { class: "spread" }, plane, make("div", { class: "side" }, pointCard, legend)),
  make("details", {}, make("summary", {}, "As a table"), sortable({
    label: "Classes in the plane", rows: neighbours(), columns: [
      { head: "class", text: true, value: (row) => nameOf(row.cls), show: (row) => named(row.cls) },
      { head: "points", value: (row) => row.count, show: (row) => whole(row.count) },
      { head: "mistakes", value: (row) => row.mistakes, show: (row) => whole(row.mistakes) },
      {
        head: "nearest class", text: true, value: (row) => row.next === null ? "" : nameOf(row.next),
        show: (row) => row.next === null ? "–" : named(row.next),
      },
    ],
  }))];
});

if (points.length > 0) {
  new ResizeObserver(drawPoints).observe(plane);
  for (const query of ["(prefers-color-scheme: dark)", "print"]) {
    matchMedia(query).addEventListener("change", () => {
      legend.querySelectorAll(".sign").forEach((sign) => sign.paint());
      drawPoints();
    });
  }
}
