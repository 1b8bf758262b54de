//! A page in one file: a network at work on one's own pictures.

mod cells;
mod collect;
mod data;
pub(crate) mod encode;
mod excite;
mod fields;
pub(crate) mod filters;
mod spread;
#[cfg(test)]
mod tests;

use convnet::data::{Dataset, Preprocess};
use convnet::exec::Options;
use convnet::graph::Graph;
use convnet::state::TensorSource;
use convnet_draw::{DrawOptions, Drawing};

pub use encode::picture as data_uri;
pub use filters::first_filters;

use crate::ExplainError;
use crate::shell::{Shell, escaped, filled};

/// A picture as the network reads it.
#[derive(Clone, Debug)]
pub struct Photo {
    /// What it is called.
    pub name: String,
    /// C·H·W, normalized.
    pub input: Vec<f32>,
}

/// A data set among whose images those are looked for that excite a channel most.
#[derive(Clone, Debug)]
pub struct Gallery<'a> {
    /// Its images.
    pub images: &'a Dataset,
    /// What it is called.
    pub name: String,
}

/// What a page is made of.
pub struct Page<'a> {
    /// The network.
    pub graph: &'a Graph,
    /// Its weights.
    pub weights: &'a dyn TensorSource,
    /// How its images were made input.
    pub preprocess: &'a Preprocess,
    /// The names of its classes.
    pub names: &'a [String],
    /// What it looks at: one to [`Page::MOST`] pictures.
    pub photos: &'a [Photo],
    /// Where to look for images that excite a channel most.
    pub gallery: Option<Gallery<'a>>,
    /// Classes to explain; where there are none, the likeliest of each picture.
    pub classes: &'a [usize],
    /// How many of the likeliest.
    pub top: usize,
    /// Whether an image may have several of the classes.
    pub several: bool,
    /// How it is computed.
    pub options: Options,
}

const BODY: &str = include_str!("page.html");
const DRAWING: &str = include_str!("drawing.html");
const STYLE: &str = include_str!("page.css");
/// The page's script in parts, in their order.
const SCRIPT: &str = concat!(
    include_str!("../script/elements.js"),
    include_str!("../script/keys.js"),
    include_str!("script/begin.js"),
    include_str!("script/graph.js"),
    include_str!("script/answers.js"),
    include_str!("script/why.js"),
    include_str!("script/channels.js"),
    include_str!("script/weights.js"),
    include_str!("script/reach.js"),
    include_str!("script/exciting.js"),
    include_str!("script/sums.js"),
    include_str!("script/arithmetic.js"),
    include_str!("script/layer.js"),
    include_str!("script/overview.js"),
    include_str!("script/start.js"),
);

impl Page<'_> {
    /// Pictures of a page, at most: each takes a few megabytes.
    pub const MOST: usize = 32;

    /// How many images are looked at: the page's pictures, and those of the data set.
    pub fn looked_at(&self) -> usize {
        self.photos.len() + self.gallery.as_ref().map_or(0, |gallery| excite::sample(gallery).len())
    }

    /// The text of the file; `done` is told how many of [`Page::looked_at`] images are done.
    ///
    /// # Errors
    /// If there is no picture or more than [`Page::MOST`], a picture or a class does not fit the network, the network gives no
    /// vector of classes, or its weights or an image of the data set cannot be read.
    pub fn html(&self, done: &mut dyn FnMut(usize)) -> Result<String, ExplainError> {
        if !(1..=Self::MOST).contains(&self.photos.len()) {
            return Err(ExplainError::Setting {
                what: "pictures of a page",
                found: self.photos.len().to_string(),
                expected: format!("1 to {}", Self::MOST),
            });
        }
        let data = self.collect(done)?;
        let parts = Drawing::new(self.graph, &DrawOptions::default()).parts();
        let name = escaped(self.graph.name());
        let drawing = [("NET", &parts.data[..]), ("LAYOUT", parts.layout), ("DRAW", parts.script)];
        Shell {
            title: self.graph.name(),
            style: &format!("{}{STYLE}", parts.style),
            body: &filled(BODY, &[("TITLE", &name), ("SVG", &parts.svg)]),
            id: "page",
            beside: &filled(DRAWING, &drawing),
            script: SCRIPT,
        }
        .html(&data)
    }
}
