//! 2-D convolution.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, Operator, ParamKind, ParamSpec, PassThrough, Reach, Window};
use crate::shape::{Shape, ShapeIssue, Size2};

/// A 2-D convolution (cross-correlation, as in every framework), PyTorch's `nn.Conv2d`.
///
/// Input (N, C, H, W), weight (O, C/groups, kH, kW), output (N, O, H', W') with
/// H' = ⌊(H + 2·padding − dilation·(kH − 1) − 1) / stride⌋ + 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
            end: self.padding,
            dilation: self.dilation,
            ceil_mode: false,
        }
    }
}

impl Layer for Conv2d {
    fn facts(&self) -> Facts {
        Facts {
            name: "Conv2d",
            reach: Reach::Window(self.window()),
            gradient_reads: GradientReads::INPUT,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let input = only(inputs)?;
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
    fn macs(&self, inputs: &[Shape], output: Shape) -> u64 {
        let channels = inputs.first().map_or(0, |x| x.channels());
        let Size2 { h, w } = self.kernel;
        let sizes = [channels / self.groups.max(1), h, w, output.elements()];
        sizes.into_iter().fold(1, |macs, size| macs.saturating_mul(size as u64))
    }

    fn parameters(&self, input: Shape) -> Vec<ParamSpec> {
        let shape = [self.out_channels, input.channels() / self.groups.max(1), self.kernel.h, self.kernel.w];
        let mut specs = vec![ParamSpec::new("weight", &shape, ParamKind::ConvWeight)];
        if self.bias {
            specs.push(ParamSpec::new("bias", &[self.out_channels], ParamKind::ConvBias));
        }
        specs
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![
            ("kernel_size", self.kernel.to_string()),
            ("stride", self.stride.to_string()),
            ("padding", self.padding.to_string()),
            ("dilation", self.dilation.to_string()),
            ("groups", self.groups.to_string()),
        ]
    }

    fn settings(&self, _: &[Shape]) -> String {
        let groups = if self.groups == 1 { String::new() } else { format!(" g{}", self.groups) };
        self.window().settings(Some(1)) + &groups
    }

    fn onnx(&self, _: &[Shape], _: Shape) -> Result<Onnx, String> {
        let Size2 { h, w } = self.padding;
        Ok(Operator::new("Conv")
            .pair("kernel_shape", self.kernel)
            .pair("strides", self.stride)
            .ints("pads", &[h, w, h, w])
            .pair("dilations", self.dilation)
            .int("group", self.groups)
            .into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self::new(5, 3).padding(1), vec![Shape::map(3, 6, 5)]),
            (
                Self::new(4, (2, 3)).stride((1, 2)).dilation((2, 1)).groups(2).no_bias(),
                vec![Shape::map(6, 7, 8)],
            ),
            (Self::new(5, 3).stride((2, 1)).padding(1).groups(5), vec![Shape::map(5, 7, 6)]),
            (Self::new(6, (1, 5)).padding((0, 2)).groups(3), vec![Shape::map(3, 4, 9)]),
            (Self::new(16, 3).stride(2).padding((1, 2)).groups(4).no_bias(), vec![Shape::map(16, 6, 7)]),
        ]
    }
}
