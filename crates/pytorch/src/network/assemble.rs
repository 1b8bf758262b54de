//! Puts the steps of a trace together to a graph, under PyTorch's names.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::convert::Infallible;
use std::path::PathBuf;
use std::rc::Rc;

use convnet::graph::{
    self, Assembly, Graph, GraphError, NodeId, ScopeId, SharedWeight, TensorForm, UnusedTensor,
};
use convnet::ops::Op;

use super::lower::{Lowered, affine_parameters, is_last, is_turn, lower, order};
use super::registry::Registry;
use super::trace::Traced;
use crate::diagnostic::{Diagnostic, Severity};
use crate::interp::Interp;
use crate::source::Span;
use crate::torch::{CallFrame, Draw, Parameter, Step, TapeId, What};
use crate::value::Instance;

/// Where layers stand in the user's code.
pub(super) type Lines = BTreeMap<String, (PathBuf, usize)>;

/// The work of one assembly.
struct Work<'a> {
    interp: &'a Interp,
    registry: Registry,
    net: Assembly,
    /// The layer that gives the value of each step.
    values: HashMap<TapeId, NodeId>,
    /// The scope of each call of a module.
    scopes: HashMap<u64, ScopeId>,
    /// Calls of modules that are one layer.
    leaves: HashSet<u64>,
    /// The name in the graph of each parameter that a layer read, by where it lies.
    first: HashMap<*const Parameter, String>,
    lines: Lines,
    covered: HashSet<String>,
    /// The parameters of scales by channel.
    scales: HashSet<String>,
}

/// The graph of a trace whose further outputs have these weights in the loss, and where its layers stand.
pub(super) fn assemble(
    interp: &Interp,
    name: &str,
    root: &Rc<Instance>,
    traced: &Traced,
    weights: &[f32],
) -> Result<(Graph, Lines), Vec<Diagnostic>> {
    let dims = &interp.tape.step(traced.input).dims;
    let net = Assembly::new(name, [dims[1], dims[2], dims[3]]).map_err(|e| wrong(&e))?;
    let registry = Registry::of(interp, root);
    let mut work = Work {
        interp,
        registry,
        net,
        values: HashMap::new(),
        scopes: HashMap::new(),
        leaves: HashSet::new(),
        first: HashMap::new(),
        lines: Lines::new(),
        covered: HashSet::new(),
        scales: HashSet::new(),
    };
    work.net.kind(&root.class.name);
    let paths = work.registry.tensors.iter().filter_map(|listed| listed.name.rsplit_once('.'));
    let paths: HashSet<String> = paths.map(|(path, _)| path.to_owned()).collect();
    work.net.reserve(paths);
    let order = work.order(traced);
    work.find_leaves(&order);
    for id in order {
        work.step(id, traced.input)?;
    }
    work.finish(traced, weights)
}

fn wrong(error: &GraphError) -> Vec<Diagnostic> {
    vec![Diagnostic {
        severity: Severity::Error,
        code: "shape",
        message: format!(
            "layer `{}` ({}): got {}, expected {}",
            error.path, error.op, error.issue.found, error.issue.expected
        ),
        notes: error.issue.arithmetic.clone().into_iter().collect(),
        helps: vec![error.issue.fix.clone()],
        ..Diagnostic::default()
    }]
}

