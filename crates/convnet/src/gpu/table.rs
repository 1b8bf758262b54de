//! The parameters of a program by name, between PyTorch's layouts and the flat buffers.

use std::ops::Range;

use super::emit::At;
use super::kind::Kind;
use super::program::Program;
use super::rows::Rows;
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
    /// Whether training leaves it as it is.
    pub(super) frozen: bool,
    /// Whether its place holds it, and not what follows from it and a normalization.
    pub(super) stored: bool,
    pub(super) rows: Option<Rows>,
}

impl Parameter {
    /// Reads it from a source under its own name or another, which was checked, to its place in a flat buffer.
    pub(super) fn pack(
        &self,
        (source, spec): (&dyn TensorSource, &ParamSpec),
        flat: &mut [f32],
    ) -> Result<(), CompileError> {
        let target = &mut flat[self.range.clone()];
        match &self.rows {
            Some(rows) => rows.pack((source, &spec.name), target, None),
            None => read(source, spec, target),
        }
    }

    /// Its elements in PyTorch's layout, from those on the card.
    pub(super) fn unpack(&self, source: &[f32]) -> Tensor {
        let mut data = vec![0.0; self.spec.elements()];
        match &self.rows {
            Some(rows) => rows.unpack(source, &mut data),
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
    let tensor = |p: &Parameter| (format!("{}{suffix}", p.spec.name), p.unpack(&flat[p.range.clone()]));
    table.into_iter().filter(|parameter| parameter.stored).map(tensor).collect()
}

/// What the stages keep in the flat parameters, and where.
pub(super) fn table(program: &Program) -> Vec<Parameter> {
    let mut table = Vec::new();
    for (At { index, stage, parameters }, kind) in program.steps() {
        if let Some(nodes) = program.derived(index) {
            let specs = nodes.iter().flat_map(|&node| program.plan.graph.node_parameters(node));
            let range = parameters.weight.clone();
            let aside =
                |spec| Parameter { spec, range: range.clone(), frozen: true, stored: false, rows: None };
            table.extend(specs.filter(|spec| !spec.kind.is_running()).map(aside));
            continue;
        }
        let ranges = [Some(parameters.weight.clone()), parameters.bias.clone()];
        let rows = [kind.rows().cloned(), None];
        let mut specs = program.plan.graph.node_parameters(stage.node);
        specs.retain(|spec| !spec.kind.is_running());
        for ((spec, range), rows) in specs.into_iter().zip(ranges.into_iter().flatten()).zip(rows) {
            let frozen = program.plan.frozen.holds(&spec.name);
            table.push(Parameter { spec, range, frozen, stored: true, rows });
        }
    }
    // A folded pair is one stage, and other layers may stand between the two.
    let order = program.plan.graph.parameter_order();
    table.sort_by_key(|parameter: &Parameter| order.get(&parameter.spec.name).copied());
    table
}

/// The running statistics of all stages, and where they lie.
pub(super) fn running(program: &Program) -> Vec<(ParamSpec, Range<usize>)> {
    let mut all = Vec::new();
    for (at, kind) in program.steps() {
        let Kind::BatchNorm(norm) = kind else { continue };
        let channels = at.stage.shapes[0].channels();
        let starts = norm.running(channels);
        let specs = running_specs(program, at.stage.node);
        all.extend(specs.into_iter().zip(starts.map(|start| start..start + channels)));
    }
    all
}

fn running_specs(program: &Program, node: NodeId) -> Vec<ParamSpec> {
    let mut specs = program.plan.graph.node_parameters(node);
    specs.retain(|spec| spec.kind.is_running());
    specs
}
