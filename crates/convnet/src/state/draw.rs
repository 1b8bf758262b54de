//! How each parameter is drawn: what the rules of [`Init`] mean for it, and random numbers.

use std::collections::BTreeMap;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::Tensor;
use crate::graph::{Draw, Graph, Init, Node};
use crate::ops::{Op, ParamKind, ParamSpec};

/// What each parameter of a network would be drawn from under a rule, by its name; running statistics too, which start at
/// one value.
///
/// ```
/// use convnet::graph::{Draw, Init};
/// use convnet::{state, zoo};
///
/// let net = zoo::lenet().build()?;
/// let draws = state::draws(&net, &Init::KaimingFanOut);
/// assert_eq!(draws["conv.0.weight"], Draw::Normal { mean: 0.0, std: (2.0_f64 / 150.0).sqrt() });
/// // What code draws by hand is recognised as the rule that it follows.
/// assert_eq!(state::recognised(&net, draws), Init::KaimingFanOut);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn draws(graph: &Graph, init: &Init) -> BTreeMap<String, Draw> {
    by_parameter(graph, init).map(|(spec, draw)| (spec.name, draw)).collect()
}

/// The rule that draws these parameters as they are said to be drawn, and all others as PyTorch's default: one that has a
/// name where there is one, else [`Init::Each`] with those that are not the default's. Names that the network does not
/// have are left out.
pub fn recognised(graph: &Graph, draws: BTreeMap<String, Draw>) -> Init {
    let default = self::draws(graph, &Init::Default);
    let mut asked = default.clone();
    for (name, draw) in draws {
        let name = graph.first_of(&name).unwrap_or(&name);
        if let Some(place) = asked.get_mut(name) {
            *place = draw.plain();
        }
    }
    let is_one = |name: &String| matches!(asked.get(name), Some(Draw::Constant { value: 1.0 }));
    let biases = graph.ids().flat_map(|id| graph.own_parameters(id).into_iter().map(move |spec| (id, spec)));
    let ones = biases
        .filter(|(_, spec)| {
            matches!(spec.kind, ParamKind::ConvBias | ParamKind::LinearBias) && is_one(&spec.name)
        })
        .map(|(id, _)| graph.node(id).path.clone())
        .collect();
    let named = [
        Init::Default,
        Init::KaimingFanOut,
        Init::KaimingFanOutLinearNormal,
        Init::KaimingFanIn,
        Init::TruncatedNormal,
        Init::Xavier,
        Init::LeCunUniform,
        Init::Normal { ones },
    ];
    let fits = |rule: &Init| {
        by_parameter(graph, rule)
            .all(|(spec, draw)| asked.get(&spec.name).is_some_and(|asked| alike(draw, *asked)))
    };
    let weights = graph.ids().flat_map(|id| graph.own_parameters(id)).filter(|spec| spec.kind.is_weight());
    let std = weights.filter_map(|spec| match asked[&spec.name] {
        Draw::Normal { std, .. } => Some(std),
        _ => None,
    });
    let fixed =
        std.take(1).flat_map(|std| [true, false].map(|zero_biases| Init::FixedNormal { std, zero_biases }));
    named.into_iter().chain(fixed).find(fits).unwrap_or_else(|| {
        asked.retain(|name, draw| !alike(default[name], *draw));
        Init::Each { draws: asked }
    })
}

/// Whether two draws are the same but for the rounding of their settings.
fn alike(a: Draw, b: Draw) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * a.abs().max(b.abs());
    match (a, b) {
        (Draw::Constant { value: a }, Draw::Constant { value: b }) => near(a, b),
        (Draw::Uniform { low, high }, Draw::Uniform { low: other_low, high: other_high }) => {
            near(low, other_low) && near(high, other_high)
        }
        (Draw::Normal { mean, std }, Draw::Normal { mean: other_mean, std: other_std }) => {
            near(mean, other_mean) && near(std, other_std)
        }
        _ => a == b,
    }
}

/// The parameters of a network, each once, and what they are drawn from.
pub(super) fn by_parameter<'a>(
    graph: &'a Graph,
    init: &'a Init,
) -> impl Iterator<Item = (ParamSpec, Draw)> + 'a {
    graph.ids().flat_map(move |id| {
        let fans = graph.node_parameters(id).first().map(|weight| Fans::of(&weight.shape));
        let node = graph.node(id);
        let drawn = move |spec: ParamSpec| fans.map(|fans| (rule(init, &spec, fans, node), spec));
        graph.own_parameters(id).into_iter().filter_map(drawn).map(|(draw, spec)| (spec, draw))
    })
}

/// PyTorch's fans of a layer, taken from its weight.
#[derive(Clone, Copy)]
pub(super) struct Fans {
    pub(super) inputs: f64,
    pub(super) outputs: f64,
}

impl Fans {
    pub(super) fn of(shape: &[usize]) -> Self {
        let field: usize = shape.iter().skip(2).product();
        let fan = |dim: usize| (shape.get(dim).copied().unwrap_or(1) * field).max(1) as f64;
        Self { inputs: fan(1), outputs: fan(0) }
    }
}

