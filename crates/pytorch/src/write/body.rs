//! What a module with a `forward` has and does: its parts in the order in which they run, and what each reads.

use std::collections::HashMap;

use convnet::graph::Graph;
use convnet::ops::Op;

use super::layers::{Form, Function, form};
use super::names;
use super::term::{Leaf, Role, Scalar, Term};
use super::tree::{Group, Mode, Part, Tree, id};

/// A value of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Ref {
    /// What the module is called with.
    Input(usize),
    /// The output of an item.
    Item(usize),
}

/// A step of a `forward`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Item {
    /// Its path inside of the module.
    pub(super) name: Vec<String>,
    pub(super) what: What,
    pub(super) reads: Vec<Ref>,
}

/// What a step computes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum What {
    /// A module.
    Module(Term),
    /// The module of another item again.
    Again(usize),
    Function(Function),
    /// Modules one behind the other, the output of each joined to what it reads.
    Loop(Loop),
    /// A module that is not there in every instance; what is read instead stands behind what it reads. Two leaves: whether
    /// it is there, and, where there are two to be read instead, whether it is the first of them.
    Optional(Term, Vec<Leaf>),
}

/// A run of modules that differ in numbers that grow evenly.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Loop {
    /// What their names have in common, and the number of the first.
    pub(super) prefix: String,
    pub(super) first: usize,
    /// The container that holds them, if it is not the module itself.
    pub(super) container: Option<String>,
    pub(super) count: Leaf,
    /// The first module.
    pub(super) term: Term,
    /// By how much each of its numbers grows.
    pub(super) steps: Vec<Leaf>,
    pub(super) function: Function,
    /// Whether the function reads the module's output first.
    pub(super) module_first: bool,
}

/// A module's inside.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Body {
    pub(super) inputs: usize,
    pub(super) items: Vec<Item>,
    /// What it returns, auxiliary outputs behind the main one.
    pub(super) results: Vec<Ref>,
    /// Containers that hold no code of their own: paths, class and names, outermost first.
    pub(super) containers: Vec<Held>,
}

/// A container whose parts the module calls itself.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Held {
    pub(super) path: Vec<String>,
    pub(super) class: &'static str,
    /// Whether it is a layer with parameters.
    pub(super) in_layer: bool,
}

impl What {
    fn skeleton(&self) -> String {
        match self {
            Self::Module(term) => format!("m{}", term.skeleton()),
            Self::Again(item) => format!("a{item}"),
            Self::Function(function) => format!("{function:?}"),
            Self::Loop(run) => {
                let Loop { prefix, first, container, function, module_first, .. } = run;
                format!("l{prefix} {first} {container:?} {function:?} {module_first} {}", run.term.skeleton())
            }
            Self::Optional(term, flags) => format!("o{}{}", term.skeleton(), flags.len()),
        }
    }

    pub(super) fn leaves(&self) -> Vec<&Leaf> {
        match self {
            Self::Module(term) => term.leaves(),
            Self::Again(_) | Self::Function(_) => Vec::new(),
            Self::Loop(run) => {
                std::iter::once(&run.count).chain(run.term.leaves()).chain(&run.steps).collect()
            }
            Self::Optional(term, flags) => flags.iter().chain(term.leaves()).collect(),
        }
    }
}

impl Body {
    /// Everything but the numbers.
    pub(super) fn skeleton(&self) -> String {
        let items: Vec<String> = self
            .items
            .iter()
            .map(|Item { name, what, reads }| format!("{name:?}{}{reads:?}", what.skeleton()))
            .collect();
        format!("{}{:?}{:?}{}", self.inputs, self.results, self.containers, items.join("|"))
    }

    /// How often each item's output is read; what is returned counts.
    pub(super) fn uses(&self) -> HashMap<Ref, usize> {
        let mut uses = HashMap::new();
        for read in self.items.iter().flat_map(|item| &item.reads).chain(&self.results) {
            *uses.entry(*read).or_default() += 1;
        }
        uses
    }
}

