//! Places in one level: how far each entity stands across and along the direction of flow, and where nets turn.
//!
//! `page.js` does the same in the same order, so that a page that is folded and unfolded looks as a drawing does.

use std::collections::HashMap;

use crate::level::{Entity, Level};

/// Between two boxes side by side.
const BESIDE: f64 = 26.0;
/// Between a box and a line that passes it, or between ports.
const PASSING: f64 = 14.0;
/// Between two lines.
const LINES: f64 = 9.0;
/// Half the room that a line takes.
const HALF_LINE: f64 = 3.0;
/// From one turn of lines to the next.
pub(crate) const TRACK: f64 = 7.0;
/// How much a line matters that is its ends' only one.
const CHAIN: f64 = 4.0;
/// How much a line matters that is the only one from box to box at both its ends.
const MAIN: f64 = 3.0;
/// Rounds of straightening.
const ROUNDS: usize = 8;

/// What is known of an entity before it is placed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extent {
    /// Its size across the direction of flow, and along it.
    pub(crate) across: f64,
    pub(crate) along: f64,
    /// Where values enter and leave, from its middle, by the nodes that give them; empty for a box that takes them at
    /// its middle.
    pub(crate) ins: Vec<(Vec<usize>, f64)>,
    pub(crate) outs: Vec<(Vec<usize>, f64)>,
    /// Whether lines end in it with an arrow.
    pub(crate) arrow: bool,
}

/// A connection with its ends' distances from the middles of what they end at.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) net: usize,
    pub(crate) above: usize,
    pub(crate) below: usize,
    pub(crate) leaves: f64,
    pub(crate) enters: f64,
    weight: f64,
}

/// A level with its places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    /// The middle of each entity, across.
    pub(crate) middle: Vec<f64>,
    /// The rank of each entity.
    pub(crate) rank: Vec<usize>,
    /// Where each rank begins, along.
    pub(crate) start: Vec<f64>,
    /// Where the lines behind each rank begin to turn.
    pub(crate) turns: Vec<f64>,
    /// For each wire the track on which it turns.
    pub(crate) track: Vec<usize>,
    pub(crate) wires: Vec<Wire>,
    /// The whole, across and along.
    pub(crate) across: f64,
    pub(crate) along: f64,
}

/// How much room the labels of nets take: across, beside the line on which they stand, and along.
pub(crate) struct Labels {
    pub(crate) across: Vec<f64>,
    pub(crate) along: Vec<f64>,
}

/// Places what stands in a level.
pub(crate) fn place(level: &Level, extents: &[Extent], labels: &Labels) -> Places {
    let mut places = Places { rank: vec![0; level.entities.len()], ..Places::default() };
    for (r, rank) in level.ranks.iter().enumerate() {
        rank.iter().for_each(|&entity| places.rank[entity] = r);
    }
    places.wires = wires(level, extents);
    let (before, after) = sides(level, extents, labels, &places.wires);
    places.middle = middles(level, &places, &before, &after);
    let mut least = f64::INFINITY;
    let mut most = f64::NEG_INFINITY;
    for entity in 0..level.entities.len() {
        least = least.min(places.middle[entity] - before[entity]);
        most = most.max(places.middle[entity] + after[entity]);
    }
    for middle in &mut places.middle {
        *middle -= least;
    }
    places.across = (most - least).max(0.0);
    along(level, extents, labels, &mut places);
    places
}

