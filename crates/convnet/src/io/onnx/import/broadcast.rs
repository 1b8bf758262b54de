//! Functions of two operands whose axes differ: values under any axes, and constants of any shape.

use super::arithmetic::{is_line, line};
use super::axes::Axes;
use super::call::{Call, Known, Value};
use super::constant::{Constant, FOLDED};
use super::importer::Importer;
use super::views::View;
use crate::graph::Shape;
use crate::ops::{self, Arithmetic, Unary};

/// What a function of two reads.
#[derive(Clone, Debug)]
pub(super) enum Side {
    /// What depends on the images.
    View(View),
    /// What does not: its sizes without that of the images, which is 1.
    Constant(Constant),
}

impl Side {
    /// The sizes without the images.
    fn sizes(&self) -> &[usize] {
        match self {
            Self::View(view) => &view.axes.sizes,
            Self::Constant(constant) => &constant.shape,
        }
    }
}

/// The sizes of two operands together, by NumPy's rule.
fn together(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let size = |(&a, &b): (&usize, &usize)| match (a, b) {
        _ if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    };
    if a.len() == b.len() { a.iter().zip(b).map(size).collect() } else { None }
}

/// Axes in a row as one, where each operand has all of them whole or all of one element: the sizes of both.
fn groups(a: &[usize], b: &[usize], all: &[usize]) -> Vec<[usize; 2]> {
    let mut groups: Vec<([bool; 2], [usize; 2])> = Vec::new();
    for ((&a, &b), &size) in a.iter().zip(b).zip(all).filter(|(_, size)| **size > 1) {
        let whole = [a == size, b == size];
        match groups.last_mut() {
            Some((kind, sizes)) if *kind == whole => *sizes = [sizes[0] * a, sizes[1] * b],
            _ => groups.push((whole, [a, b])),
        }
    }
    groups.into_iter().map(|(_, sizes)| sizes).collect()
}

