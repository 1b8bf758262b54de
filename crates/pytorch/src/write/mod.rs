//! Networks as PyTorch code that reads like a person's.
//!
//! The tree of modules follows the paths of the layers, so that the state dict has the network's names. A group whose parts
//! run one behind the other is an `nn.Sequential`; another one is a class, one for all groups of its kind that differ in
//! numbers: those are its parameters. What cannot be called as a module, since others read what lies inside of it, is a
//! container whose parts are called from outside.

mod body;
mod class;
mod forward;
mod helper;
mod init;
mod layers;
mod names;
mod params;
mod start;
mod term;
mod text;
mod tree;

#[cfg(test)]
mod tests;

use std::collections::HashMap;

use convnet::graph::{Graph, NodeId};
use convnet::ops::Op;
use convnet::zoo;

pub use self::start::start;

use self::body::{Body, Reader};
use self::class::{Class, Cluster};
use self::forward::Code;
use self::layers::Form;
use self::term::{Formal, Scalar, Term};
use self::text::{Doc, Lines, wrapped};
use self::tree::{Mode, Part, Tree};

/// Why a network has no PyTorch code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// A path that modules of PyTorch cannot have.
    #[error("layer `{path}` has no place in a tree of modules: {reason}")]
    Path {
        /// The layer's path.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A layer that is not written.
    #[error(
        "layer `{path}` is {op}, which is not written as PyTorch's code yet; write the network as ONNX instead"
    )]
    Layer {
        /// The layer's path.
        path: String,
        /// What it is.
        op: &'static str,
    },
}

/// The deepest module.
const DEPTH: usize = 64;
/// The width of comments and docstrings.
const TEXT_WIDTH: usize = 96;

/// A network as the text of a `.py` file for PyTorch: the same outputs, and the same names in its state dict.
///
/// ```
/// let graph = convnet::zoo::lenet().build()?;
/// let code = convnet_pytorch::write(&graph)?;
/// assert!(code.contains("class LeNet(nn.Module):"));
/// assert!(code.contains("nn.Conv2d(1, 6, kernel_size=5)"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// A layer whose path no module of PyTorch can have, or that is not written.
pub fn write(graph: &Graph) -> Result<String, WriteError> {
    let tree = modules(graph)?;
    File::new(graph, &tree, None).write()
}

/// The modules of a network.
fn modules(graph: &Graph) -> Result<Tree, WriteError> {
    check(graph)?;
    let tree = Tree::new(graph);
    match tree.lost_parameter(graph) {
        None => Ok(tree),
        Some(layer) => {
            let reason = "it is a parameter of the module around it, which has no code of its own, takes no such name or shares \
                          it with another layer";
            Err(WriteError::Path { path: graph.nodes()[layer].path.clone(), reason: reason.into() })
        }
    }
}

fn check(graph: &Graph) -> Result<(), WriteError> {
    for id in graph.ids().skip(1) {
        let node = graph.node(id);
        let wrong = |reason: String| Err(WriteError::Path { path: node.path.clone(), reason });
        if node.path.is_empty() {
            return wrong("it is the whole network; put it into a group".into());
        }
        if node.path.split('.').any(str::is_empty) {
            return wrong("a part of its path is empty".into());
        }
        if node.path.split('.').count() > DEPTH {
            return wrong(format!("it lies deeper than {DEPTH} modules"));
        }
        if layers::lacks(node, &graph.input_shapes(id)) {
            return Err(WriteError::Layer { path: node.path.clone(), op: node.op.name() });
        }
    }
    Ok(())
}

fn reader<'a>(graph: &'a Graph, tree: &'a Tree) -> Reader<'a> {
    let classes = graph.classes();
    let mut heads = Vec::new();
    for output in graph.outputs() {
        let mut node = output.node;
        // The layers behind a head keep its features as they are.
        while let ([before], true) = (&graph.node(node).inputs[..], graph.node_parameters(node).is_empty()) {
            if graph.node(*before).shape != graph.node(node).shape {
                break;
            }
            node = *before;
        }
        if matches!(&graph.node(node).op, Op::Linear(linear) if linear.out_features == classes) {
            heads.push(node.index());
        }
    }
    Reader { graph, tree, heads, solved: HashMap::new() }
}