/// The standard deviation of the fixed normal rules.
const FIXED_STD: f64 = 0.01;

/// What a parameter of a layer is drawn from.
fn rule(init: &Init, spec: &ParamSpec, fans: Fans, node: &Node) -> Draw {
    let constant = |value| Draw::Constant { value };
    let within = |bound: f64| Draw::Uniform { low: -bound, high: bound };
    let normal = |std| Draw::Normal { mean: 0.0, std };
    if let Init::Each { draws } = init
        && let Some(draw) = draws.get(&spec.name)
    {
        return draw.plain();
    }
    let conv = match spec.kind {
        ParamKind::NormWeight | ParamKind::RunningVar | ParamKind::Scale => return constant(1.0),
        ParamKind::NormBias | ParamKind::RunningMean | ParamKind::Shift => return constant(0.0),
        // PyTorch's default (He et al. 2015).
        ParamKind::Slope => return constant(0.25),
        ParamKind::Gain => {
            let Op::LayerScale(scale) = &node.op else { return constant(1.0) };
            return constant(scale.initial.into());
        }
        ParamKind::ConvWeight | ParamKind::ConvBias => true,
        ParamKind::LinearWeight | ParamKind::LinearBias => false,
    };
    let bias = matches!(spec.kind, ParamKind::ConvBias | ParamKind::LinearBias);
    let default = within(1.0 / fans.inputs.sqrt());
    match (init, conv, bias) {
        (Init::Default | Init::Each { .. }, ..) => default,
        (Init::KaimingFanOut | Init::KaimingFanOutLinearNormal, true, false) => {
            normal((2.0 / fans.outputs).sqrt())
        }
        (Init::KaimingFanOut, ..) => default,
        (Init::KaimingFanOutLinearNormal | Init::TruncatedNormal | Init::Normal { .. }, _, false) => {
            normal(FIXED_STD)
        }
        (Init::FixedNormal { std, .. }, _, false) => normal(*std),
        (Init::FixedNormal { zero_biases: false, .. }, _, true) => default,
        (Init::KaimingFanIn, true, false) => normal((2.0 / fans.inputs).sqrt()),
        (Init::KaimingFanIn, false, false) | (Init::TruncatedNormal, _, true) => default,
        (Init::Xavier, _, false) => within((6.0 / (fans.inputs + fans.outputs)).sqrt()),
        (Init::LeCunUniform, ..) => within(2.4 / fans.inputs),
        (Init::Normal { ones }, _, true) if ones.contains(&node.path) => constant(1.0),
        (
            Init::KaimingFanOutLinearNormal
            | Init::KaimingFanIn
            | Init::FixedNormal { zero_biases: true, .. }
            | Init::Xavier
            | Init::Normal { .. },
            _,
            true,
        ) => constant(0.0),
    }
}

/// A tensor of drawn elements.
pub(super) fn tensor(spec: &ParamSpec, draw: Draw, seed: u64) -> Tensor {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream(&spec.name));
    let (rng, mut spare) = (&mut rng, None);
    let mut element = || match draw {
        Draw::Constant { value } => value,
        Draw::Uniform { low, high } => (low + high) / 2.0 + signed_unit(rng) * ((high - low) / 2.0),
        Draw::Normal { mean, std } => mean + normal(rng, &mut spare) * std,
        Draw::TruncatedNormal { mean, std, low, high } => {
            let x = mean + truncated(rng, &mut spare, [low, high].map(|bound| (bound - mean) / std)) * std;
            // A deviation of 0 leaves the mean, or the bound that is next to it.
            if x.is_finite() { x.clamp(low, high) } else { mean.clamp(low, high) }
        }
    };
    let data = (0..spec.elements()).map(|_| element() as f32).collect();
    Tensor { shape: spec.shape.clone(), data }
}

/// Standard normal within bounds: what a wide interval around 0 leaves of normal numbers; elsewhere uniform numbers that
/// are kept by their density over the largest one.
fn truncated(rng: &mut ChaCha8Rng, spare: &mut Option<f64>, [low, high]: [f64; 2]) -> f64 {
    if !(low < high && low.max(-high) < f64::MAX) {
        return low.clamp(f64::MIN, f64::MAX);
    }
    if low < 0.5 && high > -0.5 && high - low > 1.0 {
        loop {
            let x = normal(rng, spare);
            if (low..=high).contains(&x) {
                return x;
            }
        }
    }
    // Farther out the density is less than e⁻⁴⁰ of the largest one, which is at the bound next to 0.
    let nearest = 0.0_f64.clamp(low, high);
    let reach = 40.0 / nearest.abs().max(1.0);
    let (from, to) = (low.max(nearest - reach), high.min(nearest + reach));
    loop {
        let x = from + (to - from) * rng.random::<f64>();
        if rng.random::<f64>() <= ((nearest * nearest - x * x) / 2.0).exp() {
            return x;
        }
    }
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