fn wires(level: &Level, extents: &[Extent]) -> Vec<Wire> {
    let mut order = vec![0; level.entities.len()];
    for rank in &level.ranks {
        rank.iter().enumerate().for_each(|(i, &entity)| order[entity] = i);
    }
    let is_lane = |entity: usize| matches!(level.entities[entity], Entity::Lane(_));
    let is_port = |entity: usize| matches!(level.entities[entity], Entity::In(_) | Entity::Out(_));
    // How many nets a plain box takes and gives, so that they are spread over its side.
    let mut incoming: Vec<Vec<(usize, usize)>> = vec![Vec::new(); level.entities.len()];
    let mut outgoing: Vec<Vec<usize>> = vec![Vec::new(); level.entities.len()];
    for (link, &(net, above, below)) in level.links.iter().enumerate() {
        incoming[below].push((order[above], link));
        if !outgoing[above].contains(&net) {
            outgoing[above].push(net);
        }
    }
    incoming.iter_mut().for_each(|links| links.sort_unstable());
    // How many readers a net has right below, and how many boxes right above a box reads from.
    let mut boxes_below: HashMap<(usize, usize), usize> = HashMap::new();
    let mut boxes_above = vec![0; level.entities.len()];
    for &(net, above, below) in &level.links {
        *boxes_below.entry((net, above)).or_default() += usize::from(!is_lane(below));
        boxes_above[below] += usize::from(!is_lane(above));
    }
    let mut wires = Vec::with_capacity(level.links.len());
    for (link, &(net, above, below)) in level.links.iter().enumerate() {
        let tensors = &level.nets[net].tensors;
        let (from, to) = (&extents[above], &extents[below]);
        let weight = match (is_lane(above), is_lane(below)) {
            (true, true) => 8.0,
            (true, false) | (false, true) => 1.0,
            // Ports stand where boxes want them, and not the other way round.
            (false, false) if is_port(above) || is_port(below) => 1.0,
            (false, false) if level.nets[net].targets.len() == 1 && incoming[below].len() == 1 => CHAIN,
            (false, false) if boxes_below[&(net, above)] == 1 && boxes_above[below] == 1 => MAIN,
            (false, false) => 2.0,
        };
        let leaves = match from.outs.iter().find(|(ids, _)| shares(ids, tensors)) {
            Some(&(_, at)) => at,
            None => {
                let place = outgoing[above].iter().position(|&n| n == net).unwrap_or(0);
                spread(place, outgoing[above].len(), 48.0, from.across)
            }
        };
        let ports = to.ins.iter().filter(|(ids, _)| shares(ids, tensors)).map(|&(_, at)| at);
        let mut ports: Vec<f64> = ports.collect();
        if ports.is_empty() {
            let place = incoming[below].iter().position(|&(_, l)| l == link).unwrap_or(0);
            // Of a box and lines from farther away the box's line enters in the middle.
            let main = incoming[below].iter().position(|&(_, l)| !is_lane(level.links[l].1));
            ports.push(match main.filter(|_| boxes_above[below] == 1) {
                Some(main) => beside(place, main, incoming[below].len(), to.across),
                None => spread(place, incoming[below].len(), 18.0, to.across),
            });
        }
        wires.extend(ports.into_iter().map(|enters| Wire { net, above, below, leaves, enters, weight }));
    }
    wires
}

/// The place of one of several ends on a side, from its middle.
fn spread(place: usize, count: usize, step: f64, across: f64) -> f64 {
    if count < 2 {
        return 0.0;
    }
    let step = apart_enough(step.min((across - 16.0).max(0.0) / count as f64));
    (place as f64 - (count as f64 - 1.0) / 2.0) * step
}

/// The place of one of several ends of which one is in the middle.
fn beside(place: usize, main: usize, count: usize, across: f64) -> f64 {
    let most = main.max(count - 1 - main).max(1) as f64;
    (place as f64 - main as f64) * apart_enough((across / 2.0 - 10.0).max(0.0).min(18.0 * most) / most)
}

/// Ends that would touch are one.
fn apart_enough(step: f64) -> f64 {
    if step < 6.0 { 0.0 } else { step }
}

fn shares(some: &[usize], others: &[usize]) -> bool {
    some.iter().any(|one| others.contains(one))
}

/// The room of each entity on both sides of its middle, with the labels of what leaves it.
fn sides(level: &Level, extents: &[Extent], labels: &Labels, wires: &[Wire]) -> (Vec<f64>, Vec<f64>) {
    let half = |entity: usize| match level.entities[entity] {
        Entity::Item(_) | Entity::Result(_) => extents[entity].across / 2.0,
        Entity::In(_) | Entity::Out(_) | Entity::Lane(_) => HALF_LINE,
    };
    let before: Vec<f64> = (0..level.entities.len()).map(half).collect();
    let mut after = before.clone();
    for wire in wires {
        if level.nets[wire.net].source == wire.above && labels.across[wire.net] > 0.0 {
            after[wire.above] = after[wire.above].max(wire.leaves + labels.across[wire.net]);
        }
    }
    (before, after)
}

