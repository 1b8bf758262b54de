
/* The drawing: strokes on a ground, of which the last one can be taken back. */

const DRAWING_EVERY = 125;
/* Pixels of the drawing's longer side, at least. */
const SIDE = 320;
/* Ink by ground. */
const INKS = { "#000000": "#ffffff", "#ffffff": "#000000" };

const drawing = byId("drawing"), paper = drawing.getContext("2d");
const enlarged = Math.ceil(SIDE / Math.max(model.width, model.height));
drawing.width = model.width * enlarged;
drawing.height = model.height * enlarged;
const side = Math.max(drawing.width, drawing.height);

/* Handwriting of small networks has thick strokes for their pixels. */
const brush = make("input", { type: "range", min: 1, max: 25, value: model.width < 64 ? 8 : 4 });
const [onBlack, onWhite] = model.grey ? ["white on black", "black on white"] : ["on black", "on white"];
const grounds = selectOf([["#000000", onBlack], ["#ffffff", onWhite]], () => {
  colour.value = ink();
  repaint();
  drawn();
});
const colour = make("input", { type: "color" });
if (!model.grey) grounds.value = "#ffffff";
const ink = () => INKS[grounds.value];
colour.value = ink();

/* All strokes and clearings since the page was opened. One without a colour has the ground's ink. */
const past = [];
let stroke = null, drawingSubject = {};

const strokes = () => past.slice(past.findLastIndex((one) => one.cleared) + 1);

function repaint() {
  paper.fillStyle = grounds.value;
  paper.fillRect(0, 0, drawing.width, drawing.height);
  for (const one of strokes()) {
    one.points.forEach((point, i) => paintTo(one, one.points[i - 1] ?? point, point));
  }
}

function paintTo({ width, colour: own }, from, to) {
  paper.strokeStyle = paper.fillStyle = own ?? ink();
  paper.lineWidth = width;
  paper.lineCap = "round";
  paper.beginPath();
  paper.arc(...to, width / 2, 0, 2 * Math.PI);
  paper.fill();
  paper.beginPath();
  paper.moveTo(...from);
  paper.lineTo(...to);
  paper.stroke();
}

/* A canvas as a file. `toBlob` would wait until the browser has nothing else to do, which may take a second. */
function fileOf(canvas, type, quality) {
  const base64 = canvas.toDataURL(type, quality).split(",")[1];
  return new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type });
}

/* Looks at the drawing, if there is one. */
function drawn() {
  allow(undo, past.length > 0);
  allow(clear, strokes().length > 0);
  const blob = () => fileOf(drawing, "image/png");
  lookAt(strokes().length > 0 ? { subject: drawingSubject, blob, every: DRAWING_EVERY } : null);
}

function beginStroke(point) {
  const own = model.grey || colour.value === ink() ? null : colour.value;
  stroke = { points: [point], width: side * brush.value / 100, colour: own };
  past.push(stroke);
  paintTo(stroke, point, point);
  drawn();
}

function extendStroke(point) {
  paintTo(stroke, stroke.points.at(-1), point);
  stroke.points.push(point);
  drawn();
}

const endStroke = () => { stroke = null; };

function takeBack() {
  if (past.length === 0) return;
  endStroke();
  if (past.pop().cleared) drawingSubject = {};
  repaint();
  drawn();
}

const undo = button("Undo", takeBack);
const clear = button("Clear", () => {
  if (strokes().length === 0) return;
  endStroke();
  past.push({ cleared: true });
  drawingSubject = {};
  repaint();
  drawn();
});

const drawingTools = make("div", { class: "controls" }, labelled("Brush", brush),
  labelled(model.grey ? "Ink" : "Ground", grounds), ...model.grey ? [] : [labelled("Colour", colour)],
  make("div", { class: "pair" }, undo, clear));
