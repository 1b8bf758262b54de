// What there is to see of a run while it trains. This part: elements and numbers.

/* Elements of this page. */

function makeSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const note = (text) => make("p", { class: "note" }, text);

/* A box that scrolls in itself, and is reached by keyboard for that. */
const scrolling = (label, attributes, ...children) =>
  make("div", { tabindex: 0, role: "region", "aria-label": label, ...attributes }, ...children);

/* What has not changed is not written again: a reader may have marked it, or be at it with a screen reader. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function mark(element, name, value) {
  if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/* As many children of `holder` as there are items: those that are there are filled anew, and keep focus and place. */
function fillList(holder, items, create, fill) {
  while (holder.children.length > items.length) holder.lastChild.remove();
  while (holder.children.length < items.length) holder.append(create(holder.children.length));
  items.forEach((item, i) => fill(holder.children[i], item, i));
}

/* Numbers. */

const NONE = "–";
const known = (value) => typeof value === "number" && Number.isFinite(value);

const whole = (count) => String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
const counted = (count, one, several = `${one}s`) => `${whole(count)} ${count === 1 ? one : several}`;
const percent = (share) => !known(share) ? NONE : share > 0 && share < 0.0005 ? "<\u00a00.1%"
  : share < 1 && share >= 0.9995 ? ">\u00a099.9%" : `${(100 * share).toFixed(1)}%`;

const power = (value, digits) => value.toExponential(digits).replace("e-", "e−").replace("e+", "e");

const lossText = (value) => !known(value) ? NONE
  : (value !== 0 && Math.abs(value) < 5e-5) || Math.abs(value) >= 1e5 ? power(value, 1) : value.toFixed(4);
const rateText = (value) => !known(value) ? NONE : value !== 0 && Math.abs(value) < 1e-4 ? power(value, 2)
  : String(Number(value.toPrecision(3)));
const speedText = (value) => !known(value) ? NONE : value < 10 ? value.toFixed(1) : whole(value);

/* A time as long as it has to be read: no seconds of hours. */
function lasting(seconds) {
  if (!known(seconds)) return NONE;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(Math.round(seconds) / 60), hours = Math.floor(minutes / 60);
  return hours > 0 ? `${whole(hours)} h ${minutes % 60} min`
    : minutes > 0 ? `${minutes} min ${Math.round(seconds) % 60} s` : `${Math.round(seconds)} s`;
}

/* A guess of a time, in words. */
function inWords(seconds) {
  if (seconds < 1.5) return "about a second";
  if (seconds < 90) return `about ${counted(Math.round(seconds), "second")}`;
  const minutes = Math.round(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  const two = (first, second) => second ? `about ${first} ${second}` : `about ${first}`;
  if (hours < 1) return `about ${counted(minutes, "minute")}`;
  if (days < 2) return two(counted(hours, "hour"), minutes % 60 > 0 ? counted(minutes % 60, "minute") : "");
  return two(counted(days, "day"), hours % 24 > 0 ? counted(hours % 24, "hour") : "");
}

/* Without validation images no epoch is better than another. */
const bestOf = (run) => run.validationImages > 0 ? run.best : null;

/* What validation images say of an epoch: where they have several classes, the mean average precision. */
const scoreOf = (record) => known(record?.val_map) ? record.val_map : record?.val_top1;
const scoreName = (record) => known(record?.val_map) ? "mean average precision" : "top-1";
