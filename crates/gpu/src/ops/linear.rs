//! Linear layers: products of rows with weights (out, in).

use crate::dnn::Precision;
use crate::linear::{Matrix, Product};
use crate::list::{List, Work};
use crate::view::{Format, Vector, View};

impl List {
    /// out = input · weightᵀ + bias, with ReLU where wanted; the weight is (out, in).
    ///
    /// # Panics
    /// If views and ranges do not fit the block, one another and the precision.
    pub fn linear(
        &mut self,
        precision: Precision,
        [input, out]: [View; 2],
        weight: Vector,
        bias: Option<Vector>,
        relu: bool,
    ) {
        self.check_linear(precision, input, out, weight);
        let weight = Matrix::of(weight.rows(input.channels));
        self.product(
            precision,
            (input.pixels, out.channels, input.channels),
            [Matrix::of(input), weight.transpose()],
            out,
        );
        if bias.is_some() || relu {
            self.bias(out, bias, None, relu);
        }
    }

    /// input_gradient (+)= output_gradient · weight. `views` are the output's gradient and the input's.
    ///
    /// # Panics
    /// If views and ranges do not fit the block, one another and the precision.
    pub fn linear_input_gradient(
        &mut self,
        precision: Precision,
        [output_gradient, input_gradient]: [View; 2],
        weight: Vector,
        accumulate: bool,
    ) {
        self.check_linear(precision, input_gradient, output_gradient, weight);
        let sides = (output_gradient.pixels, input_gradient.channels, output_gradient.channels);
        let weight = Matrix::of(weight.rows(input_gradient.channels));
        self.product(precision, sides, [Matrix::of(output_gradient), weight], input_gradient);
        if let Some(Work::Product(product)) = self.last() {
            product.accumulate = accumulate;
        }
    }

    /// gradient = output_gradientᵀ · input, (out, in), in either format. `views` are the input and the output's gradient.
    ///
    /// # Panics
    /// If views and ranges do not fit the block, one another and the precision.
    pub fn linear_weight_gradient(&mut self, precision: Precision, views: [View; 2], gradient: Vector) {
        let [input, output_gradient] = views;
        self.check_linear(
            precision,
            input,
            output_gradient,
            Vector { format: precision.format(), ..gradient },
        );
        self.check_vector(gradient, gradient.len);
        let sides = (output_gradient.channels, input.channels, input.pixels);
        let factors = [Matrix::of(output_gradient).transpose(), Matrix::of(input)];
        self.product(precision, sides, factors, gradient.rows(input.channels));
    }

    pub(super) fn product(
        &mut self,
        precision: Precision,
        sides: (usize, usize, usize),
        [left, right]: [Matrix; 2],
        out: View,
    ) {
        self.products(precision, (1, sides), [left, right, Matrix::of(out)], false);
    }

    /// Products of as many matrices. `matrices` are the factors and the result, each the first of its own.
    pub(super) fn products(
        &mut self,
        precision: Precision,
        (count, (rows, columns, depth)): (usize, (usize, usize, usize)),
        [left, right, out]: [Matrix; 3],
        accumulate: bool,
    ) {
        assert!(
            [count, rows, columns, depth, left.pitch, right.pitch, out.pitch]
                .iter()
                .all(|&n| (1..1 << 31).contains(&n)),
            "{count} products of {rows} × {columns} × {depth} with sizes from 1 to 2³¹"
        );
        for factor in [left, right] {
            assert_eq!(factor.format, precision.format(), "factors in the format of {}", precision.name());
        }
        let known = out.format == Format::F32 || out.format == precision.format();
        assert!(known, "a result in single precision or the format of {}", precision.name());
        self.push(Work::Product(Product {
            precision,
            count,
            rows,
            columns,
            depth,
            left,
            right,
            out,
            accumulate,
        }));
    }

    fn check_linear(&self, precision: Precision, input: View, out: View, weight: Vector) {
        self.check(input);
        self.check(out);
        input.assert_disjoint(out);
        assert_eq!(input.pixels, out.pixels, "rows of {input:?} and {out:?}");
        let elements = input.channels.checked_mul(out.channels).expect("a weight that fits memory");
        self.check_vector(weight, elements);
        assert_eq!(weight.len, elements, "elements of {weight:?}");
        assert_eq!(weight.format, precision.format(), "{weight:?} in the format of {}", precision.name());
    }
}
