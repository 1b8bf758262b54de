//! Linear layers of few rows and few weights by kernels of ours, each pass one launch, with sums in single precision whatever
//! the format.

use super::call::{Call, one_format};
use crate::kernels::Family;
use crate::list::List;
use crate::view::{Vector, View};

/// The most rows, outputs, and products of one pass: beyond them a library's kernels are worth their launches.
const ROWS: usize = 256;
const OUTPUTS: usize = 512;
const PRODUCTS: usize = 1 << 23;
/// Rows, and outputs, of a tile.
const SIDE: usize = 4;

/// Whether [`List::small_linear`] and its gradients take so many rows of `inner` inputs and `outer` outputs.
pub fn is_small_linear(rows: usize, inner: usize, outer: usize) -> bool {
    let products = rows.checked_mul(inner).and_then(|products| products.checked_mul(outer));
    rows <= ROWS && outer <= OUTPUTS && products.is_some_and(|products| products <= PRODUCTS)
}

impl List {
    /// out = input · weightᵀ + bias, with ReLU where wanted; the weight is (out, in).
    ///
    /// # Panics
    /// If the layer is not small ([`is_small_linear`]), or views and ranges do not fit the block and one another.
    pub fn small_linear(
        &mut self,
        [input, out]: [View; 2],
        weight: Vector,
        bias: Option<Vector>,
        relu: bool,
    ) {
        self.check_small([input, out], Some(weight));
        if let Some(bias) = bias {
            self.check_floats(bias, out.channels);
        }
        let tiles = input.pixels.div_ceil(SIDE) * out.channels.div_ceil(SIDE);
        let name = format!("small_linear_{}", input.format.name());
        let call = Call::grid(Family::SmallLinear, &name, [tiles.div_ceil(8), 1, 1], 256)
            .view(input)
            .vector(weight)
            .maybe_vector(bias)
            .view(out);
        sides(call, [input, out]).flag(relu).add(self);
    }

    /// input_gradient (+)= output_gradient · weight, of the output's gradient only what passes the ReLU that `output` comes from,
    /// where it is given. `views` are the output's gradient and the input's.
    ///
    /// # Panics
    /// As [`List::small_linear`].
    pub fn small_linear_input_gradient(
        &mut self,
        [output_gradient, input_gradient]: [View; 2],
        output: Option<View>,
        weight: Vector,
        accumulate: bool,
    ) {
        let views = [input_gradient, output_gradient];
        self.check_small(views, Some(weight));
        self.check_mask(output_gradient, output, &[input_gradient]);
        let grid = [input_gradient.channels.div_ceil(128), input_gradient.pixels.div_ceil(SIDE), 1];
        let name = format!("small_linear_input_gradient_{}", input_gradient.format.name());
        let call = Call::grid(Family::SmallLinear, &name, grid, 128)
            .view(output_gradient)
            .maybe_view(output)
            .vector(weight)
            .view(input_gradient);
        sides(call, views).flag(accumulate).add(self);
    }

    /// weight = output_gradientᵀ · input, (out, in), and bias = Σ output_gradient, those that are wanted; of the output's gradient
    /// only what passes the ReLU that `output` comes from, where it is given. `weight` is the input and where the gradient goes.
    ///
    /// # Panics
    /// As [`List::small_linear`].
    pub fn small_linear_weight_gradient(
        &mut self,
        output_gradient: View,
        output: Option<View>,
        weight: Option<(View, Vector)>,
        bias: Option<Vector>,
    ) {
        self.check(output_gradient);
        self.check_mask(output_gradient, output, &[]);
        let inner = weight.map_or(0, |(input, _)| input.channels);
        if let Some((input, weight)) = weight {
            self.check_small([input, output_gradient], None);
            self.check_floats(weight, inner * output_gradient.channels);
        }
        let few = is_small_linear(output_gradient.pixels, inner, output_gradient.channels);
        assert!(few && output_gradient.pixels > 0, "{output_gradient:?} of few rows and outputs");
        if let Some(bias) = bias {
            self.check_floats(bias, output_gradient.channels);
        }
        // Of a bias alone, one column of blocks.
        let grid = [inner.div_ceil(128).max(1), output_gradient.channels.div_ceil(SIDE), 1];
        let name = format!("small_linear_weight_gradient_{}", output_gradient.format.name());
        Call::grid(Family::SmallLinear, &name, grid, 128)
            .maybe_view(weight.map(|(input, _)| input))
            .view(output_gradient)
            .maybe_view(output)
            .maybe_vector(weight.map(|(_, weight)| weight))
            .maybe_vector(bias)
            .int(output_gradient.pixels)
            .int(inner)
            .int(output_gradient.channels)
            .add(self);
    }

    fn check_small(&self, [input, out]: [View; 2], weight: Option<Vector>) {
        self.check(input);
        self.check(out);
        input.assert_disjoint(out);
        let format = one_format(&[input, out]);
        assert_eq!(input.pixels, out.pixels, "rows of {input:?} and {out:?}");
        assert!(
            is_small_linear(input.pixels, input.channels, out.channels) && input.pixels > 0,
            "{input:?} and {out:?} of few rows and weights"
        );
        if let Some(weight) = weight {
            self.check_vector(weight, input.channels * out.channels);
            assert_eq!(weight.format, format, "format of {weight:?}");
        }
    }

    fn check_mask(&self, gradient: View, output: Option<View>, written: &[View]) {
        let Some(output) = output else { return };
        self.check_alike(gradient, &[output]);
        one_format(&[gradient, output]);
        written.iter().for_each(|written| written.assert_disjoint(output));
    }
}

/// Rows, inputs and outputs.
fn sides(call: Call, [input, out]: [View; 2]) -> Call {
    call.int(input.pixels).int(input.channels).int(out.channels)
}