/// Middles of entities: lines as straight as the order and the room of all allow.
fn middles(level: &Level, places: &Places, before: &[f64], after: &[f64]) -> Vec<f64> {
    let mut middle = vec![0.0; level.entities.len()];
    let mut offsets: Vec<Vec<f64>> = Vec::with_capacity(level.ranks.len());
    for rank in &level.ranks {
        let mut at = 0.0;
        let mut offset = vec![0.0; rank.len()];
        for i in 1..rank.len() {
            let (a, b) = (rank[i - 1], rank[i]);
            at += after[a] + before[b] + apart(&level.entities[a], &level.entities[b]);
            offset[i] = at;
        }
        for (i, &entity) in rank.iter().enumerate() {
            middle[entity] = offset[i] - at / 2.0;
        }
        offsets.push(offset);
    }
    let mut up: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); level.entities.len()];
    let mut down = up.clone();
    for wire in &places.wires {
        up[wire.below].push((wire.above, wire.leaves - wire.enters, wire.weight));
        down[wire.above].push((wire.below, wire.enters - wire.leaves, wire.weight));
    }
    let count = level.ranks.len();
    for round in 0..ROUNDS {
        for step in 0..count {
            settle(&level.ranks[step], &offsets[step], &[&up], &mut middle);
        }
        for step in (0..count).rev() {
            settle(&level.ranks[step], &offsets[step], &[&down], &mut middle);
        }
        if round + 3 > ROUNDS {
            for step in 0..count {
                settle(&level.ranks[step], &offsets[step], &[&up, &down], &mut middle);
            }
        }
    }
    for step in 0..count {
        straighten(level, step, &offsets[step], &[&up], true, &mut middle);
    }
    for step in (0..count).rev() {
        straighten(level, step, &offsets[step], &[&down], false, &mut middle);
    }
    // Ports follow the boxes.
    if let Some(last) = count.checked_sub(1) {
        settle(&level.ranks[last], &offsets[last], &[&up], &mut middle);
        settle(&level.ranks[0], &offsets[0], &[&down], &mut middle);
    }
    through(level, &mut middle);
    middle
}

fn apart(a: &Entity, b: &Entity) -> f64 {
    let is_box = |e: &Entity| matches!(e, Entity::Item(_) | Entity::Result(_));
    let is_lane = |e: &Entity| matches!(e, Entity::Lane(_));
    match (is_box(a) && is_box(b), is_lane(a) && is_lane(b)) {
        (true, _) => BESIDE,
        (_, true) => LINES,
        _ => PASSING,
    }
}

/// Neighbours of each entity: which, how far off its middle, and how much it matters.
type Near = Vec<Vec<(usize, f64, f64)>>;

/// Moves a rank's entities as near to where their neighbours want them as their order and room allow: least squares by
/// pooling those that push each other.
fn settle(rank: &[usize], offset: &[f64], near: &[&Near], middle: &mut [f64]) {
    let mut pools: Vec<(f64, f64, usize)> = Vec::with_capacity(rank.len());
    for (i, &entity) in rank.iter().enumerate() {
        let (wish, weight) = wish(entity, near, 0.0, middle);
        let (mut sum, mut total, mut count) = ((wish - offset[i]) * weight, weight, 1);
        while let Some(&(s, t, c)) = pools.last() {
            if s / t <= sum / total {
                break;
            }
            pools.pop();
            sum += s;
            total += t;
            count += c;
        }
        pools.push((sum, total, count));
    }
    let mut i = 0;
    for (sum, total, count) in pools {
        for _ in 0..count {
            middle[rank[i]] = sum / total + offset[i];
            i += 1;
        }
    }
}

/// Puts entities of chains where their neighbours want them, those first that matter most; the others make room, and
/// lines keep near.
fn straighten(
    level: &Level,
    step: usize,
    offset: &[f64],
    near: &[&Near],
    downwards: bool,
    middle: &mut [f64],
) {
    let rank = &level.ranks[step];
    let matters = |entity: usize| {
        let links = near.iter().flat_map(|side| side[entity].iter());
        links.map(|link| link.2).filter(|&weight| weight >= MAIN).sum::<f64>()
    };
    let is_lane = |i: usize| matches!(level.entities[rank[i]], Entity::Lane(_));
    let mut order: Vec<(f64, usize)> =
        rank.iter().enumerate().map(|(i, &entity)| (matters(entity), i)).collect();
    order.sort_by(|a, b| is_lane(a.1).cmp(&is_lane(b.1)).then(b.0.total_cmp(&a.0)).then(a.1.cmp(&b.1)));
    let mut placed: Vec<usize> = Vec::with_capacity(rank.len());
    for (matters, i) in order {
        let mut place = middle[rank[i]];
        if matters > 0.0 {
            place = wish(rank[i], near, MAIN, middle).0;
        } else if is_lane(i) && downwards {
            place = wish(rank[i], near, 0.0, middle).0;
        }
        let spot = placed.partition_point(|&other| other < i);
        if let Some(&right) = placed.get(spot) {
            place = place.min(middle[rank[right]] - (offset[right] - offset[i]));
        }
        if spot > 0 {
            let left = placed[spot - 1];
            place = place.max(middle[rank[left]] + (offset[i] - offset[left]));
        }
        middle[rank[i]] = place;
        placed.insert(spot, i);
    }
}

/// Where one value enters, for several readers, and one leaves, both stand on one line.
fn through(level: &Level, middle: &mut [f64]) {
    let only = |rank: Option<&Vec<usize>>| rank.filter(|rank| rank.len() == 1).map(|rank| rank[0]);
    let (Some(first), Some(last)) = (only(level.ranks.first()), only(level.ranks.last())) else { return };
    let ports =
        matches!(level.entities[first], Entity::In(_)) && matches!(level.entities[last], Entity::Out(_));
    let branches = level.links.iter().filter(|link| link.1 == first).count();
    if ports && branches > 1 {
        middle[first] = middle[last];
    }
}

