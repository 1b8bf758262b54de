//! Where a loss that is no number comes from.

use super::TrainError;
use crate::exec::{Engine, Options, RunError};
use crate::graph::Graph;
use crate::state::StateDict;

/// Tells the first of a network's weights, or of its layers on some images (N, C, H, W), that holds a number that is not
/// finite, and the largest weight.
pub(super) fn unusual(net: &Graph, weights: &StateDict, images: &[f32]) -> Result<String, TrainError> {
    let parameters = net.parameters();
    let tensors = parameters.iter().filter_map(|spec| Some((&spec.name, weights.get(&spec.name)?)));
    let broken = |values: &[f32]| values.iter().any(|x| !x.is_finite());
    if let Some((name, _)) = tensors.clone().find(|(_, tensor)| broken(&tensor.data)) {
        return Ok(format!("`{name}` holds a number that is not finite"));
    }
    if broken(images) {
        return Ok("an image of the batch holds a number that is not finite".to_owned());
    }
    let largest = tensors
        .map(|(name, tensor)| (name, tensor.data.iter().fold(0.0_f32, |most, x| most.max(x.abs()))))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    let weight = match largest {
        Some((name, size)) => format!("the largest weight is {size:.3e}, in `{name}`"),
        None => "there are no weights".to_owned(),
    };
    Ok(match first_layer(net, weights, images)? {
        Some(layer) => format!("{layer} is the first layer whose output is not finite, and {weight}"),
        None => format!("no layer alone gives it by the running statistics, and {weight}"),
    })
}

/// The first layer whose output on one of the images is not finite.
fn first_layer(net: &Graph, weights: &StateDict, images: &[f32]) -> Result<Option<String>, RunError> {
    let engine = Engine::compile_traced(net, weights, 1, &Options { threads: 1, ..Options::default() })?;
    let mut session = engine.session()?;
    let mut first = None;
    for image in images.chunks_exact(net.input_shape().elements()) {
        session.run(image)?;
        let broken = net.ids().position(|id| {
            session.tensor(id).is_ok_and(|tensor| tensor.data.iter().any(|value| !value.is_finite()))
        });
        first = [first, broken].into_iter().flatten().min();
    }
    Ok(first.and_then(|at| net.ids().nth(at)).map(|id| {
        let node = net.node(id);
        format!("`{}` ({})", node.path, node.op.name())
    }))
}