impl Importer<'_> {
    /// A value under its axes; `None` for a constant.
    pub(super) fn viewed_input(&mut self, call: &Call<'_>, input: usize) -> Result<Option<View>, String> {
        let Some(Some(known)) = call.inputs.get(input) else {
            return Err(format!("it has no input {input}"));
        };
        self.view_of(call, &known.clone())
    }

    /// What is known under its axes; `None` for a constant.
    pub(super) fn view_of(&mut self, call: &Call<'_>, known: &Known) -> Result<Option<View>, String> {
        Ok(Some(match known {
            Known::View(view) => view.clone(),
            Known::Value(value) => self.view(call, *value)?,
            Known::Channels(channels) => {
                let value = self.settle(channels)?;
                self.view(call, value)?
            }
            Known::Apart(_) => return Err("it reads a value whose images are not first".into()),
            Known::Row(_) | Known::Places(_) => {
                return Err("it reads a value whose images are not apart".into());
            }
            Known::Constant(_) => return Ok(None),
        }))
    }

    /// A constant that is combined with a value of these sizes, without its axis of the images.
    pub(super) fn beside(&self, constant: &Constant, rank: usize) -> Result<Constant, String> {
        let shape = &constant.shape;
        if constant.len() == 0 {
            return Err(format!("by a constant of shape {shape:?}, which has no element"));
        }
        let lead = shape.len().saturating_sub(rank);
        if shape[..lead].iter().any(|&size| size != 1) || lead > 1 {
            return Err(format!(
                "by a constant of shape {shape:?} beside {rank} axes of an image, expected the same for every image"
            ));
        }
        let mut sizes = vec![1; rank - (shape.len() - lead)];
        sizes.extend(&shape[lead..]);
        Ok(constant.clone().reshaped(&sizes))
    }

    /// Both operands of a function of two, of which one at least depends on the images.
    pub(super) fn sides(&mut self, call: &Call<'_>, inputs: [&Known; 2]) -> Result<[Side; 2], String> {
        let views = [self.view_of(call, inputs[0])?, self.view_of(call, inputs[1])?];
        let ranks = views.each_ref().map(|view| view.as_ref().map(|view| view.axes.sizes.len()));
        if let [Some(a), Some(b)] = ranks
            && a != b
        {
            return Err(format!("it reads values of {} and {} axes, expected as many", a + 1, b + 1));
        }
        let rank = ranks[0].or(ranks[1]).ok_or("it reads constants alone")?;
        let side = |view: Option<View>, known: &Known| match (view, known) {
            (Some(view), _) => Ok(Side::View(view)),
            (None, Known::Constant(constant)) => Ok(Side::Constant(self.beside(constant, rank)?)),
            (None, _) => Err("it has no such input".to_string()),
        };
        let [a, b] = views;
        Ok([side(a, inputs[0])?, side(b, inputs[1])?])
    }

    /// A function of two operands.
    pub(super) fn binary(
        &mut self,
        call: &Call<'_>,
        function: Arithmetic,
        inputs: [&Known; 2],
    ) -> Result<Known, String> {
        let sides = self.sides(call, inputs)?;
        self.function_of(call, function, sides).map(|view| self.known(view))
    }

    /// The same, as elements under axes.
    pub(super) fn function_of(
        &mut self,
        call: &Call<'_>,
        function: Arithmetic,
        sides: [Side; 2],
    ) -> Result<View, String> {
        let Some(all) = together(sides[0].sizes(), sides[1].sizes()) else {
            return Err(format!("of sizes {:?} and {:?}", sides[0].sizes(), sides[1].sizes()));
        };
        let path = self.path(call);
        let beside = match &sides {
            [Side::View(a), Side::View(b)] => {
                if a.axes == b.axes && self.draft.shape(a.of) == self.draft.shape(b.of) {
                    let of = self.draft.push(function, &[a.of, b.of], path.clone(), Vec::new())?;
                    return Ok(View { of, axes: a.axes.clone(), path });
                }
                None
            }
            [Side::View(view), Side::Constant(constant)] => Some((view, constant, 0)),
            [Side::Constant(constant), Side::View(view)] => Some((view, constant, 1)),
            [Side::Constant(_), Side::Constant(_)] => return Err("it reads constants alone".into()),
        };
        if let Some((view, constant, at)) = beside
            && let Some((shape, values)) = self.along_layer(constant, view, &all)?
        {
            let of = self.with_numbers(call, function, (view.of, at), shape, values)?;
            return Ok(View { of, axes: view.axes.clone(), path });
        }
        let mut groups = groups(sides[0].sizes(), sides[1].sizes(), &all);
        if groups.len() > 3 {
            return Err(format!(
                "of sizes {:?} and {:?}, whose axes are no three in which one goes with the other",
                sides[0].sizes(),
                sides[1].sizes()
            ));
        }
        groups.resize(3, [1, 1]);
        let [a, b] = sides;
        let mut layer = |side: Side, which: usize| match side {
            Side::View(view) => {
                let sizes = [0, 1, 2].map(|i| groups[i][which]);
                self.settle_view(&view, &sizes).map(|value| value.layer)
            }
            Side::Constant(constant) => {
                let [c, h, w] = [0, 1, 2].map(|i| groups[i][which]);
                self.constant(call, Shape::map(c, h, w), constant)
            }
        };
        let layers = [layer(a, 0)?, layer(b, 1)?];
        let of = self.draft.push(function, &layers, path.clone(), Vec::new())?;
        Ok(View { of, axes: Axes::contiguous(&all), path })
    }

    /// Numbers that are the same for every image, as a layer.
    pub(super) fn constant(
        &mut self,
        call: &Call<'_>,
        shape: Shape,
        values: Constant,
    ) -> Result<usize, String> {
        let path = format!("{}.constant", self.path(call));
        let values = values.reshaped(&shape.dims());
        self.draft.push(ops::Constant::of(shape), &[0], path, vec![values])
    }

    /// A function of a layer, its operand `at`, and numbers of a shape that goes with it: a scale and a shift where they are.
    fn with_numbers(
        &mut self,
        call: &Call<'_>,
        function: Arithmetic,
        (layer, at): (usize, usize),
        shape: Shape,
        values: Constant,
    ) -> Result<usize, String> {
        let channels = self.draft.shape(layer).channels();
        if shape.elements() == shape.channels() && is_line(function) {
            let mut numbers = values.floats(self.model)?;
            if numbers.len() != channels {
                numbers = vec![numbers[0]; channels];
            }
            if let Some(line) = line(function, at, numbers) {
                let mut value = Value { shared: true, ..Value::plain(layer) };
                if function == Arithmetic::Div && at == 1 {
                    value = self.give_on(call, Unary::Reciprocal, value, Vec::new())?;
                }
                return self.affine(call, value, line).map(|value| value.layer);
            }
        }
        self.spend(values.own_bytes())?;
        let numbers = self.constant(call, shape, values)?;
        let inputs = if at == 0 { [layer, numbers] } else { [numbers, layer] };
        let path = self.path(call);
        self.draft.push(function, &inputs, path, Vec::new())
    }

    /// A constant laid out as the layer that a view is of: whole along channels, rows and columns each, or the same for all
    /// of them; its shape and its numbers. `None` where the view has not all sizes, or an axis that is of two of these.
    pub(super) fn along_layer(
        &self,
        constant: &Constant,
        view: &View,
        all: &[usize],
    ) -> Result<Option<(Shape, Constant)>, String> {
        let shape = self.draft.shape(view.of);
        let (height, width) = shape.spatial();
        let dims = [shape.channels(), height, width];
        let units = [height * width, width, 1];
        if view.axes.sizes != all || view.axes.len() != shape.elements() {
            return Ok(None);
        }
        // Of each axis the dimension that it is a part of.
        let mut parts: [Vec<usize>; 3] = Default::default();
        for (axis, (&size, &stride)) in view.axes.sizes.iter().zip(&view.axes.strides).enumerate() {
            if size == 1 {
                continue;
            }
            let fits = |dim: &usize| stride >= units[*dim] && stride * size <= units[*dim] * dims[*dim];
            let Some(dim) = (0..3).find(fits) else { return Ok(None) };
            parts[dim].push(axis);
        }
        let own = |axis: usize| constant.shape[axis];
        let sizes: [usize; 3] =
            std::array::from_fn(
                |dim| {
                    if parts[dim].iter().any(|&axis| own(axis) > 1) { dims[dim] } else { 1 }
                },
            );
        let count = sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
        let Some(count) = count.filter(|&count| count <= FOLDED) else {
            return Err(format!("a constant of {sizes:?}, expected at most {FOLDED} elements"));
        };
        let values = constant.floats(self.model)?;
        // From one step along an axis of the constant to the next.
        let steps: Vec<usize> =
            (0..constant.shape.len()).map(|i| constant.shape[i + 1..].iter().product()).collect();
        let place = |dim: usize, at: usize| -> usize {
            let part = |&axis: &usize| {
                let along = at * units[dim] / view.axes.strides[axis] % view.axes.sizes[axis];
                if own(axis) > 1 { along * steps[axis] } else { 0 }
            };
            parts[dim].iter().map(part).sum()
        };
        let mut laid = Vec::with_capacity(count);
        for c in 0..sizes[0] {
            for y in 0..sizes[1] {
                for x in 0..sizes[2] {
                    laid.push(values[place(0, c) + place(1, y) + place(2, x)]);
                }
            }
        }
        let shape = match shape {
            Shape::Map { .. } => Shape::map(sizes[0], sizes[1], sizes[2]),
            Shape::Vector { .. } => Shape::vector(sizes[0]),
        };
        Ok(Some((shape, Constant::numbers(shape.dims(), laid))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_that_go_together_are_one() {
        let grouped = |a: &[usize], b: &[usize]| groups(a, b, &together(a, b).unwrap());
        assert_eq!(grouped(&[2, 3, 4], &[2, 3, 4]), [[24, 24]]);
        assert_eq!(grouped(&[2, 3, 4, 5], &[2, 1, 1, 5]), [[2, 2], [12, 1], [5, 5]]);
        assert_eq!(grouped(&[1, 3, 1], &[2, 1, 4]), [[1, 2], [3, 1], [1, 4]]);
        assert_eq!(together(&[2, 3], &[3, 2]), None);
        assert_eq!(together(&[2], &[2, 2]), None);
    }
}
