
/* Where the image comes from: one of these is on the stage. */

const photo = byId("photo"), camera = byId("camera");
const stages = { drawing, photo, camera };
const toolsOf = { drawing: drawingTools, photo: null, camera: null };
const sourceOf = {};

/* What gives way when another source comes onto the stage. */
let leave = () => {};

function enter(source, leaving = () => {}) {
  leave();
  leave = leaving;
  for (const [name, element] of Object.entries(stages)) {
    element.hidden = name !== source;
    sourceOf[name]?.setAttribute("aria-pressed", String(name === source));
  }
  cursor.hidden = true;
  byId("tools").replaceChildren(...toolsOf[source] ? [toolsOf[source]] : []);
  byId("keys").hidden = source !== "drawing";
  byId("file").hidden = source !== "photo";
}

function enterDrawing() {
  enter("drawing");
  drawn();
}

/* The stage has the network's shape, so that nothing of a drawing is cut off or squeezed. */
const WIDEST = 360;
byId("stage").style.aspectRatio = `${model.width} / ${model.height}`;
byId("stage").style.maxWidth = `${Math.round(WIDEST * Math.min(model.width / model.height, 1))}px`;

sourceOf.drawing = button("Draw", enterDrawing);
byId("sources").append(sourceOf.drawing);
