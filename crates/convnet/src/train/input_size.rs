//! The size of images to train on.

use crate::graph::Graph;
use crate::ops::Op;

/// The sides that are tried.
const SIDES: [usize; 7] = [32, 64, 96, 128, 160, 192, 224];

/// The smallest side of square images on which a network trains well: of 32, 64, 96, 128, 160, 192 and 224 the
/// first for which it can be built and its last convolution sees at least 2 × 2 pixels.
///
/// Networks for 224 × 224 images take a tenth of the work or less on these, and small images have no more to
/// show. `None` where no side will do.
pub fn training_input_size(build: impl Fn(usize) -> Option<Graph>) -> Option<usize> {
    SIDES.into_iter().find(|&side| build(side).is_some_and(|graph| sees_enough(&graph)))
}

fn sees_enough(graph: &Graph) -> bool {
    let live = graph.reachable(&[graph.output()]);
    let last = graph.ids().rev().find(|&id| live[id.index()] && matches!(graph.node(id).op, Op::Conv2d(_)));
    last.is_none_or(|id| {
        graph.input_shapes(id).iter().all(|shape| {
            let (height, width) = shape.spatial();
            height >= 2 && width >= 2
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Builder;
    use crate::ops::{Conv2d, MaxPool2d};

    /// Convolutions that halve the image some times.
    fn halving(side: usize, times: usize) -> Option<Graph> {
        let net = Builder::image("halving", 1, side, side);
        let x = (0..times)
            .fold(net.input(), |x, _| x.conv2d(Conv2d::new(4, 3).padding(1)).max_pool2d(MaxPool2d::new(2)));
        net.build(x.flatten()).ok()
    }

    #[test]
    fn the_last_convolution_sees_two_pixels() {
        assert_eq!(training_input_size(|side| halving(side, 2)), Some(32));
        // 32 pixels after four halvings are two: the fifth convolution sees them.
        assert_eq!(training_input_size(|side| halving(side, 5)), Some(32));
        assert_eq!(training_input_size(|side| halving(side, 6)), Some(64));
        assert_eq!(training_input_size(|side| halving(side, 9)), None);
        assert_eq!(training_input_size(|_| None), None);
    }
}
