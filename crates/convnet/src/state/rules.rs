//! Initializations by name, as `torch.nn.init` draws them, for any network.

use serde::{Deserialize, Serialize};

use super::draw::{Fans, by_parameter, tensor};
use super::{StateDict, Tensor, add_aliases};
use crate::graph::{Draw, Graph, Init, NodeId};
use crate::ops::ParamKind;

/// How all weights of a network are drawn, whatever its own [`Init`] says: Conv2d and Linear weights by the rule, their biases
/// 0, normalizations 1 and 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// N(0, 2/fan_in): `kaiming_normal_` (He et al. 2015).
    KaimingNormal,
    /// U(−a, a) with a = √(6/fan_in): `kaiming_uniform_`.
    KaimingUniform,
    /// N(0, 2/(fan_in + fan_out)): `xavier_normal_` (Glorot and Bengio 2010).
    XavierNormal,
    /// U(−a, a) with a = √(6/(fan_in + fan_out)): `xavier_uniform_`.
    XavierUniform,
    /// Rows, or columns where those are fewer, of length 1 and at right angles: `orthogonal_` (Saxe et al. 2014).
    Orthogonal,
    /// N(0, 0.02²) within ±2: `trunc_normal_` as torchvision and timm call it.
    TruncNormal,
}

/// The deviation of [`Rule::TruncNormal`], and its bound.
const TRUNCATED: (f64, f64) = (0.02, 2.0);

impl Rule {
    /// What a weight with these fans is drawn from; of [`Rule::Orthogonal`] what its matrix is made of.
    fn draw(self, fans: Fans) -> Draw {
        let normal = |variance: f64| Draw::Normal { mean: 0.0, std: variance.sqrt() };
        let within = |bound: f64| Draw::Uniform { low: -bound, high: bound };
        let Fans { inputs, outputs } = fans;
        match self {
            Self::KaimingNormal => normal(2.0 / inputs),
            Self::KaimingUniform => within((6.0 / inputs).sqrt()),
            Self::XavierNormal => normal(2.0 / (inputs + outputs)),
            Self::XavierUniform => within((6.0 / (inputs + outputs)).sqrt()),
            Self::Orthogonal => normal(1.0),
            Self::TruncNormal => {
                let (std, bound) = TRUNCATED;
                Draw::TruncatedNormal { mean: 0.0, std, low: -bound, high: bound }.plain()
            }
        }
    }
}

/// The parameters before training, drawn by a rule: as [`initialize`](super::initialize), each tensor from a stream of its own.
///
/// ```
/// use convnet::state::{self, Rule};
///
/// let net = convnet::zoo::lenet().build()?;
/// let weights = state::initialize_by(&net, Rule::Orthogonal, 7);
/// let rows: Vec<&[f32]> = weights["linear.5.weight"].data.chunks(84).collect();
/// let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
/// assert!((product(rows[0], rows[0]) - 1.0).abs() < 1e-5 && product(rows[0], rows[1]).abs() < 1e-5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn initialize_by(graph: &Graph, rule: Rule, seed: u64) -> StateDict {
    let drawn = by_parameter(graph, &Init::Default).map(|(spec, default)| {
        let tensor = match spec.kind {
            ParamKind::ConvWeight | ParamKind::LinearWeight => {
                let drawn = tensor(&spec, rule.draw(Fans::of(&spec.shape)), seed);
                if rule == Rule::Orthogonal { orthogonal(drawn) } else { drawn }
            }
            ParamKind::ConvBias | ParamKind::LinearBias => Tensor::full(&spec.shape, 0.0),
            ParamKind::NormWeight
            | ParamKind::NormBias
            | ParamKind::RunningMean
            | ParamKind::RunningVar
            | ParamKind::Scale
            | ParamKind::Shift
            | ParamKind::Slope
            | ParamKind::Gain => tensor(&spec, default, seed),
        };
        (spec.name, tensor)
    });
    let mut state: StateDict = drawn.collect();
    add_aliases(graph, &mut state);
    state
}

/// Lets every residual branch start as nothing: γ of the normalization that ends it is 0 (Goyal et al. 2017, section 5.1;
/// torchvision's `zero_init_residual`). Gives the paths of these normalizations.
pub fn zero_residuals(graph: &Graph, state: &mut StateDict) -> Vec<String> {
    let norms = graph.last_norms();
    for gamma in norms.iter().filter_map(|&id| graph.node_parameters(id).into_iter().next()) {
        state.insert(gamma.name, Tensor::full(&gamma.shape, 0.0));
    }
    add_aliases(graph, state);
    norms.into_iter().map(|id: NodeId| graph.node(id).path.clone()).collect()
}

