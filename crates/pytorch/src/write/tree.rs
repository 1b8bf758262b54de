//! The modules of a network: a tree by the paths of its layers, and which of its parts can be modules with a `forward`.

use std::collections::{BTreeMap, HashMap, HashSet};

use convnet::graph::Graph;

use super::layers::{Form, form};
use super::names;

/// A group of layers.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) path: String,
    /// The last part of its path.
    pub(super) name: String,
    /// The class that it is to have; `None` if the network tells of none.
    pub(super) kind: Option<String>,
    pub(super) parts: Vec<Part>,
    /// How it is written.
    pub(super) mode: Mode,
    /// The layers whose outputs it reads and that are not in it, in the order in which it first reads them.
    pub(super) reads: Vec<usize>,
    /// The layer in it whose output others read.
    pub(super) gives: usize,
    /// Whether a layer with parameters has the same path, so that these are parts of it.
    pub(super) in_layer: bool,
}

/// A part of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A node of the graph.
    Layer(usize),
    /// A group.
    Group(usize),
}

/// How a group is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// One part behind the other: `nn.Sequential`.
    Chain,
    /// A class with a `forward`.
    Class,
    /// Only a container: the group around it calls its parts.
    Container,
}

/// The tree; the first group is the whole network.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    pub(super) groups: Vec<Group>,
    /// What each layer is called in its group.
    pub(super) names: Vec<String>,
    /// Layers that apply the module of a layer before them again.
    pub(super) again: HashMap<usize, usize>,
}

impl Tree {
    pub(super) fn new(graph: &Graph) -> Self {
        let mut tree = Growing::new(graph).finish();
        tree.again = again(graph, &tree);
        tree.settle(graph, 0);
        tree
    }

    /// The layer at which a part is computed.
    fn key(&self, part: Part) -> usize {
        match part {
            Part::Layer(layer) => layer,
            Part::Group(group) => match self.groups[group].mode {
                Mode::Container => self.groups[group].parts.first().map_or(0, |&part| self.key(part)),
                Mode::Chain | Mode::Class => self.groups[group].gives,
            },
        }
    }

    pub(super) fn part_name(&self, part: Part) -> &str {
        match part {
            Part::Layer(layer) => &self.names[layer],
            Part::Group(group) => &self.groups[group].name,
        }
    }

    /// The first layer that is a parameter of the module around it, where that has no code of its own or cannot have one of its
    /// name, and where another layer has it too or lies below it.
    pub(super) fn lost_parameter(&self, graph: &Graph) -> Option<usize> {
        let is_free = |group: usize, layer: usize| {
            let path = &graph.nodes()[layer].path;
            (group == 0 || self.groups[group].mode == Mode::Class)
                && names::is_attribute(&self.names[layer])
                && self.groups.iter().all(|inner| inner.path != *path)
                && graph.shared_weights().iter().all(|shared| ![&shared.name, &shared.first].contains(&path))
        };
        let parts = |group: usize| self.groups[group].parts.iter().map(move |&part| (group, part));
        (0..self.groups.len()).flat_map(parts).find_map(|(group, part)| match part {
            Part::Layer(layer) => {
                let form = form(&graph.nodes()[layer], &graph.input_shapes(id(graph, layer)), false);
                let is_parameter = matches!(form, Some(Form::Module(term)) if term.is_parameter());
                (is_parameter && !is_free(group, layer)).then_some(layer)
            }
            Part::Group(_) => None,
        })
    }

    /// All layers of a group, in order.
    pub(super) fn layers(&self, group: usize) -> Vec<usize> {
        let mut layers = Vec::new();
        let mut open = vec![group];
        while let Some(group) = open.pop() {
            for &part in &self.groups[group].parts {
                match part {
                    Part::Layer(layer) => layers.push(layer),
                    Part::Group(group) => open.push(group),
                }
            }
        }
        layers.sort_unstable();
        layers
    }

