//! Weights that several stages read: each has its place, the first one's is updated, and all hold the same between two steps.

use std::collections::HashMap;
use std::ops::Range;

use convnet_gpu::{Format, List, View};

use super::places::Places;
use super::table::Parameter;
use crate::graph::Graph;
use crate::plan::CompileError;

/// A further place of a parameter.
#[derive(Clone, Debug)]
pub(super) struct Twin {
    pub(super) parameter: Parameter,
    /// The number of the parameter that it is the same as.
    first: usize,
    orders: Orders,
}

/// How the rows of two places lie, so many of them: a Linear that reads a map has them pixel by pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Orders {
    Same,
    /// The first one's lie as PyTorch has them, the further one's pixel by pixel, or the other way.
    Pixels {
        rows: usize,
        map: usize,
        channels: usize,
        first: bool,
    },
}

impl Orders {
    /// Nothing where one does not follow from the other.
    fn of(first: &Parameter, further: &Parameter) -> Option<Self> {
        let (Some(a), Some(b)) = (&first.rows, &further.rows) else {
            return (first.rows == further.rows).then_some(Self::Same);
        };
        let is_pixels = |rows: &super::rows::Rows| rows.stem.is_none() && rows.spots > 1;
        match () {
            () if a == b => Some(Self::Same),
            () if a.out != b.out || a.channels * a.spots != b.channels * b.spots => None,
            () if is_pixels(a) && b.spots == 1 && b.stem.is_none() => {
                Some(Self::Pixels { rows: a.out, map: a.spots, channels: a.channels, first: true })
            }
            () if is_pixels(b) && a.spots == 1 && a.stem.is_none() => {
                Some(Self::Pixels { rows: b.out, map: b.spots, channels: b.channels, first: false })
            }
            () => None,
        }
    }
}

/// Parameters, each tensor once, and the further places of those that several stages read.
///
/// # Errors
/// If two stages have a weight in orders that do not follow from one another.
pub(super) fn distinct(
    graph: &Graph,
    table: Vec<Parameter>,
) -> Result<(Vec<Parameter>, Vec<Twin>), CompileError> {
    let (mut distinct, mut twins): (Vec<Parameter>, Vec<Twin>) = (Vec::new(), Vec::new());
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for parameter in table {
        let Some(&first) = numbers.get(&parameter.spec.name) else {
            numbers.insert(parameter.spec.name.clone(), distinct.len());
            distinct.push(parameter);
            continue;
        };
        // Nothing goes between places of what is frozen, which may be folded in one of them.
        let orders =
            if parameter.frozen { Some(Orders::Same) } else { Orders::of(&distinct[first], &parameter) };
        let Some(orders) = orders else {
            let first = parameter.spec.name;
            let before = 1 + twins.iter().filter(|twin| twin.parameter.spec.name == first).count();
            let name = graph.name_of_reader(&first, before).unwrap_or_else(|| first.clone());
            return Err(CompileError::SharedWeight { name, first });
        };
        twins.push(Twin { parameter, first, orders });
    }
    Ok((distinct, twins))
}

impl Twin {
    fn learns(&self) -> bool {
        !self.parameter.frozen
    }

    /// The places of both in a flat buffer, by rows or pixel by pixel.
    fn views(&self, table: &[Parameter], start: usize) -> [View; 2] {
        let ranges = [&table[self.first].range, &self.parameter.range];
        let at = |range: &Range<usize>| start + 4 * range.start;
        match self.orders {
            Orders::Same => ranges.map(|range| View::dense(at(range), 1, range.len(), Format::F32)),
            Orders::Pixels { rows, map, channels, first } => {
                let by = |range: &Range<usize>, pixels: bool| match pixels {
                    true => View::dense(at(range), rows * map, channels, Format::F32),
                    false => View::dense(at(range), rows, map * channels, Format::F32),
                };
                [by(ranges[0], first), by(ranges[1], !first)]
            }
        }
    }
}

/// Adds the gradients at further places to those at the first ones.
pub(super) fn join(list: &mut List, places: &Places, (table, twins): (&[Parameter], &[Twin])) {
    for twin in twins.iter().filter(|twin| twin.learns()) {
        let [first, further] = twin.views(table, places.gradients);
        match twin.orders {
            Orders::Same => list.accumulate(further, first),
            Orders::Pixels { map, first: true, .. } => list.unflatten(map, [further, first], true),
            Orders::Pixels { map, first: false, .. } => {
                list.unflatten(map, [first, further], true);
                list.flatten(map, [further, first]);
            }
        }
    }
}

/// Gives the further places what the first ones hold.
pub(super) fn spread(list: &mut List, places: &Places, (table, twins): (&[Parameter], &[Twin])) {
    for twin in twins.iter().filter(|twin| twin.learns()) {
        let [first, further] = twin.views(table, places.parameters);
        match twin.orders {
            Orders::Same => list.copy(first, further),
            Orders::Pixels { map, first: true, .. } => list.flatten(map, [first, further]),
            Orders::Pixels { map, first: false, .. } => list.unflatten(map, [first, further], false),
        }
    }
}