/// Reads bodies and terms off a network, the classes inside being known.
pub(super) struct Reader<'a> {
    pub(super) graph: &'a Graph,
    pub(super) tree: &'a Tree,
    /// Which layers give as many features as there are classes because that is what they are for.
    pub(super) heads: Vec<usize>,
    /// The terms of groups with a class.
    pub(super) solved: HashMap<usize, Term>,
}

impl Reader<'_> {
    fn layer_form(&self, layer: usize) -> Option<Form> {
        let node = &self.graph.nodes()[layer];
        form(node, &self.graph.input_shapes(id(self.graph, layer)), self.heads.contains(&layer))
    }

    /// The layer as a module, or as a parameter.
    fn layer_term(&self, layer: usize) -> Option<Term> {
        match self.layer_form(layer)? {
            Form::Module(term) => Some(term),
            Form::Function(_) => None,
        }
    }

    /// A group that is a module.
    pub(super) fn term(&self, group: usize) -> Option<Term> {
        let Group { mode, parts, .. } = &self.tree.groups[group];
        match mode {
            Mode::Container => None,
            Mode::Class => self.solved.get(&group).cloned(),
            Mode::Chain => {
                let names: Vec<String> =
                    parts.iter().map(|&part| self.tree.part_name(part).to_owned()).collect();
                let mut terms = Vec::new();
                for (part, name) in parts.iter().zip(&names) {
                    let mut term = match *part {
                        Part::Layer(layer) => self.layer_term(layer)?,
                        Part::Group(inner) => self.term(inner)?,
                    };
                    place(&mut term, name);
                    terms.push(term);
                }
                let names = (!names::are_numbers(&names)).then_some(names);
                Some(Term::Container { class: "nn.Sequential", names, parts: terms })
            }
        }
    }

    /// The inside of a group.
    pub(super) fn body(&self, group: usize) -> Option<Body> {
        let mut found = Found::default();
        self.collect(group, &[], &mut found);
        found.items.sort_by_key(|(gives, ..)| *gives);
        let at: HashMap<usize, usize> =
            found.items.iter().enumerate().map(|(i, (gives, ..))| (*gives, i)).collect();
        let mut inputs = self.tree.groups[group].reads.clone();
        if group == 0 && inputs.is_empty() {
            inputs.push(0);
        }
        let value = |layer: usize| match at.get(&layer) {
            Some(&item) => Some(Ref::Item(item)),
            None => inputs.iter().position(|&input| input == layer).map(Ref::Input),
        };
        let mut items = Vec::new();
        for (_, part, name) in &found.items {
            let (what, reads) = match *part {
                Part::Layer(layer) => {
                    let node = &self.graph.nodes()[layer];
                    let reads = node.inputs.iter().map(|input| input.index()).collect();
                    (self.what(layer, name, &at)?, reads)
                }
                Part::Group(inner) => {
                    let mut term = self.term(inner)?;
                    place(&mut term, &name.join("."));
                    (What::Module(term), self.tree.groups[inner].reads.clone())
                }
            };
            let reads: Vec<usize> = reads;
            let reads = reads.into_iter().map(value).collect::<Option<Vec<Ref>>>()?;
            items.push(Item { name: name.clone(), what, reads });
        }
        let results = match group {
            0 => {
                self.graph.outputs().iter().map(|output| value(output.node.index())).collect::<Option<_>>()?
            }
            _ => vec![value(self.tree.groups[group].gives)?],
        };
        let body = Body { inputs: inputs.len(), items, results, containers: found.containers };
        Some(with_loops(body))
    }

    fn what(&self, layer: usize, name: &[String], at: &HashMap<usize, usize>) -> Option<What> {
        if let Some(first) = self.tree.again.get(&layer).and_then(|first| at.get(first)) {
            return Some(match self.layer_form(layer)? {
                Form::Function(function) => What::Function(function),
                Form::Module(_) if is_flattening(&self.graph.nodes()[layer].op, name) => {
                    What::Function(Function::Flatten)
                }
                Form::Module(_) => What::Again(*first),
            });
        }
        Some(match self.layer_form(layer)? {
            Form::Function(function) => What::Function(function),
            Form::Module(_) if is_flattening(&self.graph.nodes()[layer].op, name) => {
                What::Function(Function::Flatten)
            }
            Form::Module(mut term) => {
                place(&mut term, &name.join("."));
                What::Module(term)
            }
        })
    }

    /// The parts of a group, and those of the containers in it.
    fn collect(&self, group: usize, path: &[String], found: &mut Found) {
        for &part in &self.tree.groups[group].parts {
            let mut name = path.to_vec();
            name.push(self.tree.part_name(part).to_owned());
            match part {
                Part::Layer(layer) => found.items.push((layer, part, name)),
                Part::Group(inner) => {
                    let within = &self.tree.groups[inner];
                    if within.mode != Mode::Container {
                        found.items.push((within.gives, part, name));
                        continue;
                    }
                    if self.has_modules(inner) {
                        found.containers.push(self.held(inner, name.clone()));
                    }
                    self.collect(inner, &name, found);
                }
            }
        }
    }

    /// Whether a container holds modules, and not functions alone.
    fn has_modules(&self, group: usize) -> bool {
        self.tree.groups[group].parts.iter().any(|&part| match part {
            Part::Layer(layer) => self.is_module(layer),
            Part::Group(inner) => self.tree.groups[inner].mode != Mode::Container || self.has_modules(inner),
        })
    }

    fn is_module(&self, layer: usize) -> bool {
        let again = self.tree.again.contains_key(&layer);
        let name = &self.tree.names[layer];
        let flat = is_flattening(&self.graph.nodes()[layer].op, std::slice::from_ref(name));
        !again && !flat && matches!(self.layer_form(layer), Some(Form::Module(_)))
    }

    fn held(&self, group: usize, path: Vec<String>) -> Held {
        let Group { kind, parts, in_layer, .. } = &self.tree.groups[group];
        let modules: Vec<&str> = parts
            .iter()
            .filter(|&&part| match part {
                Part::Layer(layer) => self.is_module(layer),
                Part::Group(inner) => {
                    self.tree.groups[inner].mode != Mode::Container || self.has_modules(inner)
                }
            })
            .map(|&part| self.tree.part_name(part))
            .collect();
        let class = match (names::are_numbers(&modules), kind.as_deref()) {
            (true, Some("Sequential")) => "nn.Sequential",
            (true, _) => "nn.ModuleList",
            (false, _) => "nn.ModuleDict",
        };
        Held { path, class, in_layer: *in_layer }
    }
}

