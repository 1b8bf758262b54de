//! Windows of convolutions and poolings: their settings, and padding as PyTorch's layers take it.

use super::call::Call;
use crate::graph::{Shape, Size2};
use crate::ops::{ConstantPad2d, Window};

/// The largest kernel, stride, dilation or padding.
const LARGEST: i64 = 1 << 16;

/// A window with its padding on each side.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sliding {
    pub(super) kernel: Size2,
    pub(super) stride: Size2,
    pub(super) dilation: Size2,
    pub(super) ceil_mode: bool,
    /// Top, left, bottom, right, as in ONNX.
    pub(super) pads: [usize; 4],
}

impl Sliding {
    /// The window of a node; a convolution's kernel is told by its weights.
    pub(super) fn of(call: &Call<'_>, kernel: Option<Size2>, input: Shape) -> Result<Self, String> {
        let told = pair(call, "kernel_shape")?;
        let kernel = match (kernel, told) {
            (Some(kernel), Some(told)) if kernel != told => {
                return Err(format!("kernel_shape is {told}, its weights are of {kernel}"));
            }
            (Some(kernel), _) => kernel,
            (None, told) => told.ok_or("it has no kernel_shape")?,
        };
        let one = Size2::from(1);
        let mut sliding = Self {
            kernel,
            stride: pair(call, "strides")?.unwrap_or(one),
            dilation: pair(call, "dilations")?.unwrap_or(one),
            ceil_mode: call.int("ceil_mode", 0)? != 0,
            pads: [0; 4],
        };
        let Size2 { h: a, w: b } = sliding.kernel;
        let Size2 { h: c, w: d } = sliding.stride;
        let Size2 { h: e, w: f } = sliding.dilation;
        if [a, b, c, d, e, f].contains(&0) {
            return Err("a kernel, stride or dilation of 0".into());
        }
        sliding.pads = match call.text("auto_pad")?.unwrap_or("NOTSET") {
            "NOTSET" => match call.ints("pads")? {
                None => [0; 4],
                Some(pads) => sides(pads)?,
            },
            "VALID" => [0; 4],
            mode @ ("SAME_UPPER" | "SAME_LOWER") => sliding.same(input.spatial(), mode == "SAME_UPPER")?,
            other => {
                return Err(format!(
                    "auto_pad is `{other}`, expected NOTSET, VALID, SAME_UPPER or SAME_LOWER"
                ));
            }
        };
        Ok(sliding)
    }

    /// Padding that makes the output the input's size over the stride, rounded up.
    ///
    /// # Errors
    /// For windows that leave out two pixels or more at the end: TensorFlow starts at the first pixel, ONNX's formula
    /// has padding below zero, and runtimes differ.
    fn same(&self, (height, width): (usize, usize), upper: bool) -> Result<[usize; 4], String> {
        let along = |size: usize, kernel: usize, stride: usize, dilation: usize| {
            let reach = (kernel - 1) * dilation + 1;
            let covered = (size.div_ceil(stride).max(1) - 1) * stride + reach;
            if covered + 1 < size {
                return Err(format!(
                    "auto_pad with windows that cover {covered} of {size} pixels: where they start is told differently; \
                     give pads"
                ));
            }
            let total = covered.saturating_sub(size);
            Ok(if upper { (total / 2, total - total / 2) } else { (total - total / 2, total / 2) })
        };
        let (top, bottom) = along(height, self.kernel.h, self.stride.h, self.dilation.h)?;
        let (left, right) = along(width, self.kernel.w, self.stride.w, self.dilation.w)?;
        Ok([top, left, bottom, right])
    }

    /// Height and width of the output over a map.
    pub(super) fn output(&self, (height, width): (usize, usize)) -> Result<(usize, usize), String> {
        let [top, left, bottom, right] = self.pads;
        let along =
            |size: usize, (begin, end): (usize, usize), kernel: usize, stride: usize, dilation: usize| {
                let reach = (kernel - 1) * dilation + 1;
                let padded = size + begin + end;
                // With `ceil_mode` a window may reach further than the padding, if by less than a stride.
                let span = match padded.checked_sub(reach) {
                    Some(span) => span,
                    None if self.ceil_mode && reach - padded < stride => 0,
                    None => {
                        return Err(format!(
                            "a window of {reach} over {padded} pixels of {height}×{width}, padding included"
                        ));
                    }
                };
                let count = if self.ceil_mode { span.div_ceil(stride) } else { span / stride } + 1;
                // A last window that starts behind the map is dropped, as in PyTorch.
                let dropped = self.ceil_mode && (count - 1) * stride >= size + begin;
                Ok::<_, String>(if dropped { count - 1 } else { count })
            };
        Ok((
            along(height, (top, bottom), self.kernel.h, self.stride.h, self.dilation.h)?,
            along(width, (left, right), self.kernel.w, self.stride.w, self.dilation.w)?,
        ))
    }

