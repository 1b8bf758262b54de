// Sizes, places and SVG of what a page shows. It does what place.rs, layout.rs and paint.rs do, in the same order, on the
// same numbers: a page that was never touched shows what the drawing shows.
"use strict";

const BESIDE = 26, PASSING = 14, LINES = 9, HALF_LINE = 3, TRACK = 7, CHAIN = 4, MAIN = 3, ROUNDS = 8;
const HEADING = 25, BORDER = 14, CARD = 4, MARGIN = 18, ROUND = 6;

const num = (value) => String(Math.floor(value * 10 + 0.5) / 10 + 0);
const isBox = (entity) => entity[0] === "item" || entity[0] === "result";
const isPort = (entity) => entity[0] === "in" || entity[0] === "out";
const isLane = (entity) => entity[0] === "lane";
const shares = (some, others) => some.some((one) => others.includes(one));

/* Places in a level. */

function spread(place, count, step, across) {
  if (count < 2) return 0;
  step = apartEnough(Math.min(step, Math.max(across - 16, 0) / count));
  return (place - (count - 1) / 2) * step;
}

function beside(place, main, count, across) {
  const most = Math.max(main, count - 1 - main, 1);
  return (place - main) * apartEnough(Math.min(Math.max(across / 2 - 10, 0), 18 * most) / most);
}

const apartEnough = (step) => step < 6 ? 0 : step;

function wiresOf(level, extents) {
  const order = [];
  level.ranks.forEach((rank) => rank.forEach((entity, i) => { order[entity] = i; }));
  const incoming = level.entities.map(() => []), outgoing = level.entities.map(() => []);
  level.links.forEach(([net, above, below], link) => {
    incoming[below].push([order[above], link]);
    if (!outgoing[above].includes(net)) outgoing[above].push(net);
  });
  incoming.forEach((links) => links.sort((a, b) => a[0] - b[0] || a[1] - b[1]));
  const boxesBelow = {}, boxesAbove = level.entities.map(() => 0);
  level.links.forEach(([net, above, below]) => {
    const key = `${net} ${above}`;
    boxesBelow[key] = (boxesBelow[key] || 0) + !isLane(level.entities[below]);
    boxesAbove[below] += !isLane(level.entities[above]);
  });
  const wires = [];
  level.links.forEach(([net, above, below], link) => {
    const { tensors, targets } = level.nets[net];
    const from = extents[above], to = extents[below];
    const lanes = isLane(level.entities[above]) + isLane(level.entities[below]);
    const chain = targets === 1 && incoming[below].length === 1;
    const main = boxesBelow[`${net} ${above}`] === 1 && boxesAbove[below] === 1;
    const port = isPort(level.entities[above]) || isPort(level.entities[below]);
    const weight = lanes === 2 ? 8 : lanes === 1 || port ? 1 : chain ? CHAIN : main ? MAIN : 2;
    const out = from.outs.find(([ids]) => shares(ids, tensors));
    const leaves = out ? out[1]
      : spread(outgoing[above].indexOf(net), outgoing[above].length, 48, from.across);
    let ports = to.ins.filter(([ids]) => shares(ids, tensors)).map(([, at]) => at);
    if (ports.length === 0) {
      const place = incoming[below].findIndex(([, other]) => other === link);
      const first = incoming[below].findIndex(([, other]) => !isLane(level.entities[level.links[other][1]]));
      ports = [first >= 0 && boxesAbove[below] === 1
        ? beside(place, first, incoming[below].length, to.across)
        : spread(place, incoming[below].length, 18, to.across)];
    }
    ports.forEach((enters) => wires.push({ net, above, below, leaves, enters, weight }));
  });
  return wires;
}