/// A file while it is written.
struct File<'a> {
    graph: &'a Graph,
    tree: &'a Tree,
    reader: Reader<'a>,
    /// Names of classes and functions.
    taken: Vec<String>,
    classes: Lines,
    /// What the network is to be called, instead of its own name.
    name: Option<String>,
}

impl<'a> File<'a> {
    fn new(graph: &'a Graph, tree: &'a Tree, name: Option<String>) -> Self {
        let (reader, classes) = (reader(graph, tree), Lines::default());
        Self { graph, tree, reader, taken: Vec::new(), classes, name }
    }

    fn write(mut self) -> Result<String, WriteError> {
        let own = layers::OWN.map(|(name, _)| name);
        self.taken = own.into_iter().chain([layers::STOCHASTIC_DEPTH]).map(str::to_owned).collect();
        let mut network = self.network_name();
        if self.taken.contains(&network) {
            network.push_str("Net");
        }
        self.taken.push(network.clone());
        self.solve_classes();
        let mut code = Lines::default();
        match self.tree.groups[0].mode {
            Mode::Chain => self.function(&mut code, &network)?,
            Mode::Class | Mode::Container => self.class(&mut code, &network)?,
        }
        let mut body = Lines::default();
        let used: Vec<String> = self.graph.ids().filter_map(|id| self.own_class(id)).collect();
        for (_, text) in layers::OWN.into_iter().filter(|(name, _)| used.iter().any(|used| used == name)) {
            body.blank(2);
            text.lines().for_each(|line| body.line(0, line));
        }
        body.push(&self.classes);
        body.push(&code);
        let body = body.finish() + &self.tail(&network);
        Ok(self.head() + &imports(&body, self.graph.input_size()) + &self.weight() + &body)
    }

    /// The class that a layer is written with.
    fn own_class(&self, id: NodeId) -> Option<String> {
        match layers::form(self.graph.node(id), &self.graph.input_shapes(id), false)? {
            Form::Module(Term::Layer { class, .. }) => Some(class),
            Form::Module(_) | Form::Function(_) => None,
        }
    }

    /// What the network is called: its class, or its function.
    fn network_name(&self) -> String {
        let chain = self.tree.groups[0].mode == Mode::Chain;
        if let Some(name) = &self.name {
            return if chain { names::snake(name) } else { name.clone() };
        }
        let name = self.graph.name();
        let stem = std::path::Path::new(name).file_stem().and_then(|stem| stem.to_str()).unwrap_or("net");
        let entry = zoo::find(name).ok();
        let kind = self.graph.scopes()[0].kind.as_str();
        if chain {
            let name = entry.map_or(stem, |entry| entry.name.split('@').next().unwrap_or(stem));
            return names::snake(name);
        }
        if names::is_variable(kind) && !matches!(kind, "Sequential" | "Module") {
            return kind.to_owned();
        }
        names::camel(entry.map_or(stem, |entry| entry.family))
    }

    /// Writes a class for each kind of group, the inner ones first.
    fn solve_classes(&mut self) {
        let mut open: Vec<usize> = (1..self.tree.groups.len()).collect();
        open.retain(|&group| self.tree.groups[group].mode == Mode::Class);
        while !open.is_empty() {
            let ready: Vec<usize> =
                open.iter().copied().filter(|&group| self.is_ready(group, &open)).collect();
            let mut kinds: Vec<Option<&str>> = Vec::new();
            for &group in &ready {
                let kind = self.tree.groups[group].kind.as_deref();
                if !kinds.contains(&kind) {
                    kinds.push(kind);
                }
            }
            for kind in kinds {
                let members: Vec<usize> = ready
                    .iter()
                    .copied()
                    .filter(|&group| self.tree.groups[group].kind.as_deref() == kind)
                    .collect();
                let bodies: Vec<Body> = members.iter().filter_map(|&group| self.reader.body(group)).collect();
                for cluster in Cluster::sort(&bodies) {
                    let groups: Vec<usize> = cluster.members.iter().map(|&member| members[member]).collect();
                    let name = self.class_name(kind, &groups);
                    let class = cluster.class(name.clone(), true);
                    for (&group, given) in groups.iter().zip(&class.solution.given) {
                        let formals = class.solution.formals.clone();
                        let term = Term::Block { name: name.clone(), formals, leaves: given.clone() };
                        self.reader.solved.insert(group, term);
                    }
                    write_class(&mut self.classes, &class);
                }
            }
            open.retain(|group| !ready.contains(group));
            if ready.is_empty() {
                break;
            }
        }
    }

