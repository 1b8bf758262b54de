//! Average pooling.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, Operator, ParamSpec, PassThrough, Reach, Window};
use crate::shape::{Shape, ShapeIssue, Size2};

/// Mean over windows, PyTorch's `nn.AvgPool2d`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AvgPool2d {
    /// Window height and width.
    pub kernel: Size2,
    /// Step of the window.
    pub stride: Size2,
    /// Zeros added on each side, at most half the kernel.
    pub padding: Size2,
    /// Zeros added below and on the right where they are not as many as above and on the left; then all are fewer than
    /// the kernel. PyTorch's layer has none, ONNX's has.
    pub padding_end: Option<Size2>,
    /// Whether a window that is only partly inside counts.
    pub ceil_mode: bool,
    /// Whether padding counts in the divisor.
    pub count_include_pad: bool,
}

impl AvgPool2d {
    /// Windows that touch but do not overlap (stride = kernel), no padding.
    pub fn new(kernel: impl Into<Size2>) -> Self {
        let kernel = kernel.into();
        Self {
            kernel,
            stride: kernel,
            padding: 0.into(),
            padding_end: None,
            ceil_mode: false,
            count_include_pad: true,
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

    /// Counts windows that are only partly inside.
    pub fn ceil_mode(mut self) -> Self {
        self.ceil_mode = true;
        self
    }

    /// Leaves padding out of the divisor.
    pub fn exclude_pad(mut self) -> Self {
        self.count_include_pad = false;
        self
    }

    pub(crate) fn window(&self) -> Window {
        Window {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            end: self.padding_end.unwrap_or(self.padding),
            dilation: 1.into(),
            ceil_mode: self.ceil_mode,
        }
    }
}

impl Layer for AvgPool2d {
    fn facts(&self) -> Facts {
        Facts {
            name: "AvgPool2d",
            reach: Reach::Window(self.window()),
            gradient_reads: GradientReads::NOTHING,
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        let (window, input) = (self.window(), only(inputs)?);
        if self.padding_end.is_some() { window.pool_uneven(input) } else { window.pool(input) }
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        let mut properties = vec![
            ("kernel_size", self.kernel.to_string()),
            ("stride", self.stride.to_string()),
            ("padding", self.padding.to_string()),
            ("ceil_mode", self.ceil_mode.to_string()),
            ("count_include_pad", self.count_include_pad.to_string()),
        ];
        properties.extend(self.padding_end.map(|end| ("padding_end", end.to_string())));
        properties
    }

    fn settings(&self, _: &[Shape]) -> String {
        self.window().settings(None)
    }

    fn onnx(&self, inputs: &[Shape], output: Shape) -> Result<Onnx, String> {
        // Where the last window hangs over the border, PyTorch counts it up to the padding, as `ceil_mode` does.
        let operator = if self.ceil_mode {
            let Window { padding, end, .. } = self.window();
            Operator::new("AveragePool")
                .pair("kernel_shape", self.kernel)
                .pair("strides", self.stride)
                .ints("pads", &[padding.h, padding.w, end.h, end.w])
                .int("ceil_mode", 1)
        } else {
            self.window().onnx("AveragePool", inputs[0], output)
        };
        Ok(operator.int("count_include_pad", usize::from(self.count_include_pad)).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self::new(2), vec![Shape::map(3, 6, 8)]),
            (Self::new(3).stride(2).padding(1).ceil_mode(), vec![Shape::map(2, 6, 7)]),
            (Self::new(3).stride(2).padding(1).exclude_pad(), vec![Shape::map(2, 7, 5)]),
            (
                Self { padding_end: Some((1, 2).into()), ..Self::new((2, 4)).stride(1).exclude_pad() },
                vec![Shape::map(2, 4, 5)],
            ),
            (
                Self { padding_end: Some(0.into()), ..Self::new(3).stride(2).padding(2).ceil_mode() },
                vec![Shape::map(2, 4, 5)],
            ),
        ]
    }
}