function wish(entity, near, least, middle) {
  const wishes = [];
  near.forEach((side) => side[entity].forEach(([other, shift, weight]) => {
    if (weight >= least) wishes.push([middle[other] + shift, weight]);
  }));
  if (wishes.length === 0) return [middle[entity], 0.5];
  wishes.sort((a, b) => a[0] - b[0]);
  const total = wishes.reduce((sum, one) => sum + one[1], 0);
  let seen = 0;
  for (let i = 0; i < wishes.length; i++) {
    seen += wishes[i][1];
    if (seen * 2 === total && i + 1 < wishes.length) return [(wishes[i][0] + wishes[i + 1][0]) / 2, total];
    if (seen * 2 >= total) return [wishes[i][0], total];
  }
  return [middle[entity], total];
}

function settle(rank, offset, near, middle) {
  const pools = [];
  rank.forEach((entity, i) => {
    const [place, weight] = wish(entity, near, 0, middle);
    let sum = (place - offset[i]) * weight, total = weight, count = 1;
    while (pools.length > 0) {
      const [s, t, c] = pools[pools.length - 1];
      if (s / t <= sum / total) break;
      pools.pop();
      sum += s;
      total += t;
      count += c;
    }
    pools.push([sum, total, count]);
  });
  let i = 0;
  for (const [sum, total, count] of pools) {
    for (let k = 0; k < count; k++, i++) middle[rank[i]] = sum / total + offset[i];
  }
}

function straighten(rank, offset, near, middle, level, downwards) {
  const matters = (entity) => near.reduce((sum, side) =>
    side[entity].reduce((inner, link) => inner + (link[2] >= MAIN ? link[2] : 0), sum), 0);
  const lane = (i) => isLane(level.entities[rank[i]]);
  const order = rank.map((entity, i) => [matters(entity), i])
    .sort((a, b) => lane(a[1]) - lane(b[1]) || b[0] - a[0] || a[1] - b[1]);
  const placed = [];
  for (const [much, i] of order) {
    let place = middle[rank[i]];
    if (much > 0) place = wish(rank[i], near, MAIN, middle)[0];
    else if (lane(i) && downwards) place = wish(rank[i], near, 0, middle)[0];
    let spot = placed.findIndex((other) => other > i);
    if (spot < 0) spot = placed.length;
    if (spot < placed.length) {
      const right = placed[spot];
      place = Math.min(place, middle[rank[right]] - (offset[right] - offset[i]));
    }
    if (spot > 0) {
      const left = placed[spot - 1];
      place = Math.max(place, middle[rank[left]] + (offset[i] - offset[left]));
    }
    middle[rank[i]] = place;
    placed.splice(spot, 0, i);
  }
}

function through(level, middle) {
  const first = level.ranks[0], last = level.ranks[level.ranks.length - 1];
  if (first.length !== 1 || last.length !== 1) return;
  const ports = level.entities[first[0]][0] === "in" && level.entities[last[0]][0] === "out";
  const branches = level.links.filter((link) => link[1] === first[0]).length;
  if (ports && branches > 1) middle[first[0]] = middle[last[0]];
}

function middles(level, wires, before, after) {
  const middle = level.entities.map(() => 0);
  const offsets = level.ranks.map((rank) => {
    let at = 0;
    const offset = rank.map((b, i) => {
      if (i > 0) {
        const a = rank[i - 1], [x, y] = [level.entities[a], level.entities[b]];
        const apart = isBox(x) && isBox(y) ? BESIDE : isLane(x) && isLane(y) ? LINES : PASSING;
        at += after[a] + before[b] + apart;
      }
      return at;
    });
    rank.forEach((entity, i) => { middle[entity] = offset[i] - at / 2; });
    return offset;
  });
  const up = level.entities.map(() => []), down = level.entities.map(() => []);
  for (const wire of wires) {
    up[wire.below].push([wire.above, wire.leaves - wire.enters, wire.weight]);
    down[wire.above].push([wire.below, wire.enters - wire.leaves, wire.weight]);
  }
  const count = level.ranks.length;
  const all = (work, near, back) => {
    for (let k = 0; k < count; k++) {
      const step = back ? count - 1 - k : k;
      work(level.ranks[step], offsets[step], near, middle, level, !back);
    }
  };
  for (let round = 0; round < ROUNDS; round++) {
    all(settle, [up], false);
    all(settle, [down], true);
    if (round + 3 > ROUNDS) all(settle, [up, down], false);
  }
  all(straighten, [up], false);
  all(straighten, [down], true);
  settle(level.ranks[count - 1], offsets[count - 1], [up], middle);
  settle(level.ranks[0], offsets[0], [down], middle);
  through(level, middle);
  return middle;
}