    /// Whether all classes inside of a group are written.
    fn is_ready(&self, group: usize, open: &[usize]) -> bool {
        self.tree.groups[group].parts.iter().all(|part| match part {
            Part::Layer(_) => true,
            Part::Group(inner) => !open.contains(inner) && self.is_ready(*inner, open),
        })
    }

    /// A name for a class: its kind, or after the groups that have it.
    fn class_name(&mut self, kind: Option<&str>, groups: &[usize]) -> String {
        let base = match kind {
            Some(kind) if names::is_variable(kind) => kind.to_owned(),
            Some(kind) => names::camel(kind),
            None => {
                let group = &self.tree.groups[groups[0]];
                let letters = group.name.trim_end_matches(|c: char| c.is_ascii_digit());
                if letters.is_empty() { "Block".into() } else { names::camel(letters) }
            }
        };
        let name = std::iter::once(base.clone())
            .chain((2..).map(|i| format!("{base}{i}")))
            .find(|name| !self.taken.contains(name))
            .unwrap_or(base);
        self.taken.push(name.clone());
        name
    }

    /// The network as a class.
    fn class(&mut self, lines: &mut Lines, name: &str) -> Result<(), WriteError> {
        let wrong = || WriteError::Path {
            path: self.graph.name().into(),
            reason: "its layers cannot be ordered".into(),
        };
        let mut body = self.reader.body(0).ok_or_else(wrong)?;
        helper::extract(&mut body, &mut self.taken, &mut self.classes);
        let results = body.results.len();
        let cluster = Cluster::sort(&[body]).pop().ok_or_else(wrong)?;
        let class = cluster.class(name.to_owned(), false);
        let fields: Vec<String> =
            self.graph.outputs().iter().map(|output| names::cleaned(&output.name)).collect();
        let outputs = (results > 1).then(|| format!("{name}Outputs"));
        if let Some(outputs) = &outputs {
            lines.blank(2);
            let quoted: Vec<Doc> = fields.iter().map(|field| Doc::Text(text::quoted(field))).collect();
            let call =
                Doc::call("namedtuple", vec![Doc::Text(text::quoted(outputs)), Doc::list(quoted, false)]);
            lines.statement(0, &format!("{outputs} = "), &call, "");
        }
        let code = Code::new(&class.body, &class.solution.texts);
        lines.blank(2);
        let base = if code.numbered { "nn.ModuleList" } else { "nn.Module" };
        lines.line(0, &format!("class {name}({base}):"));
        let classes = Scalar::Int(self.graph.classes());
        let formals: Vec<Formal> = class
            .solution
            .formals
            .iter()
            .map(|formal| Formal { default: Some(classes), ..formal.clone() })
            .collect();
        constructor(lines, &formals, &code);
        self.tie(lines, 2, "self");
        init::statements(self.graph, lines, 2, "self", |path| self.located("self", path));
        forward(lines, &code, outputs.as_deref());
        Ok(())
    }

