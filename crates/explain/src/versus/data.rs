//! What the page of two runs knows, as its script reads it. Pairs are of the first and of the second.

use serde::Serialize;

use crate::sprite::Sprite;

/// All that the page shows.
#[derive(Debug, Serialize)]
pub(super) struct VersusData {
    pub(super) names: [String; 2],
    pub(super) about: String,
    pub(super) notes: Vec<String>,
    /// A name, and its value in each.
    pub(super) facts: Vec<[String; 3]>,
    /// Settings that differ.
    pub(super) settings: Vec<[String; 3]>,
    /// Figures on the same images.
    pub(super) figures: Vec<FigureData>,
    /// A whole SVG, or nothing.
    pub(super) curves: String,
    pub(super) classes: Vec<String>,
    pub(super) by_class: Vec<ClassData>,
    /// `None` where the two have no classes in common; then nothing is of the same images.
    pub(super) agreement: Option<AgreementData>,
    /// Images that the page shows, which `differing` names by their place here.
    pub(super) images: Vec<ImageData>,
    pub(super) sprite: Option<Sprite>,
    pub(super) differing: Vec<DifferingData>,
    /// The same photo through both.
    pub(super) photos: Vec<PhotoData>,
}

#[derive(Debug, Serialize)]
pub(super) struct FigureData {
    pub(super) name: &'static str,
    pub(super) values: [String; 2],
    pub(super) meaning: &'static str,
    /// Which of the two is better; `None` of equals.
    pub(super) better: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(super) struct ClassData {
    pub(super) class: usize,
    pub(super) images: u64,
    /// 0 to 1; `None` without an image.
    pub(super) recall: [Option<f64>; 2],
}

/// Images by which of the two is right.
#[derive(Debug, Serialize)]
pub(super) struct AgreementData {
    pub(super) images: usize,
    pub(super) both: usize,
    pub(super) first: usize,
    pub(super) second: usize,
    pub(super) neither: usize,
    /// How probable so uneven a division, or a more uneven one, is if the two are equally good.
    pub(super) chance: f64,
    /// The same in a sentence.
    pub(super) told: String,
}

#[derive(Debug, Serialize)]
pub(super) struct ImageData {
    pub(super) name: String,
    pub(super) truth: usize,
    /// The likeliest classes of each with their probabilities.
    pub(super) answers: [Vec<(usize, f64)>; 2],
}

#[derive(Debug, Serialize)]
pub(super) struct DifferingData {
    /// `first`, `second`, `neither`: which is right.
    pub(super) kind: &'static str,
    pub(super) images: Vec<usize>,
    pub(super) more: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct PhotoData {
    pub(super) name: String,
    pub(super) truth: Option<usize>,
    pub(super) sides: [SideData; 2],
}

/// A photo through one of the networks.
#[derive(Debug, Serialize)]
pub(super) struct SideData {
    /// What it sees, as a data URI.
    pub(super) photo: String,
    pub(super) answers: Vec<AnswerData>,
    pub(super) heats: Vec<HeatData>,
}

#[derive(Debug, Serialize)]
pub(super) struct AnswerData {
    pub(super) class: usize,
    pub(super) name: String,
    pub(super) probability: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct HeatData {
    pub(super) class: usize,
    pub(super) name: String,
    pub(super) method: &'static str,
    /// A data URI.
    pub(super) picture: String,
}