function tracksOf(places, gap) {
  let spans = [];
  for (const w of gap) {
    const wire = places.wires[w];
    const top = places.middle[wire.above] + wire.leaves, end = places.middle[wire.below] + wire.enters;
    const span = spans.find((one) => one.net === wire.net);
    if (span) {
      span.mean += end - top;
      span.low = Math.min(span.low, end);
      span.high = Math.max(span.high, end);
      span.wires.push(w);
    } else {
      spans.push({ net: wire.net, top, mean: end - top, low: Math.min(top, end), high: Math.max(top, end), wires: [w] });
    }
  }
  spans = spans.filter((span) => span.high - span.low >= 0.5);
  spans.sort((a, b) => {
    const x = a.mean > 0, y = b.mean > 0;
    if (x !== y) return x - y;
    return x ? b.top - a.top : a.top - b.top;
  });
  const placed = [];
  let count = 0;
  for (const span of spans) {
    let track = 0;
    for (const [low, high, other] of placed) {
      if (span.low - 6 < high && low < span.high + 6) track = Math.max(track, other + 1);
    }
    count = Math.max(count, track + 1);
    placed.push([span.low, span.high, track]);
    for (const w of span.wires) places.track[w] = track;
  }
  return count;
}

function placesOf(level, extents, labels) {
  const places = { rank: [], start: [], turns: [], track: [], wires: wiresOf(level, extents) };
  level.ranks.forEach((rank, r) => rank.forEach((entity) => { places.rank[entity] = r; }));
  const before = level.entities.map((entity, e) => isBox(entity) ? extents[e].across / 2 : HALF_LINE);
  const after = before.slice();
  for (const wire of places.wires) {
    if (level.nets[wire.net].source === wire.above && labels.across[wire.net] > 0) {
      after[wire.above] = Math.max(after[wire.above], wire.leaves + labels.across[wire.net]);
    }
  }
  places.middle = middles(level, places.wires, before, after);
  let least = Infinity, most = -Infinity;
  places.middle.forEach((middle, e) => {
    least = Math.min(least, middle - before[e]);
    most = Math.max(most, middle + after[e]);
  });
  places.middle = places.middle.map((middle) => middle - least);
  places.across = Math.max(most - least, 0);
  places.track = places.wires.map(() => 0);
  const behind = level.ranks.map(() => []);
  places.wires.forEach((wire, w) => behind[places.rank[wire.above]].push(w));
  let at = 0;
  level.ranks.forEach((rank, r) => {
    places.start.push(at);
    at += rank.reduce((most, entity) => Math.max(most, extents[entity].along), 0);
    if (r + 1 === level.ranks.length) {
      places.turns.push(at);
      return;
    }
    let label = rank.every((e) => level.entities[e][0] === "in") ? 5 : 9;
    for (const w of behind[r]) {
      const wire = places.wires[w];
      if (level.nets[wire.net].source === wire.above) label = Math.max(label, labels.along[wire.net]);
    }
    const tracks = tracksOf(places, behind[r]);
    places.turns.push(at + label);
    at += label + tracks * TRACK + (level.ranks[r + 1].some((e) => isBox(level.entities[e])) ? 13 : 5);
  });
  places.along = at;
  return places;
}

/* Frames: boxes within boxes. */

const isOpen = (net, id) => net.open[id];
const isCard = (net, id) => net.items[id].kind === "run" && !isOpen(net, id) && net.items[id].single;

function levelOf(net, id) {
  const item = net.items[id];
  if (item.kind === "scope") return isOpen(net, id) ? item.level : null;
  if (item.kind === "run") return isOpen(net, id) ? item.all : item.level;
  return null;
}

