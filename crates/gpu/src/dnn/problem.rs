//! A convolution as data.

use std::fmt;

use crate::list::{Argument, KernelLaunch};
use crate::view::{Format, View};

/// How products are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Precision {
    /// Single precision, without shortcuts.
    F32,
    /// Single precision in memory; factors are rounded to 10 bits of mantissa.
    Tf32,
    /// Factors in bf16, sums in single precision.
    Bf16,
}

impl Precision {
    /// How factors are stored.
    pub fn format(self) -> Format {
        match self {
            Self::F32 | Self::Tf32 => Format::F32,
            Self::Bf16 => Format::Bf16,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        }
    }
}

/// The sizes of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Images.
    pub batch: usize,
    /// Height and width of the input.
    pub input: (usize, usize),
    /// Input channels, and output channels.
    pub channels: (usize, usize),
    /// Height and width of the kernel.
    pub kernel: (usize, usize),
    /// Pixels from one position to the next, down and across.
    pub stride: (usize, usize),
    /// Zeros on each side, above and below, left and right.
    pub padding: (usize, usize),
    /// Pixels from one kernel element to the next, down and across.
    pub dilation: (usize, usize),
    /// Groups of channels.
    pub groups: usize,
}

impl Conv {
    /// Height and width of the output.
    ///
    /// # Panics
    /// If a step is zero, the kernel does not fit the padded input, or groups do not divide the channels.
    pub fn output(&self) -> (usize, usize) {
        let side = |size: usize, kernel: usize, stride: usize, padding: usize, dilation: usize| {
            assert!(kernel > 0 && stride > 0 && dilation > 0, "{self:?} has a zero");
            let reach = dilation.checked_mul(kernel - 1).and_then(|n| n.checked_add(1));
            let padded = padding.checked_mul(2).and_then(|n| n.checked_add(size));
            let room = padded.zip(reach).and_then(|(padded, reach)| padded.checked_sub(reach));
            room.unwrap_or_else(|| panic!("{self:?} has a kernel larger than its input")) / stride + 1
        };
        let (i, o) = self.channels;
        assert!(
            self.groups > 0 && i.is_multiple_of(self.groups) && o.is_multiple_of(self.groups),
            "groups of {self:?}"
        );
        let Self { input, kernel, stride, padding, dilation, .. } = *self;
        (
            side(input.0, kernel.0, stride.0, padding.0, dilation.0),
            side(input.1, kernel.1, stride.1, padding.1, dilation.1),
        )
    }

    /// Elements of the weights.
    pub fn weights(&self) -> usize {
        [self.kernel.0, self.kernel.1, self.channels.0 / self.groups]
            .iter()
            .try_fold(self.channels.1, |n, &side| n.checked_mul(side))
            .expect("weights that fit memory")
    }

    /// Multiply-adds of one pass.
    pub fn macs(&self) -> u64 {
        let (height, width) = self.output();
        (self.batch * height * width) as u64 * self.weights() as u64
    }
}

/// What a convolution computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pass {
    /// The output from input and weights.
    Forward,
    /// The input's gradient from the output's and the weights.
    InputGradient,
    /// The weights' gradient from the input and the output's gradient.
    WeightGradient,
}

impl Pass {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::InputGradient => "input-gradient",
            Self::WeightGradient => "weight-gradient",
        }
    }
}

/// How a tensor lies in memory: NHWC, with a stride from pixel to pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tensor {
    /// Elements from one pixel to the next.
    pub stride: usize,
    /// The largest power of two up to 16 that divides its address.
    pub alignment: usize,
    /// How elements are stored.
    pub format: Format,
}

impl Tensor {
    pub(crate) fn of(view: View) -> Self {
        Self { stride: view.stride, alignment: alignment(view.at), format: view.format }
    }
}

/// The largest power of two up to 16 that divides an address.
pub(crate) fn alignment(at: usize) -> usize {
    [16, 8, 4].into_iter().find(|&n| at.is_multiple_of(n)).unwrap_or(2)
}

/// What is computed on a convolution's output before it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fused {
    /// Whether a bias is added.
    pub bias: bool,
    /// What is added.
    pub addend: Option<Tensor>,
    /// Whether ReLU follows.
    pub relu: bool,
}

/// One pass of a convolution, with all that the choice of an algorithm depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// The sizes.
    pub conv: Conv,
    /// What is computed.
    pub pass: Pass,
    /// How it is computed.
    pub precision: Precision,
    /// The input, or its gradient.
    pub input: Tensor,
    /// The output, or its gradient.
    pub output: Tensor,
    /// The weights, or their gradient: dense, (out, height, width, in).
    pub weights: Tensor,
    /// What follows in the same kernel.
    pub fused: Option<Fused>,
}

impl fmt::Display for Problem {
    /// One word for each part, to name the problem in files and listings.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Conv { batch, input, channels, kernel, stride, padding, dilation, groups } = self.conv;
        write!(f, "{} {} ", self.pass.name(), self.precision.name())?;
        write!(f, "{batch}x{}x{}x{}-{} ", input.0, input.1, channels.0, channels.1)?;
        write!(f, "k{}x{} s{}x{} p{}x{}", kernel.0, kernel.1, stride.0, stride.1, padding.0, padding.1)?;
        if dilation != (1, 1) {
            write!(f, " d{}x{}", dilation.0, dilation.1)?;
        }
        if groups != 1 {
            write!(f, " g{groups}")?;
        }
        for (name, tensor) in [("x", self.input), ("y", self.output), ("w", self.weights)] {
            write!(f, " {name}{}/{}/{}", tensor.stride, tensor.alignment, tensor.format.name())?;
        }
        if let Some(Fused { bias, addend, relu }) = self.fused {
            write!(f, "{}", if bias { " bias" } else { "" })?;
            if let Some(addend) = addend {
                write!(f, " add{}/{}", addend.stride, addend.alignment)?;
            }
            write!(f, "{}", if relu { " relu" } else { "" })?;
        }
        Ok(())
    }
}

/// A convolution with its operands. Where cuDNN has no single kernel for all of it, or a slower one, the plain convolution
/// runs and kernels of ours after it.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// The convolution alone.
    pub plain: Problem,
    /// All of it in one kernel, if there is more than the convolution.
    pub fused: Option<Problem>,
    /// The input, or its gradient.
    pub input: Argument,
    /// The output, or its gradient.
    pub output: Argument,
    /// The weights, or their gradient.
    pub weights: Argument,
    /// The bias of the fused problem.
    pub bias: Option<Argument>,
    /// The addend of the fused problem.
    pub addend: Option<Argument>,
    /// What follows the plain convolution.
    pub after: Vec<KernelLaunch>,
    /// Bytes of scratch that the plain convolution writes; the workspace lies behind them.
    pub temporary: usize,
}

impl fmt::Display for Convolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "convolution {} ", self.fused.as_ref().unwrap_or(&self.plain))?;
        write!(f, "(x {}, w {}, y {}", self.input, self.weights, self.output)?;
        for (name, argument) in [("bias", self.bias), ("add", self.addend)] {
            if let Some(argument) = argument {
                write!(f, ", {name} {argument}")?;
            }
        }
        write!(f, ")")?;
        for launch in &self.after {
            write!(f, " then {launch}")?;
        }
        Ok(())
    }
}
