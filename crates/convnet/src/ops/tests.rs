//! Every layer against what it tells of itself, and what the tests of single layers share.

use std::collections::BTreeSet;

use super::array::checks::{distinct, gradient, random};
use super::*;

/// What a layer without parameters gives for these inputs, in inference.
pub(super) fn forward(layer: &(impl Layer + Naive), inputs: &[&Array]) -> Array {
    layer.forward(&Reads { inputs, parameters: &[], output: output_of(layer, inputs), training: None })
}

/// The gradients of a layer without parameters.
pub(super) fn backward(layer: &(impl Layer + Naive), inputs: &[&Array], dy: &Array) -> Gradients {
    let reads = Reads { inputs, parameters: &[], output: output_of(layer, inputs), training: None };
    layer.backward(&reads, &layer.forward(&reads), dy)
}

fn output_of(layer: &impl Layer, inputs: &[&Array]) -> (usize, usize) {
    let shape = |x: &&Array| match x.shape[1..] {
        [channels, height, width] => Shape::map(channels, height, width),
        _ => Shape::vector(x.shape[1..].iter().product()),
    };
    layer.infer(&inputs.iter().map(shape).collect::<Vec<_>>()).unwrap().spatial()
}

/// A layer with a batch of inputs and parameters drawn from a seed, in training.
struct Case {
    output: Shape,
    specs: Vec<ParamSpec>,
    inputs: Vec<Array>,
    parameters: Vec<Array>,
    dy: Array,
}

impl Case {
    /// `None` where the inputs do not fit the layer.
    fn new(layer: &dyn Layer, inputs: &[Shape], batch: usize, seed: u64) -> Option<Self> {
        let output = layer.infer(inputs).ok()?;
        let specs = layer.parameters(inputs[0]);
        let seeds = || (0..).map(|i| seed.wrapping_add(i));
        Some(Self {
            output,
            inputs: inputs
                .iter()
                .zip(seeds())
                .map(|(x, seed)| distinct(&x.with_batch(batch), seed))
                .collect(),
            parameters: specs.iter().zip(seeds()).map(|(spec, seed)| random(&spec.shape, !seed)).collect(),
            dy: random(&output.with_batch(batch), seed ^ 0xD1),
            specs,
        })
    }