function plain(net, width, height) {
  const [across, along] = net.down ? [width, height] : [height, width];
  return { width, height, extent: { across, along, ins: [], outs: [], arrow: true }, parts: [] };
}

function frameOf(net, id) {
  const level = levelOf(net, id);
  if (!level) return plain(net, net.items[id].width, net.items[id].height);
  if (isCard(net, id)) return cardOf(net, level);
  const parts = level.entities.map(([kind, which]) => {
    if (kind === "item") return frameOf(net, which);
    if (kind === "result") return plain(net, net.results[which].width, net.results[which].height);
    return null;
  });
  const empty = { across: 0, along: 0, ins: [], outs: [], arrow: false };
  const extents = parts.map((part) => part ? part.extent : empty);
  const room = (given, more) => level.nets.map(({ room: text }) => text > 0 ? given || text + more : 0);
  const labels = net.down ? { across: room(0, 7), along: room(20, 0) } : { across: room(4, 0), along: room(0, 14) };
  return containerOf(net, id, level, parts, placesOf(level, extents, labels));
}

function cardOf(net, level) {
  const place = level.entities.findIndex(([kind]) => kind === "item");
  const inner = frameOf(net, level.entities[place][1]);
  const outs = [];
  for (const one of level.nets.filter(({ source }) => source === place)) {
    const at = inner.extent.outs.find(([ids]) => shares(ids, one.tensors));
    if (at && one.out) outs.push([one.out, at[1]]);
  }
  return { ...inner, parts: [inner], extent: { ...inner.extent, outs } };
}

function containerOf(net, id, level, parts, places) {
  const root = id === net.root, item = net.items[id], scope = item.kind === "scope";
  const heading = !root && scope ? HEADING : 0, border = root ? MARGIN : BORDER;
  const title = root || !scope ? 0 : item.headingWidth;
  const ranks = level.ranks;
  const enters = ranks[0].every((e) => level.entities[e][0] === "in");
  const leaves = ranks[ranks.length - 1].every((e) => level.entities[e][0] === "out");
  const first = enters ? 0 : border, last = leaves ? 0 : border;
  let inner = first + places.along + last, width, height, origin;
  if (net.down) {
    width = Math.max(places.across + 2 * border, title);
    height = heading + inner;
    origin = [(width - places.across) / 2, heading + first];
  } else {
    const more = Math.max(title - inner, 0);
    for (let r = 0; r < ranks.length; r++) {
      if (enters && r === 0) continue;
      const shift = leaves && r + 1 === ranks.length ? more : more / 2;
      places.start[r] += shift;
      places.turns[r] += shift;
    }
    inner += more;
    width = inner;
    height = heading + places.across + 2 * border;
    origin = [first, heading + border];
  }
  const [across, along] = net.down ? [width, height] : [height, width];
  const shift = (net.down ? origin[0] : origin[1]) - across / 2;
  const ports = (which) => level.entities.flatMap(([kind, ids], e) =>
    kind === which ? [[ids, places.middle[e] + shift]] : []);
  const extent = { across, along, arrow: scope && net.down, ins: ports("in"), outs: ports("out") };
  return { width, height, extent, parts, places, origin };
}

/* SVG. */

const atOf = (net, frame, across, along) => net.down
  ? [frame.origin[0] + across, frame.origin[1] + along]
  : [frame.origin[0] + along, frame.origin[1] + across];

