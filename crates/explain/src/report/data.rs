//! What the page of a run knows, as its script reads it.

use serde::Serialize;

use crate::sprite::Sprite;

/// All that the page of a run shows.
#[derive(Debug, Serialize)]
pub(super) struct ReportData {
    /// The run's name.
    pub(super) title: String,
    /// What was trained on what, in one sentence.
    pub(super) about: String,
    /// Names and values: network, parameters, data, splits, epochs, time, machine, …
    pub(super) facts: Vec<[String; 2]>,
    /// What a reader must know to trust the figures: assumptions, what was left out, what the images measured are.
    pub(super) notes: Vec<String>,
    /// The recipe, as TOML.
    pub(super) recipe: String,
    /// Top-1, top-5, loss, calibration error, …: a name, a value, and what it means in a few words.
    pub(super) figures: Vec<[String; 3]>,
    /// Charts as whole SVG texts, of the library's own making: loss and accuracy by epoch.
    pub(super) curves: String,
    /// How often the network is right where it is so sure.
    pub(super) reliability: String,
    /// The classes' names.
    pub(super) classes: Vec<String>,
    pub(super) by_class: Vec<ClassData>,
    /// Row: the true class; column: what it was taken for; images.
    pub(super) confusion: Vec<Vec<u32>>,
    /// Images that the page shows: `cells`, `worst`, `suspects` and `points` name them by their place here.
    pub(super) images: Vec<ImageData>,
    /// Their thumbnails.
    pub(super) sprite: Sprite,
    /// Images of a cell of the confusion matrix, the surest answers first; not of every cell all of them.
    pub(super) cells: Vec<CellData>,
    /// The surest mistakes, each with two heat maps over it.
    pub(super) worst: Vec<WorstData>,
    /// Labels that are probably wrong.
    pub(super) suspects: Vec<SuspectData>,
    /// How the suspects were found, in a sentence; empty where they were not looked for.
    pub(super) suspects_by: String,
    /// Images by what the last layer but one makes of them, in a plane; empty where it was not computed.
    pub(super) points: Vec<PointData>,
    /// How the plane was made, in a sentence.
    pub(super) points_by: String,
    /// Nearly the same images of two splits.
    pub(super) near: Vec<NearData>,
    /// What was looked for, in a sentence; empty where nothing was.
    pub(super) near_by: String,
    /// Their thumbnails: those of pair i are 2i and 2i + 1.
    pub(super) near_sprite: Option<Sprite>,
    /// The filters of the first convolution, as data URIs, over the epochs as far as they were kept; last those that are measured.
    pub(super) filters: Vec<FiltersData>,
    /// Time and memory by layer.
    pub(super) layers: Vec<LayerData>,
}

#[derive(Debug, Serialize)]
pub(super) struct ClassData {
    pub(super) class: usize,
    pub(super) images: u64,
    /// 0 to 1; `None` where nothing was taken for it, or nothing is of it.
    pub(super) precision: Option<f64>,
    pub(super) recall: Option<f64>,
    pub(super) f1: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(super) struct ImageData {
    /// Its file, or its number in the set.
    pub(super) name: String,
    pub(super) truth: usize,
    /// The likeliest classes with their probabilities, the likeliest first.
    pub(super) answers: Vec<(usize, f64)>,
}

#[derive(Debug, Serialize)]
pub(super) struct CellData {
    pub(super) truth: usize,
    pub(super) predicted: usize,
    pub(super) images: Vec<usize>,
    /// How many more the cell has.
    pub(super) more: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct WorstData {
    pub(super) image: usize,
    /// Grad-CAM over the image as data URIs: for what it was taken for, and for what it is.
    pub(super) predicted: String,
    pub(super) truth: String,
}

#[derive(Debug, Serialize)]
pub(super) struct SuspectData {
    pub(super) image: usize,
    /// What it probably is.
    pub(super) suggested: usize,
    /// The probability of the label that it has; the suspects stand in the order of these, the least first.
    pub(super) probability: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct NearData {
    pub(super) first: SeenData,
    pub(super) second: SeenData,
    /// The correlation of their pixels.
    pub(super) likeness: f32,
    /// Bits in which their hashes differ.
    pub(super) bits: u32,
}

#[derive(Debug, Serialize)]
pub(super) struct SeenData {
    pub(super) split: &'static str,
    pub(super) name: String,
    pub(super) label: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct PointData {
    /// From 0 to 1 both.
    pub(super) x: f32,
    pub(super) y: f32,
    pub(super) truth: usize,
    pub(super) predicted: usize,
    /// Its place among `images`, if it is shown.
    pub(super) image: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct FiltersData {
    /// When: `before training`, `after epoch 12`.
    pub(super) when: String,
    /// A data URI of filters side by side.
    pub(super) picture: String,
    /// Pixels.
    pub(super) height: usize,
    pub(super) width: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct LayerData {
    pub(super) path: String,
    pub(super) op: String,
    /// Milliseconds of inference for `batch` images, told in the facts.
    pub(super) milliseconds: f64,
    pub(super) parameters: u64,
    pub(super) macs: u64,
    /// Bytes of its output for one image.
    pub(super) bytes: u64,
}
