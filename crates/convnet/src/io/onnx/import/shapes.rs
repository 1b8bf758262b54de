//! Operators that change the shape or the order of elements alone.

use super::call::{Call, Known, Order, Value, axes, end_axis};
use super::fold::shape_of;
use super::importer::Importer;
use crate::graph::Shape;
use crate::ops::Op;

impl Importer<'_> {
    pub(super) fn flatten(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let rank = self.shape(self.value(call, 0)?).dims().len() + 1;
        let at = end_axis(call.int("axis", 1)?, rank)?;
        if at != 1 {
            return Err(format!("from axis {at} on, expected 1: all but the images"));
        }
        self.vectors(call)
    }

    /// A value as vectors.
    fn vectors(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let Shape::Map { channels, height, width } = self.shape(value) else { return self.alias(call, 0) };
        let path = self.path(call);
        let layer = self.draft.push(Op::Flatten, &[value.layer], path, Vec::new())?;
        let order = match value.order {
            Order::ChannelsLast if channels > 1 && height * width > 1 => {
                Order::Flattened([channels, height, width])
            }
            _ => Order::ChannelsFirst,
        };
        Ok(Known::Value(Value { layer, order, shared: false }))
    }

    /// A value's sizes without the images, in its order.
    pub(super) fn sizes(&self, value: Value) -> Vec<usize> {
        match (self.shape(value), value.order) {
            (Shape::Map { channels, height, width }, Order::ChannelsLast) => vec![height, width, channels],
            (shape, _) => shape.dims(),
        }
    }

    pub(super) fn reshape(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let sizes = self.sizes(value);
        let told = call.integers(1)?.ok_or("it has no shape")?;
        let target = self.target(&told, &sizes, call.int("allowzero", 0)? != 0)?;
        self.shaped(call, value, &target, &sizes)
    }

    /// The sizes without the images that a shape asks for.
    pub(super) fn target(
        &self,
        told: &[Option<i64>],
        sizes: &[usize],
        zeros: bool,
    ) -> Result<Vec<usize>, String> {
        let wrong = || {
            let told = told.iter().map(|size| size.map_or("N".into(), |size| size.to_string()));
            format!(
                "from (N, {sizes:?}) to ({}), expected the images to stay apart",
                told.collect::<Vec<_>>().join(", ")
            )
        };
        let count: usize = sizes.iter().product();
        let (images, rest) = told.split_first().ok_or_else(wrong)?;
        let batch = self.batch.map(|batch| batch as i64);
        if !(matches!(images, None | Some(-1)) || *images == batch || (*images == Some(0) && !zeros)) {
            return Err(wrong());
        }
        let mut target = Vec::new();
        let mut free = None;
        for (i, size) in rest.iter().enumerate() {
            target.push(match *size {
                Some(0) if !zeros => *sizes.get(i).ok_or_else(wrong)?,
                Some(-1) if free.is_none() && *images != Some(-1) => {
                    free = Some(i);
                    1
                }
                Some(size) => usize::try_from(size).map_err(|_| wrong())?,
                None => return Err(wrong()),
            });
        }
        let product = |sizes: &[usize]| sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        if let (Some(free), Some(known @ 1..)) = (free, product(&target)) {
            target[free] = count / known;
        }
        if product(&target) == Some(count) { Ok(target) } else { Err(wrong()) }
    }

    /// A value with other sizes, where a layer gives them.
    fn shaped(
        &mut self,
        call: &Call<'_>,
        value: Value,
        target: &[usize],
        sizes: &[usize],
    ) -> Result<Known, String> {
        if target == sizes {
            return self.alias(call, 0);
        }
        let order = |order| Ok(Known::Value(Value { order, ..self.renamed(call, 0)? }));
        match (target, self.shape(value)) {
            ([_], _) => self.vectors(call),
            ([_, 1, 1], Shape::Vector { .. }) => self.layer(call, Op::Unflatten),
            ([1, 1, _], Shape::Vector { .. }) => match self.layer(call, Op::Unflatten)? {
                Known::Value(value) => Ok(Known::Value(Value { order: Order::ChannelsLast, ..value })),
                other => Ok(other),
            },
            // Of one pixel or one channel, channels first and last are the same elements.
            (&[c, h, w], Shape::Map { channels, height, width })
                if (channels == 1 || height * width == 1) && [c, h, w] == [channels, height, width] =>
            {
                order(Order::ChannelsFirst)
            }
            (&[h, w, c], Shape::Map { channels, height, width })
                if (channels == 1 || height * width == 1) && [c, h, w] == [channels, height, width] =>
            {
                order(Order::ChannelsLast)
            }
            _ => self.reshaped_view(call, value, target),
        }
    }

    pub(super) fn squeeze(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let sizes = self.sizes(value);
        let kept = self.squeezed(call, &sizes)?;
        self.shaped(call, value, &kept, &sizes)
    }

    /// The sizes that Squeeze leaves, without the images.
    pub(super) fn squeezed(&self, call: &Call<'_>, sizes: &[usize]) -> Result<Vec<usize>, String> {
        let dropped = match call.axes(1)? {
            Some(list) => axes(&list, sizes.len() + 1)?,
            None if self.batch == Some(1) => {
                let reason = "without axes it drops that of the images too, of which the model has one; export it for \
                              more images, or with axes";
                return Err(reason.into());
            }
            None => (1..=sizes.len()).filter(|&i| sizes[i - 1] == 1).collect(),
        };
        if dropped.iter().any(|&i| i == 0 || sizes[i - 1] != 1) {
            return Err(format!("axes {dropped:?} of (N, {sizes:?}), expected sizes of 1"));
        }
        let kept: Vec<usize> =
            (0..sizes.len()).filter(|i| !dropped.contains(&(i + 1))).map(|i| sizes[i]).collect();
        if self.batch.is_none() && kept.len() > 1 && call.axes(1)?.is_none() {
            let reason = "without axes it drops that of the images too where there is one, so that later axes are others; \
                          export it with axes";
            return Err(reason.into());
        }
        Ok(kept)
    }

    pub(super) fn unsqueeze(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let sizes = self.sizes(value);
        let all = self.unsqueezed(call, &sizes)?;
        self.shaped(call, value, &all, &sizes)
    }

    /// The sizes that Unsqueeze makes, without the images.
    pub(super) fn unsqueezed(&self, call: &Call<'_>, sizes: &[usize]) -> Result<Vec<usize>, String> {
        let list = call.axes(1)?.ok_or("it has no axes")?;
        let rank = sizes.len() + 1 + list.len();
        let new = axes(&list, rank)?;
        if new.contains(&0) {
            return Err("it puts an axis before that of the images".into());
        }
        let mut old = sizes.iter().copied();
        Ok((1..rank).map(|i| if new.contains(&i) { 1 } else { old.next().unwrap_or(1) }).collect())
    }

    pub(super) fn transpose(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let value = self.value(call, 0)?;
        let rank = self.sizes(value).len() + 1;
        let permutation = call.permutation(rank)?;
        let sizes = self.sizes(value);
        let target: Vec<usize> =
            permutation.iter().filter(|&&axis| axis > 0).map(|&axis| sizes[axis - 1]).collect();
        let long = |axes: &[usize]| {
            axes.iter().copied().filter(|&axis| axis > 0 && sizes[axis - 1] > 1).collect::<Vec<_>>()
        };
        let order = match (&permutation[..], value.order) {
            (same, order) if same.iter().enumerate().all(|(i, &axis)| i == axis) => order,
            ([0, 2, 3, 1], Order::ChannelsFirst) => Order::ChannelsLast,
            ([0, 3, 1, 2], Order::ChannelsLast) => Order::ChannelsFirst,
            // Axes of one element alone are moved.
            ([0, ..], _) if long(&permutation).is_sorted() => {
                return self.shaped(call, value, &target, &sizes);
            }
            _ => return self.turned_view(call, value, &permutation),
        };
        Ok(Known::Value(Value { order, ..self.renamed(call, 0)? }))
    }

    pub(super) fn shape_constant(&self, call: &Call<'_>) -> Result<Known, String> {
        let sizes = self.sizes(self.value(call, 0)?);
        let sizes: Vec<Option<i64>> =
            std::iter::once(None).chain(sizes.iter().map(|&size| Some(size as i64))).collect();
        Ok(Known::Constant(shape_of(call, &sizes)?))
    }
}