function linesOf(net, level, frame) {
  const { places } = frame, paths = level.nets.map(() => "");
  const point = (across, along) => atOf(net, frame, across, along).map(num).join(" ");
  let arrows = "";
  places.wires.forEach((wire, w) => {
    const from = places.middle[wire.above] + wire.leaves, to = places.middle[wire.below] + wire.enters;
    const rank = places.rank[wire.above], above = frame.parts[wire.above], below = frame.parts[wire.below];
    const top = places.start[rank] + (above ? above.extent.along : 0);
    let end = places.start[places.rank[wire.below]];
    if (below && below.extent.arrow) {
      arrows += `M${point(to, end)}L${point(to - 3.5, end - 7)}L${point(to + 3.5, end - 7)}z`;
      end -= 2;
    }
    let path = `M${point(from, top)}`;
    const apart = Math.abs(to - from);
    if (apart >= 0.5) {
      const turn = places.turns[rank] + (places.track[w] + 0.5) * TRACK;
      const round = Math.min(ROUND, apart / 2), side = to > from ? round : -round;
      path += `L${point(from, turn - round)}Q${point(from, turn)} ${point(from + side, turn)}`
        + `L${point(to - side, turn)}Q${point(to, turn)} ${point(to, turn + round)}`;
    }
    paths[wire.net] += `${path}L${point(to, end)}`;
  });
  return paths.filter((path) => path).map((path) => `<path class="line" d="${path}"/>`).join("")
    + (arrows ? `<path class="arrow" d="${arrows}"/>` : "");
}

function labelsOf(net, level, frame) {
  const { places } = frame, done = new Set();
  let svg = "";
  for (const wire of places.wires) {
    const { source, label } = level.nets[wire.net];
    if (done.has(wire.net) || wire.above !== source) continue;
    done.add(wire.net);
    if (!label) continue;
    const along = frame.parts[source] ? frame.parts[source].extent.along : 0;
    const [x, y] = atOf(net, frame, places.middle[source] + wire.leaves, places.start[places.rank[source]] + along);
    svg += `<text class="shape" x="${num(x + 5)}" y="${num(net.down ? y + 13 : y - 5)}">${label}</text>`;
  }
  return svg;
}

const groupOf = (id, x, y, inner) =>
  `<g class="item" data-i="${id}" transform="translate(${num(x)} ${num(y)})">${inner}</g>`;
const badgeOf = (item, width) =>
  `<g class="badge" transform="translate(${num(width - item.badgeWidth + 7)} -9)">${item.badge}</g>`;

function cardsOf(net, frame) {
  const card = (i) => {
    const [width, height] = net.down
      ? [frame.width, frame.height - 2 * CARD * i] : [frame.width - 2 * CARD * i, frame.height];
    return `<rect class="card" x="${num(CARD * i)}" y="${num(CARD * i)}" width="${num(width)}" height="${num(height)}" rx="6"/>`;
  };
  return card(2) + card(1)
    + `<rect class="ground" width="${num(frame.width)}" height="${num(frame.height)}" rx="9"/>`;
}

function paint(net, id, frame) {
  const item = net.items[id], level = levelOf(net, id);
  if (!level) return item.svg;
  const size = `width="${num(frame.width)}" height="${num(frame.height)}"`;
  if (isCard(net, id)) {
    const part = item.first;
    return cardsOf(net, frame) + groupOf(part, 0, 0, paint(net, part, frame.parts[0])) + badgeOf(item, frame.width);
  }
  let svg = "";
  if (item.kind === "run") {
    svg += `<rect class="run" ${size} rx="10"/>`;
  } else if (id !== net.root) {
    svg += `<rect class="scope" ${size} rx="9"/><path class="heading" d="M0 ${num(HEADING)}V9q0 -9 9 -9H`
      + `${num(frame.width - 9)}q9 0 9 9V${num(HEADING)}z"/>${item.heading}`;
  }
  svg += linesOf(net, level, frame);
  level.entities.forEach(([kind, which], e) => {
    const part = frame.parts[e];
    if (!part) return;
    const { places } = frame;
    const [x, y] = atOf(net, frame, places.middle[e] - part.extent.across / 2, places.start[places.rank[e]]);
    svg += kind === "item" ? groupOf(which, x, y, paint(net, which, part))
      : `<g transform="translate(${num(x)} ${num(y)})">${net.results[which].svg}</g>`;
  });
  svg += labelsOf(net, level, frame);
  return item.kind === "run" ? svg + badgeOf(item, frame.width) : svg;
}
