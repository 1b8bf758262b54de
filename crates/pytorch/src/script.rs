//! Scripts: a file's own statements are run, and tensors have numbers that convnet's engine computes when they are looked at.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use convnet::exec::{Engine, Options};
use convnet::graph::{self, Assembly, Graph, Init, NodeId, ScopeId, SharedWeight};
use convnet::ops::Op;
use convnet::state::{self, StateDict};

use crate::diagnostic::Report;
use crate::interp::{Interp, Result};
use crate::network::lower::{Lowered, affine_parameters, lower, order};
use crate::session::{interpreter, on_deep_stack, run};
use crate::torch::{Draw, Leaf, Parameter, TapeId, What};

/// Runs a file's statements as Python's main module; `print` gives its text to `output`. Random numbers, weights among
/// them, are drawn by `seed`. Gives what was left out or assumed, a line each.
///
/// # Errors
/// The error that ended the script.
pub fn script(
    path: &Path,
    seed: u64,
    output: impl FnMut(&str) + Send + 'static,
) -> std::result::Result<Vec<String>, Report> {
    let text = crate::interp::read_file(path).map_err(|error| crate::network::unreadable(path, &error))?;
    on_deep_stack(move || {
        let mut interp = interpreter(path, Box::new(output));
        interp.computes = true;
        interp.seed = seed;
        match run(&mut interp, path, &text, "__main__", true) {
            Ok(_) => Ok(crate::network::remarks(&interp)),
            Err(diagnostics) => Err(Report { sources: interp.sources, diagnostics }),
        }
    })
}

/// Elements that one tensor's computation may have at a time.
const MOST_ELEMENTS: usize = 1 << 30;

/// The network that computes a tensor, and the leaf that it reads.
struct Computation {
    graph: Graph,
    leaf: TapeId,
}

impl Interp {
    /// The numbers of a traced tensor.
    ///
    /// # Errors
    /// RuntimeError for what convnet cannot compute.
    pub(crate) fn values(&mut self, id: TapeId) -> Result<Vec<f32>> {
        let is_leaf = |id: TapeId| matches!(self.tape.step(id).what, What::Leaf(_));
        let order = match order(&self.tape, vec![id], is_leaf, |_, what| Err(what)) {
            Ok(order) => order,
            Err(what) => return Err(self.not_computed(&what)),
        };
        if let What::Leaf(leaf) = self.tape.step(id).what {
            let dims = self.tape.step(id).dims.clone();
            return self.leaf_values(leaf, &dims);
        }
        let computation = match self.computation(id, &order) {
            Ok(computation) => computation,
            Err(what) => return Err(self.not_computed(&what)),
        };
        let step = self.tape.step(computation.leaf);
        let (What::Leaf(leaf), dims) = (step.what.clone(), step.dims.clone()) else {
            return Err(self.not_computed("a tensor without a source"));
        };
        let images = self.leaf_values(leaf, &dims)?;
        let weights: StateDict = state::initialize(&computation.graph, self.seed);
        let result = Engine::compile(&computation.graph, &weights, dims[0], &Options::default())
            .map_err(|error| error.to_string())
            .and_then(|engine| engine.run(&images).map_err(|error| error.to_string()));
        match result {
            Ok(output) => Ok(output.into_vec()),
            Err(error) => Err(self.raise("RuntimeError", &error)),
        }
    }

    fn not_computed(&mut self, what: &str) -> Box<crate::interp::Thrown> {
        let message = format!("convnet computes what networks compute from images, and this needs {what}");
        self.raise("RuntimeError", &message).teach(|t| t.code = "unsupported")
    }

    /// The numbers of a tensor that is made and not computed.
    fn leaf_values(&mut self, leaf: Leaf, dims: &[usize]) -> Result<Vec<f32>> {
        let elements = dims.iter().product::<usize>();
        if elements > MOST_ELEMENTS {
            return Err(self.raise("RuntimeError", &format!("a tensor of {elements} elements is too large")));
        }
        let (draw, number) = match leaf {
            Leaf::Input => return Err(self.not_computed("images that nobody gave")),
            Leaf::Constant(value) => return Ok(vec![value as f32; elements]),
            Leaf::Normal(number) => (graph::Draw::Normal { mean: 0.0, std: 1.0 }, number),
            Leaf::Uniform(number) => (graph::Draw::Uniform { low: 0.0, high: 1.0 }, number),
        };
        Ok(state::drawn(&format!("tensor {number}"), dims, draw, self.seed).data)
    }