    /// Whether the places of a window have gaps between them.
    pub(super) fn is_dilated(&self) -> bool {
        self.dilation != 1.into()
    }

    /// How many places of each window count, along rows and columns: those of the map, and with `padding` those of the
    /// padding too.
    pub(super) fn counts(
        &self,
        (height, width): (usize, usize),
        padding: bool,
    ) -> Result<[Vec<usize>; 2], String> {
        let (rows, columns) = self.output((height, width))?;
        let [top, left, bottom, right] = self.pads;
        let sides = [
            (rows, height, (top, bottom), self.kernel.h, self.stride.h, self.dilation.h),
            (columns, width, (left, right), self.kernel.w, self.stride.w, self.dilation.w),
        ];
        let counts = sides.map(|(count, size, (begin, end), kernel, stride, dilation)| {
            let inside = if padding { 0..begin + size + end } else { begin..begin + size };
            let of = |i: usize| (0..kernel).filter(|k| inside.contains(&(i * stride + k * dilation))).count();
            (0..count).map(of).collect::<Vec<_>>()
        });
        if counts.iter().flatten().any(|&count| count == 0) {
            return Err("a window that holds padding alone".into());
        }
        Ok(counts)
    }

    /// The padding and the rounding by which a layer whose padding is the same on opposite sides has the same windows:
    /// where they start and how many they are. `None` if there are none; `pools` tells that padding is at most half
    /// the kernel.
    pub(super) fn symmetric(&self, input: Shape, pools: bool) -> Result<Option<(Size2, bool)>, String> {
        let wanted = self.output(input.spatial())?;
        let padding = Size2 { h: self.pads[0], w: self.pads[1] };
        let fits = |ceil_mode: bool| {
            let Self { kernel, stride, dilation, .. } = *self;
            let window = Window { kernel, stride, padding, end: padding, dilation, ceil_mode };
            let output = if pools { window.pool(input).map(Shape::spatial) } else { window.output(input) };
            output.is_ok_and(|output| output == wanted)
        };
        let roundings: &[bool] = if pools { &[false, true] } else { &[false] };
        Ok(roundings.iter().copied().find(|&ceil_mode| fits(ceil_mode)).map(|ceil_mode| (padding, ceil_mode)))
    }

    /// The same where a single window covers a side: a kernel that ends where the map does. Right where padding does not
    /// count.
    pub(super) fn narrowed(mut self, (height, width): (usize, usize)) -> Result<Self, String> {
        let (rows, columns) = self.output((height, width))?;
        let [top, left, bottom, right] = &mut self.pads;
        let sides = [
            (rows, height, &mut self.kernel.h, top, bottom),
            (columns, width, &mut self.kernel.w, left, right),
        ];
        for (count, size, kernel, begin, end) in sides {
            if count == 1 && *begin < *kernel {
                *kernel = (*kernel - *begin).min(size);
                (*begin, *end) = (0, 0);
            }
        }
        Ok(self)
    }

    /// The padding as a layer of its own, and what is left of the window.
    pub(super) fn split(&self, value: f32) -> (ConstantPad2d, Self) {
        let [top, left, bottom, right] = self.pads;
        (ConstantPad2d { left, right, top, bottom, value }, Self { pads: [0; 4], ..*self })
    }

    /// The same windows where the padding behind a map reaches as far as the last of them.
    pub(super) fn reaching(self, (height, width): (usize, usize)) -> Result<Self, String> {
        let (rows, columns) = self.output((height, width))?;
        let [top, left, ..] = self.pads;
        let behind =
            |count: usize, size: usize, begin: usize, kernel: usize, stride: usize, dilation: usize| {
                ((count - 1) * stride + (kernel - 1) * dilation + 1).saturating_sub(size + begin)
            };
        let bottom = behind(rows, height, top, self.kernel.h, self.stride.h, self.dilation.h);
        let right = behind(columns, width, left, self.kernel.w, self.stride.w, self.dilation.w);
        Ok(Self { pads: [top, left, bottom, right], ceil_mode: false, ..self })
    }
}

/// Top, left, bottom, right.
pub(super) fn sides(pads: &[i64]) -> Result<[usize; 4], String> {
    let &[top, left, bottom, right] = pads else {
        return Err(format!("pads are {pads:?}, expected one for each side of a map"));
    };
    let side = |pad: i64| match pad {
        0..=LARGEST => Ok(pad as usize),
        _ => Err(format!("pads are {pads:?}, expected 0 to {LARGEST}")),
    };
    Ok([side(top)?, side(left)?, side(bottom)?, side(right)?])
}

fn pair(call: &Call<'_>, name: &str) -> Result<Option<Size2>, String> {
    match call.ints(name)? {
        None => Ok(None),
        Some(&[h @ 1..=LARGEST, w @ 1..=LARGEST]) => Ok(Some(Size2 { h: h as usize, w: w as usize })),
        Some(found) => Err(format!("{name} is {found:?}, expected two numbers from 1 to {LARGEST}")),
    }
}
