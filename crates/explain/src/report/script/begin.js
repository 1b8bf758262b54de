// What there is to know about training runs. This part: data, elements, numbers.

const report = JSON.parse(document.getElementById("report").textContent);

/* Elements of this page. */

/* Fills a section; one without data is left out. */
function fillSection(id, known, give) {
  byId(id).hidden = !known;
  if (known) byId(id).append(...give());
}

const note = (text) => make("p", { class: "note" }, text);

/* A box that scrolls in itself, and is reached by keyboard for that. */
const scrolling = (label, attributes, ...children) =>
  make("div", { tabindex: 0, role: "region", "aria-label": label, ...attributes }, ...children);

/* A name of the user's, whose direction of writing does not leak into its surroundings; a very long one is cut. */
const LONGEST = 44;
const nameOf = (cls) => report.classes[cls] || `#${cls}`;

function bdi(name) {
  const letters = [...name];
  return letters.length <= LONGEST ? make("bdi", {}, name)
    : make("bdi", { title: name }, `${letters.slice(0, LONGEST - 1).join("")}…`);
}

const named = (cls) => bdi(nameOf(cls));

/* A bar whose length is a share. */
function track(share, attributes = {}) {
  const bar = make("span", { class: "bar" });
  bar.style.width = `${100 * Math.min(Math.max(share, 0), 1)}%`;
  return make("span", { class: "track", ...attributes }, bar);
}

/* A button that copies a text, and says so. */
function copying(label, text) {
  const copy = button(label, async () => {
    try {
      await navigator.clipboard.writeText(text());
    } catch {
      // Without a clipboard of its own, a page still has the selection's.
      const area = make("textarea", { class: "unseen", "aria-hidden": "true" });
      area.value = text();
      document.body.append(area);
      area.select();
      const done = document.execCommand("copy");
      area.remove();
      copy.focus();
      if (!done) {
        copy.textContent = "Not copied: the browser refused";
        return;
      }
    }
    copy.textContent = "Copied";
    say("Copied");
    setTimeout(() => { copy.textContent = label; }, 2000);
  });
  return copy;
}

/* Numbers. */

const whole = (count) => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
const counted = (count, one, several = `${one}s`) => `${whole(count)} ${count === 1 ? one : several}`;
const percent = (share) => share > 0 && share < 0.0005 ? "<\u00a00.1%"
  : share < 1 && share >= 0.9995 ? ">\u00a099.9%" : `${(100 * share).toFixed(1)}%`;

function scaled(value, units, step) {
  let unit = 0;
  while (value >= step && unit < units.length - 1) {
    value /= step;
    unit += 1;
  }
  return `${unit === 0 ? whole(value) : value.toPrecision(3)}${units[unit] ? `\u00a0${units[unit]}` : ""}`;
}

const many = (count) => scaled(count, ["", "K", "M", "G", "T"], 1000);
const sized = (bytes) => scaled(bytes, ["B", "KiB", "MiB", "GiB"], 1024);
const lasting = (milliseconds) => milliseconds >= 100 ? milliseconds.toFixed(0)
  : milliseconds >= 1 ? milliseconds.toFixed(2) : milliseconds.toFixed(3);
