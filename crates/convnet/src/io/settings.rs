//! Settings that no weight tells, of a file that holds a network too: its strides, epsilons and pools against those of
//! the network that is to take its weights.

use std::collections::{HashMap, VecDeque};

use crate::graph::{Graph, NodeId, Shape};
use crate::ops::{AvgPool2d, Conv2d, Op, Window, adaptive_span};

/// What a comparison of two networks found.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Compared {
    /// A line for each difference.
    pub(super) differences: Vec<String>,
    /// What could not be compared.
    pub(super) untold: Option<String>,
}

/// Compares a network with the one of a file. `origin` gives the tensor in the file that a parameter is read from.
pub(super) fn compare<'a>(
    network: &Graph,
    found: &Graph,
    origin: &dyn Fn(&str) -> Option<&'a str>,
) -> Compared {
    if network == found {
        return Compared::default();
    }
    let sized = found.with_input(network.input_size());
    let (found, is_sized) = sized.as_ref().map_or((found, false), |sized| (sized, true));
    // A weight that several layers read pairs them in their order.
    let mut owners: HashMap<String, VecDeque<NodeId>> = HashMap::new();
    for id in found.ids() {
        for spec in found.node_parameters(id) {
            owners.entry(spec.name).or_default().push_back(id);
        }
    }
    let needed = network.reachable(&[network.output()]);
    let mut pairs = HashMap::new();
    let mut alone = Vec::new();
    for id in network.ids().filter(|id| needed[id.index()]) {
        let parameters = network.node_parameters(id);
        let mut owner = |name: &str| {
            let readers = owners.get_mut(origin(name).unwrap_or(name))?;
            if readers.len() > 1 { readers.pop_front() } else { readers.front().copied() }
        };
        let others: Vec<NodeId> = parameters.iter().filter_map(|spec| owner(&spec.name)).collect();
        match others.first().copied() {
            Some(other) => drop(pairs.insert(other, id)),
            None if parameters.is_empty() => {}
            None => alone.push(id),
        }
    }
    let mut compared = Compared::default();
    let mut together: Vec<(NodeId, NodeId)> = pairs.iter().map(|(&other, &id)| (id, other)).collect();
    together.sort_unstable();
    for &(id, other) in &together {
        let (ours, theirs) = (settings(network, id, is_sized), settings(found, other, is_sized));
        for ((name, here), (_, there)) in ours.into_iter().zip(theirs).filter(|(ours, theirs)| ours != theirs)
        {
            let node = network.node(id);
            compared.differences.push(format!(
                "`{}` ({}): {name} is {there} in the file, {here} in the network",
                node.path,
                node.op.name()
            ));
        }
    }
    let used = found.reachable(&[found.output()]);
    let beside = found
        .ids()
        .find(|id| used[id.index()] && !pairs.contains_key(id) && !found.node_parameters(*id).is_empty());
    let untold = match (alone.first(), beside) {
        _ if !is_sized => Some(format!("images of {:?}", network.input_size())),
        (Some(&id), _) => Some(format!("`{}`", network.node(id).path)),
        (None, Some(id)) => Some(format!("`{}`", found.node(id).path)),
        (None, None) => None,
    };
    if let Some(without) = untold {
        compared.untold = Some(format!(
            "only the settings of layers with weights were compared: the two do not both have {without}"
        ));
        return compared;
    }
    let own = together.iter().map(|&(id, _)| (id, id)).collect();
    compared.differences.extend(between(&Side::new(network, own), &Side::new(found, pairs), &together));
    compared
}

/// The settings of a layer with weights that count for what it computes, and that its weights do not tell.
fn settings(graph: &Graph, id: NodeId, is_sized: bool) -> Vec<(&'static str, String)> {
    let node = graph.node(id);
    match &node.op {
        Op::Conv2d(conv) => {
            let ([top, left], [bottom, right]) = padding(graph, id, conv);
            let mut settings = node.op.properties();
            settings.retain(|(name, _)| !matches!(*name, "kernel_size" | "padding"));
            // What no window reaches counts for nothing.
            let padding = match is_sized {
                true => format!("{top}, {left} before and {bottom}, {right} behind a map"),
                false => format!("{top}, {left} before a map"),
            };
            settings.push(("padding", padding));
            settings
        }
        // The momentum counts in training alone, and exporters do not keep it.
        Op::BatchNorm2d(norm) => vec![("eps", norm.eps.to_string())],
        _ => Vec::new(),
    }
}

