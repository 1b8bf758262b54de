//! Average pooling.

pub(crate) mod naive;

#[cfg(test)]
mod tests;

use super::Window;
use crate::shape::{Shape, ShapeIssue, Size2};

/// Mean over windows, PyTorch's `nn.AvgPool2d`.
#[derive(Clone, Debug, PartialEq)]
pub struct AvgPool2d {
    /// Window height and width.
    pub kernel: Size2,
    /// Step of the window.
    pub stride: Size2,
    /// Zeros added on each side, at most half the kernel.
    pub padding: Size2,
    /// Whether a window that is only partly inside counts.
    pub ceil_mode: bool,
    /// Whether padding counts in the divisor.
    pub count_include_pad: bool,
}

impl AvgPool2d {
    /// Windows that touch but do not overlap (stride = kernel), no padding.
    pub fn new(kernel: impl Into<Size2>) -> Self {
        let kernel = kernel.into();
        Self { kernel, stride: kernel, padding: 0.into(), ceil_mode: false, count_include_pad: true }
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
            dilation: 1.into(),
            ceil_mode: self.ceil_mode,
        }
    }

    pub(super) fn infer(&self, input: Shape) -> Result<Shape, ShapeIssue> {
        self.window().pool(input)
    }
}