    /// Finds out how a group and all in it can be written.
    fn settle(&mut self, graph: &Graph, group: usize) {
        for part in self.groups[group].parts.clone() {
            if let Part::Group(inner) = part {
                self.settle(graph, inner);
            }
        }
        let mut parts = std::mem::take(&mut self.groups[group].parts);
        parts.sort_by_key(|&part| self.key(part));
        self.groups[group].parts = parts;
        let layers = self.layers(group);
        let inside: HashSet<usize> = layers.iter().copied().collect();
        let mut reads: Vec<usize> = Vec::new();
        for &layer in &layers {
            for input in &graph.nodes()[layer].inputs {
                if !inside.contains(&input.index()) && !reads.contains(&input.index()) {
                    reads.push(input.index());
                }
            }
        }
        let given =
            if group == 0 { Some(graph.output().index()) } else { only_output(graph, &layers, &inside) };
        let callable = given.is_some_and(|given| {
            reads.iter().all(|&read| read < given)
                && (1..=3).contains(&reads.len())
                && !self.groups[group].in_layer
        });
        let kind = self.groups[group].kind.as_deref();
        let mode = match given {
            Some(given) if callable && self.is_chain(graph, group, given) => Mode::Chain,
            Some(_) if group == 0 => Mode::Class,
            Some(_) if callable && kind != Some("Sequential") => Mode::Class,
            _ => Mode::Container,
        };
        let settled = &mut self.groups[group];
        (settled.mode, settled.reads, settled.gives) = (mode, reads, given.unwrap_or(0));
    }

    /// Whether a group is an `nn.Sequential`: each part reads the one before it alone.
    fn is_chain(&self, graph: &Graph, group: usize, given: usize) -> bool {
        let Group { kind, parts, .. } = &self.groups[group];
        let part_names: Vec<&str> = parts.iter().map(|&part| self.part_name(part)).collect();
        let numbered = names::are_numbers(&part_names);
        if (group == 0 && !numbered) || (group > 0 && kind.as_deref() != Some("Sequential")) {
            return false;
        }
        if !numbered && !part_names.iter().all(|name| names::is_free(name)) {
            return false;
        }
        let mut before: Option<usize> = None;
        for &part in parts {
            let (reads, gives): (Vec<usize>, usize) = match part {
                Part::Layer(layer) => {
                    let node = &graph.nodes()[layer];
                    let is_module = matches!(
                        form(node, &graph.input_shapes(id(graph, layer)), false),
                        Some(Form::Module(term)) if !term.is_parameter()
                    );
                    let is_module = is_module || node.op == convnet::ops::Op::Flatten;
                    let again = self.again.contains_key(&layer) && has_parameters(graph, layer);
                    if !is_module || again {
                        return false;
                    }
                    (node.inputs.iter().map(|input| input.index()).collect(), layer)
                }
                Part::Group(inner) => {
                    let inner = &self.groups[inner];
                    if inner.mode == Mode::Container {
                        return false;
                    }
                    (inner.reads.clone(), inner.gives)
                }
            };
            if reads.len() != 1 || before.is_some_and(|before| before != reads[0]) {
                return false;
            }
            before = Some(gives);
        }
        before == Some(given)
    }
}

/// The only layer of a group that others read, or that is an output of the network.
fn only_output(graph: &Graph, layers: &[usize], inside: &HashSet<usize>) -> Option<usize> {
    let consumers = graph.consumers();
    let is_output = |layer: usize| graph.outputs().iter().any(|output| output.node.index() == layer);
    let mut read = layers.iter().copied().filter(|&layer| {
        is_output(layer) || consumers[layer].iter().any(|consumer| !inside.contains(&consumer.index()))
    });
    let first = read.next()?;
    read.next().is_none().then_some(first)
}

/// The id of a node by its number.
pub(super) fn id(graph: &Graph, layer: usize) -> convnet::graph::NodeId {
    graph.ids().nth(layer).unwrap_or_else(|| graph.output())
}

pub(super) fn has_parameters(graph: &Graph, layer: usize) -> bool {
    !graph.node_parameters(id(graph, layer)).is_empty()
}

/// Which layers are a module before them once more: `relu_1` for `relu`, with the same settings and, if it has
/// parameters, with the same tensors.
fn again(graph: &Graph, tree: &Tree) -> HashMap<usize, usize> {
    let shared: HashMap<&str, &str> =
        graph.shared_weights().iter().map(|shared| (shared.name.as_str(), shared.first.as_str())).collect();
    let mut found = HashMap::new();
    for group in &tree.groups {
        let mut first: BTreeMap<&str, usize> = BTreeMap::new();
        let mut layers: Vec<usize> = Vec::new();
        layers.extend(group.parts.iter().filter_map(|part| match part {
            Part::Layer(layer) => Some(*layer),
            Part::Group(_) => None,
        }));
        layers.sort_unstable();
        for layer in layers {
            let name = tree.names[layer].as_str();
            first.insert(name, layer);
            let Some((base, number)) = name.rsplit_once('_') else { continue };
            let Some(&origin) = first.get(base).filter(|_| number.parse::<usize>().is_ok()) else { continue };
            let (node, other) = (&graph.nodes()[layer], &graph.nodes()[origin]);
            let own = graph.node_parameters(id(graph, layer));
            let theirs = graph.node_parameters(id(graph, origin));
            let same = own.len() == theirs.len()
                && own.iter().zip(&theirs).all(|(own, theirs)| {
                    !own.kind.trainable() || shared.get(own.name.as_str()) == Some(&theirs.name.as_str())
                });
            let has_state = own.iter().any(|spec| !spec.kind.trainable());
            if node.op == other.op && same && !has_state {
                found.insert(layer, origin);
            }
        }
    }
    found
}

