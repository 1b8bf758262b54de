//! Which layers of a model read one weight.

use std::collections::{BTreeMap, HashMap};

use convnet_formats::onnx::read::Model;

use super::constant::Constant;
use crate::graph::{Graph, NodeId, SharedWeight};
use crate::ops::ParamSpec;

/// Parameters that are the same tensor of the model as one of a layer before them, and two that cannot be trained as one
/// though they are.
///
/// Exporters write equal weights once, as those of normalizations that were not trained are. So a tensor of equal
/// elements is shared only between layers that share another one too.
pub(super) fn shared(
    graph: &Graph,
    tensors: &BTreeMap<String, Constant>,
    model: &Model,
) -> std::io::Result<(Vec<SharedWeight>, Option<[String; 2]>)> {
    let mut first: HashMap<*const (), NodeId> = HashMap::new();
    let mut firsts: BTreeMap<String, String> = BTreeMap::new();
    for id in graph.ids() {
        let specs = graph.node_parameters(id);
        let constants = || specs.iter().filter_map(|spec| tensors.get(&spec.name));
        let mut other = None;
        for constant in constants() {
            let Some(origin) = constant.origin() else { continue };
            match first.get(&origin) {
                Some(&before) if other.is_none() && !constant.is_uniform(model)? => other = Some(before),
                Some(_) => {}
                None => drop(first.insert(origin, id)),
            }
        }
        let Some(other) = other else { continue };
        let before = graph.node_parameters(other);
        // Scales and shifts are not trained.
        for spec in specs.into_iter().filter(|spec| spec.kind.trainable() || spec.kind.is_running()) {
            let same = |twin: &&ParamSpec| {
                let both = tensors.get(&twin.name).zip(tensors.get(&spec.name));
                twin.kind == spec.kind && both.is_some_and(|(a, b)| a.is_same(b))
            };
            if let Some(twin) = before.iter().find(same) {
                // The one before may be another one's twin itself.
                let first = firsts.get(&twin.name).cloned().unwrap_or_else(|| twin.name.clone());
                firsts.insert(spec.name.clone(), first);
            }
        }
    }
    let apart = apart(graph, tensors, &firsts, model)?;
    let shared = |(name, first)| SharedWeight { name, first, in_state_dict: false };
    Ok((firsts.into_iter().map(shared).collect(), apart))
}

/// Two weights that are one tensor and have their elements in other orders, or are read by layers of other kinds.
fn apart(
    graph: &Graph,
    tensors: &BTreeMap<String, Constant>,
    firsts: &BTreeMap<String, String>,
    model: &Model,
) -> std::io::Result<Option<[String; 2]>> {
    let mut seen: HashMap<*const (), String> = HashMap::new();
    let trained = graph.parameters().into_iter().filter(|spec| spec.kind.trainable());
    for spec in trained.filter(|spec| !firsts.contains_key(&spec.name)) {
        let Some(constant) = tensors.get(&spec.name) else { continue };
        let Some(origin) = constant.origin() else { continue };
        match seen.get(&origin) {
            Some(first) if !constant.is_uniform(model)? => return Ok(Some([spec.name, first.clone()])),
            Some(_) => {}
            None => drop(seen.insert(origin, spec.name)),
        }
    }
    Ok(None)
}
