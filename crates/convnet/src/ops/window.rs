//! The arithmetic of sliding windows, shared by convolution and pooling.

use super::Operator;
use super::bounds::LARGEST_SIDE;
use crate::shape::{Shape, ShapeIssue, Size2};

/// A window that slides over a padded map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) kernel: Size2,
    pub(crate) stride: Size2,
    /// Above and on the left.
    pub(crate) padding: Size2,
    /// Below and on the right.
    pub(crate) end: Size2,
    pub(crate) dilation: Size2,
    pub(crate) ceil_mode: bool,
}

impl Window {
    /// Output height and width over a map, by PyTorch's rule: ⌊(in + 2·pad − dil·(k − 1) − 1) / stride⌋ + 1,
    /// or ⌈…⌉ with `ceil_mode`, where a last window that would start in the right padding is dropped.
    pub(crate) fn output(&self, input: Shape) -> Result<(usize, usize), ShapeIssue> {
        let Shape::Map { height, width, .. } = input else {
            return Err(ShapeIssue::new(
                format!("a vector of {input} features"),
                "a feature map of channels × height × width",
                "put this layer before Flatten",
            ));
        };
        let Self { kernel, stride, padding, dilation, .. } = *self;
        let sizes = [kernel.h, kernel.w, stride.h, stride.w, dilation.h, dilation.w];
        if let Some(size) = sizes.into_iter().chain([padding.h, padding.w]).find(|&size| size > LARGEST_SIDE)
        {
            return Err(ShapeIssue::new(
                format!("kernel {kernel}, stride {stride}, padding {padding}, dilation {dilation}"),
                format!("each at most {LARGEST_SIDE}"),
                format!("give a size below {size}"),
            ));
        }
        if sizes.contains(&0) {
            return Err(ShapeIssue::new(
                format!("kernel {}, stride {}, dilation {}", self.kernel, self.stride, self.dilation),
                "each at least 1",
                "set kernel, stride and dilation to 1 or more",
            ));
        }
        Ok((self.along(true, height, input)?, self.along(false, width, input)?))
    }

    /// The output of a pooling over a map: its channels, and [`Window::output`]; padding is at most half the
    /// kernel, as PyTorch demands, so that no window lies wholly in it.
    pub(crate) fn pool(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        if self.padding.h > self.kernel.h / 2 || self.padding.w > self.kernel.w / 2 {
            return Err(ShapeIssue::new(
                format!("padding {} with kernel {}", self.padding, self.kernel),
                "padding of at most half the kernel",
                "lower the padding or enlarge the kernel",
            ));
        }
        let (height, width) = self.output(input)?;
        Ok(Shape::map(input.channels(), height, width))
    }

    /// The output of a pooling that may be padded more, or not the same on opposite sides: by less than the kernel, as
    /// ONNX demands, so that no window lies wholly in it.
    pub(crate) fn pool_uneven(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        let Self { kernel, padding, end, .. } = *self;
        if [padding, end].iter().any(|side| side.h >= kernel.h || side.w >= kernel.w) {
            return Err(ShapeIssue::new(
                format!("padding {padding} and {end} behind with kernel {kernel}"),
                "padding that is smaller than the kernel",
                "lower the padding or enlarge the kernel",
            ));
        }
        let (height, width) = self.output(input)?;
        Ok(Shape::map(input.channels(), height, width))
    }

    /// The elements of a `height` × `width` map under the window of output (row, column), in row-major order;
    /// padding is left out.
    pub(super) fn elements(
        &self,
        (row, column): (usize, usize),
        (height, width): (usize, usize),
    ) -> impl Iterator<Item = (usize, usize)> {
        let inside = |at: usize, k: usize, s: usize, p: usize, d: usize, size: usize| {
            let first = p.saturating_sub(at * s).div_ceil(d);
            let past = (size + p).saturating_sub(at * s).div_ceil(d).min(k);
            (first..past).map(move |i| at * s + i * d - p)
        };
        let Self { kernel: k, stride: s, padding: p, dilation: d, .. } = *self;
        inside(row, k.h, s.h, p.h, d.h, height)
            .flat_map(move |y| inside(column, k.w, s.w, p.w, d.w, width).map(move |x| (y, x)))
    }