/// Where an entity's neighbours want it: their weighted median,
/// of the lines that matter at least so much.
fn wish(entity: usize, near: &[&Near], least: f64, middle: &[f64]) -> (f64, f64) {
    let mut wishes: Vec<(f64, f64)> = Vec::new();
    for side in near {
        let links = side[entity].iter().filter(|link| link.2 >= least);
        wishes.extend(links.map(|&(other, shift, weight)| (middle[other] + shift, weight)));
    }
    if wishes.is_empty() {
        return (middle[entity], 0.5);
    }
    wishes.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f64 = wishes.iter().map(|wish| wish.1).sum();
    let mut seen = 0.0;
    for (i, &(place, weight)) in wishes.iter().enumerate() {
        seen += weight;
        if seen * 2.0 == total && i + 1 < wishes.len() {
            return ((place + wishes[i + 1].0) / 2.0, total);
        }
        if seen * 2.0 >= total {
            return (place, total);
        }
    }
    (middle[entity], total)
}

/// Where ranks begin, and on which tracks lines turn between them.
fn along(level: &Level, extents: &[Extent], labels: &Labels, places: &mut Places) {
    places.track = vec![0; places.wires.len()];
    let mut behind: Vec<Vec<usize>> = vec![Vec::new(); level.ranks.len()];
    for (w, wire) in places.wires.iter().enumerate() {
        behind[places.rank[wire.above]].push(w);
    }
    let mut at = 0.0;
    for (r, rank) in level.ranks.iter().enumerate() {
        places.start.push(at);
        at += rank.iter().map(|&entity| extents[entity].along).fold(0.0, f64::max);
        let last = r + 1 == level.ranks.len();
        if last {
            places.turns.push(at);
            break;
        }
        let ports = rank.iter().all(|&e| matches!(level.entities[e], Entity::In(_)));
        let boxes = level.ranks[r + 1]
            .iter()
            .any(|&e| matches!(level.entities[e], Entity::Item(_) | Entity::Result(_)));
        let mut label = if ports { 5.0 } else { 9.0 };
        for &w in &behind[r] {
            let wire = &places.wires[w];
            if level.nets[wire.net].source == wire.above {
                label = f64::max(label, labels.along[wire.net]);
            }
        }
        let tracks = tracks(places, &behind[r]);
        places.turns.push(at + label);
        at += label + tracks as f64 * TRACK + if boxes { 13.0 } else { 5.0 };
    }
    places.along = at;
}

/// Gives each wire of a gap that is not straight a track; wires of one net share theirs. Gives their number.
fn tracks(places: &mut Places, gap: &[usize]) -> usize {
    /// A net in the gap: its end above, the outermost ends of all, and its wires.
    struct Span {
        net: usize,
        top: f64,
        mean: f64,
        low: f64,
        high: f64,
        wires: Vec<usize>,
    }
    let mut spans: Vec<Span> = Vec::new();
    for &w in gap {
        let wire = &places.wires[w];
        let top = places.middle[wire.above] + wire.leaves;
        let end = places.middle[wire.below] + wire.enters;
        match spans.iter_mut().find(|span| span.net == wire.net) {
            Some(span) => {
                span.mean += end - top;
                span.low = span.low.min(end);
                span.high = span.high.max(end);
                span.wires.push(w);
            }
            None => spans.push(Span {
                net: wire.net,
                top,
                mean: end - top,
                low: top.min(end),
                high: top.max(end),
                wires: vec![w],
            }),
        }
    }
    spans.retain(|span| span.high - span.low >= 0.5);
    // Lines to the right turn the sooner the farther right they come from, and the other way round: so they do not cross.
    let rightwards = |span: &Span| span.mean > 0.0;
    spans.sort_by(|a, b| match (rightwards(a), rightwards(b)) {
        (true, true) => b.top.total_cmp(&a.top),
        (false, false) => a.top.total_cmp(&b.top),
        (a, b) => a.cmp(&b),
    });
    let mut placed: Vec<(f64, f64, usize)> = Vec::new();
    let mut count = 0;
    for span in spans {
        let meets = placed.iter().filter(|(low, high, _)| span.low - 6.0 < *high && *low < span.high + 6.0);
        let track = meets.map(|&(_, _, track)| track + 1).max().unwrap_or(0);
        count = count.max(track + 1);
        placed.push((span.low, span.high, track));
        for w in span.wires {
            places.track[w] = track;
        }
    }
    count
}
