//! What the zoo knows of a network, and how one is found and built.

use std::fmt;

use crate::graph::{Builder, Graph, GraphError, ShapeIssue, Value};

/// Whose definition a network follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Variant {
    /// The tutorial's, its module names included.
    Tutorial,
    /// torchvision's, its parameter names included, so that its weights load.
    Torchvision,
    /// timm's, its parameter names included.
    Timm,
    /// That of Cadene's collection of pretrained models, its parameter names included.
    Cadene,
    /// The paper's.
    Paper,
    /// The family's idea at the size of small images, for training on a few cores.
    Small,
}

impl Variant {
    const ALL: [Self; 6] =
        [Self::Tutorial, Self::Torchvision, Self::Timm, Self::Cadene, Self::Paper, Self::Small];

    /// The word after the `@` of a model name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tutorial => "tutorial",
            Self::Torchvision => "torchvision",
            Self::Timm => "timm",
            Self::Cadene => "cadene",
            Self::Paper => "paper",
            Self::Small => "small",
        }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a network was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    /// `K. He, X. Zhang, S. Ren, J. Sun`.
    pub authors: &'static str,
    /// The paper's title.
    pub title: &'static str,
    /// Conference or journal.
    pub venue: &'static str,
    /// Year of the venue.
    pub year: u16,
    /// Identifier on arXiv, if it is there.
    pub arxiv: Option<&'static str>,
}

/// The function that writes a network into a builder, for a number of classes.
pub(super) type Write = for<'b> fn(&'b Builder, usize) -> Value<'b>;

/// A network of the zoo.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The name that [`find`](super::find) takes: `vgg16@torchvision`; a bare name is the default variant's.
    pub name: &'static str,
    /// Other names, without a variant: configuration `vgg-d` of the paper is `vgg16`.
    pub aliases: &'static [&'static str],
    /// The family: `VGG`.
    pub family: &'static str,
    /// Whose definition it is.
    pub variant: Variant,
    /// The network's name in prose.
    pub title: &'static str,
    /// Where it was published.
    pub paper: Paper,
    /// Year of the first publication, which for arXiv papers may precede the venue's.
    pub year: u16,
    /// What the family taught.
    pub taught: &'static str,
    /// How this definition differs from the one that it is named after; empty if it does not.
    pub note: &'static str,
    /// Default input: channels, height, width.
    pub input: [usize; 3],
    /// Default number of classes.
    pub classes: usize,
    pub(super) write: Write,
}

impl Entry {
    /// The name without its variant: `vgg16`.
    pub fn base(&self) -> &'static str {
        self.name.split('@').next().unwrap_or(self.name)
    }

    /// The network with its default input and classes, to be changed and built.
    pub fn model(&'static self) -> Network {
        Network { entry: self, input: self.input, classes: self.classes }
    }

    /// Whether a name without variant means this network.
    pub(super) fn called(&self, base: &str) -> bool {
        self.base() == base || self.aliases.contains(&base)
    }
}

/// Largest height, width and number of channels of an input image.
const MAX_SIDE: usize = 1 << 16;
/// Largest number of classes.
const MAX_CLASSES: usize = 1 << 24;

/// A network of the zoo for a given input and number of classes.
///
/// ```
/// use convnet::zoo;
///
/// let net = zoo::resnet18().classes(10).input(3, 64, 64).build().unwrap();
/// assert_eq!(net.classes(), 10);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Network {
    entry: &'static Entry,
    input: [usize; 3],
    classes: usize,
}

impl Network {
    /// What the zoo knows of the network.
    pub fn entry(&self) -> &'static Entry {
        self.entry
    }

    /// Sets the input image: channels, height, width, each from 1 to 65,536.
    pub fn input(mut self, channels: usize, height: usize, width: usize) -> Self {
        self.input = [channels, height, width];
        self
    }

    /// Sets the number of classes, from 1 to 16,777,216.
    pub fn classes(mut self, classes: usize) -> Self {
        self.classes = classes;
        self
    }

    /// Writes the network down.
    ///
    /// # Errors
    /// The first layer whose input does not fit it; sizes outside their range.
    pub fn build(&self) -> Result<Graph, GraphError> {
        let [channels, height, width] = self.input;
        let net = Builder::image(self.entry.name, channels, height, width);
        if self.input.iter().any(|side| !(1..=MAX_SIDE).contains(side)) {
            return Err(self.refused(
                format!("an image of {channels}×{height}×{width}"),
                format!("channels, height and width from 1 to {MAX_SIDE}"),
                "give the input another size",
            ));
        }
        if !(1..=MAX_CLASSES).contains(&self.classes) {
            return Err(self.refused(
                format!("{} classes", self.classes),
                format!("from 1 to {MAX_CLASSES}"),
                "give another number of classes",
            ));
        }
        let output = (self.entry.write)(&net, self.classes);
        net.build(output)
    }

    fn refused(&self, found: String, expected: String, fix: &str) -> GraphError {
        let net = Builder::image(self.entry.name, 1, 1, 1);
        match net.build(net.input()) {
            Ok(graph) => GraphError {
                partial: Box::new(graph),
                path: "input".into(),
                op: "Input",
                inputs: Vec::new(),
                issue: Box::new(ShapeIssue::new(found, expected, fix)),
            },
            Err(error) => error,
        }
    }
}

/// A name that no network of the zoo has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no network is called `{name}`{}", suggestion(nearest))]
#[non_exhaustive]
pub struct UnknownModel {
    /// The name that was asked for.
    pub name: String,
    /// Names that are near it, the nearest first; may be empty.
    pub nearest: Vec<&'static str>,
}

fn suggestion(nearest: &[&str]) -> String {
    match nearest {
        [] => String::new(),
        names => {
            let quoted: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
            format!(" (did you mean {}?)", quoted.join(" or "))
        }
    }
}

/// How many near names an error gives.
const SUGGESTIONS: usize = 3;
/// The least similarity (Jaro–Winkler, 0 to 1) of a name that an error gives.
const SIMILAR: f64 = 0.8;
/// Characters of a wrong name that are compared and shown.
const SHOWN: usize = 80;

/// Looks a network up in a list of entries.
///
/// `BASE@VARIANT` is that variant of BASE. A bare name is the network of that very name, else the only or
/// first variant of it: torchvision's before the paper's.
pub(super) fn look_up(entries: &'static [Entry], name: &str) -> Result<&'static Entry, UnknownModel> {
    let wanted = name.trim().to_lowercase();
    let found = match wanted.split_once('@') {
        Some((base, variant)) => Variant::ALL
            .into_iter()
            .find(|v| v.as_str() == variant)
            .and_then(|v| entries.iter().find(|e| e.variant == v && e.called(base))),
        None => entries.iter().find(|e| e.name == wanted).or_else(|| {
            Variant::ALL.iter().find_map(|&v| entries.iter().find(|e| e.variant == v && e.called(&wanted)))
        }),
    };
    found.ok_or_else(|| {
        let shown: String = name.chars().take(SHOWN).collect();
        UnknownModel { nearest: nearest(entries, &shown.to_lowercase()), name: shown }
    })
}

fn nearest(entries: &'static [Entry], wanted: &str) -> Vec<&'static str> {
    let mut scored: Vec<(f64, &'static str)> =
        entries.iter().map(|e| (strsim::jaro_winkler(wanted, e.name), e.name)).collect();
    scored.retain(|&(score, _)| score >= SIMILAR);
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().take(SUGGESTIONS).map(|(_, name)| name).collect()
}