/// The zeros around the map of a convolution, those of a layer before it included: above and on the left, and as many
/// below and on the right as its windows reach.
fn padding(graph: &Graph, id: NodeId, conv: &Conv2d) -> ([usize; 2], [usize; 2]) {
    let node = graph.node(id);
    let mut map = node.inputs[0];
    let mut begin = [conv.padding.h, conv.padding.w];
    if let Op::ConstantPad2d(border) = &graph.node(map).op
        && border.value == 0.0
    {
        begin = [begin[0] + border.top, begin[1] + border.left];
        map = graph.node(map).inputs[0];
    }
    let (height, width) = graph.node(map).shape.spatial();
    let (rows, columns) = node.shape.spatial();
    let behind = |count: usize, size: usize, begin: usize, kernel: usize, stride: usize, dilation: usize| {
        (count.saturating_sub(1) * stride + (kernel - 1) * dilation + 1).saturating_sub(size + begin)
    };
    let Conv2d { kernel: k, stride: s, dilation: d, .. } = conv;
    let end =
        [behind(rows, height, begin[0], k.h, s.h, d.h), behind(columns, width, begin[1], k.w, s.w, d.w)];
    (begin, end)
}

/// What an operator without weights computes, whichever way it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Step {
    /// A layer with weights, by its number in the network.
    Weights(NodeId),
    Input,
    /// A layer by its name and its settings.
    Plain(&'static str, Vec<(&'static str, String)>),
    /// A pooling, by the pixels that each output reads along both axes.
    Maximum([Vec<Reads>; 2]),
    Mean([Vec<Reads>; 2]),
}

/// First pixel, the one behind the last, and the number that a sum of them is divided by.
type Reads = (usize, usize, usize);

/// One of two networks that are compared: for each node the number of what it computes, given the outputs of the layers
/// with weights.
struct Side<'a> {
    graph: &'a Graph,
    /// The layer of the network for those of this side.
    layers: HashMap<NodeId, NodeId>,
}

impl<'a> Side<'a> {
    fn new(graph: &'a Graph, layers: HashMap<NodeId, NodeId>) -> Self {
        Self { graph, layers }
    }

    /// The node whose output a node gives, unchanged but for its layout.
    fn real(&self, mut id: NodeId) -> NodeId {
        while self.passes(id) {
            id = self.graph.node(id).inputs[0];
        }
        id
    }

    fn passes(&self, id: NodeId) -> bool {
        let node = self.graph.node(id);
        match &node.op {
            Op::Identity
            | Op::Dropout(_)
            | Op::Dropout1d(_)
            | Op::StochasticDepth(_)
            | Op::Flatten
            | Op::Unflatten => true,
            Op::Concat => node.inputs.len() == 1,
            Op::MaxPool2d(_) | Op::AvgPool2d(_) | Op::AdaptiveAvgPool2d(_) => {
                let (Step::Maximum(axes) | Step::Mean(axes)) = self.step(id) else { return false };
                let (height, width) = self.graph.node(node.inputs[0]).shape.spatial();
                axes.iter().zip([height, width]).all(|(reads, size)| {
                    reads.len() == size && (0..size).zip(reads).all(|(i, &read)| read == (i, i + 1, 1))
                })
            }
            Op::ConstantPad2d(_) => self.is_padding(id),
            _ => false,
        }
    }

    /// Whether a border of zeros is the padding of the only convolutions that read it.
    fn is_padding(&self, id: NodeId) -> bool {
        let Op::ConstantPad2d(border) = &self.graph.node(id).op else { return false };
        let mut readers = self.graph.nodes().iter().filter(|node| node.inputs.contains(&id));
        border.value == 0.0 && readers.all(|node| matches!(node.op, Op::Conv2d(_)))
    }

