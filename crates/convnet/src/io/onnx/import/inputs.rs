//! The images that enter a model: their name, their sizes, and where their channels are.

use std::collections::HashSet;

use convnet_formats::onnx::read::{Attribute, Model, Node, Size, Tensor, ValueInfo};

use super::{Problem, shown};

/// What enters a model.
pub(super) struct Images {
    pub(super) name: String,
    /// Channels, height and width.
    pub(super) shape: [usize; 3],
    /// The batch, where the model fixes one.
    pub(super) batch: Option<usize>,
    /// Whether the model takes them as (N, H, W, C).
    pub(super) channels_last: bool,
}

/// The only input that `nodes` read and that is no constant; `input` replaces its channels, height and width.
pub(super) fn images(
    model: &Model,
    nodes: &[(usize, &Node)],
    input: Option<[usize; 3]>,
) -> Result<Images, Problem> {
    let wrong = |reason: String| Err(Problem::Model(reason));
    let constants: HashSet<&str> = model.initializers.iter().map(|tensor| tensor.name.as_str()).collect();
    let read: HashSet<&str> = nodes.iter().flat_map(|(_, node)| &node.inputs).map(String::as_str).collect();
    let mut inputs: Vec<&ValueInfo> =
        model.inputs.iter().filter(|input| !constants.contains(input.name.as_str())).collect();
    if inputs.len() > 1 {
        inputs.retain(|input| read.contains(input.name.as_str()));
    }
    let &[images] = &inputs[..] else {
        let names: Vec<String> = inputs.iter().map(|input| shown(&input.name)).collect();
        return wrong(format!("it has inputs {names:?} that are no constants, expected one: the images"));
    };
    let name = shown(&images.name);
    let Some([batch, sizes @ ..]) = images.shape.as_deref() else {
        return wrong(format!("its input `{name}` has no shape, expected (N, C, H, W)"));
    };
    let &[a, b, c] = &sizes else {
        let rank = sizes.len() + 1;
        return wrong(format!("its input `{name}` has {rank} dimensions, expected 4: (N, C, H, W)"));
    };
    let channels_last = are_channels_last(model, nodes, &images.name, known(c) == Some(1));
    let [channels, height, width] = if channels_last { [c, a, b] } else { [a, b, c] }.map(known);
    if let (Some([asked, ..]), Some(channels)) = (input, channels)
        && asked != channels
    {
        let last =
            if channels_last { "; they are last in the file, and first here: (N, C, H, W)" } else { "" };
        return wrong(format!("its input `{name}` has {channels} channels, expected {asked}{last}"));
    }
    let shape = match (input, channels, height, width) {
        (Some(shape), ..) => shape,
        (None, Some(channels), Some(height), Some(width)) => [channels, height, width],
        _ => return Err(Problem::FreeInput(name)),
    };
    Ok(Images { name: images.name.clone(), shape, batch: known(batch), channels_last })
}

fn known(size: &Size) -> Option<usize> {
    match size {
        Size::Known(size) => Some(*size),
        Size::Free(_) => None,
    }
}

/// Whether the first that is done to the order of the images is to put their channels first: by a Transpose, or, of
/// images of one channel, by a Reshape to (N, 1, H, W).
fn are_channels_last(model: &Model, nodes: &[(usize, &Node)], images: &str, grey: bool) -> bool {
    let mut same = HashSet::from([images]);
    for (_, node) in nodes {
        if !node.inputs.iter().any(|name| same.contains(name.as_str())) {
            continue;
        }
        match node.op.as_str() {
            "Transpose" => {
                if let Some(Attribute::Ints(order)) = node.attributes.get("perm") {
                    match order[..] {
                        [0, 3, 1, 2] => return true,
                        [0, 1, 2, 3] => {}
                        _ => return false,
                    }
                }
            }
            "Reshape" => {
                let shape = node.inputs.get(1).and_then(|name| constant(model, name));
                let shape = shape.and_then(|tensor| model.integers(tensor, 4).ok());
                if grey
                    && matches!(shape.as_deref(), Some([_, 1, ..]) if shape.as_deref().is_some_and(|s| s.len() == 4))
                {
                    return true;
                }
            }
            "Cast" | "Identity" | "Add" | "Sub" | "Mul" | "Div" | "Neg" | "Clip" | "Relu" | "LeakyRelu"
            | "Sigmoid" | "Tanh" | "Dropout" | "Pad" | "Gather" | "Slice" | "Concat" => {
                same.extend(node.outputs.first().map(String::as_str));
            }
            _ => {}
        }
    }
    false
}

/// The tensor of a name that is a constant of the file.
fn constant<'a>(model: &'a Model, name: &str) -> Option<&'a Tensor> {
    let stored = model.initializers.iter().find(|tensor| tensor.name == name);
    stored.or_else(|| {
        let node = model
            .nodes
            .iter()
            .find(|node| node.op == "Constant" && node.outputs.first().is_some_and(|o| o == name))?;
        match node.attributes.get("value") {
            Some(Attribute::Tensor(tensor)) => Some(tensor),
            _ => None,
        }
    })
}