    /// The window in short: `3×3 s2 p1 d2 ceil`; a stride, padding or dilation that is usual is left out.
    pub(super) fn settings(&self, usual_stride: Option<usize>) -> String {
        let mut text = format!("{}×{}", self.kernel.h, self.kernel.w);
        let parts =
            [('s', self.stride, usual_stride), ('p', self.padding, Some(0)), ('d', self.dilation, Some(1))];
        for (letter, value, usual) in parts {
            if usual.is_none_or(|usual| value != usual.into()) {
                text.push_str(&format!(" {letter}{value}"));
            }
        }
        if self.end != self.padding {
            text.push_str(&format!(" ({} behind)", self.end));
        }
        if self.ceil_mode {
            text.push_str(" ceil");
        }
        text
    }

    /// A pooling's operator in ONNX. Its padding at the end is as wide as the last window reaches.
    pub(super) fn onnx(&self, operator: &'static str, input: Shape, output: Shape) -> Operator {
        let end = |size: usize, count: usize, kernel: usize, stride: usize, padding: usize| {
            ((count - 1) * stride + kernel).saturating_sub(size + padding)
        };
        let ((height, width), (rows, columns)) = (input.spatial(), output.spatial());
        let Self { kernel, stride, padding, .. } = *self;
        let bottom = end(height, rows, kernel.h, stride.h, padding.h);
        let right = end(width, columns, kernel.w, stride.w, padding.w);
        Operator::new(operator)
            .pair("kernel_shape", kernel)
            .pair("strides", stride)
            .ints("pads", &[padding.h, padding.w, bottom, right])
    }

    fn along(&self, rows: bool, size: usize, input: Shape) -> Result<usize, ShapeIssue> {
        let pick = |s: Size2| if rows { s.h } else { s.w };
        let (k, s, p, d) = (pick(self.kernel), pick(self.stride), pick(self.padding), pick(self.dilation));
        let reach = d.saturating_mul(k - 1).saturating_add(1);
        let padded = size.saturating_add(p).saturating_add(pick(self.end));
        // With `ceil_mode` a window may reach further than the padding, if by less than a stride.
        let reaches = padded >= reach || (self.ceil_mode && reach - padded < s);
        if !reaches || size == 0 {
            let word = if rows { "height" } else { "width" };
            let both = p.saturating_add(pick(self.end));
            let least = reach.saturating_sub(both).max(1);
            let padding = reach.saturating_sub(size).div_ceil(2);
            return Err(ShapeIssue::new(
                input.to_string(),
                format!("{word} of at least {least}"),
                format!("{word} {size} is too small for a window of {reach}: give a larger input, a smaller kernel, or padding of at least {padding}"),
            )
            .with_arithmetic(format!("{} < 1", self.formula(size, k, s, (p, pick(self.end)), d))));
        }
        let span = padded.saturating_sub(reach);
        let mut out = if self.ceil_mode { span.div_ceil(s) } else { span / s } + 1;
        if self.ceil_mode && (out - 1) * s >= size + p {
            out -= 1;
        }
        Ok(out)
    }

    fn formula(&self, size: usize, k: usize, s: usize, (p, end): (usize, usize), d: usize) -> String {
        let reach = if d == 1 { k.to_string() } else { format!("({d}·({k} − 1) + 1)") };
        let pads = if p == end { format!("2·{p}") } else { format!("{p} + {end}") };
        let span = format!("({size} + {pads} − {reach})");
        if s == 1 { format!("{span} + 1") } else { format!("{span} / {s} + 1") }
    }
}