    fn step(&self, id: NodeId) -> Step {
        if let Some(&layer) = self.layers.get(&id) {
            return Step::Weights(layer);
        }
        let node = self.graph.node(id);
        let map = node.inputs.first().map_or(node.shape, |&input| self.graph.node(input).shape);
        match &node.op {
            Op::Input => Step::Input,
            Op::MaxPool2d(pool) => Step::Maximum(windows(pool.window(), map, node.shape, false)),
            Op::AvgPool2d(pool @ AvgPool2d { count_include_pad, .. }) => {
                Step::Mean(windows(pool.window(), map, node.shape, *count_include_pad))
            }
            Op::AdaptiveAvgPool2d(_) => {
                let ((height, width), (rows, columns)) = (map.spatial(), node.shape.spatial());
                let reads = |size: usize, count: usize| {
                    let span = |i| adaptive_span(i, count, size);
                    (0..count).map(span).map(|span| (span.start, span.end, span.len())).collect()
                };
                Step::Mean([reads(height, rows), reads(width, columns)])
            }
            op => Step::Plain(op.name(), op.properties()),
        }
    }

    /// The nodes that a node reads, a sum's in any order, a concatenation's without those within it.
    fn inputs(&self, id: NodeId) -> Vec<NodeId> {
        let is_concat = |id: NodeId| self.graph.node(id).op == Op::Concat;
        let real = self.graph.node(id).inputs.iter().map(|&input| self.real(input));
        match is_concat(id) {
            true => real
                .flat_map(|input| if is_concat(input) { self.inputs(input) } else { vec![input] })
                .collect(),
            false => real.collect(),
        }
    }

    /// A number for each node, the same in both networks where the same is computed.
    fn numbers(&self, known: &mut HashMap<(Step, Vec<usize>), usize>) -> Vec<usize> {
        let mut numbers: Vec<usize> = vec![0; self.graph.nodes().len()];
        for id in self.graph.ids() {
            let real = self.real(id);
            if real != id {
                numbers[id.index()] = numbers[real.index()];
                continue;
            }
            let step = self.step(id);
            let mut inputs: Vec<usize> = match step {
                Step::Weights(_) => Vec::new(),
                _ => self.inputs(id).into_iter().map(|input| numbers[input.index()]).collect(),
            };
            if self.graph.node(id).op.is_commutative() {
                inputs.sort_unstable();
            }
            let next = known.len();
            numbers[id.index()] = *known.entry((step, inputs)).or_insert(next);
        }
        numbers
    }

    fn told(&self, id: NodeId) -> String {
        let node = self.graph.node(id);
        match (&node.op, self.layers.contains_key(&id)) {
            (Op::Input, _) => "the images".to_owned(),
            (op, true) => format!("`{}` ({})", node.path, op.name()),
            (op, false) => {
                format!("{} {}", op.name(), op.settings(&self.graph.input_shapes(id))).trim().to_owned()
            }
        }
    }
}

/// The pixels that each position of a pooling reads, along both axes.
fn windows(window: Window, map: Shape, output: Shape, counts_padding: bool) -> [Vec<Reads>; 2] {
    let Window { kernel, stride, padding, end, .. } = window;
    let along = |count: usize, size: usize, kernel: usize, stride: usize, padding: usize, end: usize| {
        let read = |i: usize| {
            let (start, past) = (i * stride, i * stride + kernel);
            let (from, to) = (start.saturating_sub(padding), past.saturating_sub(padding).min(size));
            let count =
                if counts_padding { past.min(size + padding + end) - start } else { to.saturating_sub(from) };
            (from, to, count)
        };
        (0..count).map(read).collect()
    };
    let ((height, width), (rows, columns)) = (map.spatial(), output.spatial());
    [
        along(rows, height, kernel.h, stride.h, padding.h, end.h),
        along(columns, width, kernel.w, stride.w, padding.w, end.w),
    ]
}

