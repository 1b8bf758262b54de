//! Operators along some axes of values under any axes: these become the channels of a map, on which a layer computes.

use super::axes::{Axes, undone};
use super::call::{Call, Known, Order, Value, axes, axis};
use super::constant::{Constant, FOLDED};
use super::fold::place;
use super::importer::Importer;
use super::slices::slices;
use super::split::span;
use super::views::View;
use crate::graph::Shape;
use crate::ops::{Arithmetic, Conv2d, IndexSelect, LayerNorm, Op, Reduce, Reduction, Slice, Unary};

/// The longest axis whose elements are looked at one by one.
pub(super) const LONGEST: usize = 1 << 22;

impl Importer<'_> {
    /// Elements under axes as what following nodes read: a value where a layer gives them in an order that layers know.
    pub(super) fn known(&self, view: View) -> Known {
        let shape = self.draft.shape(view.of);
        let value = |order| Known::Value(Value { layer: view.of, order, shared: true });
        let plain = Axes::contiguous(&shape.dims());
        if view.axes == plain {
            return value(Order::ChannelsFirst);
        }
        if let Shape::Map { .. } = shape
            && view.axes == plain.permuted(&[1, 2, 0])
        {
            return value(Order::ChannelsLast);
        }
        Known::View(view)
    }

    /// What `layer` makes of a map whose channels are some axes of a view, the rest being its pixels. It tells what is left of
    /// these axes, in their order.
    fn on_channels(
        &mut self,
        view: &View,
        moved: &[usize],
        layer: impl FnOnce(&mut Self, usize) -> Result<(usize, Vec<usize>), String>,
    ) -> Result<View, String> {
        let rank = view.axes.sizes.len();
        let rest: Vec<usize> = (0..rank).filter(|axis| !moved.contains(axis)).collect();
        let order: Vec<usize> = moved.iter().chain(&rest).copied().collect();
        let turned = view.axes.permuted(&order);
        let channels: usize = moved.iter().map(|&axis| view.axes.sizes[axis]).product();
        let shape = self.draft.shape(view.of);
        let lies = turned.merged() == Axes::contiguous(&[shape.elements()]).merged();
        let input = if lies && shape.channels() == channels {
            view.of
        } else {
            let pixels: usize = rest.iter().map(|&axis| view.axes.sizes[axis]).product();
            let turned = View { axes: turned, ..view.clone() };
            self.settle_view(&turned, &[channels, pixels, 1])?.layer
        };
        let (of, left) = layer(self, input)?;
        let sizes: Vec<usize> =
            left.into_iter().chain(rest.iter().map(|&axis| view.axes.sizes[axis])).collect();
        Ok(View { of, axes: Axes::contiguous(&sizes).permuted(&undone(&order)), path: view.path.clone() })
    }

    /// A layer that keeps the shape, over some axes of a view.
    fn over(
        &mut self,
        call: &Call<'_>,
        view: &View,
        moved: &[usize],
        op: impl Into<Op>,
        weights: Vec<Constant>,
    ) -> Result<View, String> {
        let (path, op) = (self.path(call), op.into());
        let sizes: Vec<usize> = moved.iter().map(|&axis| view.axes.sizes[axis]).collect();
        let view = View { path: path.clone(), ..view.clone() };
        self.on_channels(&view, moved, |this, input| {
            Ok((this.draft.push(op, &[input], path, weights)?, sizes))
        })
    }

    /// What an operator gives of values that are no maps or vectors; `None` for one that layers compute on these alone.
    pub(super) fn lifted(&mut self, call: &Call<'_>) -> Result<Option<Known>, String> {
        let tokens = |known: &Option<Known>| matches!(known, Some(Known::View(view)) if view.is_lifted());
        if !call.inputs.iter().any(tokens) {
            return Ok(None);
        }
        let first = |this: &mut Self| {
            let view = this.viewed_input(call, 0)?;
            view.ok_or_else(|| "its input is a constant, expected what depends on the images".to_string())
        };
        let lifted = match call.op() {
            "Add" | "Sum" | "Sub" | "Mul" | "Div" | "Max" | "Min" | "Pow" | "Less" | "LessOrEqual"
            | "Greater" | "GreaterOrEqual" | "Equal" | "And" | "Or" | "Where" | "Not" | "PRelu" | "Neg"
            | "Mean" => {
                return self.computed(call).map(Some);
            }
            "Softmax" | "LogSoftmax" => {
                let view = first(self)?;
                self.softmax_of(call, &view)?
            }
            "LayerNormalization" => {
                let view = first(self)?;
                self.layer_norm_of(call, &view)?
            }
            "ReduceSum" | "ReduceMean" | "ReduceMax" | "ReduceMin" | "ReduceSumSquare" | "ReduceL1"
            | "ReduceL2" => {
                let view = first(self)?;
                return self.reduce_view(call, &view).map(Some);
            }
            "Slice" | "Gather" => {
                let view = first(self)?;
                self.selected_view(call, view)?
            }
            "MatMul" => self.matrix_product(call)?,
            "Concat" => self.joined_views(call)?,
            "ThresholdedRelu" | "Shrink" | "Swish" => return self.pieces(call).map(Some),
            "RMSNormalization" | "LpNormalization" => return self.by_norm(call).map(Some),
            "Tile" => return self.tile(call).map(Some),
            _ => return Ok(None),
        };
        Ok(Some(self.known(lifted)))
    }

    /// Softmax or its logarithm over an axis; before version 13 over all from an axis on together.
    pub(super) fn softmax_of(&mut self, call: &Call<'_>, view: &View) -> Result<View, String> {
        let (rank, together) = (view.axes.sizes.len(), call.opset < 13);
        let from = axis(call.int("axis", if together { 1 } else { -1 })?, rank + 1)?;
        let from = from.checked_sub(1).ok_or("over the images")?;
        let moved: Vec<usize> = (from..if together { rank } else { from + 1 }).collect();
        let op = if call.op() == "Softmax" { Op::Softmax } else { Op::LogSoftmax };
        self.over(call, view, &moved, op, Vec::new())
    }

    /// A normalization over the last axes.
    pub(super) fn layer_norm_of(&mut self, call: &Call<'_>, view: &View) -> Result<View, String> {
        let rank = view.axes.sizes.len() + 1;
        let from = axis(call.int("axis", -1)?, rank)?.checked_sub(1).ok_or("over the images")?;
        let sizes = &view.axes.sizes[from..];
        let count = sizes.iter().product();
        let wide = |input, what| self.over_last(call, (input, what), sizes);
        let scale = wide(1, "scale")?.unwrap_or_else(|| Constant::fill(vec![count], 1.0));
        let bias = wide(2, "bias")?.unwrap_or_else(|| Constant::fill(vec![count], 0.0));
        let moved: Vec<usize> = (from..view.axes.sizes.len()).collect();
        let eps = call.float("epsilon", 1e-5)?;
        self.over(call, view, &moved, LayerNorm { eps }, vec![scale, bias])
    }

    /// A constant with a number for each element of an image's last axes; `None` where it is left out.
    fn over_last(
        &self,
        call: &Call<'_>,
        (input, what): (usize, &str),
        sizes: &[usize],
    ) -> Result<Option<Constant>, String> {
        let Some(constant) = call.weight(input, what)? else { return Ok(None) };
        let count = sizes.iter().product();
        let lead = sizes.len().checked_sub(constant.shape.len());
        let fits = lead.is_some_and(|lead| {
            constant.shape.iter().zip(&sizes[lead..]).all(|(own, size)| own == size || *own == 1)
        });
        if !fits || count > FOLDED {
            return Err(format!("its {what} has shape {:?}, expected {sizes:?}", constant.shape));
        }
        if constant.len() == count {
            return Ok(Some(constant.clone().reshaped(&[count])));
        }
        let values = constant.floats(self.model)?;
        let place = |i| values[place(&constant.shape, sizes, i)];
        Ok(Some(Constant::numbers(vec![count], (0..count).map(place).collect())))
    }

    /// Elements over a norm of theirs along some axes: the root of the mean of their squares, or of the sum of their powers.
    pub(super) fn by_norm(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let view = self.viewed_input(call, 0)?.ok_or("it reads constants alone")?;
        let along = axis(call.int("axis", -1)?, view.axes.sizes.len() + 1)?.checked_sub(1);
        let along = along.ok_or("over the images")?;
        let path = self.path(call);
        let mean = call.op() == "RMSNormalization";
        let last: Vec<usize> = if mean { (along..view.axes.sizes.len()).collect() } else { vec![along] };
        let sizes: Vec<usize> = last.iter().map(|&axis| view.axes.sizes[axis]).collect();
        let p = if mean { 2 } else { call.int("p", 2)? };
        if !(1..=2).contains(&p) {
            return Err(format!("p is {p}, expected 1 or 2"));
        }
        let scale = if mean { self.over_last(call, (1, "scale"), &sizes)? } else { None };
        let eps = if mean { call.float("epsilon", 1e-5)? } else { 0.0 };
        let named = View { path: path.clone(), ..view };
        let normalized = self.on_channels(&named, &last, |this, input| {
            let reduction = if mean { Reduction::Mean } else { Reduction::Sum };
            let reduce = Reduce { reduction, channels: true, height: false, width: false };
            let powers = this.powered(call, input, p)?;
            let sum = this.draft.push(reduce, &[powers], path.clone(), Vec::new())?;
            let mut norm = Value::plain(sum);
            if mean {
                norm = this.affine(call, norm, (vec![1.0], vec![eps]))?;
            }
            if p == 2 {
                norm = this.give_on(call, Unary::Sqrt, norm, Vec::new())?;
            }
            let mut out = this.draft.push(Arithmetic::Div, &[input, norm.layer], path.clone(), Vec::new())?;
            if !mean {
                // Where the norm is 0 all elements are.
                out = this.draft.push(Arithmetic::Mask, &[out, norm.layer], path, Vec::new())?;
            }
            if let Some(scale) = scale {
                let scale = scale.floats(this.model)?;
                let shift = vec![0.0; scale.len()];
                out = this.affine(call, Value::plain(out), (scale, shift))?.layer;
            }
            Ok((out, sizes))
        })?;
        Ok(self.known(normalized))
    }

    /// All elements again and again along axes.
    pub(super) fn tile(&mut self, call: &Call<'_>) -> Result<Known, String> {
        let mut view = self.viewed_input(call, 0)?.ok_or("it reads constants alone")?;
        let told = call.integers(1)?.ok_or("it has no repeats")?;
        let sizes = view.axes.sizes.clone();
        let repeats: Option<Vec<usize>> =
            told.iter().map(|size| size.and_then(|size| usize::try_from(size).ok())).collect();
        let repeats = repeats.ok_or_else(|| format!("repeats are {told:?}"))?;
        let Some((1, repeats)) = repeats.split_first() else {
            return Err(format!("repeats are {told:?}, expected the images once"));
        };
        if repeats.len() != sizes.len() {
            return Err(format!("repeats are {told:?} of (N, {sizes:?}), expected one for each axis"));
        }
        for (along, (&size, &times)) in
            sizes.iter().zip(repeats).enumerate().filter(|(_, (_, times))| **times != 1)
        {
            if size.checked_mul(times).is_none_or(|all| all > LONGEST) {
                return Err(format!("{size} elements {times} times, expected at most {LONGEST}"));
            }
            let indices = (0..times).flat_map(|_| 0..size).collect();
            view = self.picked_along(call, &view, along, indices)?;
        }
        Ok(self.known(view))
    }

    /// A sum, a mean or an extreme over some axes.
    fn reduce_view(&mut self, call: &Call<'_>, view: &View) -> Result<Known, String> {
        let rank = view.axes.sizes.len() + 1;
        let over = axes(&call.axes(1)?.unwrap_or_default(), rank)?;
        if over.is_empty() && call.int("noop_with_empty_axes", 0)? != 0 {
            return Ok(Known::View(view.clone()));
        }
        let moved: Option<Vec<usize>> = over.iter().map(|axis| axis.checked_sub(1)).collect();
        let moved = moved.filter(|moved| !moved.is_empty());
        let moved = moved.ok_or_else(|| format!("over axes {over:?}, expected axes of an image"))?;
        let reduction = match call.op() {
            "ReduceMean" => Reduction::Mean,
            "ReduceMax" => Reduction::Max,
            "ReduceMin" => Reduction::Min,
            _ => Reduction::Sum,
        };
        let reduce = Reduce { reduction, channels: true, height: false, width: false };
        let path = self.path(call);
        let named = View { path: path.clone(), ..view.clone() };
        let reduced = self.on_channels(&named, &moved, |this, input| {
            let powers = match call.op() {
                "ReduceL1" => this.powered(call, input, 1)?,
                "ReduceL2" | "ReduceSumSquare" => this.powered(call, input, 2)?,
                _ => input,
            };
            let mut sum = this.draft.push(reduce, &[powers], path.clone(), Vec::new())?;
            if call.op() == "ReduceL2" {
                sum = this.draft.push(Unary::Sqrt, &[sum], path, Vec::new())?;
            }
            Ok((sum, vec![1; moved.len()]))
        })?;
        if call.int("keepdims", 1)? != 0 {
            return Ok(self.known(reduced));
        }
        let left = (0..rank - 1).filter(|axis| !moved.contains(axis));
        let axes = reduced.axes.permuted(&left.collect::<Vec<_>>());
        Ok(self.known(View { axes, ..reduced }))
    }

    /// What Slice or Gather take of a view.
    fn selected_view(&mut self, call: &Call<'_>, mut view: View) -> Result<View, String> {
        let sizes = view.axes.sizes.clone();
        if sizes.iter().any(|&size| size > LONGEST) {
            return Err(format!("of (N, {sizes:?}), expected at most {LONGEST} along an axis"));
        }
        if call.op() == "Slice" {
            let known: Vec<Option<usize>> =
                std::iter::once(None).chain(sizes.iter().copied().map(Some)).collect();
            for (axis, taken) in slices(call, &known)? {
                let (Some(indices), Some(along)) = (taken, axis.checked_sub(1)) else { continue };
                view = self.picked_along(call, &view, along, indices)?;
            }
            return Ok(view);
        }
        let along = axis(call.int("axis", 0)?, sizes.len() + 1)?;
        let along = along.checked_sub(1).ok_or("it gathers images")?;
        self.gathered_along(call, &view, along)
    }

    /// Elements along an axis by constant numbers, whose axes take the place of that one.
    pub(super) fn gathered_along(
        &mut self,
        call: &Call<'_>,
        view: &View,
        along: usize,
    ) -> Result<View, String> {
        let size = view.axes.sizes[along];
        let indices = call.needed(1, "indices")?.clone();
        let numbers = self.indices(&indices, size)?;
        let picked = self.picked_along(call, view, along, numbers)?;
        let (before, behind) = (&view.axes.sizes[..along], &view.axes.sizes[along + 1..]);
        let target = [before, &indices.shape, behind].concat();
        match picked.axes.reshaped(&target) {
            Some(axes) => Ok(View { axes, ..picked }),
            None => {
                let flat = self.settle_view(&picked, &[picked.axes.len()])?;
                Ok(View { of: flat.layer, axes: Axes::contiguous(&target), path: picked.path })
            }
        }
    }

    /// Axes of one element repeated.
    pub(super) fn expanded(&mut self, call: &Call<'_>, view: View, target: &[usize]) -> Result<View, String> {
        let mut expanded = view;
        let sizes = expanded.axes.sizes.clone();
        if sizes.len() != target.len() {
            return Err(format!("from (N, {sizes:?}) to {target:?}, expected as many axes"));
        }
        for (along, (&size, &wanted)) in sizes.iter().zip(target).enumerate() {
            if size == wanted {
                continue;
            }
            if size != 1 || wanted > LONGEST {
                return Err(format!(
                    "from (N, {sizes:?}) to {target:?}, expected axes of one element to be repeated"
                ));
            }
            expanded = self.picked_along(call, &expanded, along, vec![0; wanted])?;
        }
        Ok(expanded)
    }

    /// Elements along an axis by their numbers.
    pub(super) fn picked_along(
        &mut self,
        call: &Call<'_>,
        view: &View,
        along: usize,
        indices: Vec<usize>,
    ) -> Result<View, String> {
        if indices.is_empty() {
            return Err(format!("it takes nothing along axis {}", along + 1));
        }
        let path = self.path(call);
        self.on_channels(view, &[along], |this, input| {
            let shape = this.draft.shape(input);
            let count = indices.len();
            let op: Op = match span(&indices) {
                Some(channels) => Slice { channels, ..Slice::channels(0..shape.channels(), shape) }.into(),
                None => {
                    this.spend(size_of_val(indices.as_slice()))?;
                    IndexSelect { dim: 1, indices }.into()
                }
            };
            Ok((this.draft.push(op, &[input], path, Vec::new())?, vec![count]))
        })
    }

    /// Values one after the other along an axis.
    pub(super) fn joined_views(&mut self, call: &Call<'_>) -> Result<View, String> {
        let path = self.path(call);
        let mut parts = Vec::new();
        for i in 0..call.inputs.len() {
            let view = self.viewed_input(call, i)?;
            parts.push(
                view.ok_or_else(|| format!("input {i} is a constant, expected what depends on the images"))?,
            );
        }
        let first = parts.first().ok_or("it has no input")?.axes.sizes.clone();
        let along = axis(call.int("axis", 1)?, first.len() + 1)?;
        let along = along.checked_sub(1).ok_or("along the images")?;
        let rest: Vec<usize> = (0..first.len()).filter(|&axis| axis != along).collect();
        let order: Vec<usize> = std::iter::once(along).chain(rest.iter().copied()).collect();
        let pixels: usize = rest.iter().map(|&axis| first[axis]).product();
        let (mut layers, mut total) = (Vec::new(), 0);
        for part in &parts {
            let sizes = &part.axes.sizes;
            if sizes.len() != first.len() || rest.iter().any(|&axis| sizes[axis] != first[axis]) {
                return Err(format!("along axis {} of (N, {first:?}) and (N, {sizes:?})", along + 1));
            }
            let turned = View { axes: part.axes.permuted(&order), ..part.clone() };
            layers.push(self.settle_view(&turned, &[sizes[along], pixels, 1])?.layer);
            total += sizes[along];
        }
        let of = self.draft.push(Op::Concat, &layers, path.clone(), Vec::new())?;
        let sizes: Vec<usize> = std::iter::once(total).chain(rest.iter().map(|&axis| first[axis])).collect();
        Ok(View { of, axes: Axes::contiguous(&sizes).permuted(&undone(&order)), path })
    }

    /// The product of matrices, the last two axes.
    pub(super) fn matrix_product(&mut self, call: &Call<'_>) -> Result<View, String> {
        if (0..2).any(|i| call.constant(i).is_some()) {
            return self.product_with_constant(call);
        }
        let views = [self.viewed_input(call, 0)?, self.viewed_input(call, 1)?];
        let [Some(a), Some(b)] = views else { return Err("it reads constants alone".into()) };
        let (rank, sizes) = (a.axes.sizes.len(), [&a.axes.sizes, &b.axes.sizes]);
        if rank < 2 || sizes[1].len() != rank || sizes[0][..rank - 2] != sizes[1][..rank - 2] {
            return Err(format!(
                "of (N, {:?}) and (N, {:?}), expected as many matrices of each",
                sizes[0], sizes[1]
            ));
        }
        let ([rows, summed], [inputs, columns]) =
            ([sizes[0][rank - 2], sizes[0][rank - 1]], [sizes[1][rank - 2], sizes[1][rank - 1]]);
        if summed != inputs {
            return Err(format!("{summed} columns by {inputs} rows"));
        }
        let lead: Vec<usize> = sizes[0][..rank - 2].to_vec();
        let groups: usize = lead.iter().product();
        // What is summed over becomes the channels, each matrix a column.
        let order = |first: [usize; 2]| first.into_iter().chain(0..rank - 2).collect::<Vec<_>>();
        let path = self.path(call);
        let mut layer = |view: View, first: [usize; 2], sizes: [usize; 3]| {
            let turned = View { axes: view.axes.permuted(&order(first)), path: path.clone(), ..view };
            self.settle_view(&turned, &sizes).map(|value| value.layer)
        };
        let a = layer(a, [rank - 1, rank - 2], [summed, rows, groups])?;
        let b = layer(b, [rank - 2, rank - 1], [summed, columns, groups])?;
        let of = self.draft.push(Op::MatMul, &[a, b], path.clone(), Vec::new())?;
        let sizes: Vec<usize> = [columns, rows].into_iter().chain(lead).collect();
        let back: Vec<usize> = (2..rank).chain([1, 0]).collect();
        Ok(View { of, axes: Axes::contiguous(&sizes).permuted(&back), path })
    }

    /// The product of matrices, the last two axes, of which one is a constant: a convolution of 1×1 over the axis that is
    /// summed over, in groups where the constant has more axes.
    pub(super) fn product_with_constant(&mut self, call: &Call<'_>) -> Result<View, String> {
        let at = usize::from(call.constant(0).is_some());
        let view = self.viewed_input(call, at)?.ok_or("it reads constants alone")?;
        let matrix = call.constant(1 - at).ok_or("a product of two values, of which none is a constant")?;
        let rank = view.axes.sizes.len();
        let matrix = match matrix.shape[..] {
            // A vector is a matrix of one column, or of one row.
            [size] => matrix.clone().reshaped(&if at == 0 { [size, 1] } else { [1, size] }),
            _ => matrix.clone(),
        };
        let of_vector = call.constant(1 - at).is_some_and(|matrix| matrix.shape.len() == 1);
        let (summed, needed) = if at == 0 { (rank.checked_sub(1), 1) } else { (rank.checked_sub(2), 2) };
        let summed =
            summed.ok_or_else(|| format!("of (N, {:?}), expected {needed} axes", view.axes.sizes))?;
        let count = matrix.shape.len();
        let (lead, [rows, columns]) = match matrix.shape[..] {
            [ref lead @ .., rows, columns] => (lead.to_vec(), [rows, columns]),
            _ => return Err("its matrix is one number".into()),
        };
        // The images and the matrix's further axes are those before the last two.
        let beside = rank.checked_sub(1).ok_or("of vectors")?;
        let lead: Vec<usize> = match lead.len().checked_sub(beside) {
            None => std::iter::repeat_n(1, beside - lead.len()).chain(lead).collect(),
            Some(0) => lead,
            Some(_) => {
                return Err(format!(
                    "by a matrix of shape {:?}, expected {} axes at most",
                    matrix.shape,
                    rank + 1
                ));
            }
        };
        // An axis of one element goes with each of several matrices.
        let mut view = view;
        for (along, &size) in lead.iter().enumerate().skip(1).map(|(i, size)| (i - 1, size)) {
            if size > 1 && view.axes.sizes[along] == 1 {
                view = self.picked_along(call, &view, along, vec![0; size.min(LONGEST)])?;
            }
        }
        let many = lead.iter().any(|&size| size > 1);
        if many && (lead[0] != 1 || lead[1..] != view.axes.sizes[..rank - 2]) {
            return Err(format!(
                "of (N, {:?}) by matrices of {lead:?}, expected the same for every image, and as many otherwise",
                view.axes.sizes
            ));
        }
        let (inputs, outputs) = if at == 0 { (rows, columns) } else { (columns, rows) };
        if view.axes.sizes[summed] != inputs {
            return Err(format!(
                "{} numbers by a matrix of shape {:?}",
                view.axes.sizes[summed], matrix.shape
            ));
        }
        let groups: usize = if many { lead.iter().product() } else { 1 };
        let moved: Vec<usize> = if many { (0..rank - 2).chain([summed]).collect() } else { vec![summed] };
        // (…, I, O) as (groups · O, I).
        let mut order: Vec<usize> = (0..count).collect();
        if at == 0 {
            order.swap(count - 2, count - 1);
        }
        let wide = groups.checked_mul(outputs).ok_or("its matrices are too many")?;
        let weight = matrix.permuted(&order).reshaped(&[wide, inputs, 1, 1]);
        let conv = Conv2d { groups, ..Conv2d::new(wide, 1).no_bias() };
        let path = self.path(call);
        let mut left: Vec<usize> =
            moved[..moved.len() - 1].iter().map(|&axis| view.axes.sizes[axis]).collect();
        left.push(outputs);
        let named = View { path: path.clone(), ..view };
        let product = self.on_channels(&named, &moved, |this, input| {
            Ok((this.draft.push(conv, &[input], path, vec![weight])?, left))
        })?;
        if !of_vector {
            return Ok(product);
        }
        // A vector's own axis is left out again.
        let kept: Vec<usize> = (0..rank).filter(|&axis| axis != summed).collect();
        Ok(View { axes: product.axes.permuted(&kept), ..product })
    }
}