#[derive(Default)]
struct Found {
    items: Vec<(usize, Part, Vec<String>)>,
    containers: Vec<Held>,
}

/// Whether a layer is `torch.flatten` in a `forward`, as its name tells.
fn is_flattening(op: &Op, name: &[String]) -> bool {
    let name = name.last().map_or("", String::as_str);
    let number = name.strip_prefix("flatten").map(|rest| rest.strip_prefix('_').unwrap_or(rest));
    *op == Op::Flatten && number.is_some_and(|number| number.is_empty() || number.parse::<usize>().is_ok())
}

/// Notes where the numbers of a term stand.
fn place(term: &mut Term, name: &str) {
    for leaf in term.leaves_mut() {
        leaf.place = if leaf.place.is_empty() { name.to_owned() } else { format!("{name}.{}", leaf.place) };
    }
}

/// The fewest modules that become a loop.
const LEAST_LOOP: usize = 3;

/// Finds runs of modules whose outputs are each joined to what they read, and makes loops of them.
fn with_loops(mut body: Body) -> Body {
    let mut start = 0;
    while start + 2 * LEAST_LOOP <= body.items.len() {
        match loop_at(&body, start) {
            Some((run, count)) => {
                let last = start + 2 * count - 1;
                let reads = vec![body.items[start].reads[0]];
                let name = body.items[start].name.clone();
                body.items.splice(start..=last, [Item { name, what: What::Loop(run), reads }]);
                let moved = |read: &mut Ref| {
                    if let Ref::Item(item) = read
                        && *item >= last
                    {
                        *item -= last - start;
                    }
                };
                for item in &mut body.items {
                    item.reads.iter_mut().for_each(moved);
                    if let What::Again(first) = &mut item.what
                        && *first >= last
                    {
                        *first -= last - start;
                    }
                }
                body.results.iter_mut().for_each(moved);
                start += 1;
            }
            None => start += 1,
        }
    }
    body
}