/// A tree while layers are put into it.
struct Growing<'a> {
    graph: &'a Graph,
    kinds: HashMap<&'a str, &'a str>,
    groups: Vec<Group>,
    by_path: HashMap<String, usize>,
    names: Vec<String>,
}

impl<'a> Growing<'a> {
    fn new(graph: &'a Graph) -> Self {
        let mut kinds = HashMap::new();
        for scope in graph.scopes() {
            kinds.entry(scope.path.as_str()).or_insert(scope.kind.as_str());
        }
        let mut growing =
            Self { graph, kinds, groups: Vec::new(), by_path: HashMap::new(), names: vec!["input".into()] };
        growing.group(None, "");
        growing
    }

    /// The group of a path, and those around it.
    fn group_at(&mut self, path: &str) -> usize {
        let ends = path.match_indices('.').map(|(at, _)| at).chain([path.len()]);
        let mut around = 0;
        for end in ends.filter(|_| !path.is_empty()) {
            around = match self.by_path.get(&path[..end]) {
                Some(&group) => group,
                None => self.group(Some(around), &path[..end]),
            };
        }
        around
    }

    fn group(&mut self, around: Option<usize>, path: &str) -> usize {
        let kind = self.kinds.get(path).filter(|kind| **kind != "Module").map(|&kind| kind.to_owned());
        self.groups.push(Group {
            path: path.to_owned(),
            name: path.rsplit('.').next().unwrap_or_default().to_owned(),
            kind,
            parts: Vec::new(),
            mode: Mode::Container,
            reads: Vec::new(),
            gives: 0,
            in_layer: false,
        });
        let group = self.groups.len() - 1;
        self.by_path.insert(path.to_owned(), group);
        if let Some(around) = around {
            self.groups[around].parts.push(Part::Group(group));
        }
        group
    }

    fn finish(mut self) -> Tree {
        let graph = self.graph;
        let paths: HashSet<&str> = graph.nodes().iter().map(|node| node.path.as_str()).collect();
        let mut places: Vec<(usize, usize, String)> = Vec::new();
        for (layer, node) in graph.nodes().iter().enumerate().skip(1) {
            let scope = &graph.scope(node.scope).path;
            let (around, name) = node.path.rsplit_once('.').unwrap_or(("", &node.path));
            let free = !has_parameters(graph, layer);
            let group = if free { self.group_at(scope) } else { self.group_at(around) };
            places.push((layer, group, name.to_owned()));
        }
        for (layer, mut group, mut name) in places {
            let node = &graph.nodes()[layer];
            if has_parameters(graph, layer) {
                if let Some(&inner) = self.by_path.get(&node.path) {
                    self.groups[inner].in_layer = true;
                }
            } else {
                // Exporters call the sum at a block's end after the block.
                if let Some(&inner) = self.by_path.get(&node.path)
                    && !self.groups[inner].in_layer
                {
                    (group, name) = (inner, node.op.name().to_lowercase());
                }
                let path = &self.groups[group].path;
                let full =
                    |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
                if full(&name) != node.path {
                    let base = name.clone();
                    let mut count = 0;
                    while paths.contains(full(&name).as_str()) || self.is_taken(group, &name) {
                        count += 1;
                        name = format!("{base}_{count}");
                    }
                }
            }
            self.groups[group].parts.push(Part::Layer(layer));
            self.names.push(name);
        }
        Tree { groups: self.groups, names: self.names, again: HashMap::new() }
    }

    fn is_taken(&self, group: usize, name: &str) -> bool {
        self.groups[group].parts.iter().any(|part| match part {
            Part::Layer(layer) => self.names.get(*layer).is_some_and(|taken| taken == name),
            Part::Group(inner) => self.groups[*inner].name == name,
        })
    }
}
