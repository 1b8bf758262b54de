//! Parts of a value: Split, and Slice of rows and columns.

use super::call::{Call, Known, Order, Value, axis, index};
use super::constant::Constant;
use super::importer::Importer;
use super::lift::LONGEST;
use super::slices::slices;
use crate::ops::{IndexSelect, Slice, Span};

impl Importer<'_> {
    /// What Split gives, one value for each output; `None` for any other operator, or where it is of a constant.
    pub(super) fn split(&mut self, call: &mut Call<'_>) -> Result<Option<Vec<Known>>, String> {
        if call.op() != "Split" || call.constant(0).is_some() {
            return Ok(None);
        }
        if let Some(Some(Known::View(view))) = call.inputs.first()
            && view.is_lifted()
        {
            let view = view.clone();
            let along = axis(call.int("axis", 0)?, view.axes.sizes.len() + 1)?;
            let along = along.checked_sub(1).ok_or("it splits the images")?;
            let parts = self.split_along(call, &view, along)?;
            return Ok(Some(parts.into_iter().map(|part| self.known(part)).collect()));
        }
        self.settle_inputs(call)?;
        let value = self.map_or_vector(call, 0)?;
        let sizes = self.sizes(value);
        let along = axis(call.int("axis", 0)?, sizes.len() + 1)?;
        let Some(&size) = along.checked_sub(1).and_then(|along| sizes.get(along)) else {
            return Err("it splits the images".into());
        };
        let lengths = lengths(call, size, along - 1)?;
        let mut parts = Vec::new();
        let mut start = 0;
        for length in lengths {
            let part = self.part(call, value, along - 1, Span { start, step: 1, length })?;
            parts.push(Known::Value(part));
            start += length;
        }
        Ok(Some(parts))
    }

    /// A part of a value along one of its axes, of which the images' is none.
    fn part(&mut self, call: &Call<'_>, value: Value, along: usize, span: Span) -> Result<Value, String> {
        let shape = self.shape(value);
        let mut slice = Slice::channels(0..shape.channels(), shape);
        match (along, value.order) {
            (0, Order::ChannelsFirst) | (2, Order::ChannelsLast) => slice.channels = span,
            (1, Order::ChannelsFirst) | (0, Order::ChannelsLast) => slice.rows = span,
            (2, Order::ChannelsFirst) | (1, Order::ChannelsLast) => slice.columns = span,
            _ => return Err(format!("along axis {}", along + 1)),
        }
        self.give_on(call, slice, value, Vec::new())
    }

    /// A part of a value along any of its axes.
    pub(super) fn cut(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let mut value = self.map_or_vector(call, 0)?;
        let sizes = self.sizes(value);
        if let Some(size) = sizes.iter().find(|&&size| size > LONGEST) {
            return Err(format!("of {size} elements along an axis, expected at most {LONGEST}"));
        }
        let known: Vec<Option<usize>> =
            std::iter::once(None).chain(sizes.iter().copied().map(Some)).collect();
        let mut cut = false;
        for (axis, taken) in slices(call, &known)? {
            let (Some(indices), Some(along)) = (taken, axis.checked_sub(1)) else { continue };
            value = match span(&indices) {
                _ if indices.is_empty() => return Err(format!("it takes nothing along axis {axis}")),
                Some(span) => self.part(call, value, along, span)?,
                None => self.selected(call, value, along, indices)?,
            };
            cut = true;
        }
        if cut { Ok(Known::Value(value)) } else { self.alias(call, 0) }
    }

    /// Elements along an axis that is not the channels', by their numbers.
    pub(super) fn gather(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.map_or_vector(call, 0)?;
        let sizes = self.sizes(value);
        let along = axis(call.int("axis", 0)?, sizes.len() + 1)?.checked_sub(1).ok_or("it gathers images")?;
        let indices = call.needed(1, "indices")?;
        if indices.shape.len() != 1 {
            let view = self.view(call, value)?;
            let gathered = self.gathered_along(call, &view, along)?;
            return Ok(self.known(gathered));
        }
        let numbers = self.indices(indices, sizes[along])?;
        if numbers.is_empty() {
            return Err("it gathers nothing".into());
        }
        self.selected(call, value, along, numbers).map(Known::Value)
    }

    /// Constant numbers of elements of an axis.
    pub(super) fn indices(&self, indices: &Constant, size: usize) -> Result<Vec<usize>, String> {
        let inside = |at: &Option<i64>| {
            at.and_then(|at| index(at, size)).ok_or_else(|| format!("an index outside of {size}"))
        };
        indices.integers(self.model)?.iter().map(inside).collect()
    }

    /// Elements of a value along one of its axes by their numbers.
    fn selected(
        &mut self,
        call: &Call<'_>,
        value: Value,
        along: usize,
        indices: Vec<usize>,
    ) -> Result<Value, String> {
        self.spend(size_of_val(indices.as_slice()))?;
        let dim = match value.order {
            Order::ChannelsLast => [2, 3, 1][along],
            _ => along + 1,
        };
        self.give_on(call, IndexSelect { dim, indices }, value, Vec::new())
    }
}

/// The lengths of the parts that Split makes of an axis of an image.
pub(super) fn lengths(call: &Call<'_>, size: usize, along: usize) -> Result<Vec<usize>, String> {
    let told: Option<Vec<i64>> = match call.integers(1)? {
        Some(lengths) => Some(lengths.into_iter().collect::<Option<_>>().ok_or("its lengths are not known")?),
        None => call.ints("split")?.map(<[i64]>::to_vec),
    };
    let count = call.node.outputs.len();
    let lengths: Vec<usize> = match told {
        Some(lengths) => lengths
            .iter()
            .map(|&length| usize::try_from(length).map_err(|_| format!("lengths {lengths:?}")))
            .collect::<Result<_, _>>()?,
        None => {
            // In equal parts, of which the last may be smaller.
            let part = size.div_ceil(count.max(1));
            (0..count).map(|i| size.saturating_sub(i * part).min(part)).collect()
        }
    };
    let total = lengths.iter().try_fold(0usize, |sum, &length| sum.checked_add(length));
    if total != Some(size) || lengths.len() != count || lengths.contains(&0) {
        return Err(format!("{size} elements along axis {} in {count} parts of {lengths:?}", along + 1));
    }
    Ok(lengths)
}

/// Numbers that follow one another by a fixed step.
pub(super) fn span(indices: &[usize]) -> Option<Span> {
    let (&start, rest) = indices.split_first()?;
    let step = match rest.first() {
        Some(&next) => next.checked_sub(start).filter(|&step| step > 0)?,
        None => 1,
    };
    let fits = indices.iter().enumerate().all(|(i, &index)| index == start + i * step);
    fits.then_some(Span { start, step, length: indices.len() })
}
