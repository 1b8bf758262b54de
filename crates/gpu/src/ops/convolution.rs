//! Convolutions and their gradients.

use super::elementwise::{bias_call, copy_call};
use crate::dnn::{Conv, Convolution, Fused, Pass, Precision, Problem, Tensor};
use crate::list::{Argument, List, Work};
use crate::view::{Vector, View};

/// What follows a convolution.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Epilogue {
    /// Added by channel, in single precision.
    pub bias: Option<Vector>,
    /// Added by element; it may be the output itself.
    pub addend: Option<View>,
    /// Whether ReLU follows.
    pub relu: bool,
}

impl List {
    /// out = input ∗ weight, plus bias and addend, with ReLU where wanted. The weight is dense, (out, height, width, in ÷
    /// groups), in the precision's format.
    ///
    /// # Panics
    /// If views and ranges do not fit the block, one another and the precision.
    pub fn convolution(
        &mut self,
        conv: &Conv,
        precision: Precision,
        [input, out]: [View; 2],
        weight: Vector,
        epilogue: Epilogue,
    ) {
        let plain = self.problem(conv, precision, Pass::Forward, [input, out], weight);
        let Epilogue { bias, addend, relu } = epilogue;
        if let Some(bias) = bias {
            self.check_floats(bias, conv.channels.1);
        }
        if let Some(addend) = addend {
            self.check_alike(out, &[addend]);
            assert!(addend == out || addend.is_disjoint(out), "{addend:?} overlaps {out:?}");
            assert_eq!(addend.format, out.format, "format of {addend:?}");
        }
        let some = bias.is_some() || addend.is_some() || relu;
        let fused = some.then(|| Problem {
            fused: Some(Fused { bias: bias.is_some(), addend: addend.map(Tensor::of), relu }),
            ..plain
        });
        let mut output = Argument::Memory(out.at);
        let (mut problem, mut temporary, mut after) = (plain, 0, Vec::new());
        if addend == Some(out) {
            // The addend must outlive the convolution: it goes to scratch, and its sum with the output's old value back.
            (problem, temporary) = dense_output(plain, out);
            output = Argument::Scratch(0);
            after.push(from_scratch(out));
            if bias.is_some() || relu {
                after.push(bias_call(out, bias, None, relu));
            }
        } else if some {
            after.push(bias_call(out, bias, addend, relu));
        }
        self.reserve(temporary);
        self.push(Work::Convolution(Box::new(Convolution {
            plain: problem,
            fused,
            input: Argument::Memory(input.at),
            output,
            weights: Argument::Memory(weight.at),
            bias: bias.map(|bias| Argument::Memory(bias.at)),
            addend: addend.map(|addend| Argument::Memory(addend.at)),
            after,
            temporary,
        })));
    }

    /// input_gradient (+)= the gradient of [`List::convolution`]'s input. `views` are the output's gradient and the input's.
    ///
    /// # Panics
    /// If views and ranges do not fit the block, one another and the precision.
    pub fn convolution_input_gradient(
        &mut self,
        conv: &Conv,
        precision: Precision,
        [output_gradient, input_gradient]: [View; 2],
        weight: Vector,
        accumulate: bool,
    ) {
        let views = [input_gradient, output_gradient];
        let mut plain = self.problem(conv, precision, Pass::InputGradient, views, weight);
        let mut input = Argument::Memory(input_gradient.at);
        let (mut temporary, mut after) = (0, Vec::new());
        if accumulate {
            let size = plain.input.format.size();
            plain.input = Tensor { stride: conv.channels.0, alignment: 16, format: plain.input.format };
            temporary = (input_gradient.pixels * conv.channels.0 * size).next_multiple_of(256);
            input = Argument::Scratch(0);
            after.push(from_scratch(input_gradient));
        }
        self.reserve(temporary);
        self.push(Work::Convolution(Box::new(Convolution {
            plain,
            fused: None,
            input,
            output: Argument::Memory(output_gradient.at),
            weights: Argument::Memory(weight.at),
            bias: None,
            addend: None,
            after,
            temporary,
        })));
    }

    /// gradient = the gradient of [`List::convolution`]'s weight. `views` are the input and the output's gradient.
    ///
    /// # Panics
    /// If views and ranges do not fit the block, one another and the precision.
    pub fn convolution_weight_gradient(
        &mut self,
        conv: &Conv,
        precision: Precision,
        views: [View; 2],
        gradient: Vector,
    ) {
        let plain = self.problem(conv, precision, Pass::WeightGradient, views, gradient);
        let [input, output_gradient] = views;
        self.push(Work::Convolution(Box::new(Convolution {
            plain,
            fused: None,
            input: Argument::Memory(input.at),
            output: Argument::Memory(output_gradient.at),
            weights: Argument::Memory(gradient.at),
            bias: None,
            addend: None,
            after: Vec::new(),
            temporary: 0,
        })));
    }

    fn problem(
        &mut self,
        conv: &Conv,
        precision: Precision,
        pass: Pass,
        [input, output]: [View; 2],
        weight: Vector,
    ) -> Problem {
        self.check_conv(conv, [input, output], weight);
        for format in [input.format, output.format, weight.format] {
            assert_eq!(format, precision.format(), "operands in the format of {}", precision.name());
        }
        let weights = Tensor { stride: conv.channels.0 / conv.groups, ..Tensor::of(weight.view()) };
        let (input, output) = (Tensor::of(input), Tensor::of(output));
        Problem { conv: *conv, pass, precision, input, output, weights, fused: None }
    }

    /// # Panics
    /// If views and weight do not fit the block and the convolution.
    pub(super) fn check_conv(&self, conv: &Conv, views: [View; 2], weight: Vector) {
        self.check_conv_to(conv, conv.output(), views, weight);
    }

    /// The same where the output is a map of `size`.
    ///
    /// # Panics
    /// If views and weight do not fit the block, the convolution and the size.
    pub(super) fn check_conv_to(
        &self,
        conv: &Conv,
        size: (usize, usize),
        [input, output]: [View; 2],
        weight: Vector,
    ) {
        self.check(input);
        self.check(output);
        input.assert_disjoint(output);
        let pixels = |(height, width): (usize, usize)| {
            conv.batch.checked_mul(height).and_then(|n| n.checked_mul(width)).expect("a map that fits memory")
        };
        assert_eq!(
            (input.pixels, input.channels),
            (pixels(conv.input), conv.channels.0),
            "size of {input:?}"
        );
        assert_eq!((output.pixels, output.channels), (pixels(size), conv.channels.1), "size of {output:?}");
        self.check_vector(weight, conv.weights());
        assert_eq!(weight.len, conv.weights(), "elements of {weight:?}");
        for view in [input, output] {
            weight.view().assert_disjoint(view);
        }
    }
}

/// The problem with a dense output, and the output's bytes.
fn dense_output(plain: Problem, out: View) -> (Problem, usize) {
    let output = Tensor { stride: out.channels, alignment: 16, format: out.format };
    let bytes = (out.pixels * out.channels * out.format.size()).next_multiple_of(256);
    (Problem { output, ..plain }, bytes)
}

/// out += what lies dense in the scratch.
fn from_scratch(out: View) -> crate::list::KernelLaunch {
    let dense = View::dense(0, out.pixels, out.channels, out.format);
    let mut launch = copy_call(dense, out, true);
    launch.arguments[0] = Argument::Scratch(0);
    launch
}
