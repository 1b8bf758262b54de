//! Local response normalization over channels.

use super::call::{Call, one_format};
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::View;

/// The constants of a local response normalization: y = x / (k + α/size · Σ x²)^β.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponse {
    /// Channels in the window.
    pub size: usize,
    /// Multiplier of the mean of squares.
    pub alpha: f32,
    /// Exponent.
    pub beta: f32,
    /// Additive constant.
    pub k: f32,
}

impl List {
    /// out = the normalized input.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or the window is empty.
    pub fn local_response(&mut self, norm: LocalResponse, [input, out]: [View; 2]) {
        self.check_alike(input, &[out]);
        input.assert_disjoint(out);
        assert!(norm.size > 0, "a window of at least one channel");
        let format = one_format(&[input, out]);
        let name = format!("local_response_{}", format.name());
        Call::walk(Family::LocalResponse, &name, input.pixels * input.channels)
            .view(input)
            .view(out)
            .int(input.pixels)
            .int(input.channels)
            .int(norm.size)
            .float(norm.alpha / norm.size as f32)
            .float(norm.beta)
            .float(norm.k)
            .add(self);
    }

    /// input_gradient (+)= the gradient of [`List::local_response`]:
    /// dx_i = dy_i·b_i^−β − 2αβ/size · x_i · Σ_{j whose window holds i} dy_j·x_j·b_j^{−β−1}.
    ///
    /// `views` are the input, the output's gradient and the input's gradient.
    ///
    /// # Panics
    /// If views do not fit the block and one another, or the window is empty.
    pub fn local_response_backward(&mut self, norm: LocalResponse, views: [View; 3], accumulate: bool) {
        let [input, output_gradient, input_gradient] = views;
        self.check_alike(input, &[output_gradient, input_gradient]);
        input_gradient.assert_disjoint(input);
        assert!(norm.size > 0, "a window of at least one channel");
        let format = one_format(&views);
        let count = input.pixels * input.channels;
        let bytes = (4 * count).next_multiple_of(256);
        self.reserve(2 * bytes);
        let [own, terms] = [Argument::Scratch(0), Argument::Scratch(bytes)];
        Call::walk(Family::LocalResponse, &format!("local_response_terms_{}", format.name()), count)
            .view(input)
            .view(output_gradient)
            .raw(own)
            .raw(terms)
            .int(input.pixels)
            .int(input.channels)
            .int(norm.size)
            .float(norm.alpha / norm.size as f32)
            .float(norm.beta)
            .float(norm.k)
            .add(self);
        Call::walk(Family::LocalResponse, &format!("local_response_backward_{}", format.name()), count)
            .view(input)
            .raw(own)
            .raw(terms)
            .view(input_gradient)
            .int(input.pixels)
            .int(input.channels)
            .int(norm.size)
            .float(2.0 * norm.alpha * norm.beta / norm.size as f32)
            .flag(accumulate)
            .add(self);
    }
}
