
/* Axes: where they end, and where they have ticks. */

/* A value is an outlier if it is so many times the median, and not among the lower three quarters, and if without it and its
   like the rest takes so many times the room: the rule of `curves.svg`. */
const FAR = 6, GAIN = 3;

function withoutOutliers(values) {
  const sorted = [...values].sort((one, other) => other - one);
  const quartile = sorted[Math.floor(sorted.length / 4)], median = sorted[Math.floor(sorted.length / 2)];
  const kept = sorted.find((value) => value <= Math.max(quartile, FAR * median));
  return kept > 0 && sorted[0] > GAIN * kept ? sorted.filter((value) => value <= kept) : sorted;
}

/* The least of 1, 2, 5, 10, 20, … (and their tenths, hundredths) that is not below a number above 0. */
function roundStep(atLeast) {
  const ten = 10 ** Math.floor(Math.log10(atLeast));
  return ([1, 2, 5].find((times) => times * ten >= atLeast * (1 - 1e-9)) ?? 10) * ten;
}

/* Texts of ticks tell them apart, and no more. */
function tickText(value, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return digits > 4 && value !== 0 ? power(value, 0) : value.toFixed(Math.min(digits, 4));
}

function linearAxis(values, { share, count, fromZero }) {
  const used = withoutOutliers(values);
  const least = fromZero ? 0 : Math.min(...used), most = Math.max(...used);
  const step = roundStep(Math.max(most - least, Math.abs(most) * 1e-3, 1e-9) / count);
  const from = Math.max(Math.floor(least / step + 1e-9) * step, least >= 0 ? 0 : -Infinity);
  const to = Math.max(Math.ceil(most / step - 1e-9) * step, from + step), end = share ? Math.min(to, 1) : to;
  const ticks = [];
  for (let i = 0; from + i * step <= end + step * 1e-6; i++) {
    const value = from + i * step;
    ticks.push([value, share ? `${tickText(100 * value, 100 * step)}%` : tickText(value, step)]);
  }
  return { ticks, place: (value) => (value - from) / (end - from) };
}

/* Powers of ten; of few of them also twice and five times. */
function logAxis(values) {
  const [from, to] = [Math.min(...values), Math.max(...values)].map(Math.log10);
  const room = Math.max((to - from) * 0.04, 0.02), least = from - room, most = to + room;
  const times = most - least > 3 ? [1] : most - least > 1 ? [1, 2, 5] : [1, 2, 3, 4, 5, 6, 7, 8, 9];
  const ticks = [];
  for (let ten = Math.floor(least); ten <= most; ten++) {
    for (const one of times) {
      const value = one * 10 ** ten, log = Math.log10(value);
      const text = ten < -4 || ten > 4 ? power(value, 0) : String(Number(value.toPrecision(1)));
      if (log >= least && log <= most) ticks.push([value, text]);
    }
  }
  return { ticks, place: (value) => (Math.log10(value) - least) / (most - least) };
}

/* How many epochs an axis has room for: a round number of them that grows with the run, so that a young one is not squeezed
   into a corner. */
function roomFor(now, epochs) {
  const atLeast = Math.max(now, 1), ten = 10 ** Math.floor(Math.log10(atLeast));
  const room = [1, 2, 3, 5].map((times) => times * ten).find((one) => one >= atLeast) ?? 10 * ten;
  return Math.max(Math.min(room, epochs), 1);
}

function epochTicks(room, count) {
  const step = Math.max(roundStep(room / count), 1);
  return Array.from({ length: Math.floor(room / step) + 1 }, (_, i) => i * step);
}
