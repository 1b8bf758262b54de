//! Some of a map's channels, each scaled and shifted: what exporters make of `x[:, 0] * 0.458 + 0.03`, of channels in
//! another order, and of a Concat of such.
//!
//! Nothing is computed until a layer reads them; then they are one layer: a Slice or an IndexSelect, an Affine, or a
//! Conv2d of 1×1 that picks and scales.

use super::arithmetic::is_along;
use super::call::{Call, Known, Order, Value, axes, axis, index};
use super::constant::Constant;
use super::importer::Importer;
use super::slices::slices;
use super::split::span;
use crate::ops::{Conv2d, IndexSelect, Op, Slice};

/// The most channels that are looked at one by one.
const MOST: usize = 1 << 16;

/// Channels of a map.
#[derive(Clone, Debug)]
pub(super) struct Channels {
    /// The map.
    of: Value,
    picks: Vec<Pick>,
    /// Whether the axis of the channels is left out, where there is one alone.
    dropped: bool,
    /// What the layer is called.
    path: String,
}

/// channel · scale + shift.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Pick {
    channel: usize,
    scale: f32,
    shift: f32,
}

impl Channels {
    /// The axis of the channels.
    fn axis(&self) -> usize {
        if self.of.order == Order::ChannelsLast { 3 } else { 1 }
    }
}

