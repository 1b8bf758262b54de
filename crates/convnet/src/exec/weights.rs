//! Between the state dict's tensors and the engine's packed ones.

use convnet_kernels::{Isa, Panels};

use super::{ExecError, conv::ConvPlan};
use crate::graph::{Graph, NodeId};
use crate::ops::ParamSpec;
use crate::state::{StateDict, Tensor};

/// The packed weight of a Conv2d (a matrix a group) or a Linear.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    /// The layout of one group.
    pub(super) panels: Panels,
    pub(super) groups: usize,
    source: Source,
}

/// How an element of the packed matrix lies in PyTorch's tensor.
#[derive(Clone, Debug, PartialEq)]
enum Source {
    /// OIHW with so many kernel elements and input channels of a group.
    Conv { taps: usize, channels: usize },
    /// (out, in), the input's C, H, W where it is read in NHWC order.
    Linear { order: Option<(usize, usize, usize)>, features: usize },
}

impl Matrix {
    pub(super) fn conv(isa: Isa, plan: &ConvPlan) -> Self {
        let (channels, out) = plan.group_channels;
        Self {
            panels: Panels::new(isa, plan.k(), out),
            groups: plan.groups,
            source: Source::Conv { taps: plan.k() / channels, channels },
        }
    }

    pub(super) fn linear(
        isa: Isa,
        features: usize,
        out: usize,
        order: Option<(usize, usize, usize)>,
    ) -> Self {
        Self {
            panels: Panels::new(isa, features, out),
            groups: 1,
            source: Source::Linear { order, features },
        }
    }

    /// Floats of all groups.
    pub(super) fn len(&self) -> usize {
        self.groups * self.panels.len()
    }

    /// The packed matrix of one group.
    pub(super) fn group(&self, g: usize) -> std::ops::Range<usize> {
        g * self.panels.len()..(g + 1) * self.panels.len()
    }

    /// Where packed element (k, n) of a group lies in the tensor.
    fn source(&self, g: usize, k: usize, n: usize) -> usize {
        match self.source {
            Source::Conv { taps, channels } => {
                ((g * self.panels.n + n) * channels + k % channels) * taps + k / channels
            }
            Source::Linear { order: None, features } => n * features + k,
            Source::Linear { order: Some((c, h, w)), features } => n * features + (k % c) * h * w + k / c,
        }
    }

    /// Packs a tensor, each output channel scaled by `scale` where given.
    pub(super) fn pack(&self, tensor: &[f32], packed: &mut [f32], scale: Option<&[f32]>) {
        for g in 0..self.groups {
            let part = &mut packed[self.group(g)];
            let factor = |n: usize| scale.map_or(1.0, |scale| scale[g * self.panels.n + n]);
            self.panels.pack(part, |k, n| tensor[self.source(g, k, n)] * factor(n));
        }
    }

    /// The tensor of a packed matrix.
    pub(super) fn unpack(&self, packed: &[f32], tensor: &mut [f32]) {
        for g in 0..self.groups {
            let part = &packed[self.group(g)];
            for k in 0..self.panels.k {
                for n in 0..self.panels.n {
                    tensor[self.source(g, k, n)] = part[self.panels.index(k, n)];
                }
            }
        }
    }
}

/// The tensor of a parameter, checked.
pub(super) fn tensor<'a>(state: &'a StateDict, spec: &ParamSpec) -> Result<&'a Tensor, ExecError> {
    let Some(tensor) = state.get(&spec.name) else {
        return Err(ExecError::Missing { name: spec.name.clone(), expected: spec.shape.clone() });
    };
    if tensor.shape != spec.shape || tensor.data.len() != spec.elements() {
        return Err(ExecError::Shape {
            name: spec.name.clone(),
            found: tensor.shape.clone(),
            expected: spec.shape.clone(),
        });
    }
    Ok(tensor)
}

/// The tensors of a node, in the order of its parameters.
pub(super) fn tensors<'a>(
    graph: &Graph,
    state: &'a StateDict,
    id: NodeId,
) -> Result<Vec<&'a Tensor>, ExecError> {
    graph.node_parameters(id).iter().map(|spec| tensor(state, spec)).collect()
}
