//! 2-D convolution.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use super::{ParamKind, ParamSpec, Window};
use crate::shape::{Shape, ShapeIssue, Size2};

/// A 2-D convolution (cross-correlation, as in every framework), PyTorch's `nn.Conv2d`.
///
/// Input (N, C, H, W), weight (O, C/groups, kH, kW), output (N, O, H', W') with
/// H' = ⌊(H + 2·padding − dilation·(kH − 1) − 1) / stride⌋ + 1.
#[derive(Clone, Debug, PartialEq)]
pub struct Conv2d {
    /// Output channels (O).
    pub out_channels: usize,
    /// Kernel height and width.
    pub kernel: Size2,
    /// Step of the window.
    pub stride: Size2,
    /// Zeros added on each side.
    pub padding: Size2,
    /// Distance between kernel elements.
    pub dilation: Size2,
    /// Channel groups that do not see one another.
    pub groups: usize,
    /// Whether a bias is added.
    pub bias: bool,
}

impl Conv2d {
    /// A convolution with a bias, stride 1 and no padding.
    pub fn new(out_channels: usize, kernel: impl Into<Size2>) -> Self {
        Self {
            out_channels,
            kernel: kernel.into(),
            stride: 1.into(),
            padding: 0.into(),
            dilation: 1.into(),
            groups: 1,
            bias: true,
        }
    }

    /// Sets the step of the window.
    pub fn stride(mut self, stride: impl Into<Size2>) -> Self {
        self.stride = stride.into();
        self
    }

    /// Sets the zeros added on each side.
    pub fn padding(mut self, padding: impl Into<Size2>) -> Self {
        self.padding = padding.into();
        self
    }

    /// Sets the distance between kernel elements.
    pub fn dilation(mut self, dilation: impl Into<Size2>) -> Self {
        self.dilation = dilation.into();
        self
    }

    /// Splits the channels in groups that do not see one another.
    pub fn groups(mut self, groups: usize) -> Self {
        self.groups = groups;
        self
    }

    /// Leaves the bias out, as before a BatchNorm2d.
    pub fn no_bias(mut self) -> Self {
        self.bias = false;
        self
    }

    pub(crate) fn window(&self) -> Window {
        Window {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            dilation: self.dilation,
            ceil_mode: false,
        }
    }

    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        let channels = input.channels();
        if self.out_channels == 0 {
            return Err(ShapeIssue::new("0 output channels", "at least 1", "give the layer output channels"));
        }
        if self.groups == 0
            || !channels.is_multiple_of(self.groups)
            || !self.out_channels.is_multiple_of(self.groups)
        {
            return Err(ShapeIssue::new(
                format!(
                    "{channels} input and {} output channels in {} groups",
                    self.out_channels, self.groups
                ),
                "both divisible by the number of groups",
                "choose groups that divide both numbers of channels",
            ));
        }
        let (height, width) = self.window().output(input)?;
        Ok(Shape::map(self.out_channels, height, width))
    }

    /// One multiply-accumulate per output element and weight that it sees.
    pub(super) fn macs(&self, in_channels: usize, output: Shape) -> u64 {
        let taps = (in_channels / self.groups.max(1)) as u64 * self.kernel.h as u64 * self.kernel.w as u64;
        taps.saturating_mul(output.elements() as u64)
    }

    pub(super) fn parameters(&self, in_channels: usize) -> Vec<ParamSpec> {
        let shape = [self.out_channels, in_channels / self.groups, self.kernel.h, self.kernel.w];
        let mut specs = vec![ParamSpec::new("weight", &shape, ParamKind::ConvWeight)];
        if self.bias {
            specs.push(ParamSpec::new("bias", &[self.out_channels], ParamKind::ConvBias));
        }
        specs
    }
}