    /// The network as a function that returns an `nn.Sequential`.
    fn function(&mut self, lines: &mut Lines, name: &str) -> Result<(), WriteError> {
        let wrong = || WriteError::Path {
            path: self.graph.name().into(),
            reason: "its layers cannot be ordered".into(),
        };
        let mut term = self.reader.term(0).ok_or_else(wrong)?;
        if let Term::Container { parts, .. } = &mut term {
            let mut parts: Vec<&mut Term> = parts.iter_mut().collect();
            helper::extract_terms(
                &mut parts,
                &[],
                &helper::block_name(self.graph.name()),
                &mut self.taken,
                &mut self.classes,
            );
        }
        let with_classes = term.leaves().iter().any(|leaf| leaf.classes);
        let numbers: Vec<String> = term
            .leaves()
            .iter()
            .map(|leaf| if leaf.classes { "num_classes".into() } else { leaf.value.text() })
            .collect();
        let doc = term.doc(&mut numbers.into_iter());
        lines.blank(2);
        let formals =
            if with_classes { format!("num_classes={}", self.graph.classes()) } else { String::new() };
        lines.line(0, &format!("def {name}({formals}):"));
        lines.statement(1, "net = ", &doc, "");
        self.tie(lines, 1, "net");
        init::statements(self.graph, lines, 1, "net", |path| self.located("net", path));
        lines.line(1, "return net");
        Ok(())
    }

    /// A layer by its path, from outside.
    fn located(&self, owner: &str, path: &str) -> String {
        let mut text = owner.to_owned();
        for part in path.split('.') {
            if part.parse::<usize>().is_ok_and(|number| number.to_string() == part) {
                text += &format!("[{part}]");
            } else if names::is_attribute(part) {
                text += &format!(".{part}");
            } else {
                return format!("{owner}.get_submodule({})", text::quoted(path));
            }
        }
        text
    }

    /// Parameters that are the same tensor.
    fn tie(&self, lines: &mut Lines, depth: usize, owner: &str) {
        let again: Vec<&str> =
            self.tree.again.keys().map(|&layer| self.graph.nodes()[layer].path.as_str()).collect();
        for shared in self.graph.shared_weights() {
            let (Some((path, name)), Some((first, first_name))) =
                (shared.name.rsplit_once('.'), shared.first.rsplit_once('.'))
            else {
                continue;
            };
            if !again.contains(&path) {
                let module = |path: &str| format!("{owner}.get_submodule({})", text::quoted(path));
                lines.line(depth, &format!("{}.{name} = {}.{first_name}", module(path), module(first)));
            }
        }
    }

    /// What stands above the code: what the network is, and what the code needs.
    fn head(&self) -> String {
        let mut lines = Lines::default();
        let name = self.graph.name();
        let [channels, height, width] = self.graph.input_size();
        let entry = zoo::find(name).ok();
        // Of a file only its name: where it lies tells nothing of the network.
        let name = name.rsplit(['/', '\\']).next().unwrap_or(name);
        let title = entry.map_or(name, |entry| entry.title);
        let plain = |text: &str| text.replace('\\', "/").replace("\"\"\"", "'''");
        let first =
            format!("{title}: images of {channels} × {height} × {width}, {} classes.", self.graph.classes());
        let mut paragraphs = vec![first];
        if let Some(entry) = entry {
            let paper = &entry.paper;
            paragraphs.push(format!("{}: {}. {}, {}.", paper.authors, paper.title, paper.venue, paper.year));
            paragraphs.extend((!entry.note.is_empty()).then(|| entry.note.to_owned()));
        }
        paragraphs.push(format!("Written by convnet from {name}, whose weights have the same names."));
        paragraphs.extend(self.left_out());
        let mut text: Vec<String> = Vec::new();
        for paragraph in &paragraphs {
            if !text.is_empty() {
                text.push(String::new());
            }
            text.extend(wrapped(&plain(paragraph), TEXT_WIDTH));
        }
        for (i, line) in text.iter().enumerate() {
            lines.line(0, &if i == 0 { format!("\"\"\"{line}") } else { line.clone() });
        }
        lines.line(0, "\"\"\"");
        lines.finish()
    }

