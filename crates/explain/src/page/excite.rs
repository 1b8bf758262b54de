//! Which images of a data set, and which places in them, excite a channel most.

use std::collections::{BTreeMap, BTreeSet};

use convnet::graph::{Graph, NodeId};
use convnet::inspect::grouped;
use convnet::ops::Op;

use super::data::{ExcitedPlace, ExcitingData, ExcitingImageData, ImageData};
use super::{Gallery, Page};
use crate::sprite::{Sprite, small};
use crate::thumbs::image_name;
use crate::{ExplainError, Lens, maps, network_view};

/// Images of the set that are looked at.
const LOOKED: usize = 256;
/// Images of a channel that are kept.
const KEPT: usize = 9;

/// The images of a set that are looked at, evenly over all of it.
pub(super) fn sample(gallery: &Gallery<'_>) -> Vec<usize> {
    let (all, some) = (gallery.images.len(), gallery.images.len().min(LOOKED));
    (0..some).map(|at| at * all / some).collect()
}

/// The channels that pictures' strips show, of layers that say most of what excites them: not of a convolution whose ReLU follows.
fn wanted(graph: &Graph, images: &[ImageData]) -> BTreeMap<NodeId, BTreeSet<usize>> {
    let consumers = graph.consumers();
    let mut wanted: BTreeMap<NodeId, BTreeSet<usize>> = BTreeMap::new();
    for id in maps(graph) {
        let readers = &consumers[id.index()];
        if !readers.is_empty() && readers.iter().all(|reader| is_of_each_channel(&graph.node(*reader).op)) {
            continue;
        }
        for layer in images.iter().filter_map(|image| image.layers.get(&id.index())) {
            wanted.entry(id).or_default().extend(layer.channels.iter().map(|channel| channel.channel));
        }
    }
    wanted
}

/// Whether a layer makes of each channel another of the same: what its own output says more of.
fn is_of_each_channel(op: &Op) -> bool {
    match op {
        Op::BatchNorm2d(_)
        | Op::LayerNorm(_)
        | Op::GroupNorm(_)
        | Op::InstanceNorm2d(_)
        | Op::Relu
        | Op::LeakyRelu(_)
        | Op::Hardtanh(_)
        | Op::Sigmoid
        | Op::Tanh
        | Op::Unary(_)
        | Op::Prelu(_) => true,
        Op::Input
        | Op::Constant(_)
        | Op::MatMul
        | Op::Conv2d(_)
        | Op::Linear(_)
        | Op::LayerScale(_)
        | Op::LocalResponseNorm(_)
        | Op::Softmax
        | Op::LogSoftmax
        | Op::Affine
        | Op::Dropout(_)
        | Op::Dropout1d(_)
        | Op::StochasticDepth(_)
        | Op::Identity
        | Op::MaxPool2d(_)
        | Op::AvgPool2d(_)
        | Op::AdaptiveAvgPool2d(_)
        | Op::Reduce(_)
        | Op::ConstantPad2d(_)
        | Op::Pad2d(_)
        | Op::Upsample(_)
        | Op::Slice(_)
        | Op::IndexSelect(_)
        | Op::ChannelShuffle(_)
        | Op::PixelShuffle(_)
        | Op::PixelUnshuffle(_)
        | Op::Permute(_)
        | Op::Reshape(_)
        | Op::Flatten
        | Op::Unflatten
        | Op::Concat
        | Op::Add
        | Op::Arithmetic(_) => false,
    }
}

/// What excites the channels that the pictures' strips show; `done` is told after each image.
pub(super) fn exciting(
    page: &Page<'_>,
    gallery: &Gallery<'_>,
    images: &[ImageData],
    done: &mut dyn FnMut(),
) -> Result<ExcitingData, ExplainError> {
    let (graph, wanted) = (page.graph, wanted(page.graph, images));
    let layers: Vec<NodeId> = wanted.keys().copied().collect();
    let mut lens = Lens::open(graph, page.weights, &layers, &page.options)?;
    let mut best: BTreeMap<NodeId, BTreeMap<usize, Vec<ExcitedPlace>>> = BTreeMap::new();
    let chosen = sample(gallery);
    let mut pictures = Vec::with_capacity(chosen.len());
    for (number, &index) in chosen.iter().enumerate() {
        let input = page.preprocess.apply_image(&gallery.images.image(index)?);
        pictures.push(small(network_view(page.preprocess, &input)));
        for (id, tensor) in lens.all(&input)? {
            let Some(channels) = wanted.get(&id) else { continue };
            let (height, width) = graph.node(id).shape.spatial();
            let of = best.entry(id).or_default();
            for &channel in channels {
                let plane = &tensor.data[channel * height * width..][..height * width];
                keep(of.entry(channel).or_default(), number, plane, width);
            }
        }
        done();
    }
    let name = |&index: &usize| ExcitingImageData {
        name: image_name(gallery.images, index),
        label: gallery.label(index),
    };
    let channels = best.into_iter().map(|(id, channels)| (id.index(), channels)).collect();
    Ok(ExcitingData {
        told: format!(
            "{} of {} images of {}",
            chosen.len(),
            grouped(gallery.images.len() as u64),
            gallery.name
        ),
        images: chosen.iter().map(name).collect(),
        sprite: Sprite::of(&pictures)?,
        channels,
    })
}

/// Puts an image among the most exciting ones of a channel, if it is one: the largest first, of equals the earlier. An image in
/// which a channel is nowhere above 0 does not excite it.
fn keep(best: &mut Vec<ExcitedPlace>, image: usize, plane: &[f32], width: usize) {
    let largest = plane.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1).then(b.0.cmp(&a.0)));
    let Some((at, &value)) = largest.filter(|(_, value)| **value > 0.0) else { return };
    let place = best.partition_point(|kept| kept.1 >= value);
    if place < KEPT {
        best.insert(place, (image, value, at / width, at % width));
        best.truncate(KEPT);
    }
}

impl Gallery<'_> {
    /// What an image is of; nothing where it is of several classes.
    fn label(&self, index: usize) -> String {
        match self.images.multi_labels() {
            Some(_) => String::new(),
            None => self.images.classes[self.images.labels()[index] as usize].clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nine_largest_are_kept_in_their_order() {
        let mut best = Vec::new();
        for (image, value) in [3.0f32, -1.0, 5.0, 3.0, 0.0, 9.0].into_iter().enumerate() {
            keep(&mut best, image, &[-2.0, value, value, f32::MIN, -3.0, -4.0], 3);
        }
        assert_eq!(best, [(5, 9.0, 0, 1), (2, 5.0, 0, 1), (0, 3.0, 0, 1), (3, 3.0, 0, 1)]);
        (6..20).for_each(|image| keep(&mut best, image, &[1.0, 4.0], 1));
        assert_eq!(best.len(), 9);
        assert_eq!(best[2..5], [(6, 4.0, 1, 0), (7, 4.0, 1, 0), (8, 4.0, 1, 0)]);
        assert_eq!(best[8], (12, 4.0, 1, 0));
    }
}
