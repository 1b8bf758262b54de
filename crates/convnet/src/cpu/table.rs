//! The parameters of a program by name, between PyTorch's layouts and the flat buffers.

use std::collections::HashMap;
use std::ops::Range;

use convnet_kernels::{MuonMatrix, Pool};

use super::kind::Kind;
use super::matrix::Matrix;
use super::program::Program;
use super::run::At;
use crate::graph::NodeId;
use crate::ops::ParamSpec;
use crate::plan::CompileError;
use crate::state::{StateDict, Tensor, TensorSource};
use crate::weights::read;

/// A parameter's place in the flat buffers.
#[derive(Clone, Debug)]
pub(super) struct Parameter {
    pub(super) spec: ParamSpec,
    pub(super) range: Range<usize>,
    /// The stage that uses it, and whether that may update it on its backward pass.
    pub(super) stage: usize,
    pub(super) fused: bool,
    /// Whether training leaves it as it is.
    pub(super) frozen: bool,
    /// Whether its place holds it, and not what follows from it and a normalization.
    pub(super) stored: bool,
    matrix: Option<Matrix>,
}

impl Parameter {
    /// Reads it from a source under its own name or another, checked, to its place in a flat buffer.
    pub(super) fn pack(
        &self,
        pool: &Pool,
        (source, spec): (&dyn TensorSource, &ParamSpec),
        flat: &mut [f32],
    ) -> Result<(), CompileError> {
        let target = &mut flat[self.range.clone()];
        match &self.matrix {
            Some(matrix) => matrix.pack(pool, (source, &spec.name), target, None),
            None => read(source, spec, target),
        }
    }

    /// How it lies packed, if it is a matrix.
    pub(super) fn layout(&self) -> Option<MuonMatrix> {
        self.matrix.as_ref().map(Matrix::layout)
    }

    /// Its elements in PyTorch's layout, from a flat buffer.
    pub(super) fn unpack(&self, flat: &[f32]) -> Tensor {
        let source = &flat[self.range.clone()];
        let mut data = vec![0.0; self.spec.elements()];
        match &self.matrix {
            Some(matrix) => matrix.unpack(source, &mut data),
            None => data.copy_from_slice(source),
        }
        Tensor { shape: self.spec.shape.clone(), data }
    }
}

/// A flat buffer as tensors, by parameter name and suffix.
pub(super) fn unpack<'a>(
    table: impl IntoIterator<Item = &'a Parameter>,
    flat: &[f32],
    suffix: &str,
) -> StateDict {
    let stored = table.into_iter().filter(|parameter| parameter.stored);
    stored.map(|p| (format!("{}{suffix}", p.spec.name), p.unpack(flat))).collect()
}

/// A part of the flat parameters that holds the same tensor as another, of a weight that several stages read.
#[derive(Clone, Debug)]
pub(super) struct Twin {
    pub(super) parameter: Parameter,
    /// The number of the parameter that it is the same as.
    pub(super) first: usize,
}

impl Twin {
    /// Adds what its stage gave, in a flat buffer, to the first one's.
    pub(super) fn add(&self, first: &Parameter, flat: &mut [f32]) {
        self.between(flat, (&self.parameter, first), |to, from| *to += from);
    }

    /// Takes over the first one's elements in a flat buffer.
    pub(super) fn copy(&self, first: &Parameter, flat: &mut [f32]) {
        self.between(flat, (first, &self.parameter), |to, from| *to = from);
    }

    /// Changes the place of one parameter by that of another, which may have another layout.
    fn between(
        &self,
        flat: &mut [f32],
        (from, to): (&Parameter, &Parameter),
        change: impl Fn(&mut f32, f32),
    ) {
        if from.matrix != to.matrix {
            let tensor = from.unpack(flat).data;
            let mut packed = vec![0.0; to.range.len()];
            match &to.matrix {
                Some(matrix) => matrix.arrange(&tensor, &mut packed),
                None => packed = tensor,
            }
            return flat[to.range.clone()].iter_mut().zip(packed).for_each(|(to, from)| change(to, from));
        }
        let (source, target) = if from.range.start < to.range.start {
            let (head, tail) = flat.split_at_mut(to.range.start);
            (&head[from.range.clone()], &mut tail[..to.range.len()])
        } else {
            let (head, tail) = flat.split_at_mut(from.range.start);
            (&tail[..from.range.len()], &mut head[to.range.clone()])
        };
        target.iter_mut().zip(source).for_each(|(to, from)| change(to, *from));
    }
}

