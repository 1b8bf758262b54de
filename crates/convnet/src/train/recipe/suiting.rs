//! What suits a network and the images that it shall learn from.

use super::{Recipe, RecipePatch};
use crate::data::{DataSets, Preset};
use crate::graph::Graph;
use crate::ops::Op;
use crate::optim::Optimizer;

/// The layers with weights of the first network that was called deep, AlexNet.
const DEEP: usize = 8;

/// Images of which a network's own number of epochs and batch are enough.
const MANY: usize = 10_000;
/// The steps that an epoch should have.
const STEPS: usize = 10;
/// The fewest images of a step: normalizations take their statistics from them.
const LEAST_BATCH: usize = 8;
/// The most epochs that are chosen for a small set.
const MOST_EPOCHS: usize = 100;

impl Recipe {
    /// The recipe that suits a network, by its layers.
    ///
    /// Networks with batch normalization: SGD with momentum, warm-up and cosine. Shallow networks without it: Adam in
    /// one cycle. Deep networks without it: Adam at a low rate, since plain SGD hardly leaves their first plateau. The
    /// data is the bundled subset.
    pub fn for_graph(graph: &Graph) -> Self {
        let needed = graph.reachable(&[graph.output()]);
        let layers = || graph.ids().filter(|id| needed[id.index()]).map(|id| &graph.node(id).op);
        let normalized = layers().any(|op| matches!(op, Op::BatchNorm2d(_)));
        let weighted = layers().filter(|op| matches!(op, Op::Conv2d(_) | Op::Linear(_))).count();
        let (recipe, epochs) = if normalized {
            ("sgd-cosine", 5)
        } else if weighted < DEEP {
            ("adam-one-cycle", 12)
        } else {
            ("adam-cosine", 5)
        };
        let blank = Self { epochs, ..Self::blank() };
        match RecipePatch::named(recipe).map(|named| blank.with(&named)) {
            Some(Ok(recipe)) => recipe,
            _ => blank,
        }
    }

    /// The same for a set of images, by their number and size.
    ///
    /// Fewer than ten thousand images are seen more often, with the root of their number, up to a hundred times, and in
    /// batches small enough for ten steps an epoch, of at least eight images. These are few steps still, in which AdamW gets
    /// further than SGD (docs/results.md); the rate goes with the root of the batch. Photos (images of more than 64 pixels a
    /// side) are cropped and mirrored at random: [`Preset::Light`] where they are few, else [`Preset::Standard`].
    #[must_use]
    pub fn for_data(mut self, data: &DataSets) -> Self {
        let (images, (_, height, width)) = (data.train.len(), data.train.shape);
        let few = images < MANY;
        if few {
            let often = self.epochs as f64 * (MANY as f64 / images.max(1) as f64).sqrt();
            self.epochs = (often.round() as usize).clamp(self.epochs, self.epochs.max(MOST_EPOCHS));
            if matches!(self.optimizer, Optimizer::Sgd(_)) {
                self.optimizer = Optimizer::adamw();
                self.lr = self.optimizer.usual_lr();
            }
            let batch = 1 << (images / STEPS).max(1).ilog2();
            let batch = batch.clamp(LEAST_BATCH.min(self.batch), self.batch);
            self.lr = rounded(self.lr * (batch as f64 / self.batch as f64).sqrt());
            self.batch = batch;
        }
        if Preset::sees_photos([height, width]) {
            self.augment.preset = if few { Preset::Light } else { Preset::Standard };
        }
        self
    }

    /// The same for weights that were trained before: a tenth of the learning rate, so that what they know is not lost in
    /// the first steps.
    #[must_use]
    pub fn fine_tuning(mut self) -> Self {
        self.lr = rounded(self.lr / 10.0);
        self
    }
}

/// A rate to three digits, so that a tenth of 0.003 is 0.0003.
fn rounded(rate: f64) -> f64 {
    format!("{rate:.2e}").parse().unwrap_or(rate)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::data::{self, Dataset};
    use crate::graph::Builder;
    use crate::ops::{Conv2d, Linear};
    use crate::zoo;

    pub(in super::super) fn suiting(name: &str) -> Recipe {
        Recipe::for_graph(&zoo::find(name).unwrap().model().build().unwrap())
    }

    #[test]
    fn every_network_of_the_zoo_has_its_recipe() {
        let named = |name: &str, epochs| Recipe {
            epochs,
            batch: 64,
            data: data::DEFAULT.into(),
            seed: 0,
            limit_steps: None,
            ..suiting("lenet").with(&RecipePatch::named(name).unwrap()).unwrap()
        };
        for entry in zoo::entries() {
            let name = entry.name;
            let families = [
                "resnet",
                "resnext",
                "densenet",
                "mobilenet",
                "mnasnet",
                "efficientnet",
                "shufflenet",
                "regnet",
                "inception",
                "_bn",
                "@small",
            ];
            let normalized = families.iter().any(|family| name.contains(family))
                || matches!(name, "alexnet" | "googlenet@torchvision");
            let expected = match name {
                "lenet" | "lenet1@paper" | "lenet4@paper" | "lenet5@paper" => named("adam-one-cycle", 12),
                _ if normalized => named("sgd-cosine", 5),
                _ => named("adam-cosine", 5),
            };
            assert_eq!(suiting(name), expected, "{name}");
        }
    }

    #[test]
    fn auxiliary_classifiers_and_names_do_not_decide() {
        let net = Builder::image("lenet", 3, 8, 8);
        let x = (0..7).fold(net.input(), |x, _| x.conv2d(Conv2d::new(4, 3).padding(1)).relu());
        net.auxiliary("aux", x.batch_norm2d().flatten().linear(Linear::new(2)), 0.3);
        let deep = Recipe::for_graph(&net.build(x.flatten().linear(Linear::new(2))).unwrap());
        assert_eq!((deep.epochs, deep.lr), (5, 0.0003));
    }

    /// Black images of a side.
    fn images(count: usize, side: usize) -> DataSets {
        let set = |count: usize| {
            let labels = (0..count).map(|index| (index % 2) as u32).collect();
            let classes = vec!["a".to_owned(), "b".to_owned()];
            Dataset::new("black", vec![0; count * side * side], labels, classes, (1, side, side)).unwrap()
        };
        DataSets::new("black", set(count), set(2))
    }

    #[test]
    fn small_sets_are_seen_more_often_in_smaller_batches() {
        let of = |name: &str, count| {
            let recipe = suiting(name).for_data(&images(count, 2));
            let kind = recipe.optimizer.same_kind(&Optimizer::sgd());
            (recipe.epochs, recipe.batch, recipe.lr, kind)
        };
        assert_eq!(of("resnet18", 60_000), (5, 64, 0.05, true));
        assert_eq!(of("resnet18", 10_000), (5, 64, 0.05, true));
        assert_eq!(of("resnet18", 9_999), (5, 64, 0.002, false));
        assert_eq!(of("resnet18", 2_500), (10, 64, 0.002, false));
        assert_eq!(of("resnet18", 192), (36, 16, 0.001, false));
        assert_eq!(of("resnet18", 4), (100, 8, 0.000_707, false));
        assert_eq!(of("lenet", 192), (87, 16, 0.0015, false));
    }

    #[test]
    fn photos_are_cropped_and_mirrored() {
        let preset = |count, side| suiting("resnet18").for_data(&images(count, side)).augment.preset;
        assert_eq!(
            [preset(4, 64), preset(4, 65), preset(10_000, 65)],
            [Preset::None, Preset::Light, Preset::Standard]
        );
    }
}
