
/* The drawing's pen: a pointer, or a cursor that is moved by keys. */

/* Steps of the cursor along the longer side; with Shift it goes so many at once. */
const STEPS = 28, LEAP = 4;

const cursor = byId("cursor");
let pointer = null, penDown = false, place = [drawing.width / 2, drawing.height / 2];

function pointOf(event) {
  const box = drawing.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width * drawing.width, (event.clientY - box.top) / box.height * drawing.height];
}

drawing.addEventListener("pointerdown", (event) => {
  if (pointer !== null || event.button !== 0) return;
  liftPen();
  cursor.hidden = true;
  pointer = event.pointerId;
  drawing.setPointerCapture(pointer);
  beginStroke(pointOf(event));
});
drawing.addEventListener("pointermove", (event) => {
  if (event.pointerId !== pointer || !stroke) return;
  const between = event.getCoalescedEvents?.() ?? [];
  for (const one of between.length > 0 ? between : [event]) extendStroke(pointOf(one));
});
for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
  drawing.addEventListener(end, (event) => {
    if (event.pointerId !== pointer) return;
    pointer = null;
    endStroke();
  });
}

function showCursor() {
  cursor.hidden = false;
  cursor.classList.toggle("down", penDown);
  cursor.style.left = `${100 * place[0] / drawing.width}%`;
  cursor.style.top = `${100 * place[1] / drawing.height}%`;
  cursor.style.width = `${side * brush.value / drawing.width}%`;
}

function liftPen() {
  if (penDown) endStroke();
  penDown = false;
}

function moveCursor([right, down], far) {
  const step = side / STEPS * (far ? LEAP : 1);
  place = [Math.min(Math.max(place[0] + right * step, 0), drawing.width),
    Math.min(Math.max(place[1] + down * step, 0), drawing.height)];
  // What was taken back under the pen begins anew.
  if (penDown && stroke) extendStroke(place);
  else if (penDown) beginStroke(place);
}

function pressPen() {
  if (penDown) {
    liftPen();
  } else {
    penDown = true;
    beginStroke(place);
  }
  say(penDown ? "Pen down" : "Pen up");
}

drawing.addEventListener("keydown", (event) => {
  const step = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] }[event.key];
  const undoing = event.key.toLowerCase() === "z" && (event.ctrlKey || event.metaKey);
  if (undoing) takeBack();
  else if (event.ctrlKey || event.metaKey || event.altKey) return;
  else if (step) moveCursor(step, event.shiftKey);
  else if (event.key === " " && !event.repeat) pressPen();
  else if (event.key !== " ") return;
  event.preventDefault();
  showCursor();
});
drawing.addEventListener("focus", () => {
  if (drawing.matches(":focus-visible")) showCursor();
});
drawing.addEventListener("blur", () => {
  liftPen();
  cursor.hidden = true;
});