    /// The network that computes a tensor from the only leaf behind it.
    fn computation(&mut self, id: TapeId, order: &[TapeId]) -> std::result::Result<Computation, String> {
        let leaves: Vec<TapeId> =
            order.iter().copied().filter(|&id| matches!(self.tape.step(id).what, What::Leaf(_))).collect();
        let [leaf] = leaves[..] else { return Err(format!("{} tensors that are made", leaves.len())) };
        let image = match self.tape.step(leaf).dims[..] {
            [_, c, h, w] => [c, h, w],
            [_, features] => [features, 1, 1],
            _ => return Err("a tensor that is no batch of images or vectors".into()),
        };
        let mut work = Work {
            net: Assembly::new("script", image).map_err(|error| error.to_string())?,
            values: HashMap::new(),
            first: HashMap::new(),
            init: std::collections::BTreeMap::new(),
        };
        let mut input = work.net.input();
        if self.tape.step(leaf).dims.len() == 2 {
            input = work.layer("vector", Op::Flatten, &[input])?;
        }
        work.values.insert(leaf, input);
        for &at in order.iter().filter(|&&at| at != leaf) {
            let node = match lower(&self.tape, at, leaf) {
                Lowered::Input => input,
                Lowered::Same(of) => work.value(of)?,
                Lowered::Refused(what) => return Err(what),
                Lowered::Affine { of, weight, bias } => {
                    let parameters = affine_parameters(&self.tape, weight, bias);
                    let path = self.weight_path(&parameters, at);
                    let node = work.layer(&path, Op::Affine, &[work.value(of)?])?;
                    work.name(node, &parameters);
                    node
                }
                Lowered::Layers(ops, inputs) => {
                    let mut inputs: Vec<NodeId> = inputs
                        .into_iter()
                        .map(|input| work.value(input))
                        .collect::<std::result::Result<_, _>>()?;
                    let parameters = self.tape.step(at).parameters.clone();
                    for op in ops {
                        let path = self.weight_path(&parameters, at);
                        inputs = vec![work.layer(&path, op, &inputs)?];
                        work.name(inputs[0], &parameters);
                    }
                    inputs[0]
                }
            };
            work.values.insert(at, node);
        }
        let acts = |at: &TapeId| {
            let step = self.tape.step(*at);
            step.is_training && acts_in_training(&step.what)
        };
        if order.iter().any(acts) {
            let site = self.site();
            self.note(
                site,
                "numbers are those of evaluation: nothing is dropped, and running statistics normalize",
            );
        }
        let output = work.value(id)?;
        let Work { mut net, init, .. } = work;
        net.init(Init::Each { draws: init });
        let graph = net.finish(output).map_err(|error| error.to_string())?;
        Ok(Computation { graph, leaf })
    }

    /// A path for a layer: the same for the same weights in every computation, so that they are drawn alike.
    fn weight_path(&mut self, parameters: &[(&'static str, Rc<Parameter>)], at: TapeId) -> String {
        match parameters.first() {
            Some((_, parameter)) => {
                let next = self.weights.len();
                let number = *self.weights.entry(Rc::as_ptr(parameter)).or_insert(next);
                format!("weights{number}")
            }
            None => format!("step{}", at.0),
        }
    }
}

fn acts_in_training(what: &What) -> bool {
    matches!(
        what,
        What::Layer(Op::Dropout(_) | Op::Dropout1d(_) | Op::StochasticDepth(_) | Op::BatchNorm2d(_))
    )
}

/// The work of one computation's graph.
struct Work {
    net: Assembly,
    values: HashMap<TapeId, NodeId>,
    /// The name in the graph of each parameter that was read.
    first: HashMap<*const Parameter, String>,
    init: std::collections::BTreeMap<String, graph::Draw>,
}

impl Work {
    fn value(&self, id: TapeId) -> std::result::Result<NodeId, String> {
        self.values.get(&id).copied().ok_or_else(|| "a tensor that was not computed".into())
    }

    fn layer(&mut self, path: &str, op: Op, inputs: &[NodeId]) -> std::result::Result<NodeId, String> {
        self.net.node(ScopeId::ROOT, path, op, inputs).map_err(|error| error.to_string())
    }

    /// Tells how a layer's weights are drawn, and which were read before.
    fn name(&mut self, node: NodeId, parameters: &[(&'static str, Rc<Parameter>)]) {
        let path = self.net.path(node).to_owned();
        for (local, parameter) in parameters {
            let name = format!("{path}.{local}");
            if let Some(first) = self.first.get(&Rc::as_ptr(parameter)) {
                let (first, in_state_dict) = (first.clone(), false);
                self.net.share(SharedWeight { name, first, in_state_dict });
                continue;
            }
            self.first.insert(Rc::as_ptr(parameter), name.clone());
            if let Some(draw) = parameter.draw.borrow().as_ref().and_then(Draw::known) {
                self.init.insert(name, draw);
            }
        }
    }
}
