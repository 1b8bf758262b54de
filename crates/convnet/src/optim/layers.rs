//! The layers of a network by their depth, for rates that fall towards the input.

use std::collections::HashMap;

use crate::graph::{Graph, NodeId};
use crate::ops::Op;

/// What the rate of each parameter is multiplied with so that it falls by `decay` from layer to layer, from 1 at the last.
///
/// A layer is what lies between two places that everything passes through: a convolution or a Linear, a residual block, an
/// Inception module, a layer of a dense block. A normalization belongs to the layer before it, an auxiliary classifier to the last.
/// timm's `layer_decay` counts blocks in the same way, by the names of each of its networks.
///
/// ```
/// let net = convnet::zoo::find("resnet18").unwrap().model().build()?;
/// let rates = convnet::optim::layer_rates(&net, 0.5);
/// assert_eq!((rates["fc.weight"], rates["layer4.1.conv1.weight"]), (1.0, 0.5));
/// assert_eq!(rates["layer4.0.conv1.weight"], rates["layer4.0.downsample.1.bias"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn layer_rates(graph: &Graph, decay: f32) -> HashMap<String, f32> {
    let depths = depths(graph);
    let last = depths.iter().flatten().copied().max().unwrap_or(0);
    let mut rates = HashMap::new();
    for (id, depth) in graph.ids().zip(depths) {
        // What the main output does not depend on is an auxiliary classifier's.
        let below = last - depth.unwrap_or(last);
        let rate = decay.powi(i32::try_from(below).unwrap_or(i32::MAX));
        rates.extend(graph.node_parameters(id).into_iter().map(|spec| (spec.name, rate)));
    }
    rates
}

/// The number of the layer that each node belongs to, from 0; `None` for those that the main output does not depend on.
fn depths(graph: &Graph) -> Vec<Option<usize>> {
    let live = graph.reachable(&[graph.output()]);
    let ids: Vec<NodeId> = graph.ids().filter(|id| live[id.index()]).collect();
    // Where the output of each node is read last: at or behind it.
    let mut read: HashMap<NodeId, usize> = HashMap::new();
    for (at, &id) in ids.iter().enumerate() {
        graph.node(id).inputs.iter().for_each(|&input| {
            read.insert(input, at);
        });
    }
    let mut depths = vec![None; graph.ids().count()];
    // Layers with weights so far, whether this part has some, and how far what is open reaches.
    let (mut layers, mut weighted, mut open) = (0usize, false, 0usize);
    let mut part: Vec<NodeId> = Vec::new();
    for (at, &id) in ids.iter().enumerate() {
        part.push(id);
        weighted |= matches!(graph.node(id).op, Op::Conv2d(_) | Op::Linear(_));
        if at >= open {
            // Everything passes through this node.
            layers += usize::from(weighted);
            part.drain(..).for_each(|id| depths[id.index()] = Some(layers.saturating_sub(1)));
            weighted = false;
        }
        open = open.max(read.get(&id).copied().unwrap_or(at));
    }
    depths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zoo;

    fn rates(name: &str) -> (HashMap<String, f32>, usize) {
        let net = zoo::find(name).unwrap().model().build().unwrap();
        let deepest = depths(&net).into_iter().flatten().max().unwrap();
        (layer_rates(&net, 0.5), deepest)
    }

    #[test]
    fn blocks_are_layers() {
        // The first convolution, eight blocks, the classifier.
        let (resnet, deepest) = rates("resnet18");
        assert_eq!(deepest, 9);
        assert_eq!((resnet["conv1.weight"], resnet["bn1.bias"]), (0.5f32.powi(9), 0.5f32.powi(9)));
        assert_eq!(resnet["layer1.0.conv1.weight"], 0.5f32.powi(8));
        assert_eq!(resnet["layer1.0.bn2.weight"], resnet["layer1.0.conv1.weight"]);
        // Eight convolutions and three Linear layers.
        let (vgg, deepest) = rates("vgg11_bn");
        assert_eq!((deepest, vgg["features.0.bias"], vgg["classifier.6.weight"]), (10, 0.5f32.powi(10), 1.0));
        // Three convolutions, nine modules, the classifier; the auxiliary ones are at the output.
        let (googlenet, deepest) = rates("googlenet@torchvision");
        assert_eq!(deepest, 12);
        assert_eq!(googlenet["inception5b.branch1.conv.weight"], 0.5);
        assert_eq!(googlenet["inception5b.branch4.1.conv.weight"], 0.5);
        assert_eq!(googlenet["aux1.fc2.weight"], 1.0);
        // The first convolution, 58 layers of dense blocks and three transitions, the classifier.
        assert_eq!(rates("densenet121").1, 62);
    }
}
