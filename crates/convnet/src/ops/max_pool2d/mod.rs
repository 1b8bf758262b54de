//! Max pooling.

mod naive;

use serde::{Deserialize, Serialize};

use super::layer::only;
use super::{Facts, GradientReads, Layer, Onnx, ParamSpec, PassThrough, Reach, Reserve, Window};
use crate::shape::{Shape, ShapeIssue, Size2};

/// Maximum over windows, PyTorch's `nn.MaxPool2d`; padding counts as −∞.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPool2d {
    /// Window height and width.
    pub kernel: Size2,
    /// Step of the window.
    pub stride: Size2,
    /// Padding on each side, at most half the kernel.
    pub padding: Size2,
    /// Whether a window that is only partly inside counts.
    pub ceil_mode: bool,
}

impl MaxPool2d {
    /// Windows that touch but do not overlap (stride = kernel), no padding.
    pub fn new(kernel: impl Into<Size2>) -> Self {
        let kernel = kernel.into();
        Self { kernel, stride: kernel, padding: 0.into(), ceil_mode: false }
    }

    /// Sets the step of the window.
    pub fn stride(mut self, stride: impl Into<Size2>) -> Self {
        self.stride = stride.into();
        self
    }

    /// Sets the padding on each side.
    pub fn padding(mut self, padding: impl Into<Size2>) -> Self {
        self.padding = padding.into();
        self
    }

    /// Counts windows that are only partly inside.
    pub fn ceil_mode(mut self) -> Self {
        self.ceil_mode = true;
        self
    }

    pub(crate) fn window(&self) -> Window {
        Window {
            kernel: self.kernel,
            stride: self.stride,
            padding: self.padding,
            end: self.padding,
            dilation: 1.into(),
            ceil_mode: self.ceil_mode,
        }
    }
}

impl Layer for MaxPool2d {
    fn facts(&self) -> Facts {
        Facts {
            name: "MaxPool2d",
            reach: Reach::Window(self.window()),
            gradient_reads: GradientReads { reserve: Reserve::BytePerElement, ..GradientReads::NOTHING },
            keeps_order: false,
            pass_through: PassThrough::Never,
        }
    }

    fn infer(&self, inputs: &[Shape]) -> Result<Shape, ShapeIssue> {
        self.window().pool(only(inputs)?)
    }

    fn macs(&self, _: &[Shape], _: Shape) -> u64 {
        0
    }

    fn parameters(&self, _: Shape) -> Vec<ParamSpec> {
        Vec::new()
    }

    fn properties(&self) -> Vec<(&'static str, String)> {
        vec![
            ("kernel_size", self.kernel.to_string()),
            ("stride", self.stride.to_string()),
            ("padding", self.padding.to_string()),
            ("ceil_mode", self.ceil_mode.to_string()),
        ]
    }

    fn settings(&self, _: &[Shape]) -> String {
        self.window().settings(None)
    }

    fn onnx(&self, inputs: &[Shape], output: Shape) -> Result<Onnx, String> {
        Ok(self.window().onnx("MaxPool", inputs[0], output).into())
    }

    fn samples() -> Vec<(Self, Vec<Shape>)> {
        vec![
            (Self::new(2), vec![Shape::map(3, 6, 8)]),
            (Self::new(3).stride(2).padding(1).ceil_mode(), vec![Shape::map(2, 6, 7)]),
        ]
    }
}
