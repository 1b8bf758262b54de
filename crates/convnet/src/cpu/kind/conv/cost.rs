//! What a convolution's passes cost by the direct kernels and by Winograd's: a model, which decides between them.

use convnet_kernels::Filtering;

use super::walk::THIN;
use crate::graph::Shape;
use crate::ops::Conv2d;

/// Which product of a convolution is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// The output, by weights that are transformed once and used ever after.
    Infer,
    /// The output, by weights that are transformed for one use.
    Once,
    /// The output, by weights that are transformed for each step.
    Forward,
    /// The gradient of the input.
    InputGradient,
    /// The gradient of the weights.
    WeightGradient,
}

/// What a float that a transform reads or writes costs, in multiply-adds.
const TRANSFORM: usize = 8;
/// The same of a weight gradient's tiles of 8×8, more of which leave the second-level cache.
const LARGE_TRANSFORM: usize = 20;
/// What a weight costs that comes from memory, which is asked for while others are multiplied, and one that the caches may hold, in
/// multiply-adds.
const WEIGHT_FROM_MEMORY: usize = 10;
const WEIGHT_FROM_CACHE: usize = 5;
/// What an element of a weight gradient's matrices costs that goes to memory, and one that the caches may hold.
const GRADIENT_TO_MEMORY: usize = 19;
const GRADIENT_TO_CACHE: usize = 5;
/// What a weight's transform, or that of its gradient, costs a training step for each point.
const WEIGHT_TRANSFORM: usize = 12;
/// The same where it is used once: the system gives the memory for it first.
const WEIGHT_ONCE: usize = 24;
/// Weights, and matrices of a weight gradient, that outgrow the caches, in floats.
const CACHED: usize = 1 << 18;
const GRADIENT_CACHED: usize = 1 << 20;
/// What it costs to add a sum of products to the one before, in multiply-adds.
const SUM: usize = 5;
/// Rows that a product takes at least, however few it has: the register tile is filled no better below.
const ROWS: usize = 8;
/// What it costs that threads wait for one another between transforms and products, in multiply-adds.
const PASSES: usize = 1 << 19;
/// Images from which on the taps that lie in the padding are left out of the direct kernel's cost: of maps of up to `SMALL` rows and
/// columns, of others, and of weight gradients.
const IMAGES_OF_SMALL: usize = 4;
const IMAGES: usize = 7;
const IMAGES_OF_GRADIENT: usize = 8;
const SMALL: usize = 5;

/// What the model takes a convolution's pass to cost, in multiply-adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Costs {
    pub(super) direct: usize,
    pub(super) winograd: usize,
    /// The sizes that cost so much by Winograd's algorithm, which are the cheapest.
    pub(super) filtering: Filtering,
}

impl Costs {
    /// Whether Winograd's algorithm is the cheaper one.
    pub(super) fn prefer_winograd(self) -> bool {
        self.winograd < self.direct
    }

    /// Winograd's share of the direct kernel's.
    pub(super) fn ratio(self) -> f64 {
        self.winograd as f64 / self.direct.max(1) as f64
    }
}

/// What a pass reads and writes: the gradient of the input is a convolution of the output's gradient.
pub(super) fn ends((input, output): (Shape, Shape), pass: Pass) -> (Shape, Shape) {
    if pass == Pass::InputGradient { (output, input) } else { (input, output) }
}

