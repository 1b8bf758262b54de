
/* Thumbnails out of the sprite, cards of images, charts. */

const { sprite } = report;
/* Thumbnails with fewer columns than this show their pixels. */
const COARSE = 64;

/* Cuts thumbnails out of a sprite. */
function cutter({ picture, columns, height, width }) {
  const sheet = new Image();
  sheet.src = picture;
  const sheetReady = sheet.decode().then(() => true, () => false);
  return (at, label) => {
    const canvas = make("canvas", {
      class: width < COARSE ? "thumb coarse" : "thumb", width, height, role: "img", "aria-label": label,
    });
    canvas.style.aspectRatio = `${width} / ${height}`;
    sheetReady.then((ready) => {
      canvas.hidden = !ready;
      if (!ready) return;
      const left = at % columns * width, top = Math.floor(at / columns) * height;
      canvas.getContext("2d").drawImage(sheet, left, top, width, height, 0, 0, width, height);
    });
    return canvas;
  };
}

const cut = sprite && cutter(sprite);

/* The picture of an image. */
function thumb(at) {
  const image = report.images[at];
  return cut(at, `${image.name}, which is ${nameOf(image.truth)}`);
}

const fileName = (image) => make("p", { class: "file", title: image.name, dir: "auto" }, image.name);

/* The likeliest classes, the true one among them marked. */
function answersOf(image, count = 3) {
  return make("ol", { class: "answers", "aria-label": "Answers" }, ...image.answers.slice(0, count).map(([cls, probability]) =>
    make("li", { class: cls === image.truth ? "right" : null }, named(cls), track(probability),
      make("span", { class: "number" }, percent(probability)))));
}

/* An image with its name, what it is, and what was answered. */
function card(at, ...told) {
  const image = report.images[at];
  return make("figure", { class: "card" }, thumb(at), make("figcaption", {}, fileName(image),
    make("p", {}, "is ", make("strong", {}, named(image.truth))), ...told, answersOf(image)));
}

/* A chart of the library's own making, which has names of the user's in it: only what draws is let through. */

const DRAWS = new Set(["svg", "title", "desc", "defs", "g", "rect", "circle", "ellipse", "line", "polyline", "polygon", "path",
  "text", "tspan", "clipPath", "linearGradient", "stop", "pattern", "mask"]);

function chart(text, label) {
  const { documentElement: svg } = new DOMParser().parseFromString(text, "image/svg+xml");
  const paper = scrolling(label, { class: "paper" });
  if (svg.localName !== "svg") return note("This chart cannot be read.");
  for (const element of [svg, ...svg.querySelectorAll("*")]) {
    if (!DRAWS.has(element.localName)) element.remove();
    for (const { name } of [...element.attributes]) {
      if (/^on|href$/i.test(name)) element.removeAttribute(name);
    }
  }
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", [label, svg.querySelector("title")?.textContent].filter(Boolean).join(": "));
  paper.append(document.adoptNode(svg));
  return paper;
}