impl Importer<'_> {
    /// What a node that moves, scales or joins channels gives; `None` for any other.
    pub(super) fn channels(&mut self, call: &Call<'_>) -> Result<Option<Known>, String> {
        let is_channels = |known: &Option<Known>| matches!(known, Some(Known::Channels(_)));
        let any = call.inputs.iter().any(is_channels);
        let found = match call.op() {
            "Gather" => self.gathered(call)?,
            "Slice" => self.sliced(call)?,
            "Identity" | "CastLike" if any => first(call).cloned(),
            "Cast" if any && super::fold::is_real(call)? => first(call).cloned(),
            "Unsqueeze" | "Squeeze" if any => reshaped(call)?,
            "Add" | "Sub" | "Mul" | "Div" if any => self.scaled(call)?,
            "Concat" if any => self.joined(call)?,
            _ => None,
        };
        let Some(channels) = found else { return Ok(None) };
        self.spend(size_of_val(channels.picks.as_slice()))?;
        Ok(Some(Known::Channels(Channels { path: self.path(call), ..channels })))
    }

    /// All channels of an input, or those that were picked of one; `None` for what has no channels apart.
    fn picked(&self, call: &Call<'_>, input: usize) -> Option<Channels> {
        match call.inputs.get(input) {
            Some(Some(Known::Channels(channels))) => Some(channels.clone()),
            Some(Some(Known::Value(value)))
                if self.sizes(*value).len() == 3 && self.shape(*value).channels() <= MOST =>
            {
                let picks = (0..self.shape(*value).channels()).map(|channel| Pick {
                    channel,
                    scale: 1.0,
                    shift: 0.0,
                });
                let of = Value { shared: true, ..*value };
                Some(Channels { of, picks: picks.collect(), dropped: false, path: String::new() })
            }
            _ => None,
        }
    }

    fn gathered(&self, call: &Call<'_>) -> Result<Option<Channels>, String> {
        let Some(from) = self.picked(call, 0).filter(|from| !from.dropped) else { return Ok(None) };
        let along = axis(call.int("axis", 0)?, 4)?;
        if along != from.axis() {
            return Ok(None);
        }
        let indices = call.needed(1, "indices")?;
        let count = from.picks.len();
        let pick = |at: &Option<i64>| {
            let at = at.and_then(|at| index(at, count));
            at.map(|at| from.picks[at]).ok_or_else(|| format!("an index outside of {count} channels"))
        };
        let picks = indices.integers(self.model)?.iter().map(pick).collect::<Result<Vec<_>, _>>()?;
        if indices.shape.len() > 1 {
            return Ok(None);
        }
        if picks.is_empty() {
            return Err("it gathers nothing".into());
        }
        Ok(Some(Channels { picks, dropped: indices.shape.is_empty(), ..from }))
    }

    fn sliced(&self, call: &Call<'_>) -> Result<Option<Channels>, String> {
        let Some(from) = self.picked(call, 0).filter(|from| !from.dropped) else { return Ok(None) };
        let mut sizes = self.sizes(from.of);
        sizes[from.axis() - 1] = from.picks.len();
        let known: Vec<Option<usize>> =
            std::iter::once(None).chain(sizes.iter().copied().map(Some)).collect();
        let mut picks = from.picks.clone();
        for (axis, taken) in slices(call, &known)? {
            match taken {
                None => {}
                Some(range) if axis == from.axis() => picks = range.into_iter().map(|i| picks[i]).collect(),
                // Rows and columns are cut by a layer.
                Some(_) => return Ok(None),
            }
        }
        if picks.is_empty() {
            return Err("it takes no channels".into());
        }
        Ok(Some(Channels { picks, ..from }))
    }

    fn scaled(&self, call: &Call<'_>) -> Result<Option<Channels>, String> {
        let at = usize::from(call.constant(0).is_some());
        let (Some(from), Some(constant), 2) =
            (self.picked(call, at), call.constant(1 - at), call.inputs.len())
        else {
            return Ok(None);
        };
        // A number over channels is a layer's.
        if (call.op(), at) == ("Div", 1) {
            return Ok(None);
        }
        let rank = if from.dropped { 3 } else { 4 };
        let axis = if from.dropped { None } else { Some(from.axis()) };
        if !is_along(constant, rank, axis, from.picks.len()) {
            return Ok(None);
        }
        let numbers = self.along(constant, rank, axis, from.picks.len())?;
        let scaled = |(pick, number): (Pick, f32)| {
            let Pick { channel, scale, shift } = pick;
            let (scale, shift) = match (call.op(), at) {
                ("Mul", _) => (scale * number, shift * number),
                ("Div", _) => (scale / number, shift / number),
                ("Sub", 0) => (scale, shift - number),
                ("Sub", _) => (-scale, number - shift),
                _ => (scale, shift + number),
            };
            Pick { channel, scale, shift }
        };
        let picks = from.picks.iter().copied().zip(numbers).map(scaled).collect();
        Ok(Some(Channels { picks, ..from }))
    }

    fn joined(&self, call: &Call<'_>) -> Result<Option<Channels>, String> {
        let count = |known: &Option<Known>| match known {
            Some(Known::Channels(channels)) => channels.picks.len(),
            Some(Known::Value(value)) => self.shape(*value).channels(),
            _ => 0,
        };
        if call.inputs.iter().map(count).fold(0, usize::saturating_add) > MOST {
            return Ok(None);
        }
        let parts: Option<Vec<Channels>> = (0..call.inputs.len()).map(|i| self.picked(call, i)).collect();
        let Some((first, rest)) = parts.as_deref().and_then(<[Channels]>::split_first) else {
            return Ok(None);
        };
        let one = |part: &Channels| {
            part.of.layer == first.of.layer && part.of.order == first.of.order && !part.dropped
        };
        if first.dropped || !rest.iter().all(one) || axis(call.int("axis", 1)?, 4)? != first.axis() {
            return Ok(None);
        }
        let picks = [first].into_iter().chain(rest).flat_map(|part| part.picks.iter().copied()).collect();
        Ok(Some(Channels { picks, ..first.clone() }))
    }

    /// Channels as a layer gives them.
    pub(super) fn settle(&mut self, channels: &Channels) -> Result<Value, String> {
        let Channels { of, picks, dropped, path } = channels;
        if *dropped {
            return Err("it reads a channel without its axis, which no layer gives".into());
        }
        let inputs = self.shape(*of).channels();
        let plain = picks.iter().all(|pick| pick.scale == 1.0 && pick.shift == 0.0);
        let in_order = picks.iter().map(|pick| pick.channel).eq(0..inputs);
        if plain && in_order {
            return Ok(*of);
        }
        let vector = |values: Vec<f32>| Constant::numbers(vec![values.len()], values);
        let shifts = vector(picks.iter().map(|pick| pick.shift).collect());
        let indices = || picks.iter().map(|pick| pick.channel).collect::<Vec<_>>();
        let shape = self.shape(*of);
        let (op, weights): (Op, _) = if plain {
            let picked = match span(&indices()) {
                Some(channels) => Slice { channels, ..Slice::channels(0..inputs, shape) }.into(),
                None => IndexSelect { dim: 1, indices: indices() }.into(),
            };
            (picked, Vec::new())
        } else if in_order {
            (Op::Affine, vec![vector(picks.iter().map(|pick| pick.scale).collect()), shifts])
        } else {
            let outputs = picks.len();
            self.spend(outputs.saturating_mul(inputs).saturating_mul(size_of::<f32>()))?;
            let mut weight = vec![0.0; outputs * inputs];
            for (row, pick) in weight.chunks_exact_mut(inputs).zip(picks) {
                row[pick.channel] = pick.scale;
            }
            let weight = Constant::numbers(vec![outputs, inputs, 1, 1], weight);
            let conv = Conv2d::new(outputs, 1);
            if picks.iter().all(|pick| pick.shift == 0.0) {
                (conv.no_bias().into(), vec![weight])
            } else {
                (conv.into(), vec![weight, shifts])
            }
        };
        let layer = self.draft.push(op, &[of.layer], path.clone(), weights)?;
        Ok(Value { layer, order: of.order, shared: true })
    }
}

/// The first input, if it is channels.
fn first<'a>(call: &'a Call<'_>) -> Option<&'a Channels> {
    match call.inputs.first() {
        Some(Some(Known::Channels(channels))) => Some(channels),
        _ => None,
    }
}

/// Channels with their axis put in or left out.
fn reshaped(call: &Call<'_>) -> Result<Option<Channels>, String> {
    let (Some(from), Some(list)) = (first(call), call.axes(1)?) else { return Ok(None) };
    let inserts = call.op() == "Unsqueeze";
    let fits =
        axes(&list, 4)? == [from.axis()] && from.dropped == inserts && (inserts || from.picks.len() == 1);
    Ok(fits.then(|| Channels { dropped: !inserts, ..from.clone() }))
}
