//! A part of an image.

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::separable::{Axes, naive, picked, resized, sizes};
use super::{Facts, Layer, Onnx, OnnxValue, Operator, ParamSpec, Reach};
use crate::shape::{Shape, ShapeIssue};

/// Elements of an axis that follow one another by a fixed step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// The first.
    pub start: usize,
    /// From one to the next.
    pub step: usize,
    /// How many.
    pub length: usize,
}

impl Span {
    /// All elements of an axis.
    pub fn whole(size: usize) -> Self {
        Self { start: 0, step: 1, length: size }
    }

    /// The elements of a range.
    pub fn range(range: std::ops::Range<usize>) -> Self {
        Self { start: range.start, step: 1, length: range.len() }
    }

    fn indices(self) -> impl Iterator<Item = usize> {
        (0..self.length).map(move |i| self.start + i * self.step)
    }

    /// One past the last; `usize::MAX` where it is beyond all.
    fn end(self) -> usize {
        self.length.saturating_sub(1).saturating_mul(self.step).saturating_add(self.start).saturating_add(1)
    }
}

/// A part of an image along each axis, PyTorch's `x[:, a:b:c, …]`: what `split` and `chunk` give as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slice {
    /// Of the channels, or of a vector's features.
    pub channels: Span,
    /// Of the rows.
    pub rows: Span,
    /// Of the columns.
    pub columns: Span,
}

impl Slice {
    /// Some channels of an image, or some features of a vector.
    pub fn channels(range: std::ops::Range<usize>, input: Shape) -> Self {
        let (height, width) = input.spatial();
        Self { channels: Span::range(range), rows: Span::whole(height), columns: Span::whole(width) }
    }

    /// The first channel of a part with all rows and columns, if that is what it is, whose channels follow one another.
    pub(crate) fn first_channel(&self, input: Shape) -> Option<usize> {
        let [_, height, width] = sizes(input);
        let whole = [Span::whole(height), Span::whole(width)];
        (self.channels.step == 1 && [self.rows, self.columns] == whole).then_some(self.channels.start)
    }

    fn spans(&self) -> [Span; 3] {
        [self.channels, self.rows, self.columns]
    }

    pub(crate) fn axes(&self, _: Shape) -> Axes {
        self.spans().map(|span| picked(span.indices()))
    }

    /// What differs from the whole: PyTorch's dimension, and the span.
    fn parts(&self, input: Shape) -> impl Iterator<Item = (usize, Span)> {
        let whole = sizes(input).map(Span::whole);
        (1..).zip(self.spans()).zip(whole).filter(|((_, span), whole)| span != whole).map(|(part, _)| part)
    }
}

impl Layer for Slice {
    fn facts(&self) -> Facts {
        // Rows and columns that are all there are told by shapes alone: where they start at 0 and follow one another, a
        // position reads its own.
        let own = |span: Span| span.start == 0 && span.step == 1;
        let reach = if own(self.rows) && own(self.columns) { Reach::Position } else { Reach::All };
        Facts::linear("Slice", reach)
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
        let sizes = sizes(input);
        for ((span, size), name) in self.spans().into_iter().zip(sizes).zip(["channels", "rows", "columns"]) {
            if span.length == 0 || span.step == 0 || span.end() > size {
                return Err(ShapeIssue::new(
                    format!("{} from {} on by {} of {size} {name}", span.length, span.start, span.step),
                    "one at least, all of which are there",
                    "take a part of the image",
                ));
            }
        }
        Ok(resized(input, self.spans().map(|span| span.length)))
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let told = |span: Span| format!("{} from {} by {}", span.length, span.start, span.step);
        vec![("channels", told(self.channels)), ("rows", told(self.rows)), ("columns", told(self.columns))]
    }

    /// As it is written in Python: `[:, 0:58]`.
    fn settings(&self, inputs: &[Shape]) -> String {
        let Some(&input) = inputs.first() else { return String::new() };
        let mut parts = vec![":".to_string(); 4];
        let mut last = 0;
        for (dim, span) in self.parts(input) {
            let step = if span.step == 1 { String::new() } else { format!(":{}", span.step) };
            parts[dim] = format!("{}:{}{step}", span.start, span.end());
            last = dim;
        }
        format!("[{}]", parts[..=last].join(", "))
    }

    fn onnx(&self, inputs: &[Shape], _: Shape) -> Result<Onnx, String> {
        let parts: Vec<(usize, Span)> = self.parts(inputs[0]).collect();
        if parts.is_empty() {
            return Ok(Onnx::nothing());
        }
        let list = |f: &dyn Fn(&(usize, Span)) -> usize| OnnxValue::Ints(parts.iter().map(f).collect());
        Ok(Operator::new("Slice")
            .constant("starts", list(&|(_, span)| span.start))
            .constant("ends", list(&|(_, span)| span.end()))
            .constant("axes", list(&|(dim, _)| *dim))
            .constant("steps", list(&|(_, span)| span.step))
            .into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        let (map, vector) = (Shape::map(5, 4, 5), Shape::vector(7));
        let part = Self {
            channels: Span { start: 1, step: 2, length: 2 },
            rows: Span { start: 1, step: 1, length: 3 },
            columns: Span { start: 0, step: 2, length: 3 },
        };
        vec![
            (Self::channels(1..4, map), vec![map]),
            (part, vec![map]),
            (Self::channels(2..7, vector), vec![vector]),
        ]
    }
}

naive!(Slice);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::Array;
    use crate::ops::tests::forward;

    #[test]
    fn a_part_is_what_python_takes() {
        let x = Array::from_fn(&[1, 3, 2, 2], |i| i as f64);
        let slice = Slice::channels(1..3, Shape::map(3, 2, 2));
        assert_eq!(slice.settings(&[Shape::map(3, 2, 2)]), "[:, 1:3]");
        assert_eq!(forward(&slice, &[&x]).data, [4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0]);
        let columns = Slice {
            channels: Span { start: 0, step: 2, length: 2 },
            columns: Span::range(1..2),
            ..Slice::channels(0..3, Shape::map(3, 2, 2))
        };
        assert_eq!(columns.settings(&[Shape::map(3, 2, 2)]), "[:, 0:3:2, :, 1:2]");
        let first = [&slice, &columns].map(|slice| slice.first_channel(Shape::map(3, 2, 2)));
        assert_eq!(first, [Some(1), None]);
        assert_eq!(forward(&columns, &[&x]).data, [1.0, 3.0, 9.0, 11.0]);
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let map = Shape::map(3, 2, 2);
        assert!(Slice::channels(1..4, map).infer(&[map]).is_err());
        assert!(Slice::channels(1..1, map).infer(&[map]).is_err());
        let far = Span { start: 1, step: usize::MAX, length: usize::MAX };
        assert!(Slice { rows: far, ..Slice::channels(0..3, map) }.infer(&[map]).is_err());
    }
}