    fn run<R>(&self, f: impl FnOnce(&Reads<'_>) -> R) -> R {
        // Drops a third of the units.
        let mask = |i: usize| if (i * 7).is_multiple_of(3) { 0.0 } else { 1.5 };
        let inputs: Vec<&Array> = self.inputs.iter().collect();
        let parameters: Vec<&Array> = self.parameters.iter().collect();
        let output = self.output.spatial();
        f(&Reads { inputs: &inputs, parameters: &parameters, output, training: Some(&mask) })
    }
}

/// Asserts that a layer's gradients in training are those of central differences, if the inputs fit it.
pub(super) fn check_gradients(layer: &(impl Layer + Naive), inputs: &[Shape], batch: usize, seed: u64) {
    if let Some(case) = Case::new(layer, inputs, batch, seed) {
        check(layer.facts().name, layer, case);
    }
}

fn check(name: &str, layer: &dyn Naive, mut case: Case) {
    let y = case.run(|reads| layer.forward(reads));
    assert_eq!(y.shape, case.dy.shape, "{name}");
    let found = case.run(|reads| layer.backward(reads, &y, &case.dy));
    assert_eq!(found.inputs.len(), case.inputs.len(), "{name}");
    let dy = case.dy.clone();
    for (i, dx) in found.inputs.iter().enumerate() {
        let x = case.inputs[i].clone();
        let mut moved = std::cell::RefCell::new(&mut case);
        gradient(&format!("{name}: input {i}"), &x, dx, &dy, |x| {
            let mut case = moved.borrow_mut();
            case.inputs[i] = x.clone();
            case.run(|reads| layer.forward(reads))
        });
        moved.get_mut().inputs[i] = x;
    }
    let trainable: Vec<usize> = (0..case.specs.len()).filter(|&i| case.specs[i].kind.trainable()).collect();
    assert!(found.parameters.len() >= trainable.len(), "{name}");
    for (i, dw) in trainable.into_iter().zip(&found.parameters) {
        let (w, what) = (case.parameters[i].clone(), format!("{name}: {}", case.specs[i].name));
        let mut moved = std::cell::RefCell::new(&mut case);
        gradient(&what, &w, dw, &dy, |w| {
            let mut case = moved.borrow_mut();
            case.parameters[i] = w.clone();
            case.run(|reads| layer.forward(reads))
        });
        moved.get_mut().parameters[i] = w;
    }
}

/// Samples with the inputs that feed them.
fn cases() -> impl Iterator<Item = (Op, Vec<Shape>, Case)> {
    Op::samples().into_iter().zip(0..).map(|((op, inputs), seed)| {
        let case = Case::new(op.layer(), &inputs, 2, seed);
        let mut case = case.unwrap_or_else(|| panic!("{}: its sample does not fit", op.name()));
        for (_, x) in case.inputs.iter_mut().enumerate().filter(|(i, _)| op.wants_positive(*i)) {
            *x = x.map(|x| 1.0 + x);
        }
        (op, inputs, case)
    })
}

#[test]
fn every_layer_has_a_name_of_its_own_and_a_sample() {
    let sampled: BTreeSet<&str> = Op::samples().iter().map(|(op, _)| op.name()).collect();
    let kinds: BTreeSet<_> =
        Op::samples().iter().map(|(op, _)| std::mem::discriminant(op)).map(|d| format!("{d:?}")).collect();
    assert_eq!(kinds.len() + 1, Op::COUNT, "all but Input: {sampled:?}");
    let named: BTreeSet<_> = Op::samples()
        .iter()
        .map(|(op, _)| (op.name(), format!("{:?}", std::mem::discriminant(op))))
        .collect();
    assert_eq!(named.len(), sampled.len(), "a name of two kinds of layers: {named:?}");
}

#[test]
fn every_layers_gradients_match_central_differences() {
    for (op, _, case) in cases() {
        check(op.name(), op.naive(), case);
    }
}

/// What a gradient does not read may hold anything.
#[test]
fn gradients_read_what_they_say() {
    for (op, _, mut case) in cases() {
        let (name, reads) = (op.name(), op.gradient_reads());
        let y = case.run(|reads| op.naive().forward(reads));
        let expected = case.run(|reads| op.naive().backward(reads, &y, &case.dy));
        if !reads.output {
            let other = y.map(|_| f64::NAN);
            assert_eq!(case.run(|reads| op.naive().backward(reads, &other, &case.dy)), expected, "{name}");
        }
        // The oracle looks again where an engine has notes.
        if !reads.input && reads.reserve == Reserve::None {
            case.inputs.iter_mut().for_each(|x| *x = x.map(|_| f64::NAN));
            assert_eq!(case.run(|reads| op.naive().backward(reads, &y, &case.dy)), expected, "{name}");
        }
    }
}

#[test]
fn layers_that_keep_the_order_of_a_vector_do() {
    for (op, inputs, mut case) in cases().filter(|(op, ..)| op.keeps_order()) {
        assert_eq!(op.infer(&inputs), Ok(inputs[0]), "{}", op.name());
        let run = |case: &Case| case.run(|reads| op.naive().forward(&Reads { training: None, ..*reads }));
        let mut y = run(&case);
        case.inputs[0].data.reverse();
        y.data.reverse();
        assert_eq!(run(&case), y, "{}", op.name());
    }
}

#[test]
fn layers_that_hand_their_input_on_compute_nothing() {
    for (op, _, case) in cases() {
        let inputs = &case.inputs[0].data;
        let inference = case.run(|reads| op.naive().forward(&Reads { training: None, ..*reads }));
        let training = case.run(|reads| op.naive().forward(reads));
        let same = (inference.data == *inputs, training.data == *inputs);
        match op.pass_through() {
            PassThrough::Always => assert_eq!(same, (true, true), "{}", op.name()),
            PassThrough::Inference => assert_eq!(same, (true, false), "{}", op.name()),
            PassThrough::Never => {}
        }
    }
}

#[test]
fn running_statistics_are_those_of_the_buffers() {
    for (op, _, case) in cases() {
        let buffers = case.specs.iter().filter(|spec| spec.kind.is_running()).map(|spec| &spec.shape);
        let running = case.run(|reads| op.naive().running(reads));
        assert!(running.iter().map(|array| &array.shape).eq(buffers), "{}", op.name());
    }
}

#[test]
fn samples_of_one_layer_differ_in_what_is_told_of_them() {
    let told = |op: &Op, inputs: &[Shape]| (op.name(), op.properties(), op.settings(inputs), inputs.to_vec());
    let samples = Op::samples();
    for (i, (op, inputs)) in samples.iter().enumerate() {
        for (other, others) in &samples[..i] {
            assert_ne!(told(op, inputs), told(other, others));
            if op.name() == other.name() && op != other {
                let sizes = |op: &Op, x: &[Shape]| {
                    op.parameters(x[0]).into_iter().map(|p| p.shape).collect::<Vec<_>>()
                };
                let same = op.properties() == other.properties() && sizes(op, inputs) == sizes(other, inputs);
                assert!(!same, "{}: the properties of {op:?} are those of {other:?}", op.name());
            }
        }
    }
}

#[test]
fn a_layer_of_one_input_says_so() {
    for (op, inputs) in Op::samples().into_iter().filter(|(_, inputs)| inputs.len() == 1) {
        let Err(issue) = op.infer(&[inputs[0], inputs[0], inputs[0]]) else { continue };
        assert!(
            issue.found.contains("3 inputs") || issue.expected.contains("two inputs"),
            "{}: {issue:?}",
            op.name()
        );
    }
}
