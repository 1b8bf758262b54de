//! Every rule against PyTorch's and timm's figures (`tools/optimizer_golden.py`): in f64, and by the kernels on packed
//! parameters, on every instruction set.

use std::collections::BTreeMap;

use convnet_kernels::{Arena, Isa, OrthogonalRoom, Pool};
use serde::Deserialize;

use super::matrix::Matrix;
use super::update::Tensors;
use crate::ops::{ParamKind, ParamSpec};
use crate::optim::plain::Plain;
use crate::optim::{Optimizer, Setting};
use crate::tracked::Tracked;

const GOLDEN: &str = include_str!("optimizer_golden.jsonl");
const STEPS: u64 = 50;
/// Every so manieth number is in the file.
const STRIDE: usize = 23;
/// Of the norm of all parameters of a case.
const TOLERANCE: f64 = 1e-6;
/// Of an element, or of the RMS of its tensor: 1 − lr·decay is rounded by 3e-8 in each of the steps, as PyTorch rounds it.
const ELEMENT_TOLERANCE: f64 = 2e-6;
/// Of that of a buffer: 1 − β of Adam is rounded by as much, and steps of 50 updates are added to RMSprop's velocity.
const BUFFER_TOLERANCE: f64 = 2e-5;

#[derive(Deserialize)]
struct Case {
    settings: Optimizer,
    lr: f64,
    values: BTreeMap<String, Vec<f64>>,
}

fn cases() -> impl Iterator<Item = Case> {
    GOLDEN.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| (self.next() >> 40) as f32 / (1u64 << 23) as f32 - 1.0).collect()
    }
}

/// The tensors of the script, with the channels of each group of convolutions.
fn tensors() -> Vec<(ParamSpec, usize)> {
    let spec = |name: &str, shape: &[usize], kind, groups| (ParamSpec::new(name, shape, kind), groups);
    vec![
        spec("conv.weight", &[5, 3, 3, 3], ParamKind::ConvWeight, 1),
        spec("conv.bias", &[5], ParamKind::ConvBias, 1),
        spec("norm.weight", &[7], ParamKind::NormWeight, 1),
        spec("wide.weight", &[6, 35], ParamKind::LinearWeight, 1),
        spec("high.weight", &[33, 10], ParamKind::LinearWeight, 1),
        spec("grouped.weight", &[6, 2, 3, 1], ParamKind::ConvWeight, 3),
    ]
}

/// The setting of a tensor: one has a group of its own.
fn setting(spec: &ParamSpec) -> Setting {
    match spec.name.as_str() {
        "high.weight" => Setting { rate: 0.5, weight_decay: Some(0.02), frozen: false },
        _ => Setting { rate: 1.0, weight_decay: None, frozen: false },
    }
}

/// The rule of a tensor, and what its rate is multiplied with: AdamW where Muon has no matrix.
fn rule(optimizer: Optimizer, spec: &ParamSpec) -> (Optimizer, f32) {
    match optimizer {
        Optimizer::Muon(muon) if spec.shape.len() < 2 => (muon.adamw().into(), muon.adamw_lr),
        optimizer => (optimizer, 1.0),
    }
}

/// What LAMB multiplies gradients with.
fn scale(optimizer: &Optimizer, gradients: &[Vec<f32>]) -> f64 {
    match optimizer {
        Optimizer::Lamb(rule) if rule.max_grad_norm > 0.0 => {
            let squares: f64 = gradients.iter().flatten().map(|&g| f64::from(g) * f64::from(g)).sum();
            1.0 / (squares.sqrt() / f64::from(rule.max_grad_norm)).max(1.0)
        }
        _ => 1.0,
    }
}

/// Asserts that the numbers of a tensor that are in the file are those that were found.
fn assert_golden(case: &Case, name: &str, found: &[f64], tolerance: f64, what: &str) {
    let expected = &case.values[name];
    let rms = (found.iter().map(|x| x * x).sum::<f64>() / found.len() as f64).sqrt();
    let found: Vec<f64> = found.iter().step_by(STRIDE).copied().collect();
    assert_eq!(found.len(), expected.len(), "{name}");
    for (i, (found, expected)) in found.iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(
            error <= tolerance * rms.max(expected.abs()),
            "{what} {:?}: {name} {i} is {found}, expected {expected}, RMS {rms}",
            case.settings
        );
    }
}

#[test]
fn the_definitions_give_pytorchs_figures() {
    for case in cases() {
        case.settings.check().unwrap();
        let mut random = Random(1);
        let specs = tensors();
        let mut all: Vec<Plain> = specs
            .iter()
            .map(|(spec, _)| Plain::new(&random.floats(spec.elements()), spec.shape[0]))
            .collect();
        for _ in 0..STEPS {
            let gradients: Vec<Vec<f32>> =
                specs.iter().map(|(spec, _)| random.floats(spec.elements())).collect();
            let scale = scale(&case.settings, &gradients);
            for (((spec, _), plain), gradient) in specs.iter().zip(&mut all).zip(&gradients) {
                let (rule, factor) = rule(case.settings, spec);
                let Setting { rate, weight_decay, .. } = setting(spec);
                let rule = weight_decay.map_or(rule, |decay| rule.with_weight_decay(decay));
                let factor: f64 = factor.to_string().parse().unwrap();
                plain.update(&rule, gradient, case.lr * factor * f64::from(rate), scale);
            }
        }
        for ((spec, _), plain) in specs.iter().zip(&all) {
            assert_golden(&case, &spec.name, &plain.values, 3e-8, "plain");
            for (name, buffer) in &plain.buffers {
                assert_golden(&case, &format!("{}/{name}", spec.name), buffer, 3e-8, "plain");
            }
        }
    }
}

