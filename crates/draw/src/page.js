// What a reader does with the page: fold and unfold, look at figures, by pointer or by keyboard.
"use strict";

const net = JSON.parse(document.getElementById("net").textContent);
const drawing = document.querySelector("svg.net"), stage = document.getElementById("stage");
const card = document.getElementById("figures");
let scale = 0, current = null;

const text = (tag, content, parent) => {
  const element = document.createElement(tag);
  element.textContent = content;
  parent.append(element);
  return element;
};

/* What is shown of a box or a layer. */

const keyOf = (element) => element.dataset.n !== undefined ? `n${element.dataset.n}` : `i${element.dataset.i}`;

function show(key) {
  const figures = net.figures[key];
  if (!figures) return;
  card.replaceChildren();
  text("h2", figures.title, card);
  const list = document.createElement("dl");
  for (const [name, value] of figures.rows) {
    text("dt", name, list);
    text("dd", value, list);
  }
  card.append(list);
}

/* What can have the focus: layers, scopes, and the badges of repeated blocks. */

const stops = () => [...drawing.querySelectorAll("[data-stop]")];

function mark() {
  for (const element of drawing.querySelectorAll(".row[data-n]")) {
    element.setAttribute("role", "img");
    element.setAttribute("aria-label", net.figures[keyOf(element)].title);
    element.dataset.stop = keyOf(element);
  }
  for (const element of drawing.querySelectorAll(".item[data-i]")) {
    const id = Number(element.dataset.i), item = net.items[id];
    if (item.kind === "stack") continue;
    const holder = item.kind === "scope" ? element : element.querySelector(":scope > .badge");
    holder.dataset.stop = `i${id}`;
    holder.setAttribute("role", "button");
    holder.setAttribute("aria-expanded", String(net.open[id]));
    holder.setAttribute("aria-label", net.figures[`i${id}`].title);
  }
  const kept = stops().find((stop) => stop.dataset.stop === current) || stops()[0];
  for (const stop of stops()) stop.setAttribute("tabindex", stop === kept ? "0" : "-1");
  return kept;
}

function focusOn(stop) {
  if (!stop) return;
  for (const other of stops()) other.setAttribute("tabindex", other === stop ? "0" : "-1");
  current = stop.dataset.stop;
  stop.focus({ preventScroll: true });
  stop.scrollIntoView({ block: "nearest", inline: "nearest" });
  show(current);
}

/* Drawing. */

function draw() {
  const frame = frameOf(net, net.root);
  const width = Math.ceil(frame.width), height = Math.ceil(frame.height);
  drawing.querySelector(".drawing").innerHTML = paint(net, net.root, frame);
  drawing.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const ground = drawing.querySelector(":scope > .ground");
  ground.setAttribute("width", width);
  ground.setAttribute("height", height);
  // On a narrow screen a drawing shrinks as far as its text can be read.
  const fit = Math.min(1, Math.max(0.62, (stage.clientWidth - 2) / width));
  const shown = scale || fit;
  drawing.setAttribute("width", Math.round(width * shown));
  drawing.setAttribute("height", Math.round(height * shown));
  const kept = mark();
  drawing.dispatchEvent(new CustomEvent("painted"));
  return kept;
}

/* Draws again; what has the focus stays where it is on the screen. */
function redraw() {
  const find = () => stops().find((stop) => stop.dataset.stop === current);
  const before = find()?.getBoundingClientRect(), focused = drawing.contains(document.activeElement);
  draw();
  const after = find();
  if (after && before) {
    const now = after.getBoundingClientRect();
    stage.scrollLeft += now.left - before.left;
    // A stage that scrolls by itself leaves the page around it where it is.
    ("scrolls" in stage.dataset ? stage : window).scrollBy(0, now.top - before.top);
  }
  if (focused) (after || stops()[0])?.focus({ preventScroll: true });
}

function toggle(id) {
  if (net.items[id].kind === "stack" || id === net.root) return;
  net.open[id] = !net.open[id];
  current = `i${id}`;
  redraw();
  show(current);
}

function unfoldTo(depth) {
  net.depth = Math.min(Math.max(depth, 1), net.deepest);
  net.items.forEach((item, id) => {
    net.open[id] = item.kind === "scope" && item.depth < net.depth;
  });
  redraw();
}

/* Pointer and keyboard. */

drawing.addEventListener("click", (event) => {
  const stop = event.target.closest("[data-stop]");
  if (!stop) return;
  const inHeading = stop.querySelector(":scope > .heading");
  if (stop.dataset.stop.startsWith("i") && (!inHeading || event.target.closest(".heading, .title"))) {
    toggle(Number(stop.dataset.stop.slice(1)));
  } else {
    focusOn(stop);
  }
});

drawing.addEventListener("pointerover", (event) => {
  const stop = event.target.closest("[data-stop]");
  if (stop) show(stop.dataset.stop);
});

drawing.addEventListener("focusin", (event) => {
  if (event.target.dataset.stop) {
    current = event.target.dataset.stop;
    show(current);
    drawing.dispatchEvent(new CustomEvent("chosen", { detail: current }));
  }
});

drawing.addEventListener("keydown", (event) => {
  const all = stops(), at = all.findIndex((stop) => stop.dataset.stop === current);
  const to = { ArrowDown: at + 1, ArrowRight: at + 1, ArrowUp: at - 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 };
  if (event.key in to) {
    focusOn(all[Math.min(Math.max(to[event.key], 0), all.length - 1)]);
  } else if ((event.key === "Enter" || event.key === " ") && current?.startsWith("i")) {
    toggle(Number(current.slice(1)));
  } else {
    return;
  }
  event.preventDefault();
});

document.addEventListener("keydown", (event) => {
  if (net.items.length === 0 || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "+") unfoldTo(net.depth + 1);
  if (event.key === "-") unfoldTo(net.depth - 1);
});

const zoom = (factor) => {
  const now = drawing.getAttribute("width") / Number(drawing.getAttribute("viewBox").split(" ")[2]);
  scale = factor ? Math.min(Math.max(now * factor, 0.1), 4) : 0;
  redraw();
};

if (net.items.length > 0) {
  document.getElementById("bar").hidden = false;
  const actions = {
    unfold: () => unfoldTo(net.depth + 1), fold: () => unfoldTo(net.depth - 1),
    larger: () => zoom(1.25), smaller: () => zoom(0.8), fit: () => zoom(0),
  };
  for (const [name, action] of Object.entries(actions)) document.getElementById(name).addEventListener("click", action);
  window.addEventListener("resize", draw);
  draw();
} else {
  mark();
}
