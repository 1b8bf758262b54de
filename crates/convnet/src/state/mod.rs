//! The state dict: every parameter and buffer of a network by PyTorch's name and in PyTorch's layout.
//!
//! ```
//! use convnet::state::{self, TensorSource};
//! use convnet::zoo;
//!
//! let net = zoo::lenet().build()?;
//! let weights = state::initialize(&net, 7);
//! assert_eq!(weights["linear.5.bias"].shape, [10]);
//! // As all sources of weights, it can be read part by part.
//! let mut second_row = [0.0; 84];
//! weights.read("linear.5.weight", 84, &mut second_row)?;
//! assert_eq!(second_row, weights["linear.5.weight"].data[84..168]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::graph::{Graph, Init};
use crate::ops::{ParamKind, ParamSpec};

mod source;

pub use source::{ReadError, TensorSource};

/// A dense float32 tensor in row-major order.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor {
    /// Dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Elements, the last dimension contiguous.
    pub data: Vec<f32>,
}

impl Tensor {
    /// A tensor of one value.
    pub fn full(shape: &[usize], value: f32) -> Self {
        Self { shape: shape.to_vec(), data: vec![value; shape.iter().product()] }
    }
}

/// Name → tensor.
pub type StateDict = BTreeMap<String, Tensor>;

/// The parameters before training, drawn as the network's [`Init`] says; running statistics are 0 and 1.
///
/// Each tensor has a random stream of its own, chosen by the seed and its name, so that its values depend
/// neither on the other layers nor on their order. A tensor that has several names is under each of them.
pub fn initialize(graph: &Graph, seed: u64) -> StateDict {
    let mut state = initialize_some(graph, seed, |_| true);
    add_aliases(graph, &mut state);
    state
}

/// Puts tensors that have several names in the state dict under each of them.
pub(crate) fn add_aliases(graph: &Graph, state: &mut StateDict) {
    for shared in graph.aliases() {
        if let Some(tensor) = state.get(&shared.first).cloned() {
            state.insert(shared.name.clone(), tensor);
        }
    }
}

/// As [`initialize`], but only the parameters that are wanted by name.
pub(crate) fn initialize_some(graph: &Graph, seed: u64, wanted: impl Fn(&str) -> bool) -> StateDict {
    let mut state = StateDict::new();
    for id in graph.ids() {
        let weight = graph.node_parameters(id).into_iter().next();
        let Some(fans) = weight.map(|weight| Fans::of(&weight.shape)) else { continue };
        for spec in graph.own_parameters(id).into_iter().filter(|spec| wanted(&spec.name)) {
            let tensor = draw(&spec, rule(graph.init(), spec.kind, fans, &graph.node(id).path), seed);
            state.insert(spec.name, tensor);
        }
    }
    state
}

/// PyTorch's fans of a layer, taken from its weight.
#[derive(Clone, Copy)]
struct Fans {
    inputs: f64,
    outputs: f64,
}

impl Fans {
    fn of(shape: &[usize]) -> Self {
        let field: usize = shape.iter().skip(2).product();
        let fan = |dim: usize| (shape.get(dim).copied().unwrap_or(1) * field).max(1) as f64;
        Self { inputs: fan(1), outputs: fan(0) }
    }
}

/// What the elements of one tensor are drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rule {
    Constant(f32),
    /// Uniform between minus and plus the bound.
    Uniform(f64),
    /// Normal with mean 0 and this standard deviation.
    Normal(f64),
}

/// The standard deviation of the fixed normal rules.
const FIXED_STD: f64 = 0.01;

fn rule(init: &Init, kind: ParamKind, fans: Fans, path: &str) -> Rule {
    let conv = match kind {
        ParamKind::NormWeight | ParamKind::RunningVar | ParamKind::Scale => return Rule::Constant(1.0),
        ParamKind::NormBias | ParamKind::RunningMean | ParamKind::Shift => return Rule::Constant(0.0),
        ParamKind::ConvWeight | ParamKind::ConvBias => true,
        ParamKind::LinearWeight | ParamKind::LinearBias => false,
    };
    let bias = matches!(kind, ParamKind::ConvBias | ParamKind::LinearBias);
    let default = Rule::Uniform(1.0 / fans.inputs.sqrt());
    match (init, conv, bias) {
        (Init::Default, ..) => default,
        (Init::KaimingFanOut | Init::KaimingFanOutLinearNormal, true, false) => {
            Rule::Normal((2.0 / fans.outputs).sqrt())
        }
        (Init::KaimingFanOut, ..) => default,
        (Init::KaimingFanOutLinearNormal | Init::TruncatedNormal | Init::Normal { .. }, _, false) => {
            Rule::Normal(FIXED_STD)
        }
        (Init::KaimingFanIn, true, false) => Rule::Normal((2.0 / fans.inputs).sqrt()),
        (Init::KaimingFanIn, false, false) | (Init::TruncatedNormal, _, true) => default,
        (Init::Xavier, _, false) => Rule::Uniform((6.0 / (fans.inputs + fans.outputs)).sqrt()),
        (Init::LeCunUniform, ..) => Rule::Uniform(2.4 / fans.inputs),
        (Init::Normal { ones }, _, true) if ones.iter().any(|one| one == path) => Rule::Constant(1.0),
        (
            Init::KaimingFanOutLinearNormal | Init::KaimingFanIn | Init::Xavier | Init::Normal { .. },
            _,
            true,
        ) => Rule::Constant(0.0),
    }
}

fn draw(spec: &ParamSpec, rule: Rule, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream(&spec.name));
    let count = spec.elements();
    let data = match rule {
        Rule::Constant(value) => vec![value; count],
        Rule::Uniform(bound) => (0..count).map(|_| (signed_unit(&mut rng) * bound) as f32).collect(),
        Rule::Normal(std) => {
            let mut spare = None;
            (0..count).map(|_| (normal(&mut rng, &mut spare) * std) as f32).collect()
        }
    };
    Tensor { shape: spec.shape.clone(), data }
}

/// The random stream of a name: its 64-bit FNV-1a hash, which is the same on every machine.
fn stream(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Uniform in [−1, 1).
fn signed_unit(rng: &mut ChaCha8Rng) -> f64 {
    2.0 * rng.random::<f64>() - 1.0
}

/// Standard normal by Marsaglia's polar method, which gives two at a time.
fn normal(rng: &mut ChaCha8Rng, spare: &mut Option<f64>) -> f64 {
    if let Some(value) = spare.take() {
        return value;
    }
    loop {
        let (u, v) = (signed_unit(rng), signed_unit(rng));
        let square = u * u + v * v;
        if square < 1.0 && square > 0.0 {
            let factor = (-2.0 * square.ln() / square).sqrt();
            *spare = Some(v * factor);
            return u * factor;
        }
    }
}

#[cfg(test)]
mod tests;
