// A network that answers what one draws, drops or shows to a camera. This part: data, what is told to whom, elements, numbers.

const model = JSON.parse(document.getElementById("model").textContent);

/* A part of the page listens to what it shows: another thing is looked at, its answers came, nothing has changed for a while. */

const listeners = { subject: [], answers: [], settled: [] };

const on = (what, listener) => listeners[what].push(listener);
const changed = (what) => listeners[what].forEach((listener) => listener());

/* Elements of this page. */

const note = (text, attributes = {}) => make("p", { class: "note", ...attributes }, text);

const labelled = (text, control) => make("label", {}, make("span", {}, text), control);

/* A choice in a list: [value, text] pairs. */
function selectOf(options, action) {
  const element = make("select", {}, ...options.map(([value, text]) => make("option", { value }, text)));
  element.addEventListener("change", action);
  return element;
}

/* A button that cannot be used now keeps the focus, and says so. */
const allow = (element, allowed) => element.setAttribute("aria-disabled", String(!allowed));
const allowed = (element) => element.getAttribute("aria-disabled") !== "true";

/* A text in which what stands between backticks is code. */
const withCode = (text) => text.split("`").map((part, i) => i % 2 === 1 ? make("code", {}, part) : part);

const nameOf = (answer) => answer.name || `#${answer.class}`;

/* A picture of few pixels shows them. */
const COARSE = 128;

function pixelated(image) {
  image.addEventListener("load", () => image.classList.toggle("coarse", image.naturalWidth < COARSE));
  return image;
}

/* A button that copies a text, and says so. */
function copying(label, text) {
  const copy = button(label, async () => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Without a clipboard of its own, a page still has the selection's.
      const area = make("textarea", { class: "unseen", "aria-hidden": "true" });
      area.value = text;
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

function sized(bytes) {
  const units = ["B", "KiB", "MiB", "GiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? bytes : bytes.toFixed(1)}\u00a0${units[unit]}`;
}

const lasting = (milliseconds) => milliseconds >= 1000 ? `${(milliseconds / 1000).toFixed(1)}\u00a0s`
  : `${milliseconds >= 10 ? milliseconds.toFixed(0) : Number(milliseconds.toPrecision(2))}\u00a0ms`;