/// A tensor as the kernels have it.
struct Packed {
    spec: ParamSpec,
    tracked: Tracked,
    matrix: Option<Matrix>,
    values: Vec<f32>,
    moments: [Vec<f32>; 3],
}

impl Packed {
    fn new(isa: Isa, optimizer: Optimizer, (spec, groups): (ParamSpec, usize), values: &[f32]) -> Self {
        let matrix = (spec.shape.len() > 1).then(|| {
            let (outputs, inputs) = (spec.shape[0], spec.elements() / spec.shape[0]);
            match spec.kind {
                ParamKind::ConvWeight => {
                    Matrix::conv(isa, (inputs, (spec.shape[1], outputs / groups), groups))
                }
                _ => Matrix::linear(isa, inputs, outputs, None),
            }
        });
        let (rule, factor) = rule(optimizer, &spec);
        let values = Self::pack(matrix.as_ref(), values);
        let start = match optimizer {
            Optimizer::Adagrad(rule) => rule.initial_accumulator_value,
            _ => 0.0,
        };
        let moments = [(); 3].map(|()| vec![start; values.len()]);
        Self { tracked: Tracked::of(rule, factor), spec, matrix, values, moments }
    }

    fn pack(matrix: Option<&Matrix>, tensor: &[f32]) -> Vec<f32> {
        let Some(matrix) = matrix else { return tensor.to_vec() };
        let mut packed = vec![0.0; matrix.len()];
        matrix.arrange(tensor, &mut packed);
        packed
    }

    fn unpack(&self, packed: &[f32]) -> Vec<f64> {
        let mut tensor = packed.to_vec();
        if let Some(matrix) = &self.matrix {
            tensor = vec![0.0; self.spec.elements()];
            matrix.unpack(packed, &mut tensor);
        }
        tensor.into_iter().map(f64::from).collect()
    }
}

#[test]
fn fifty_steps_are_pytorchs_on_every_instruction_set() {
    for isa in Isa::available() {
        for case in cases() {
            let pool = Pool::new(2);
            let mut random = Random(1);
            let mut all: Vec<Packed> = tensors()
                .into_iter()
                .map(|(spec, groups)| {
                    let values = random.floats(spec.elements());
                    Packed::new(isa, case.settings, (spec, groups), &values)
                })
                .collect();
            let [matrices, packed] = OrthogonalRoom::floats(isa, 64, 64).unwrap();
            let mut room = OrthogonalRoom { matrices: Arena::new(matrices), packed: Arena::new(packed) };
            for _ in 0..STEPS {
                let gradients: Vec<Vec<f32>> =
                    all.iter().map(|packed| random.floats(packed.spec.elements())).collect();
                let scale = scale(&case.settings, &gradients) as f32;
                for (packed, gradient) in all.iter_mut().zip(&gradients) {
                    let setting = setting(&packed.spec);
                    let step = packed.tracked.step(&packed.spec, setting, case.lr as f32).unwrap();
                    let gradients = &Packed::pack(packed.matrix.as_ref(), gradient);
                    let layout = packed.matrix.as_ref().map(Matrix::layout);
                    let parameters = &mut packed.values;
                    let moments = packed.moments.each_mut().map(Vec::as_mut_slice);
                    let tensors = Tensors { parameters, gradients, moments, layout, scale };
                    step.apply(&pool, isa, &mut room, tensors);
                    packed.tracked.advance();
                }
            }
            let (mut errors, mut squares) = (0.0, 0.0);
            for packed in &all {
                let name = &packed.spec.name;
                let what = isa.name();
                let values = packed.unpack(&packed.values);
                assert_golden(&case, name, &values, ELEMENT_TOLERANCE, what);
                for (found, expected) in values.iter().step_by(STRIDE).zip(&case.values[name]) {
                    errors += (found - expected).powi(2);
                    squares += expected.powi(2);
                }
                for (buffer, moment) in packed.tracked.rule.buffers().iter().zip(&packed.moments) {
                    let name = format!("{name}/{buffer}");
                    assert_golden(&case, &name, &packed.unpack(moment), BUFFER_TOLERANCE, what);
                }
                for (scalar, value) in packed.tracked.scalars() {
                    if scalar == "mu_product" {
                        let name = format!("{name}/{scalar}");
                        assert_golden(&case, &name, &[f64::from(value)], TOLERANCE, what);
                    } else {
                        assert_eq!(value, STEPS as f32);
                    }
                }
            }
            let error = (errors / squares).sqrt();
            assert!(error <= TOLERANCE, "{isa} {:?}: {error}", case.settings);
        }
    }
}