/// The orthogonal factor of a tensor as a matrix with a row for each output, by Gram and Schmidt's method, whose triangle
/// has a positive diagonal as `orthogonal_` makes it.
fn orthogonal(tensor: Tensor) -> Tensor {
    let rows = tensor.shape.first().copied().unwrap_or(1).max(1);
    let columns = tensor.data.len() / rows;
    let (count, length) = (rows.min(columns), rows.max(columns));
    // Vector i, element j.
    let at = |i: usize, j: usize| if rows <= columns { i * columns + j } else { j * columns + i };
    let mut vectors: Vec<Vec<f64>> =
        (0..count).map(|i| (0..length).map(|j| f64::from(tensor.data[at(i, j)])).collect()).collect();
    for i in 0..count {
        let (before, rest) = vectors.split_at_mut(i);
        let vector = &mut rest[0];
        for other in before.iter() {
            let along: f64 = vector.iter().zip(other).map(|(a, b)| a * b).sum();
            vector.iter_mut().zip(other).for_each(|(x, y)| *x -= along * y);
        }
        let norm = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
        vector.iter_mut().for_each(|x| *x /= norm);
    }
    let mut data = vec![0.0; tensor.data.len()];
    for (i, vector) in vectors.iter().enumerate() {
        vector.iter().enumerate().for_each(|(j, x)| data[at(i, j)] = *x as f32);
    }
    Tensor { shape: tensor.shape, data }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Builder;
    use crate::ops::{Conv2d, Linear};

    fn net() -> Graph {
        let net = Builder::image("net", 32, 4, 4);
        let x = net.input().conv2d(Conv2d::new(96, (3, 5)).padding((1, 2)).groups(2)).batch_norm2d().relu();
        net.build(x.flatten().linear(Linear::new(300))).unwrap()
    }

    /// What `tools/init_golden.py` prints: the deviation and the largest magnitude that torch.nn.init draws, of the
    /// convolution's weight and of Linear's.
    const GOLDEN: [(Rule, [f64; 2], [f64; 2]); 5] = [
        (Rule::KaimingNormal, [0.091_287, 0.0], [0.036_084, 0.0]),
        (Rule::KaimingUniform, [0.091_287, 0.158_114], [0.036_084, 0.062_5]),
        (Rule::XavierNormal, [0.034_503, 0.0], [0.033_007, 0.0]),
        (Rule::XavierUniform, [0.034_503, 0.059_761], [0.033_007, 0.057_17]),
        (Rule::TruncNormal, [0.02, 0.0], [0.02, 0.0]),
    ];

    #[test]
    fn moments_are_pytorchs() {
        let graph = net();
        for (rule, conv, linear) in GOLDEN {
            let state = initialize_by(&graph, rule, 3);
            for (name, [std, bound]) in [("0.weight", conv), ("4.weight", linear)] {
                let data = &state[name].data;
                let mean = data.iter().map(|&x| f64::from(x)).sum::<f64>() / data.len() as f64;
                let square = data.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / data.len() as f64;
                assert!((square.sqrt() / std - 1.0).abs() < 0.02, "{rule:?} {name}: {}", square.sqrt());
                assert!(mean.abs() < 0.02 * std, "{rule:?} {name}: mean {mean}");
                let largest = data.iter().fold(0.0, |m: f64, &x| m.max(f64::from(x).abs()));
                if bound > 0.0 {
                    assert!((largest / bound - 1.0).abs() < 0.01, "{rule:?} {name}: {largest}");
                } else {
                    assert!(largest > 3.0 * std, "{rule:?} {name}: {largest}");
                }
            }
            assert!(state["4.bias"].data.iter().all(|&x| x == 0.0));
            assert!(state["1.weight"].data.iter().all(|&x| x == 1.0));
        }
    }

    #[test]
    fn orthogonal_matrices_are() {
        let state = initialize_by(&net(), Rule::Orthogonal, 3);
        // Rows of the wide one, and of the tall one too: it is as wide as it is tall or wider.
        for (name, columns) in [("0.weight", 16 * 15), ("4.weight", 96 * 16)] {
            let rows: Vec<&[f32]> = state[name].data.chunks(columns).collect();
            for (i, a) in rows.iter().enumerate().step_by(7) {
                for (j, b) in rows.iter().enumerate().step_by(5) {
                    let product: f64 = a.iter().zip(*b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    let expected = if i == j { 1.0 } else { 0.0 };
                    assert!((product - expected).abs() < 1e-6, "{name} {i} {j}: {product}");
                }
            }
        }
        let tall = orthogonal(Tensor { shape: vec![3, 2], data: vec![3.0, 1.0, 0.0, 2.0, 4.0, 5.0] });
        // torch.linalg.qr of it, the diagonal of R made positive.
        let expected = [0.6, -0.591_952_1, 0.0, 0.672_672_8, 0.8, 0.443_964];
        assert!(tall.data.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-4), "{:?}", tall.data);
    }

    #[test]
    fn branches_start_as_nothing() {
        let net = crate::zoo::resnet18().input(3, 32, 32).build().unwrap();
        let mut state = super::super::initialize(&net, 0);
        let paths = zero_residuals(&net, &mut state);
        assert_eq!((paths.len(), paths[0].as_str()), (8, "layer1.0.bn2"));
        assert!(state["layer1.0.bn2.weight"].data.iter().all(|&x| x == 0.0));
        assert!(state["layer1.0.bn1.weight"].data.iter().all(|&x| x == 1.0));
        assert_eq!(zero_residuals(&crate::zoo::lenet().build().unwrap(), &mut state), [""; 0]);
    }
}