impl Work<'_> {
    /// The steps that the outputs depend on, in order, what is looked through left out.
    fn order(&self, traced: &Traced) -> Vec<TapeId> {
        let tape = &self.interp.tape;
        let mut outputs = vec![traced.output];
        outputs.extend(traced.auxiliary.iter().map(|(id, _)| id));
        let through = |id: TapeId, _| Ok::<_, Infallible>(tape.step(id).inputs.clone());
        let Ok(order) = order(tape, outputs, |id| id == traced.input, through);
        order
    }

    /// Finds the calls of modules that are one layer alone.
    fn find_leaves(&mut self, order: &[TapeId]) {
        let mut steps: HashMap<u64, usize> = HashMap::new();
        let mut parents: HashSet<u64> = HashSet::new();
        for &id in order.iter().filter(|&&id| !is_turn(&self.interp.tape, id)) {
            let mut frame = self.interp.tape.step(id).frame.clone();
            if let Some(own) = &frame {
                *steps.entry(own.call).or_default() += 1;
            }
            while let Some(current) = frame {
                if let Some(parent) = &current.parent {
                    parents.insert(parent.call);
                }
                frame = current.parent.clone();
            }
        }
        for (call, count) in steps {
            if count == 1 && !parents.contains(&call) {
                self.leaves.insert(call);
            }
        }
    }

    fn step(&mut self, id: TapeId, input: TapeId) -> Result<(), Vec<Diagnostic>> {
        let node = match lower(&self.interp.tape, id, input) {
            Lowered::Input => self.net.input(),
            Lowered::Same(of) => self.value(of),
            Lowered::Refused(what) => return Err(self.refused(id, &what)),
            Lowered::Layers(ops, inputs) => {
                let mut inputs: Vec<NodeId> = inputs.iter().map(|&input| self.value(input)).collect();
                for op in ops {
                    inputs = vec![self.layer(id, op, &inputs, &self.interp.tape.step(id).parameters)?];
                }
                inputs[0]
            }
            Lowered::Affine { of, weight, bias } => {
                let reads = affine_parameters(&self.interp.tape, weight, bias);
                self.layer(id, Op::Affine, &[self.value(of)], &reads)?
            }
        };
        self.values.insert(id, node);
        Ok(())
    }

    fn value(&self, id: TapeId) -> NodeId {
        self.values.get(&id).copied().unwrap_or_else(|| self.net.input())
    }

    fn layer(
        &mut self,
        id: TapeId,
        op: Op,
        inputs: &[NodeId],
        reads: &[(&'static str, Rc<Parameter>)],
    ) -> Result<NodeId, Vec<Diagnostic>> {
        let interp = self.interp;
        let step = interp.tape.step(id);
        let frame = step.frame.clone();
        let leaf = frame.as_ref().filter(|frame| self.leaves.contains(&frame.call)).cloned();
        let around = leaf.as_ref().map_or(frame.clone(), |leaf| leaf.parent.clone());
        let scope = self.scope(around.as_ref());
        let path = self.path(step, &op, leaf.as_ref(), reads)?;
        let form = match (&step.what, &op) {
            (What::Last(_), Op::Conv2d(_)) => TensorForm::Linear,
            (_, Op::LayerScale(_)) => TensorForm::Parameter,
            _ => TensorForm::Own,
        };
        let node = self.net.node(scope, &path, op, inputs).map_err(|error| self.at(step, wrong(&error)))?;
        self.net.keep_as(node, form).map_err(|error| self.at(step, wrong(&error)))?;
        let path = self.net.path(node).to_owned();
        let made = leaf.as_ref().and_then(|leaf| leaf.module.made.get());
        let span = made.filter(|span| interp.sources.is_users(*span)).or(step.sites.first().copied());
        if let Some(span) = span {
            let line = (interp.sources.path(span.file).to_owned(), interp.sources.line(span));
            self.lines.insert(path.clone(), line);
        }
        for (local, parameter) in reads {
            let name = match form {
                TensorForm::Parameter => path.clone(),
                TensorForm::Own | TensorForm::Linear => format!("{path}.{local}"),
            };
            if form == TensorForm::Parameter {
                self.scales.insert(name.clone());
            }
            let names: Vec<String> = self.registry.names(parameter).into_iter().map(str::to_owned).collect();
            match self.first.get(&Rc::as_ptr(parameter)).cloned() {
                None => {
                    self.first.insert(Rc::as_ptr(parameter), name.clone());
                    for other in names.iter().filter(|other| **other != name) {
                        self.net.share(SharedWeight {
                            name: other.clone(),
                            first: name.clone(),
                            in_state_dict: true,
                        });
                    }
                    self.covered.insert(name);
                    self.covered.extend(names);
                }
                Some(first) => {
                    let is_listed = self.covered.contains(&name);
                    if !is_listed {
                        self.net.share(SharedWeight { name, first, in_state_dict: false });
                    }
                }
            }
        }
        Ok(node)
    }

    /// The scope of a call of a module.
    fn scope(&mut self, frame: Option<&Rc<CallFrame>>) -> ScopeId {
        let Some(frame) = frame else { return ScopeId::ROOT };
        let Some(parent) = &frame.parent else { return ScopeId::ROOT };
        if let Some(&scope) = self.scopes.get(&frame.call) {
            return scope;
        }
        let parent = self.scope(Some(parent));
        let path = self.registry.path(&frame.module).unwrap_or(&frame.module.class.name).to_owned();
        let scope = self.net.scope(&path, &frame.module.class.name, parent);
        self.scopes.insert(frame.call, scope);
        scope
    }

    /// The path of a layer: its module's, or that of the module whose `forward` computes it with the layer's name behind.
    fn path(
        &self,
        step: &Step,
        op: &Op,
        leaf: Option<&Rc<CallFrame>>,
        reads: &[(&'static str, Rc<Parameter>)],
    ) -> Result<String, Vec<Diagnostic>> {
        let trained = reads.iter().find(|(local, _)| !local.starts_with("running_"));
        if let Some((local, parameter)) = trained {
            let names = self.registry.names(parameter);
            if names.is_empty() {
                return Err(self.unregistered(step, op));
            }
            if let Op::LayerScale(_) = op {
                return Ok(names[0].to_owned());
            }
            let own = names.iter().find_map(|name| name.strip_suffix(local)?.strip_suffix('.'));
            return own.map(str::to_owned).ok_or_else(|| {
                let name = names[0];
                if name == *local {
                    return self.single(step, op);
                }
                self.at(step, vec![Diagnostic {
                    code: "unsupported",
                    message: format!("this reads its {local} under the name `{name}`, and convnet's layers name theirs `{local}`"),
                    helps: vec!["use the module (`nn.Conv2d`, `nn.Linear`, …) in place of the function".into()],
                    ..Diagnostic::default()
                }])
            });
        }
        if let Some(leaf) = leaf
            && let Some(path) = self.registry.path(&leaf.module)
            && !path.is_empty()
        {
            return Ok(path.to_owned());
        }
        let name = function_name(op);
        let around = step.frame.as_ref().and_then(|frame| self.registry.path(&frame.module));
        Ok(match around {
            Some(path) if !path.is_empty() => format!("{path}.{name}"),
            _ => name,
        })
    }

    /// A network that is one layer: its weights have no path.
    fn single(&self, step: &Step, op: &Op) -> Vec<Diagnostic> {
        let made = step.frame.as_ref().and_then(|frame| frame.module.made.get());
        let name = op.name();
        self.at(
            step,
            vec![Diagnostic {
                span: made.filter(|span| self.interp.sources.is_users(*span) && !span.is_empty()),
                code: "structure",
                message: format!("the network is a {name} alone, and convnet's networks hold their layers"),
                label: Some("this is the whole network".into()),
                helps: vec![format!("put it into a Sequential: `nn.Sequential(nn.{name}(…))`")],
                ..Diagnostic::default()
            }],
        )
    }

    /// A layer whose weights no module of the network holds.
    fn unregistered(&self, step: &Step, op: &Op) -> Vec<Diagnostic> {
        let made = step.frame.as_ref().and_then(|frame| frame.module.made.get());
        let made = made.filter(|span| self.interp.sources.is_users(*span));
        let name = op.name();
        let labels = made.map(|span| (span, "the layer is made here".to_owned())).into_iter().collect();
        self.at(step, vec![Diagnostic {
            code: "structure",
            message: format!("the weights of this {name} are no part of the network: PyTorch would not train or save them"),
            label: Some("it is called here".into()),
            labels,
            helps: vec![
                "make the layer in `__init__` and keep it as `self.…`".into(),
                "layers in a list belong in an `nn.ModuleList([…])`, those in a dict in an `nn.ModuleDict({…})`".into(),
            ],
            ..Diagnostic::default()
        }])
    }

    fn refused(&self, id: TapeId, what: &str) -> Vec<Diagnostic> {
        let step = self.interp.tape.step(id);
        self.at(
            step,
            vec![Diagnostic {
                code: "unsupported",
                message: format!("convnet has no layer for {what}"),
                label: Some("PyTorch computes this".into()),
                helps: if what.starts_with("the mean over") {
                    vec![
                        "the mean over rows and columns, `x.mean([2, 3])`, is one: it leaves the channels"
                            .into(),
                    ]
                } else {
                    Vec::new()
                },
                ..Diagnostic::default()
            }],
        )
    }

    /// The same messages at the place of a step.
    fn at(&self, step: &Step, diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
        let span: Option<Span> = step.sites.first().copied();
        let chain: Vec<_> = step.sites.iter().skip(1).rev().map(|&span| (span, None)).collect();
        diagnostics
            .into_iter()
            .map(|d| Diagnostic { span: d.span.or(span), chain: chain.clone(), ..d })
            .collect()
    }

    fn finish(mut self, traced: &Traced, weights: &[f32]) -> Result<(Graph, Lines), Vec<Diagnostic>> {
        let mut taken: HashSet<String> = HashSet::new();
        let mut auxiliary: Vec<_> = traced.auxiliary.iter().zip(weights).collect();
        auxiliary.sort_unstable_by_key(|((id, _), _)| *id);
        for ((id, given), &weight) in auxiliary {
            let name = given.clone().or_else(|| self.outermost(*id)).unwrap_or_else(|| "aux".into());
            let mut names = (0..).map(|i| if i == 0 { name.clone() } else { format!("{name}_{i}") });
            let name = names.find(|name| taken.insert(name.clone())).unwrap_or_default();
            let node = self.value(*id);
            self.net.auxiliary(&name, node, weight);
        }
        for listed in &self.registry.tensors {
            if !self.covered.contains(&listed.name) && !listed.name.ends_with("num_batches_tracked") {
                self.net.unused(UnusedTensor {
                    name: listed.name.clone(),
                    shape: listed.parameter.dims.borrow().clone(),
                    trainable: !listed.parameter.is_buffer,
                });
            }
        }
        let ends = traced.auxiliary.iter().map(|(id, _)| *id).chain([traced.output]);
        if let Some(end) = ends.into_iter().find(|&id| is_last(&self.interp.tape, id)) {
            return Err(self.refused(end, "an output whose channels are put last"));
        }
        let output = self.value(traced.output);
        let draws = self.draws();
        let graph = self.net.clone().finish(output).map_err(|error| wrong(&error))?;
        let graph = if draws.is_empty() {
            graph
        } else {
            let init = convnet::state::recognised(&graph, draws);
            self.net.init(init);
            self.net.finish(output).map_err(|error| wrong(&error))?
        };
        Ok((graph, self.lines))
    }

    /// The name of the outermost module that a step lies in.
    fn outermost(&self, id: TapeId) -> Option<String> {
        let mut frame = self.interp.tape.step(id).frame.clone();
        let mut top = None;
        while let Some(current) = frame {
            if current.parent.is_some() {
                top = self.registry.path(&current.module).map(str::to_owned);
            }
            frame = current.parent.clone();
        }
        top.and_then(|path| path.split('.').next().map(str::to_owned)).filter(|name| !name.is_empty())
    }

    /// How the code draws its weights itself, by their names in the graph.
    fn draws(&self) -> BTreeMap<String, graph::Draw> {
        let mut draws = BTreeMap::new();
        for listed in &self.registry.tensors {
            let Some(name) = self.first.get(&Rc::as_ptr(&listed.parameter)) else { continue };
            // What a scale starts at is the layer's own.
            if self.scales.contains(name) {
                continue;
            }
            let Some(drawn) = listed.parameter.draw.borrow().as_ref().and_then(Draw::known) else { continue };
            draws.insert(name.clone(), drawn);
        }
        draws
    }
}

/// A layer's name as PyTorch's functions are named: `max_pool2d`, `relu`, `cat`.
fn function_name(op: &Op) -> String {
    let name = match op.name() {
        "Concat" => "cat",
        name => name,
    };
    let mut text = String::new();
    let letters: Vec<char> = name.chars().collect();
    for (i, &letter) in letters.iter().enumerate() {
        let starts = letter.is_uppercase()
            && i > 0
            && letters[i - 1].is_lowercase()
            && letters.get(i + 1).is_some_and(|next| next.is_lowercase());
        if starts {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_named_as_functions_are() {
        use convnet::ops::{Conv2d, MaxPool2d};
        let name = |op: Op| function_name(&op);
        assert_eq!(name(Op::Relu), "relu");
        assert_eq!(name(MaxPool2d::new(2).into()), "max_pool2d");
        assert_eq!(name(Conv2d::new(1, 1).into()), "conv2d");
        assert_eq!(
            (name(Op::Concat), name(Op::Add), name(Op::LogSoftmax)),
            ("cat".into(), "add".into(), "log_softmax".into())
        );
    }
}
