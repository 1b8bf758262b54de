//! What a page knows, as its script reads it: JSON, numbers in bulk as base64 of little-endian bytes.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::sprite::Sprite;

/// All that a page shows.
#[derive(Debug, Serialize)]
pub(super) struct PageData {
    pub(super) network: NetworkData,
    /// Every layer that the logits depend on, in topological order.
    pub(super) nodes: Vec<NodeData>,
    pub(super) images: Vec<ImageData>,
    /// The filters of the first convolution, if it reads one or three channels.
    pub(super) filters: Option<FiltersData>,
    /// Of the network's layers over all images of the page.
    pub(super) activity: Vec<ActivityData>,
    /// Of the layers that have weights.
    pub(super) weights: Vec<WeightData>,
    /// Of the last maps of each size.
    pub(super) fields: Vec<EffectiveData>,
    /// What excites channels most, where a data set was given.
    pub(super) exciting: Option<ExcitingData>,
}

#[derive(Debug, Serialize)]
pub(super) struct NetworkData {
    pub(super) name: String,
    /// Channels, height, width.
    pub(super) input: [usize; 3],
    pub(super) parameters: u64,
    /// Multiply-accumulates of one image.
    pub(super) macs: u64,
    /// The names of the classes, by number.
    pub(super) classes: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct NodeData {
    /// Its index in the graph; `inputs` name others by theirs.
    pub(super) id: usize,
    pub(super) path: String,
    /// `Conv2d`, `ReLU`, …
    pub(super) op: &'static str,
    /// The layer with its settings, as PyTorch prints it.
    pub(super) text: String,
    pub(super) inputs: Vec<usize>,
    /// (C, H, W) or (F).
    pub(super) shape: Vec<usize>,
    pub(super) parameters: u64,
    /// What a cell of a map sees of the image; `None` of vectors.
    pub(super) field: Option<FieldData>,
    /// How a cell is computed, where the page can show it.
    pub(super) window: Option<WindowData>,
    /// A convolution's or a Linear's weights, O·I·kH·kW or O·I floats as base64, where the page has all values.
    pub(super) weight: Option<String>,
    /// Its bias, or zeros, as base64, where `weight` is.
    pub(super) bias: Option<String>,
}

/// Along height and width, in pixels of the image: cell i of an axis sees `size` pixels from `start + i·stride`.
#[derive(Debug, Serialize)]
pub(super) struct FieldData {
    pub(super) size: [u64; 2],
    pub(super) stride: [f64; 2],
    pub(super) start: [f64; 2],
    /// Whether it sees all of the image whatever the cell.
    pub(super) whole: bool,
}

/// The window of cells of its input that a cell of a convolution, a pool or a Linear layer reads.
#[derive(Debug, Serialize)]
pub(super) struct WindowData {
    /// `conv`, `linear`, `max`, `average`.
    pub(super) kind: &'static str,
    pub(super) kernel: [usize; 2],
    pub(super) stride: [usize; 2],
    pub(super) padding: [usize; 2],
    pub(super) dilation: [usize; 2],
    pub(super) groups: usize,
    /// Whether an average counts the cells of the border.
    pub(super) counts_border: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct ImageData {
    pub(super) name: String,
    /// What the network sees, as a data URI; of the input's height and width.
    pub(super) photo: String,
    /// The likeliest classes first, at least those of `heats`.
    pub(super) answers: Vec<AnswerData>,
    /// What each layer gave, by its `id`; layers that only change a shape or pass on are left out.
    pub(super) layers: BTreeMap<usize, LayerData>,
    pub(super) heats: Vec<HeatData>,
    /// Cells whose arithmetic is known where the page has not all values.
    pub(super) cells: Vec<CellData>,
}

#[derive(Debug, Serialize)]
pub(super) struct AnswerData {
    pub(super) class: usize,
    pub(super) name: String,
    pub(super) probability: f64,
    pub(super) logit: f32,
}

/// What a layer gave for an image.
#[derive(Debug, Serialize)]
pub(super) struct LayerData {
    /// A small picture of its maps, as a data URI; of a vector a row of its values.
    pub(super) thumb: String,
    /// Channels side by side, the most active first, as a data URI of grey levels: `columns` in a row, each `height` × `width`
    /// pixels, its least value black and its largest white. `None` of vectors.
    pub(super) strip: Option<String>,
    pub(super) columns: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    /// The channels of the strip, in its order; of vectors the largest values.
    pub(super) channels: Vec<ChannelData>,
    /// How many channels there are beyond these.
    pub(super) more: usize,
    /// All values, C·H·W floats as base64, where the page has all of them.
    pub(super) values: Option<String>,
}

#[derive(Debug, Serialize)]
pub(super) struct ChannelData {
    pub(super) channel: usize,
    pub(super) mean: f32,
    pub(super) least: f32,
    pub(super) most: f32,
}

/// A map over the image.
#[derive(Debug, Serialize)]
pub(super) struct HeatData {
    pub(super) class: usize,
    /// `gradcam`, `layercam`, `integrated`, `occlusion`.
    pub(super) method: &'static str,
    /// The layer, of `gradcam` and `layercam`.
    pub(super) layer: Option<usize>,
    pub(super) height: usize,
    pub(super) width: usize,
    /// Whether 128 is zero, below it speaks against the class; otherwise 0 is nothing.
    pub(super) signed: bool,
    /// What level 0 and level 255 stand for.
    pub(super) least: f32,
    pub(super) most: f32,
    /// Height · width levels as base64.
    pub(super) levels: String,
}

/// How a cell came about.
#[derive(Debug, Serialize)]
pub(super) struct CellData {
    pub(super) node: usize,
    pub(super) channel: usize,
    pub(super) row: usize,
    pub(super) column: usize,
    /// What the network computed.
    pub(super) value: f32,
    /// The largest products first, of a maximum the winner.
    pub(super) terms: Vec<TermData>,
    /// How many further terms there are, and what they add up to.
    pub(super) others: usize,
    pub(super) rest: f64,
    pub(super) bias: f32,
    /// All terms and the bias, added up here: `value` to rounding.
    pub(super) sum: f64,
}

#[derive(Debug, Serialize)]
pub(super) struct TermData {
    /// The cell of the input: channel, row, column; of a vector the index in `channel`.
    pub(super) channel: usize,
    pub(super) row: usize,
    pub(super) column: usize,
    pub(super) input: f32,
    /// 1 of a maximum, 1 / count of an average.
    pub(super) weight: f32,
}

#[derive(Debug, Serialize)]
pub(super) struct FiltersData {
    pub(super) node: usize,
    /// Filters side by side, as a data URI: `columns` in a row, each `height` × `width` pixels.
    pub(super) strip: String,
    pub(super) columns: usize,
    pub(super) height: usize,
    pub(super) width: usize,
    pub(super) count: usize,
}

/// What became of a layer's channels.
#[derive(Debug, Serialize)]
pub(super) struct ActivityData {
    pub(super) node: usize,
    pub(super) channels: usize,
    /// Channels of a ReLU that were zero everywhere, in all images of the page.
    pub(super) dead: usize,
    /// The share of all its values that are zero.
    pub(super) zeros: f64,
    /// A histogram of its values: counts of equal steps from `least` to `most`.
    pub(super) least: f32,
    pub(super) most: f32,
    pub(super) histogram: Vec<u32>,
}

/// How a layer's weights are distributed; of a normalization its scales.
#[derive(Debug, Serialize)]
pub(super) struct WeightData {
    pub(super) node: usize,
    pub(super) count: usize,
    pub(super) mean: f32,
    pub(super) deviation: f32,
    /// The share that is exactly zero.
    pub(super) zeros: f64,
    /// A histogram: counts of equal steps from `least` to `most`.
    pub(super) least: f32,
    pub(super) most: f32,
    pub(super) histogram: Vec<u32>,
    /// Of a normalization: scales near 0, which switch a channel off.
    pub(super) weak: Option<WeakData>,
}

#[derive(Debug, Serialize)]
pub(super) struct WeakData {
    /// The magnitude that they are below.
    pub(super) limit: f32,
    pub(super) count: usize,
    /// The first of them.
    pub(super) channels: Vec<usize>,
}

/// The pixels that the middle cell of a layer's maps really depends on.
#[derive(Debug, Serialize)]
pub(super) struct EffectiveData {
    pub(super) node: usize,
    /// How many pictures it was averaged over.
    pub(super) images: usize,
    /// Row and column of the cell.
    pub(super) middle: [usize; 2],
    pub(super) height: usize,
    pub(super) width: usize,
    /// Height · width levels as base64: the square root of the share of the largest value.
    pub(super) levels: String,
    /// The side of a square of as many pixels as are above 4.55% of the largest.
    pub(super) size: f64,
}

/// What excites channels most.
#[derive(Debug, Serialize)]
pub(super) struct ExcitingData {
    /// Which images were looked at.
    pub(super) told: String,
    pub(super) images: Vec<ExcitingImageData>,
    /// What the network sees of each, whole.
    pub(super) sprite: Sprite,
    /// By layer and channel, the most exciting first.
    pub(super) channels: BTreeMap<usize, BTreeMap<usize, Vec<ExcitedPlace>>>,
}

/// An image, and value, row and column of a channel's largest value in it.
pub(super) type ExcitedPlace = (usize, f32, usize, usize);

#[derive(Debug, Serialize)]
pub(super) struct ExcitingImageData {
    pub(super) name: String,
    pub(super) label: String,
}
