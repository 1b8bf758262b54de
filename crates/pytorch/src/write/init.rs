//! How weights are drawn, as the statements that a person would write.

use convnet::graph::{Draw, Graph, Init};
use convnet::ops::Op;

use super::text::Lines;

/// What is done to one kind of layer.
struct Rule {
    class: &'static str,
    statements: Vec<String>,
}

/// The statements that draw the weights, for the modules of `owner`; `at` tells how a layer is written by its path.
pub(super) fn statements(
    graph: &Graph,
    lines: &mut Lines,
    depth: usize,
    owner: &str,
    at: impl Fn(&str) -> String,
) {
    let (conv, linear) = (Biases::of(graph, true), Biases::of(graph, false));
    let zero = |biases: Biases| biases.statement("nn.init.zeros_(module.bias)");
    let both = |weights: &str, biases: bool| {
        let statements = |own: Biases| {
            let mut all = vec![weights.to_owned()];
            all.extend(biases.then(|| zero(own)).into_iter().flatten());
            all
        };
        vec![(true, statements(conv)), (false, statements(linear))]
    };
    let fan_out = "nn.init.kaiming_normal_(module.weight, mode=\"fan_out\", nonlinearity=\"relu\")";
    let (before, rules): (&[&str], Vec<(bool, Vec<String>)>) = match graph.init() {
        Init::Default => return,
        Init::Each { draws } => {
            lines.blank(1);
            for (name, draw) in draws {
                let (path, tensor) = name.rsplit_once('.').unwrap_or(("", name));
                lines.line(depth, &each(&format!("{}.{tensor}", at(path)), *draw));
            }
            return;
        }
        Init::KaimingFanOut => (&[], vec![(true, vec![fan_out.into()])]),
        Init::KaimingFanOutLinearNormal => {
            let conv_all = [fan_out.to_owned()].into_iter().chain(zero(conv)).collect();
            let weights = "nn.init.normal_(module.weight, std=0.01)".to_owned();
            (&[], vec![(true, conv_all), (false, [weights].into_iter().chain(zero(linear)).collect())])
        }
        Init::KaimingFanIn => {
            let weights = "nn.init.kaiming_normal_(module.weight)".to_owned();
            let conv_all = [weights].into_iter().chain(zero(conv)).collect();
            (&[], vec![(true, conv_all), (false, zero(linear).into_iter().collect())])
        }
        Init::TruncatedNormal => {
            (&[], both("nn.init.trunc_normal_(module.weight, std=0.01, a=-2, b=2)", false))
        }
        Init::FixedNormal { std, zero_biases } => {
            (&[], both(&format!("nn.init.normal_(module.weight, std={std:?})"), *zero_biases))
        }
        Init::Xavier => (&[], both("nn.init.xavier_uniform_(module.weight)", true)),
        Init::Normal { .. } => (&[], both("nn.init.normal_(module.weight, std=0.01)", true)),
        Init::LeCunUniform => {
            let weights = "nn.init.uniform_(module.weight, -bound, bound)".to_owned();
            let all = |own: Biases| {
                let bias = own.statement("nn.init.uniform_(module.bias, -bound, bound)");
                [weights.clone()].into_iter().chain(bias).collect()
            };
            (&["bound = 2.4 / module.weight[0].numel()"], vec![(true, all(conv)), (false, all(linear))])
        }
    };
    let there = |conv: bool| {
        graph.nodes().iter().any(|node| {
            if conv { matches!(node.op, Op::Conv2d(_)) } else { matches!(node.op, Op::Linear(_)) }
        })
    };
    let rules: Vec<Rule> = rules
        .into_iter()
        .filter(|(conv, statements)| there(*conv) && !statements.is_empty())
        .map(|(conv, statements)| Rule { class: if conv { "nn.Conv2d" } else { "nn.Linear" }, statements })
        .collect();
    let rules = match &rules[..] {
        [a, b] if a.statements == b.statements => {
            vec![("(nn.Conv2d, nn.Linear)".to_owned(), a.statements.clone())]
        }
        _ => rules.into_iter().map(|rule| (rule.class.to_owned(), rule.statements)).collect(),
    };
    if rules.is_empty() {
        return;
    }
    lines.blank(1);
    lines.line(depth, &format!("for module in {owner}.modules():"));
    for (i, (class, statements)) in rules.iter().enumerate() {
        let word = if i == 0 { "if" } else { "elif" };
        lines.line(depth + 1, &format!("{word} isinstance(module, {class}):"));
        for statement in before.iter().copied().chain(statements.iter().map(String::as_str)) {
            for (more, line) in statement.split('\n').enumerate() {
                lines.line(depth + 2 + more, line);
            }
        }
    }
    if let Init::Normal { ones } = graph.init() {
        let is_layer = |path: &&String| graph.nodes().iter().any(|node| node.path == **path);
        for path in ones.iter().filter(is_layer) {
            lines.line(depth, &format!("nn.init.ones_({}.bias)", at(path)));
        }
    }
}

/// The statement that draws one tensor.
fn each(tensor: &str, draw: Draw) -> String {
    match draw {
        Draw::Constant { value } => format!("nn.init.constant_({tensor}, {value:?})"),
        Draw::Uniform { low, high } => format!("nn.init.uniform_({tensor}, {low:?}, {high:?})"),
        Draw::Normal { mean, std } => format!("nn.init.normal_({tensor}, {mean:?}, {std:?})"),
        Draw::TruncatedNormal { mean, std, low, high } => {
            format!("nn.init.trunc_normal_({tensor}, {mean:?}, {std:?}, {low:?}, {high:?})")
        }
    }
}

/// Which layers of a kind have a bias.
#[derive(Clone, Copy, PartialEq)]
enum Biases {
    None,
    Some,
    All,
}

impl Biases {
    fn of(graph: &Graph, conv: bool) -> Self {
        let biases: Vec<bool> = graph
            .nodes()
            .iter()
            .filter_map(|node| match &node.op {
                Op::Conv2d(layer) if conv => Some(layer.bias),
                Op::Linear(layer) if !conv => Some(layer.bias),
                _ => None,
            })
            .collect();
        match (biases.contains(&true), biases.contains(&false)) {
            (false, _) => Self::None,
            (true, true) => Self::Some,
            (true, false) => Self::All,
        }
    }

    fn statement(self, text: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Some => Some(format!("if module.bias is not None:\n{text}")),
            Self::All => Some(text.to_owned()),
        }
    }
}
