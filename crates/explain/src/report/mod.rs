//! The page of a run: what was trained on what, what it is worth, where it is wrong, and which labels are.

mod collect;
mod data;
mod near;
mod plane;
mod suspects;

use convnet::data::{DataSets, Dataset, Preprocess};
use convnet::exec::Options;
use convnet::graph::Graph;
use convnet::state::{Tensor, TensorSource};

pub use suspects::{Suspect, label_suspects};

use crate::ExplainError;
use crate::shell::{Shell, escaped, filled};

/// What is told of a run beside what its network makes of the images.
#[derive(Clone, Debug, Default)]
pub struct Told {
    /// The run's name.
    pub title: String,
    /// What was trained on what, in one sentence.
    pub about: String,
    /// Names and values.
    pub facts: Vec<[String; 2]>,
    /// What a reader must know to trust the figures.
    pub notes: Vec<String>,
    /// The recipe, as TOML.
    pub recipe: String,
    /// The curves of training as an SVG; empty where there are none.
    pub curves: String,
}

/// A run and the images that its page shows.
pub struct Report<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// Its weights.
    pub weights: &'a dyn TensorSource,
    /// The filters of its first convolution over the epochs, as [`RunDir::filters`](convnet::train::RunDir::filters) has them.
    pub filters: &'a [(usize, Tensor)],
    /// The splits among which images are looked for that are nearly the same.
    pub splits: Option<&'a DataSets>,
    /// How its images were made input.
    pub preprocess: &'a Preprocess,
    /// Images that it did not learn from.
    pub images: &'a Dataset,
    /// What is told of the run.
    pub told: Told,
    /// Seed of the plane.
    pub seed: u64,
    /// How it is computed.
    pub options: Options,
}

const BODY: &str = include_str!("report.html");
const STYLE: &str = include_str!("report.css");
/// The page's script in parts, in their order.
const SCRIPT: &str = concat!(
    include_str!("../script/elements.js"),
    include_str!("script/begin.js"),
    include_str!("script/pictures.js"),
    include_str!("script/table.js"),
    include_str!("script/summary.js"),
    include_str!("script/confusion.js"),
    include_str!("script/pager.js"),
    include_str!("script/mistakes.js"),
    include_str!("script/near.js"),
    include_str!("script/points.js"),
    include_str!("script/look.js"),
    include_str!("script/filters.js"),
    include_str!("script/layers.js"),
    include_str!("script/start.js"),
);

impl Report<'_> {
    /// The text of the file; `done` is told how many images are done.
    ///
    /// # Errors
    /// If an image cannot be read, or the network cannot be run on the images.
    pub fn html(&self, done: &mut dyn FnMut(usize)) -> Result<String, ExplainError> {
        let data = self.collect(done)?;
        Shell {
            title: &self.told.title,
            style: STYLE,
            body: &filled(BODY, &[("TITLE", &escaped(&self.told.title))]),
            id: "report",
            beside: "",
            script: SCRIPT,
        }
        .html(&data)
    }
}