/// Parameters, each tensor once, and the further places of those that several stages read.
pub(super) fn distinct(table: Vec<Parameter>) -> (Vec<Parameter>, Vec<Twin>) {
    let (mut distinct, mut twins): (Vec<Parameter>, Vec<Twin>) = (Vec::new(), Vec::new());
    let mut numbers: HashMap<String, usize> = HashMap::new();
    for parameter in table {
        match numbers.get(&parameter.spec.name) {
            Some(&first) => {
                // Its gradient is whole after the backward pass alone.
                distinct[first].fused = false;
                twins.push(Twin { parameter: Parameter { fused: false, ..parameter }, first });
            }
            None => {
                numbers.insert(parameter.spec.name.clone(), distinct.len());
                distinct.push(parameter);
            }
        }
    }
    (distinct, twins)
}

/// What the stages keep in the flat parameters, and where, in the order of the network; while training.
pub(super) fn table(program: &Program) -> Vec<Parameter> {
    let mut table = Vec::new();
    for (At { index, stage, parameters }, kind) in program.steps() {
        if let Some(nodes) = program.derived(index) {
            let specs = nodes.iter().flat_map(|&node| program.plan.graph.node_parameters(node));
            let aside = |spec| Parameter {
                spec,
                range: parameters.weight.clone(),
                stage: index,
                fused: false,
                frozen: true,
                stored: false,
                matrix: None,
            };
            table.extend(specs.filter(|spec| !spec.kind.is_running()).map(aside));
            continue;
        }
        let ranges = [Some(parameters.weight.clone()), parameters.bias.clone()];
        let matrices = [kind.matrix().cloned(), None];
        let mut specs = program.plan.graph.node_parameters(stage.node);
        specs.retain(|spec| !spec.kind.is_running());
        for ((spec, range), matrix) in specs.into_iter().zip(ranges.into_iter().flatten()).zip(matrices) {
            let frozen = program.plan.frozen.holds(&spec.name);
            let fused = matrix.is_some() && matches!(kind, Kind::Linear(_)) && !frozen;
            table.push(Parameter { spec, range, stage: index, fused, frozen, stored: true, matrix });
        }
    }
    // A folded pair is one stage, and other layers may stand between the two.
    let order = program.plan.graph.parameter_order();
    table.sort_by_key(|parameter: &Parameter| order.get(&parameter.spec.name).copied());
    table
}

/// The running statistics of a node.
fn running_specs(program: &Program, node: NodeId) -> Vec<ParamSpec> {
    let mut specs = program.plan.graph.node_parameters(node);
    specs.retain(|spec| spec.kind.is_running());
    specs
}

/// The running statistics that a stage tracks: none where it uses them as they are.
pub(super) fn tracked(program: &Program, stage: usize) -> Vec<ParamSpec> {
    match program.derived(stage) {
        Some(_) => Vec::new(),
        None => running_specs(program, program.plan.stages[stage].node),
    }
}

/// The stages that keep the running statistics of each stage: of a normalization that several stages are, the first.
pub(super) fn keepers(program: &Program) -> Vec<[usize; 2]> {
    let mut first: HashMap<String, usize> = HashMap::new();
    let keeper = |(at, _): (At<'_>, &Kind)| {
        let specs = tracked(program, at.index);
        [0, 1].map(|i| {
            specs.get(i).map_or(at.index, |spec| *first.entry(spec.name.clone()).or_insert(at.index))
        })
    };
    program.steps().map(keeper).collect()
}

/// Running mean and variance of each stage that has them.
pub(super) fn running(program: &Program) -> Vec<[Vec<f32>; 2]> {
    let buffers = |(at, kind): (At<'_>, &Kind)| match kind {
        Kind::BatchNorm(_) => {
            let channels = at.stage.shapes[0].channels();
            [vec![0.0; channels], vec![1.0; channels]]
        }
        _ => [Vec::new(), Vec::new()],
    };
    program.steps().map(buffers).collect()
}
