//! Tensors of the state dict that are no layer's own: names of weights that are shared, and tensors that no layer reads.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Graph, ShapeIssue};
use crate::ops::{Op, ParamSpec};

/// A name of a tensor that another parameter has too: a weight that two layers read, as a module that is called twice has
/// it, or a parameter that is registered under two names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharedWeight {
    /// The name: a layer's parameter, or one of the state dict alone.
    pub name: String,
    /// The parameter before it that it is the same as, which is no other's twin.
    pub first: String,
    /// Whether the state dict has the name too. PyTorch's has a module that is called twice once, and one that is
    /// registered twice under both names.
    #[serde(default = "listed")]
    pub in_state_dict: bool,
}

fn listed() -> bool {
    true
}

/// How the state dict has a layer's parameters: PyTorch code may write the same computation by other modules. The elements and
/// their order are the same in every form.
///
/// ```
/// use convnet::graph::{Builder, TensorForm};
/// use convnet::ops::Conv2d;
///
/// let net = Builder::image("net", 3, 8, 8);
/// let x = net.input().layer("fc", Conv2d::new(4, 1)).kept_as(TensorForm::Linear);
/// assert_eq!(net.build(x)?.parameters()[0].shape, [4, 3]);
/// # Ok::<(), convnet::graph::GraphError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TensorForm {
    /// With the layer's own shapes, each under the layer's path and its own name.
    #[default]
    Own,
    /// A 1 × 1 convolution's weight as that of a Linear over channels that are put last: (O, I).
    Linear,
    /// A scale by channel as a parameter of the module around it, whose name is the layer's path: (C, 1, 1).
    Parameter,
}

impl TensorForm {
    pub(super) fn is_own(&self) -> bool {
        *self == Self::Own
    }

    /// Whether a layer's parameters may have this form; else what may.
    pub(super) fn check(self, op: &Op) -> Result<(), ShapeIssue> {
        let (fits, expected) = match self {
            Self::Own => (true, ""),
            Self::Linear => (
                matches!(op, Op::Conv2d(conv) if conv.kernel.h == 1 && conv.kernel.w == 1 && conv.groups == 1),
                "a Conv2d of 1 × 1 pixels and one group",
            ),
            Self::Parameter => (matches!(op, Op::LayerScale(_)), "a LayerScale"),
        };
        if fits {
            return Ok(());
        }
        let found = format!("a {} whose tensors are kept in the form {self:?}", op.name());
        Err(ShapeIssue::new(found, expected, "keep them in the layer's own form"))
    }

    /// The name and shape that a parameter of a layer at a path has in the state dict.
    pub(super) fn apply(self, path: &str, spec: &mut ParamSpec) {
        match self {
            Self::Parameter => {
                path.clone_into(&mut spec.name);
                spec.shape.extend([1, 1]);
                return;
            }
            Self::Linear => spec.shape.truncate(2),
            Self::Own => {}
        }
        if !path.is_empty() {
            spec.name = format!("{path}.{}", spec.name);
        }
    }
}

/// A tensor of the state dict that no layer reads: of a module that PyTorch code registers and never calls.
///
/// PyTorch's checkpoints hold it, and files of weights may; it is kept where weights are written in another format. It is
/// neither drawn nor trained, so that weights of a training run do without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnusedTensor {
    /// Its name in the state dict.
    pub name: String,
    /// Its dimensions, outermost first.
    pub shape: Vec<usize>,
    /// Whether it is a parameter; buffers are not.
    pub trainable: bool,
}

impl UnusedTensor {
    /// Number of elements; `usize::MAX` where they are more than that.
    pub fn elements(&self) -> usize {
        self.shape.iter().fold(1, |product, &size| product.saturating_mul(size))
    }
}

/// Checks what a network tells of its tensors; a failure is the name of one, and what is wrong with it.
pub(super) fn check(graph: &Graph) -> Result<(), (String, ShapeIssue)> {
    if graph.shared.is_empty() && graph.unused.is_empty() {
        return Ok(());
    }
    let parameters: Vec<ParamSpec> = graph.ids().flat_map(|id| graph.named_parameters(id)).collect();
    let mut names: HashMap<&str, Option<(usize, &ParamSpec)>> =
        parameters.iter().enumerate().map(|(i, spec)| (spec.name.as_str(), Some((i, spec)))).collect();
    let mut firsts = HashSet::new();
    for shared in &graph.shared {
        let wrong = |found: String, expected: &str| {
            Err((shared.name.clone(), ShapeIssue::new(found, expected, "share what is the same tensor")))
        };
        let Some(&Some((place, first))) = names.get(shared.first.as_str()) else {
            let found = format!("the weight of `{}`", shared.first);
            return wrong(found, "a layer's parameter that is no twin itself");
        };
        firsts.insert(&shared.first);
        if firsts.contains(&shared.name) {
            return wrong("a weight that others share".into(), "one that is no twin itself");
        }
        match names.get(shared.name.as_str()) {
            Some(&Some((own, spec))) => {
                if spec.shape != first.shape || spec.kind != first.kind || own <= place {
                    return wrong(
                        format!("a {:?} of {:?}", spec.kind, spec.shape),
                        &format!("one after `{}`: a {:?} of {:?}", first.name, first.kind, first.shape),
                    );
                }
            }
            None if shared.in_state_dict => {}
            _ => return wrong("a name that is taken, or none at all".into(), "the name of one tensor"),
        }
        names.insert(&shared.name, None);
    }
    for tensor in &graph.unused {
        if names.insert(&tensor.name, None).is_some() {
            let issue = ShapeIssue::new(
                "a tensor that no layer reads, under a name that is taken",
                "a name of its own",
                "give each tensor of the state dict once",
            );
            return Err((tensor.name.clone(), issue));
        }
    }
    Ok(())
}