/// A name as what stands before its number, and the number.
fn split_number(name: &str) -> Option<(&str, usize)> {
    let digits = name.chars().rev().take_while(char::is_ascii_digit).count();
    let (prefix, number) = name.split_at(name.len() - digits);
    let value: usize = number.parse().ok()?;
    (value.to_string() == number).then_some((prefix, value))
}

fn loop_at(body: &Body, start: usize) -> Option<(Loop, usize)> {
    let uses = body.uses();
    let step = |at: usize| -> Option<(&Term, &[String], Function, bool)> {
        let (module, joint) = (body.items.get(at)?, body.items.get(at + 1)?);
        let (What::Module(term), What::Function(function)) = (&module.what, &joint.what) else { return None };
        if term.is_parameter() {
            return None;
        }
        let (&[read], own) = (&module.reads[..], Ref::Item(at)) else { return None };
        let first = joint.reads == [own, read];
        let joined =
            matches!(function, Function::Concat | Function::Add) && (first || joint.reads == [read, own]);
        let chained = at == start || read == Ref::Item(at - 1);
        let often = if at == start { true } else { uses.get(&read) == Some(&2) };
        let only = uses.get(&own) == Some(&1) && often && chained;
        (joined && only).then_some((term, &module.name[..], *function, first))
    };
    let (term, name, function, module_first) = step(start)?;
    let (last, around) = name.split_last()?;
    let (prefix, number) = split_number(last)?;
    if around.len() > 1 || term.leaves().iter().any(|leaf| leaf.classes) {
        return None;
    }
    let mut terms = vec![term];
    while let Some((next, its_name, its_function, its_first)) = step(start + 2 * terms.len()) {
        let (its_last, its_around) = its_name.split_last()?;
        let expected = format!("{prefix}{}", number + terms.len());
        let alike = its_function == function && its_first == module_first && its_around == around;
        if !alike || *its_last != expected || next.skeleton() != term.skeleton() || !even(&terms, next) {
            break;
        }
        terms.push(next);
    }
    if terms.len() < LEAST_LOOP {
        return None;
    }
    let steps = differences(terms[0], terms[1])?;
    let steps = steps
        .into_iter()
        .zip(terms[0].leaves())
        .map(|(step, leaf)| Leaf {
            value: Scalar::Int(step),
            role: Role::Step,
            classes: false,
            place: leaf.place.clone(),
        })
        .collect();
    let run = Loop {
        prefix: prefix.to_owned(),
        first: number,
        container: around.first().cloned(),
        count: Leaf::new(Scalar::Int(terms.len()), Role::Count),
        term: terms[0].clone(),
        steps,
        function,
        module_first,
    };
    Some((run, terms.len()))
}

/// Whether the numbers of terms go on growing as they did.
fn even(terms: &[&Term], next: &Term) -> bool {
    let Some(last) = terms.last() else { return false };
    let Some(steps) = differences(last, next) else { return false };
    terms.len() < 2 || differences(terms[0], terms[1]).as_ref() == Some(&steps)
}

/// By how much each number of a term is larger in the next; `None` where one is smaller, or another switch.
fn differences(term: &Term, next: &Term) -> Option<Vec<usize>> {
    let pairs = term.leaves().into_iter().zip(next.leaves());
    pairs
        .map(|(a, b)| match (a.value, b.value) {
            (Scalar::Int(a), Scalar::Int(b)) => b.checked_sub(a),
            (a, b) => (a == b).then_some(0),
        })
        .collect()
}
