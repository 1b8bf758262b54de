//! Windows that do not fit a map.

use convnet::ops::{Conv2d, MaxPool2d, Op};
use convnet::shape::Size2;

use super::sizes_text;
use crate::interp::{Interp, Result, Thrown};
use crate::torch::TapeId;
use crate::torch::dims::shape_of;

/// The window of a layer along one side of a map.
struct Side {
    word: &'static str,
    size: usize,
    kernel: usize,
    stride: usize,
    padding: usize,
    dilation: usize,
}

impl Side {
    fn reach(&self) -> usize {
        self.dilation.saturating_mul(self.kernel.saturating_sub(1)).saturating_add(1)
    }

    fn is_short(&self) -> bool {
        self.size.saturating_add(self.padding.saturating_mul(2)) < self.reach()
    }

    /// `(5 + 2·0 − 11) / 4 + 1 < 1`.
    fn formula(&self) -> String {
        let reach = match self.dilation {
            1 => self.kernel.to_string(),
            d => format!("({d}·({} − 1) + 1)", self.kernel),
        };
        let span = format!("({} + 2·{} − {reach})", self.size, self.padding);
        let divided = if self.stride == 1 { span } else { format!("{span} / {}", self.stride) };
        format!("{}: {divided} + 1 < 1", self.word)
    }
}

fn sides(dims: &[usize], kernel: Size2, stride: Size2, padding: Size2, dilation: Size2) -> [Side; 2] {
    let side = |word, size, kernel, stride, padding, dilation| Side {
        word,
        size,
        kernel,
        stride,
        padding,
        dilation,
    };
    [
        side("height", dims[2], kernel.h, stride.h, padding.h, dilation.h),
        side("width", dims[3], kernel.w, stride.w, padding.w, dilation.w),
    ]
}

impl Interp {
    /// Checks the window of a convolution over a map.
    ///
    /// # Errors
    /// PyTorch's RuntimeError, with the arithmetic and what would fit.
    pub(in crate::torch) fn conv_window(&mut self, op: &Conv2d, input: TapeId) -> Result<()> {
        for (size, name) in [(op.stride, "stride"), (op.dilation, "dilation"), (op.kernel, "kernel_size")] {
            if size.h == 0 || size.w == 0 {
                let text = match name {
                    "kernel_size" => "kernel size should be greater than zero".to_owned(),
                    _ => format!("non-positive {name} is not supported"),
                };
                return Err(self.zero(&text, name, input));
            }
        }
        let dims = self.tape.step(input).dims.clone();
        let sides = sides(&dims, op.kernel, op.stride, op.padding, op.dilation);
        if !sides.iter().any(Side::is_short) {
            return Ok(());
        }
        let [h, w] = &sides;
        let text = format!(
            "Calculated padded input size per channel: ({} x {}). Kernel size: ({} x {}). Kernel size can't be greater than \
             actual input size",
            h.size.saturating_add(2 * h.padding.min(1 << 40)),
            w.size.saturating_add(2 * w.padding.min(1 << 40)),
            h.reach(),
            w.reach()
        );
        Err(self.too_small(&text, &sides, input, &Op::from(op.clone())))
    }

    /// Checks the window of a pooling over a map.
    ///
    /// # Errors
    /// PyTorch's RuntimeError, with the arithmetic and what would fit.
    pub(in crate::torch) fn pool_window(
        &mut self,
        kernel: Size2,
        stride: Size2,
        padding: Size2,
        ceil_mode: bool,
        input: TapeId,
    ) -> Result<()> {
        if kernel.h == 0 || kernel.w == 0 {
            return Err(self.zero("kernel size should be greater than zero", "kernel_size", input));
        }
        if padding.h > kernel.h / 2 || padding.w > kernel.w / 2 {
            let (pad, size) =
                if padding.h > kernel.h / 2 { (padding.h, kernel.h) } else { (padding.w, kernel.w) };
            let text = format!(
                "pad should be at most half of effective kernel size, but got pad={pad}, kernel_size={size} and dilation=1"
            );
            let argument = self.layer_argument("padding");
            return Err(self.shape_error(&text, input).teach(|t| {
                t.labels.extend(argument.map(|span| (span, format!("at most {}", size / 2))));
                t.helps.push(format!("`padding={}`", size / 2));
            }));
        }
        let op = Op::from(MaxPool2d { kernel, stride, padding, ceil_mode });
        let dims = self.tape.step(input).dims.clone();
        if shape_of(&dims).is_some_and(|shape| op.infer(&[shape]).is_ok()) {
            return Ok(());
        }
        let sides = sides(&dims, kernel, stride, padding, 1.into());
        if !sides.iter().any(Side::is_short) {
            return Ok(());
        }
        let out = |side: &Side| {
            let padded = side.size as i128 + 2 * side.padding as i128;
            (padded - side.reach() as i128).div_euclid(side.stride.max(1) as i128) + 1
        };
        let text = format!(
            "Given input size: ({}x{}x{}). Calculated output size: ({}x{}x{}). Output size is too small",
            dims[1],
            dims[2],
            dims[3],
            dims[1],
            out(&sides[0]),
            out(&sides[1])
        );
        Err(self.too_small(&text, &sides, input, &op))
    }

    fn zero(&mut self, text: &str, name: &str, input: TapeId) -> Box<Thrown> {
        let argument = self.layer_argument(name);
        let made = self.layer_made();
        self.shape_error(text, input).teach(|t| {
            if let Some(argument) = argument {
                t.labels.retain(|(span, _)| Some(*span) != made);
                t.labels.push((argument, "this is 0".to_owned()));
            }
            t.helps.push(format!("set {name} to 1 or more"));
        })
    }

    /// A map is smaller than the window.
    fn too_small(&mut self, text: &str, sides: &[Side; 2], input: TapeId, op: &Op) -> Box<Thrown> {
        let sizes = match self.tape.leaf(input) {
            Some(leaf) => self.tape.fitting_sizes(leaf, &[input], |dims| {
                shape_of(&dims[0]).is_some_and(|shape| op.infer(&[shape]).is_ok())
            }),
            None => Vec::new(),
        };
        let argument = self.layer_argument("kernel_size");
        let made = self.layer_made();
        let (height, width) = (sides[0].size, sides[1].size);
        let given = self.tape.leaf(input).map(|leaf| self.tape.step(leaf).dims.clone());
        let is_first = self.tape.leaf(input) == Some(input);
        self.shape_error(text, input).teach(|t| {
            t.label = Some(format!("a map of {height}×{width} arrives here"));
            if let Some(argument) = argument {
                t.labels.retain(|(span, _)| Some(*span) != made);
                let (h, w) = (sides[0].reach(), sides[1].reach());
                t.labels.push((argument, format!("a window of {h}×{w} does not fit in it")));
            }
            t.notes.extend(sides.iter().filter(|side| side.is_short()).map(Side::formula));
            if let Some([_, _, h, w]) = given.as_deref()
                && !sizes.is_empty()
            {
                let from =
                    if is_first { String::new() } else { format!(": from {h}×{w} nothing is left by here") };
                t.helps.push(format!("give larger images, of {}{from}", sizes_text(&sizes)));
            }
            let short = sides
                .iter()
                .map(|side| side.reach().saturating_sub(side.size).div_ceil(2))
                .max()
                .unwrap_or(0);
            if matches!(op, Op::Conv2d(_)) || sides.iter().all(|side| short <= side.kernel / 2) {
                t.helps.push(format!("pad the map: `padding={short}` or more"));
            }
            t.helps.push("use a smaller kernel, or leave out a pooling or a stride before it".to_owned());
        })
    }
}