    /// What the network has and its layers do not read, which is no part of the code.
    fn left_out(&self) -> Option<String> {
        const LISTED: usize = 6;
        let unused = self.graph.unused();
        let mut names: Vec<&str> = unused.iter().map(|tensor| tensor.name.as_str()).take(LISTED).collect();
        if unused.len() > LISTED {
            names.push("…");
        }
        let what = match unused.len() {
            0 => return None,
            1 => "a tensor".to_owned(),
            n => format!("{n} tensors"),
        };
        Some(format!(
            "Left out: {what} of its weights that no layer reads ({}); load them with strict=False.",
            names.join(", ")
        ))
    }

    /// What the losses of auxiliary outputs weigh, which the code itself does not tell.
    fn weight(&self) -> String {
        let weights: Vec<f32> =
            self.graph.outputs().iter().skip(1).map(|output| output.loss_weight).collect();
        let Some(&first) = weights.first() else { return String::new() };
        let value = if weights.iter().all(|&weight| weight == first) {
            format!("{first:?}")
        } else {
            format!("({})", weights.iter().map(|weight| format!("{weight:?}")).collect::<Vec<_>>().join(", "))
        };
        format!("{} = {value}\n", crate::network::AUX_LOSS_WEIGHT)
    }

    fn tail(&self, network: &str) -> String {
        format!(
            "\n\nif __name__ == \"__main__\":\n    model = {network}().eval()\n    images = torch.randn(1, \
             *INPUT_SIZE)\n    print(model(images).shape)\n"
        )
    }
}

/// The modules that the code needs, and the size of the images.
fn imports(code: &str, [channels, height, width]: [usize; 3]) -> String {
    let mut lines = Lines::default();
    let uses = |name: &str| code.contains(name);
    lines.blank(1);
    let names: Vec<&str> =
        ["OrderedDict", "namedtuple"].into_iter().filter(|name| uses(&format!("{name}("))).collect();
    if !names.is_empty() {
        lines.line(0, &format!("from collections import {}", names.join(", ")));
        lines.blank(1);
    }
    lines.line(0, "import torch");
    lines.line(0, "from torch import nn");
    if ["F.pad", "F.layer_norm", "F.linear"].into_iter().any(uses) {
        lines.line(0, "from torch.nn import functional as F");
    }
    if uses(&format!("{}(", layers::STOCHASTIC_DEPTH)) {
        lines.line(0, &format!("from torchvision.ops import {}", layers::STOCHASTIC_DEPTH));
    }
    lines.blank(1);
    lines.line(0, &format!("INPUT_SIZE = ({channels}, {height}, {width})"));
    lines.finish()
}

/// The `def` line and the body of `__init__`.
fn constructor(lines: &mut Lines, formals: &[Formal], code: &Code<'_>) {
    let formals: Vec<String> = formals
        .iter()
        .map(|formal| match formal.default {
            Some(default) => format!("{}={}", formal.name, default.text()),
            None => formal.name.clone(),
        })
        .collect();
    let parts = std::iter::once("self".to_owned()).chain(formals).map(Doc::Text).collect();
    lines.statement(1, "def ", &Doc::call("__init__", parts), ":");
    if !code.numbered {
        lines.line(2, "super().__init__()");
    }
    code.modules(lines, 2);
}

fn forward(lines: &mut Lines, code: &Code<'_>, outputs: Option<&str>) {
    lines.blank(1);
    let inputs = code.inputs().join(", ");
    lines.line(1, &format!("def forward(self, {inputs}):"));
    if outputs.is_some() {
        lines.line(
            2,
            "# The auxiliary classifiers are for training: their losses count AUX_LOSS_WEIGHT times.",
        );
    }
    code.steps(lines, 2, outputs);
}

fn write_class(lines: &mut Lines, class: &Class) {
    let code = Code::new(&class.body, &class.solution.texts);
    lines.blank(2);
    let base = if code.numbered { "nn.ModuleList" } else { "nn.Module" };
    lines.line(0, &format!("class {}({base}):", class.name));
    constructor(lines, &class.solution.formals, &code);
    forward(lines, &code, None);
}
