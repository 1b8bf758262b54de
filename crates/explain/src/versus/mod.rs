//! The page of two runs: what each is worth on the same images, where they differ, and the same photo through both.

mod agreement;
mod collect;
mod data;

use convnet::data::{Dataset, Image, Preprocess};
use convnet::exec::Options;
use convnet::graph::Graph;
use convnet::state::TensorSource;

use crate::ExplainError;
use crate::shell::{Shell, escaped, filled};

/// One of the two.
pub struct Side<'a> {
    /// The run's name.
    pub name: String,
    /// The network.
    pub graph: &'a Graph,
    /// Its weights.
    pub weights: &'a dyn TensorSource,
    /// How its images become input.
    pub preprocess: &'a Preprocess,
    /// The names of its classes.
    pub names: &'a [String],
    /// Whether an image may have several of the classes.
    pub several: bool,
}

/// What is told of the two beside what their networks make of images.
#[derive(Clone, Debug, Default)]
pub struct ToldOfTwo {
    /// Both in one sentence.
    pub about: String,
    /// What a reader must know to trust the figures.
    pub notes: Vec<String>,
    /// A name, and its value in each.
    pub facts: Vec<[String; 3]>,
    /// Settings that differ: a key, and its value in each.
    pub settings: Vec<[String; 3]>,
    /// The curves of both as an SVG; empty where there are none.
    pub curves: String,
}

/// Two networks side by side.
pub struct Versus<'a> {
    /// The two.
    pub sides: [Side<'a>; 2],
    /// Images that neither learned from, by whose classes both answer; `None` where they have no classes in common.
    pub images: Option<&'a Dataset>,
    /// Photos that go through both, with their names; where there are none, images on which the two differ.
    pub photos: &'a [(String, Image<'static>)],
    /// What else is told.
    pub told: ToldOfTwo,
    /// How it is computed.
    pub options: Options,
}

const BODY: &str = include_str!("versus.html");
const STYLE: &str = concat!(include_str!("../report/report.css"), include_str!("versus.css"));
/// The page's script in parts, in their order.
const SCRIPT: &str = concat!(
    include_str!("../script/elements.js"),
    include_str!("../script/keys.js"),
    include_str!("../report/script/begin.js"),
    include_str!("../report/script/pictures.js"),
    include_str!("../report/script/table.js"),
    include_str!("script/sides.js"),
    include_str!("script/figures.js"),
    include_str!("script/photos.js"),
    include_str!("script/agreement.js"),
    include_str!("script/classes.js"),
    include_str!("../report/script/start.js"),
);

impl Versus<'_> {
    /// Photos of a page, at most.
    pub const MOST: usize = 32;

    /// How many images are looked at.
    pub fn looked_at(&self) -> usize {
        2 * self.images.map_or(0, Dataset::len)
    }

    /// The text of the file; `done` is told how many of [`Versus::looked_at`] images are done.
    ///
    /// # Errors
    /// If there are more photos than [`Versus::MOST`], an image cannot be read, or a network cannot be run on the images.
    pub fn html(&self, done: &mut dyn FnMut(usize)) -> Result<String, ExplainError> {
        if self.photos.len() > Self::MOST {
            return Err(ExplainError::Setting {
                what: "photos of a page",
                found: self.photos.len().to_string(),
                expected: format!("at most {}", Self::MOST),
            });
        }
        let data = self.collect(done)?;
        let title = format!("{} and {}", self.sides[0].name, self.sides[1].name);
        Shell {
            title: &title,
            style: STYLE,
            body: &filled(BODY, &[("TITLE", &escaped(&title))]),
            // The report's scripts serve here too.
            id: "report",
            beside: "",
            script: SCRIPT,
        }
        .html(&data)
    }
}
