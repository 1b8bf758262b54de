//! What a network is worth on images, told alike on all pages.

use convnet::data::{Dataset, Preprocess, Views};
use convnet::exec::{Engine, Options};
use convnet::graph::Graph;
use convnet::state::TensorSource;
use convnet::train::{Measurements, Measures, Prediction, evaluate_with};

use crate::ExplainError;

/// Images at once.
pub(crate) const BATCH: usize = 64;

/// A network for as many images at once as there are, up to [`BATCH`].
pub(crate) fn engine(
    graph: &Graph,
    weights: &dyn TensorSource,
    images: &Dataset,
    options: &Options,
) -> Result<Engine, ExplainError> {
    Ok(Engine::compile(graph, weights, BATCH.min(images.len().max(1)), options)?)
}

/// What a network takes each image for: all of them together, and `each` in their order.
pub(crate) fn measure(
    engine: &Engine,
    images: &Dataset,
    preprocess: &Preprocess,
    each: &mut dyn FnMut(Prediction),
) -> Result<Measurements, ExplainError> {
    let mut measures = Measures::new(images.classes.len());
    evaluate_with(engine, images, preprocess, Views::One, &mut |seen| {
        measures.add(&seen);
        each(Prediction::of(&seen));
        true
    })?;
    Ok(measures.finish())
}

/// A figure with a name.
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// What it means in a few words.
    pub(crate) meaning: &'static str,
    pub(crate) of: fn(&Measurements) -> f64,
    is_percent: bool,
    pub(crate) is_better_larger: bool,
}

const FIGURES: [Figure; 5] = [
    Figure {
        name: "Top-1",
        meaning: "the likeliest class is right",
        of: |measured| measured.evaluation.top1,
        is_percent: true,
        is_better_larger: true,
    },
    Figure {
        name: "Top-5",
        meaning: "the right class is among five",
        of: |measured| measured.evaluation.top5,
        is_percent: true,
        is_better_larger: true,
    },
    Figure {
        name: "Loss",
        meaning: "mean cross-entropy",
        of: |measured| measured.evaluation.loss,
        is_percent: false,
        is_better_larger: false,
    },
    Figure {
        name: "F1",
        meaning: "mean of the classes",
        of: |measured| measured.macro_average.f1,
        is_percent: true,
        is_better_larger: true,
    },
    Figure {
        name: "ECE",
        meaning: "how far its probabilities are off",
        of: |measured| measured.calibration.ece,
        is_percent: true,
        is_better_larger: false,
    },
];

impl Figure {
    /// Those of images of so many classes: of five or fewer every answer is among five.
    pub(crate) fn of_classes(classes: usize) -> impl Iterator<Item = &'static Self> {
        FIGURES.iter().filter(move |figure| figure.name != "Top-5" || classes > 5)
    }

    /// The figure as a text.
    pub(crate) fn text(&self, measured: &Measurements) -> String {
        let value = (self.of)(measured);
        if self.is_percent { format!("{:.2}%", 100.0 * value) } else { format!("{value:.4}") }
    }
}