/// The first difference in what lies between the layers with weights.
fn between(network: &Side<'_>, found: &Side<'_>, layers: &[(NodeId, NodeId)]) -> Option<String> {
    let mut known = HashMap::new();
    let (ours, theirs) = (network.numbers(&mut known), found.numbers(&mut known));
    let differs = |&(a, b): &(NodeId, NodeId)| ours[a.index()] != theirs[b.index()];
    let reads = layers.iter().flat_map(|&(id, other)| {
        let pair = move |(a, b)| (format!("before `{}`", network.graph.node(id).path), (a, b));
        network.inputs(id).into_iter().zip(found.inputs(other)).map(pair)
    });
    let outputs = (network.real(network.graph.output()), found.real(found.graph.output()));
    let (place, mut pair) =
        reads.chain([("at the end".to_owned(), outputs)]).find(|(_, pair)| differs(pair))?;
    // Down to the first step that differs itself.
    while network.step(pair.0) == found.step(pair.1) {
        let (left, right) = (network.inputs(pair.0), found.inputs(pair.1));
        let is_sum = network.graph.node(pair.0).op.is_commutative();
        let mut alone: Vec<NodeId> = right;
        let mut first = None;
        for a in left {
            let same = alone.iter().position(|b| ours[a.index()] == theirs[b.index()]);
            match same {
                Some(at) if is_sum || at == 0 => drop(alone.remove(at)),
                _ => {
                    first = first.or(Some(a));
                    if !is_sum {
                        break;
                    }
                }
            }
        }
        match (first, alone.first()) {
            (Some(a), Some(&b)) => pair = (a, b),
            _ => break,
        }
    }
    Some(format!("{place}: {} in the file, {} in the network", found.told(pair.1), network.told(pair.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::{Builder, concat};
    use crate::io::{IoError, LoadOptions, WeightsFile, load, save};
    use crate::ops::{BatchNorm2d, ConstantPad2d, Linear, MaxPool2d};
    use crate::{state, zoo};

    fn compared(network: &Graph, found: &Graph) -> Compared {
        compare(network, found, &|_| None)
    }

    /// A network of a convolution, a normalization, an activation, a pool and a head.
    fn small(conv: Conv2d, eps: f32, pool: impl Into<Op>, silu: bool) -> Graph {
        let net = Builder::image("small", 3, 12, 12);
        let x = net.input().conv2d(conv).then(BatchNorm2d { eps, ..BatchNorm2d::default() });
        let x = if silu { x.silu() } else { x.relu() };
        net.build(x.then(pool).flatten().linear(Linear::new(2))).unwrap()
    }

    #[test]
    fn layer_setting_and_both_values_are_told() {
        let conv = || Conv2d::new(4, 3).padding(1).no_bias();
        let pool = || MaxPool2d::new(2);
        let network = small(conv(), 1e-5, pool(), false);
        let told = |found: &Graph| compared(&network, found).differences;
        assert_eq!(told(&network), [""; 0]);
        assert_eq!(
            told(&small(conv(), 0.3, pool(), false)),
            ["`1` (BatchNorm2d): eps is 0.3 in the file, 0.00001 in the network"]
        );
        let wide = small(Conv2d::new(4, 3).padding(2).dilation(2).no_bias(), 1e-5, pool(), false);
        let found = told(&wide);
        assert_eq!(found[0], "`0` (Conv2d): dilation is 2 in the file, 1 in the network");
        assert!(
            found[1]
                .starts_with("`0` (Conv2d): padding is 2, 2 before and 2, 2 behind a map in the file, 1, 1")
        );
        assert_eq!(
            told(&small(conv(), 1e-5, AvgPool2d::new(2), false)),
            ["before `5`: AvgPool2d 2×2 s2 in the file, MaxPool2d 2×2 s2 in the network"]
        );
        assert_eq!(
            told(&small(conv(), 1e-5, pool(), true)),
            ["before `5`: SiLU in the file, ReLU in the network"]
        );
    }

    #[test]
    fn what_is_written_otherwise_and_computes_the_same_is_the_same() {
        let border = ConstantPad2d { left: 1, right: 1, top: 1, bottom: 1, value: 0.0 };
        let net = Builder::image("padded", 3, 12, 12);
        let bordered = net.build(net.input().then(border).layer("c", Conv2d::new(4, 3))).unwrap();
        let net = Builder::image("padded", 3, 12, 12);
        let padded = net.build(net.input().layer("c", Conv2d::new(4, 3).padding(1))).unwrap();
        assert_eq!(compared(&padded, &bordered), Compared::default());
        let net = Builder::image("pools", 2, 8, 8);
        let x = net.input();
        let pooled = |op: Op| net.build(x.then(op)).unwrap();
        let same = |a: Op, b: Op| compared(&pooled(a), &pooled(b)).differences.is_empty();
        let adaptive = |side| Op::from(crate::ops::AdaptiveAvgPool2d { height: side, width: side });
        assert!(same(adaptive(1), AvgPool2d::new(8).into()));
        assert!(same(adaptive(4), AvgPool2d::new(2).into()));
        assert!(same(adaptive(8), Op::Identity));
        assert!(same(MaxPool2d::new(2).into(), MaxPool2d { ceil_mode: true, ..MaxPool2d::new(2) }.into()));
        assert!(!same(MaxPool2d::new(3).into(), MaxPool2d { ceil_mode: true, ..MaxPool2d::new(3) }.into()));
        assert!(!same(adaptive(1), MaxPool2d::new(8).into()));
        let parts = |nested: bool| {
            let (a, b, c) = (x.relu(), x.sigmoid(), x.tanh());
            let joined = if nested { concat(&[concat(&[a, b]), c]) } else { concat(&[a, b, c]) };
            net.build(joined).unwrap()
        };
        assert_eq!(compared(&parts(true), &parts(false)).differences, [""; 0]);
        let sums = [net.build(x.relu() + x.tanh()).unwrap(), net.build(x.tanh() + x.relu()).unwrap()];
        assert_eq!(compared(&sums[0], &sums[1]).differences, [""; 0]);
        let other = net.build(x.sigmoid() + x.relu()).unwrap();
        assert_eq!(
            compared(&sums[0], &other).differences,
            ["at the end: Sigmoid in the file, Tanh in the network"]
        );
    }

    #[test]
    fn the_networks_of_the_zoo_come_back_from_onnx_with_their_settings() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.onnx");
        for name in ["lenet", "resnet20@paper", "googlenet@torchvision", "densenet121"] {
            let entry = zoo::find(name).unwrap();
            let graph = entry.model().classes(7).build().unwrap();
            let weights = state::initialize(&graph, 0);
            crate::io::export(&graph, &weights, None, crate::io::Normalization::Metadata, &path).unwrap();
            let (found, file) = crate::io::import(&path, None).unwrap();
            assert_eq!(compared(&graph, &found), Compared::default(), "{name}");
            assert_eq!(file.network(), Some(&found));
        }
    }

    #[test]
    fn weights_of_another_network_are_refused_and_told_in_training() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let graph = |eps| small(Conv2d::new(4, 3), eps, MaxPool2d::new(2), false);
        save(&state::initialize(&graph(1e-5), 0), None, &path).unwrap();
        let file = || WeightsFile::open(&path).unwrap().of_network(graph(1e-3));
        let error = load(&graph(1e-5), file(), LoadOptions::default()).unwrap_err();
        assert!(matches!(&error, IoError::Settings { differences, .. } if differences.len() == 1), "{error}");
        assert!(error.to_string().contains("eps is 0.001 in the file, 0.00001 in the network"), "{error}");
        let training = LoadOptions { other_settings: true, ..LoadOptions::default() };
        let report = load(&graph(1e-5), file(), training).unwrap().report;
        assert!(!report.is_plain() && report.to_string().contains("settings: `1` (BatchNorm2d): eps is"));
        assert!(load(&graph(1e-3), file(), LoadOptions::default()).unwrap().report.is_plain());
        assert!(load(&graph(1e-5), WeightsFile::open(&path).unwrap(), LoadOptions::default()).is_ok());
    }
}