/// The costs of a pass by both algorithms; `None` where Winograd's does not fit.
pub(super) fn costs(
    conv: &Conv2d,
    (input, output): (Shape, Shape),
    batch: usize,
    pass: Pass,
) -> Option<Costs> {
    let kernel = conv.kernel.h;
    let fits = conv.kernel.w == kernel
        && matches!(kernel, 3 | 5)
        && conv.stride == 1.into()
        && conv.dilation == 1.into()
        && conv.padding.h < kernel
        && conv.padding.w < kernel
        && match conv.groups {
            1 => input.channels() > THIN && output.channels() >= 16,
            // Each is a convolution by itself: one group's costs tell. Their direct kernel never reads whole rows of the kernel.
            groups => {
                matches!(pass, Pass::Infer | Pass::Once)
                    && input.channels() / groups >= THIN
                    && output.channels() / groups >= 16
            }
        };
    if !fits {
        return None;
    }
    let (from, to) = ends((input, output), pass);
    let (k, n) = (from.channels() / conv.groups, to.channels() / conv.groups);
    let (height, width) = to.spatial();
    // Rows and columns of the kernel over all rows and columns of the map.
    let images = match pass {
        Pass::WeightGradient => IMAGES_OF_GRADIENT,
        _ if height.max(width) <= SMALL => IMAGES_OF_SMALL,
        _ => IMAGES,
    };
    let along = |size: usize, from: usize, padding: usize| {
        let padding =
            if pass == Pass::InputGradient { (kernel - 1).saturating_sub(padding) } else { padding };
        let inside = |at: usize| (at..at + kernel).filter(|&i| i >= padding && i - padding < from).count();
        if batch < images { size * kernel } else { (0..size).map(inside).sum() }
    };
    let (down, across) =
        (along(height, from.spatial().0, conv.padding.h), along(width, from.spatial().1, conv.padding.w));
    let taps = batch.saturating_mul(down).saturating_mul(across);
    let weights = |points: usize| {
        let floats = points.saturating_mul(k * n);
        match pass {
            Pass::WeightGradient if floats > GRADIENT_CACHED => floats.saturating_mul(GRADIENT_TO_MEMORY),
            Pass::WeightGradient => floats.saturating_mul(GRADIENT_TO_CACHE),
            _ => (floats.min(CACHED) * WEIGHT_FROM_CACHE)
                .saturating_add(floats.saturating_sub(CACHED).saturating_mul(WEIGHT_FROM_MEMORY)),
        }
    };
    let transform = match pass {
        Pass::Infer => 0,
        Pass::Once => WEIGHT_ONCE,
        Pass::Forward | Pass::InputGradient | Pass::WeightGradient => WEIGHT_TRANSFORM,
    };
    let product = |rows: usize, points: usize| (k * n).saturating_mul(rows).saturating_add(weights(points));
    let winograd = |filtering: Filtering| {
        let (side, matrices) = (filtering.outputs(), filtering.points());
        let large = pass == Pass::WeightGradient && filtering.inputs() == 8;
        let of_float = if large { LARGE_TRANSFORM } else { TRANSFORM };
        let tiles = batch.saturating_mul(height.div_ceil(side)).saturating_mul(width.div_ceil(side));
        // Products are summed over tiles in a weight gradient, over channels else, in so many further sums.
        let further = |products: usize| products.div_ceil(filtering.most_summed()).saturating_sub(1);
        let sums = match pass {
            Pass::WeightGradient => further(tiles).saturating_mul(k * n),
            _ => further(k).saturating_mul(n).saturating_mul(tiles),
        };
        product(tiles.max(ROWS).saturating_mul(matrices), matrices)
            .saturating_add((matrices * of_float * (k + n)).saturating_mul(tiles))
            .saturating_add((matrices * SUM).saturating_mul(sums))
            .saturating_add((matrices * transform).saturating_mul(k * n))
            .saturating_add(PASSES / conv.groups)
    };
    let direct = product(taps.max(ROWS * kernel * kernel), kernel * kernel);
    let sizes: &[usize] = match (kernel, pass) {
        (3, Pass::WeightGradient) => &[4, 6],
        (5, Pass::WeightGradient) => &[2, 4],
        (3, _) if conv.groups == 1 => &[2, 4],
        _ => &[4],
    };
    let filterings = sizes.iter().map(|&outputs| Filtering::new(outputs, kernel));
    let (winograd, filtering) =
        filterings.map(|filtering| (winograd(filtering), filtering)).min_by_key(|&(cost, _)| cost)?;
    Some(Costs { direct, winograd, filtering })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(channels: (usize, usize), kernel: usize, map: usize, batch: usize, pass: Pass) -> bool {
        let conv = Conv2d::new(channels.1, kernel).padding(kernel / 2);
        let shape = |channels| Shape::Map { channels, height: map, width: map };
        costs(&conv, (shape(channels.0), shape(channels.1)), batch, pass).is_some_and(Costs::prefer_winograd)
    }

    #[test]
    fn small_maps_take_small_tiles_where_weights_outweigh_products() {
        let outputs = |channels: (usize, usize), map: usize, batch: usize, pass: Pass| {
            let conv = Conv2d::new(channels.1, 3).padding(1);
            let shape = |channels| Shape::Map { channels, height: map, width: map };
            let costs = costs(&conv, (shape(channels.0), shape(channels.1)), batch, pass);
            costs.filter(|costs| costs.prefer_winograd()).map(|costs| costs.filtering.outputs())
        };
        // A few tiles for 17 or 38 MB of weights.
        assert_eq!(outputs((512, 512), 7, 1, Pass::Infer), Some(2));
        assert_eq!(outputs((512, 512), 7, 8, Pass::Infer), Some(4));
        assert_eq!(outputs((512, 512), 7, 1, Pass::Once), None);
        for channels in [(96, 208), (128, 128), (160, 320), (256, 256)] {
            assert_eq!(outputs(channels, 14, 1, Pass::Infer), Some(4), "{channels:?}");
        }
        // Nine tiles of four products or four of nine, whose weights are transformed at each step.
        assert_eq!(outputs((256, 256), 6, 16, Pass::Forward), Some(2));
        assert_eq!(outputs((256, 256), 6, 16, Pass::InputGradient), Some(2));
        assert_eq!(outputs((128, 32), 6, 8, Pass::Forward), Some(2));
        // Too few products to wait twice for.
        assert_eq!(outputs((128, 32), 7, 1, Pass::Infer), None);
        // The direct kernel takes half of the taps of so small maps.
        assert_eq!(outputs((512, 512), 4, 4, Pass::Forward), None);
        assert_eq!(outputs((512, 512), 5, 4, Pass::Forward), None);
        assert_eq!(outputs((512, 512), 2, 4, Pass::Infer), None);
        assert_eq!(outputs((256, 256), 8, 16, Pass::Forward), Some(4));
        assert_eq!(outputs((512, 512), 3, 16, Pass::Forward), None);
    }

    #[test]
    fn weight_gradients_take_the_tiles_that_cost_least() {
        let outputs = |channels: (usize, usize), kernel: usize, map: usize| {
            let conv = Conv2d::new(channels.1, kernel).padding(kernel / 2);
            let shape = |channels| Shape::Map { channels, height: map, width: map };
            let costs = costs(&conv, (shape(channels.0), shape(channels.1)), 16, Pass::WeightGradient);
            costs.map(|costs| costs.filtering.outputs())
        };
        // One tile of 8×8 instead of four of 6×6, and a quarter of them for a 5×5 kernel.
        assert_eq!(outputs((256, 256), 3, 6), Some(6));
        assert_eq!(outputs((96, 256), 5, 27), Some(4));
        // Few products for each float that is transformed, and maps whose last tiles would be border for the most part.
        assert_eq!(outputs((128, 32), 3, 24), Some(4));
        assert_eq!(outputs((256, 256), 3, 8), Some(4));
    }

    #[test]
    fn groups_are_weighed_in_inference_alone() {
        let conv = Conv2d::new(64, 3).padding(1).groups(4);
        let shape = Shape::Map { channels: 64, height: 28, width: 28 };
        let costs = |conv: &Conv2d, pass| costs(conv, (shape, shape), 8, pass);
        for pass in [Pass::Infer, Pass::Once] {
            let costs_of_four = costs(&conv, pass).filter(|costs| costs.prefer_winograd());
            assert_eq!(costs_of_four.map(|costs| costs.filtering.outputs()), Some(4));
            assert_eq!(costs(&conv.clone().groups(8), pass), None);
        }
        for pass in [Pass::Forward, Pass::InputGradient, Pass::WeightGradient] {
            assert_eq!(costs(&conv, pass), None);
        }
    }

    #[test]
    fn wide_layers_on_large_maps_take_winograd_and_others_the_direct_kernel() {
        assert!(choice((64, 64), 3, 56, 1, Pass::Infer));
        assert!(choice((96, 256), 5, 27, 1, Pass::Infer));
        assert!(choice((192, 384), 3, 13, 1, Pass::Infer));
        assert!(choice((128, 128), 3, 28, 16, Pass::WeightGradient));
        // Too thin, a kernel that it has no tiles for, and maps that are border for the most part.
        assert!(!choice((3, 64), 3, 224, 8, Pass::Infer));
        assert!(!choice((64, 64), 7, 56, 8, Pass::Infer));
        assert!(!choice((512, 512), 3, 3, 1, Pass::Forward));
    }
}
