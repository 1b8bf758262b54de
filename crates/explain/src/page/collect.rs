//! What a page shows, from a network, its weights and some pictures.

use std::collections::{BTreeMap, btree_map};

use convnet::exec::Options;
use convnet::graph::{Graph, NodeId, Shape};
use convnet::inspect::{Summary, receptive_fields};
use convnet::ops::Op;
use convnet::state::Tensor;
use convnet::train::likeliest;

use super::cells::{self, Weights, sizes};
use super::data::{
    ActivityData, AnswerData, CellData, ChannelData, FieldData, FiltersData, HeatData, ImageData, LayerData,
    NetworkData, NodeData, PageData,
};
use super::filters::{self, Filters};
use super::spread::{self, Histogram};
use super::{Page, Photo, encode, excite, fields};
use crate::{
    CamMethod, ExplainError, Heat, Integrated, Lens, Occlusion, Palette, heat_picture, maps, most_active,
    network_view,
};

/// All values and weights stand in the page of a network that has no more than so many of both: its script computes every
/// cell itself then.
const WHOLE: usize = 400_000;
/// Channels of a strip, and the most pixels of their sides.
const CHANNELS: usize = 24;
const SIDE: usize = 56;
/// The longer side of a thumbnail.
const THUMB: usize = 40;
/// Channels of a layer whose most active cell is explained where the page is not whole.
const CELLS: usize = 6;
/// Answers that are shown.
const ANSWERS: usize = 5;
/// Steps of integrated gradients; windows of an occlusion along a side.
const STEPS: usize = 8;
const WINDOWS: usize = 8;

/// What all pictures of a page say of a layer.
struct Tally {
    /// Whether each channel was ever above zero.
    alive: Vec<bool>,
    zeros: u64,
    count: u64,
    /// A part of the values, every so many.
    some: Vec<f32>,
}

/// Values of a layer and a picture that the histograms are made of, at most.
const SAMPLED: usize = 4096;

impl Page<'_> {
    /// The layers that are shown: those that the logits depend on.
    fn shown(&self) -> Vec<NodeId> {
        let live = self.graph.reachable(&[self.graph.logits(self.graph.output())]);
        self.graph.ids().filter(|id| live[id.index()]).collect()
    }

    pub(super) fn collect(&self, done: &mut dyn FnMut(usize)) -> Result<PageData, ExplainError> {
        let (graph, shown) = (self.graph, self.shown());
        let values: usize = shown.iter().map(|id| graph.node(*id).shape.elements()).sum();
        let weights: usize = graph.parameters().iter().map(convnet::ops::ParamSpec::elements).sum();
        let whole = values * self.photos.len() + weights <= WHOLE;
        // The cells' arithmetic is that of direct convolutions.
        let exact = Options { exact: true, ..self.options };
        let mut values = Lens::open(graph, self.weights, &shown, &exact)?;
        let cams = self.cam_layers();
        let mut heats = Lens::open(graph, self.weights, &cams, &self.options)?.of_several(self.several);
        let mut tallies = BTreeMap::new();
        let mut images = Vec::new();
        let mut count = 0;
        let mut another = || {
            count += 1;
            done(count);
        };
        for photo in self.photos {
            images.push(self.image(photo, whole, (&mut values, &mut heats), &cams, &mut tallies)?);
            another();
        }
        drop((values, heats));
        let exciting = match &self.gallery {
            Some(gallery) => Some(excite::exciting(self, gallery, &images, &mut another)?),
            None => None,
        };
        Ok(PageData {
            network: self.network(),
            nodes: self.nodes(&shown, whole)?,
            images,
            filters: filters::first(graph, self.weights, 0)?
                .map(|Filters { node, picture, columns, height, width, count }| {
                    let strip = encode::picture(&picture)?;
                    Ok::<_, ExplainError>(FiltersData {
                        node: node.index(),
                        strip,
                        columns,
                        height,
                        width,
                        count,
                    })
                })
                .transpose()?,
            activity: tallies.into_iter().map(|(id, tally)| activity(graph, id, &tally)).collect(),
            weights: spread::weights(graph, self.weights, &shown)?,
            fields: fields::effective(self, &cams)?,
            exciting,
        })
    }

    fn network(&self) -> NetworkData {
        let summary = Summary::new(self.graph, 1);
        NetworkData {
            name: self.graph.name().to_owned(),
            input: self.graph.input_size(),
            parameters: summary.inference_params,
            macs: summary.macs,
            classes: self.names.to_vec(),
        }
    }

    fn nodes(&self, shown: &[NodeId], whole: bool) -> Result<Vec<NodeData>, ExplainError> {
        let (graph, fields) = (self.graph, receptive_fields(self.graph));
        let node = |&id: &NodeId| {
            let node = graph.node(id);
            let field = &fields[id.index()];
            let wide = matches!(node.shape, Shape::Map { .. });
            let (weight, bias) = match &node.op {
                Op::Conv2d(_) | Op::Linear(_) if whole => {
                    let Weights { weight, bias } = Weights::read(graph, self.weights, id, None)?;
                    (Some(encode::floats(&weight)), Some(encode::floats(&bias)))
                }
                _ => (None, None),
            };
            Ok(NodeData {
                id: id.index(),
                path: node.path.clone(),
                op: node.op.name(),
                text: format!("{}({})", node.op.name(), node.op.settings(&graph.input_shapes(id))),
                inputs: node.inputs.iter().map(|input| input.index()).collect(),
                shape: node.shape.with_batch(1)[1..].to_vec(),
                parameters: graph.own_parameters(id).iter().map(|spec| spec.elements() as u64).sum(),
                field: wide.then(|| FieldData {
                    size: [field.height.size, field.width.size],
                    stride: [field.height.stride, field.width.stride],
                    start: [field.height.start, field.width.start],
                    whole: field.whole(),
                }),
                window: cells::window(graph, id),
                weight,
                bias,
            })
        };
        shown.iter().map(node).collect()
    }

    /// The last maps of each size: where class activation maps can be looked at.
    fn cam_layers(&self) -> Vec<NodeId> {
        let mut last: Vec<NodeId> = Vec::new();
        let size = |id: &NodeId| self.graph.node(*id).shape.spatial();
        for id in maps(self.graph) {
            last.retain(|other| size(other) != size(&id));
            last.push(id);
        }
        last
    }

    fn image(
        &self,
        photo: &Photo,
        whole: bool,
        (values, heats): (&mut Lens, &mut Lens),
        cams: &[NodeId],
        tallies: &mut BTreeMap<NodeId, Tally>,
    ) -> Result<ImageData, ExplainError> {
        let logits = heats.logits(&photo.input)?;
        let probabilities = heats.probabilities(&logits)?;
        let mut explained: Vec<usize> = self.classes.to_vec();
        if explained.is_empty() {
            explained = likeliest(&probabilities, self.top).into_iter().map(|(class, _)| class).collect();
        }
        let mut told: Vec<usize> =
            likeliest(&probabilities, ANSWERS).into_iter().map(|(class, _)| class).collect();
        told.extend(explained.iter().filter(|class| !told.contains(class)).copied().collect::<Vec<_>>());
        let answers = told.iter().map(|&class| AnswerData {
            class,
            name: self.names.get(class).cloned().unwrap_or_else(|| format!("class {class}")),
            probability: probabilities[class],
            logit: logits[class],
        });
        let tensors = values.all(&photo.input)?;
        let mut layers = BTreeMap::new();
        for (id, tensor) in &tensors {
            let node = self.graph.node(*id);
            tally(tallies.entry(*id), node.shape, tensor);
            if !matches!(node.op, Op::Flatten | Op::Dropout(_) | Op::Identity) {
                layers.insert(id.index(), layer(node.shape, tensor, whole)?);
            }
        }
        let cells = if whole { Vec::new() } else { self.cells(&tensors, &told)? };
        Ok(ImageData {
            name: photo.name.clone(),
            photo: encode::picture(&network_view(self.preprocess, &photo.input))?,
            answers: answers.collect(),
            layers,
            heats: self.heats(heats, photo, &explained, cams)?,
            cells,
        })
    }

    /// The most active cell of the most active channels of each layer whose arithmetic can be shown; of the last Linear the
    /// answers.
    fn cells(&self, tensors: &[(NodeId, Tensor)], told: &[usize]) -> Result<Vec<CellData>, ExplainError> {
        let of: BTreeMap<NodeId, &Tensor> = tensors.iter().map(|(id, tensor)| (*id, tensor)).collect();
        let logits = self.graph.logits(self.graph.output());
        let mut found = Vec::new();
        for (id, tensor) in tensors {
            let node = self.graph.node(*id);
            let Some(input) = node.inputs.first().and_then(|input| of.get(input)) else { continue };
            let (channels, height, width) = sizes(node.shape);
            let best = |channel: usize| {
                let plane = &tensor.data[channel * height * width..][..height * width];
                let best = (0..plane.len()).max_by(|a, b| plane[*a].total_cmp(&plane[*b]).then(b.cmp(a)));
                let place = best.unwrap_or(0);
                (channel, place / width, place % width)
            };
            let chosen = match *id == logits {
                true => told.to_vec(),
                false => most_active(&tensor.data, channels).into_iter().take(CELLS).collect(),
            };
            for channel in chosen {
                let pair = (*input, tensor);
                found.extend(cells::cell(self.graph, self.weights, *id, pair, best(channel))?);
            }
        }
        Ok(found)
    }

    fn heats(
        &self,
        lens: &mut Lens,
        photo: &Photo,
        explained: &[usize],
        cams: &[NodeId],
    ) -> Result<Vec<HeatData>, ExplainError> {
        let [_, height, width] = self.preprocess.input();
        let mut found = Vec::new();
        let window = [height, width].map(|side| side.div_ceil(WINDOWS).max(1));
        let occlusion = Occlusion { window, stride: window, ..Occlusion::of_size(height, width) };
        let mut losses = lens.occlusion(&photo.input, explained, &occlusion)?.into_iter();
        for &class in explained {
            const METHODS: [(CamMethod, &str); 2] =
                [(CamMethod::GradCam, "gradcam"), (CamMethod::LayerCam, "layercam")];
            let heats = lens.cams(&METHODS.map(|(method, _)| method), &photo.input, class, cams)?;
            let places = METHODS.iter().flat_map(|(_, name)| cams.iter().map(move |layer| (*name, *layer)));
            for ((method, layer), heat) in places.zip(heats) {
                found.push(HeatData { layer: Some(layer.index()), ..levels(&heat, class, method, false) });
            }
            let way = Integrated { steps: STEPS, ..Integrated::default() };
            let parts = lens.integrated_gradients(&photo.input, class, &way)?;
            let heat = Heat::merged(height, width, &parts, |sum, part| sum + part);
            found.push(levels(&heat.without_strongest(), class, "integrated", true));
            found.extend(losses.next().map(|heat| levels(&heat, class, "occlusion", true)));
        }
        Ok(found)
    }
}

/// What a page shows of a layer's values.
fn layer(shape: Shape, tensor: &Tensor, whole: bool) -> Result<LayerData, ExplainError> {
    let (channels, height, width) = sizes(shape);
    let plane = height * width;
    let chosen: Vec<usize> = most_active(&tensor.data, channels).into_iter().take(CHANNELS).collect();
    let channel = |&channel: &usize| {
        let values = &tensor.data[channel * plane..][..plane];
        let (least, most) = Heat::new(height, width, values.to_vec()).range();
        let sum: f64 = values.iter().map(|value| f64::from(*value)).sum();
        ChannelData { channel, mean: (sum / plane as f64) as f32, least, most }
    };
    let wide = matches!(shape, Shape::Map { .. }) && plane > 1;
    let (mut strip, mut columns, mut size) = (None, 0, (1, 1));
    if wide {
        const COLUMNS: usize = 8;
        columns = chosen.len().min(COLUMNS);
        size = fitted(height, width, SIDE);
        let (rows, across) = (chosen.len().div_ceil(columns), columns * size.1);
        let mut levels = vec![0u8; rows * size.0 * across];
        for (at, &channel) in chosen.iter().enumerate() {
            let heat = Heat::new(height, width, tensor.data[channel * plane..][..plane].to_vec());
            let heat = heat.scaled().resized(size.0, size.1);
            let corner = at / columns * size.0 * across + at % columns * size.1;
            for (y, row) in heat.values.chunks_exact(size.1).enumerate() {
                let out = &mut levels[corner + y * across..][..size.1];
                out.iter_mut().zip(row).for_each(|(level, value)| *level = (value * 255.0).round() as u8);
            }
        }
        strip = Some(encode::grey(&levels, across as u32, (rows * size.0) as u32)?);
    }
    Ok(LayerData {
        thumb: encode::picture(&heat_picture(&thumb(tensor, (channels, height, width)), Palette::Viridis))?,
        strip,
        columns,
        height: size.0,
        width: size.1,
        channels: chosen.iter().map(channel).collect(),
        more: channels - chosen.len(),
        values: whole.then(|| encode::floats(&tensor.data)),
    })
}

/// The mean magnitude of all channels; of vectors their values in a row.
fn thumb(tensor: &Tensor, (channels, height, width): (usize, usize, usize)) -> Heat {
    let plane = height * width;
    if plane == 1 {
        let some = channels.min(THUMB);
        let value = |i: usize| tensor.data[i * channels / some].abs();
        let row: Vec<f32> = (0..some).map(value).collect();
        return Heat::new(1, some, row).scaled().resized(4, some);
    }
    let (rows, columns) = fitted(height, width, THUMB);
    Heat::merged(height, width, &tensor.data, |sum, value| sum + value.abs()).scaled().resized(rows, columns)
}

/// A size in the same proportions whose longer side is at most so long.
fn fitted(height: usize, width: usize, side: usize) -> (usize, usize) {
    let longer = height.max(width);
    match longer <= side {
        true => (height, width),
        false => ((height * side / longer).max(1), (width * side / longer).max(1)),
    }
}

/// A map as levels.
fn levels(heat: &Heat, class: usize, method: &'static str, signed: bool) -> HeatData {
    let (least, most) = match signed {
        true => {
            let most = heat.values.iter().fold(0.0f32, |most, value| most.max(value.abs()));
            (-most, most)
        }
        false => (0.0, heat.range().1),
    };
    let range = if most > least { most - least } else { 1.0 };
    let level = |value: &f32| match signed {
        // Zero is level 128.
        true => (128.0 + value / (range / 2.0) * 127.0).round() as u8,
        false => ((value - least) / range * 255.0).round() as u8,
    };
    HeatData {
        class,
        method,
        layer: None,
        height: heat.height,
        width: heat.width,
        signed,
        least,
        most,
        levels: encode::base64(&heat.values.iter().map(level).collect::<Vec<u8>>()),
    }
}

fn tally(entry: btree_map::Entry<'_, NodeId, Tally>, shape: Shape, tensor: &Tensor) {
    let channels = shape.channels();
    let tally =
        entry.or_insert_with(|| Tally { alive: vec![false; channels], zeros: 0, count: 0, some: Vec::new() });
    let plane = (tensor.data.len() / channels).max(1);
    for (alive, values) in tally.alive.iter_mut().zip(tensor.data.chunks_exact(plane)) {
        *alive |= values.iter().any(|value| *value > 0.0);
    }
    tally.zeros += tensor.data.iter().filter(|value| **value == 0.0).count() as u64;
    tally.count += tensor.data.len() as u64;
    tally.some.extend(tensor.data.iter().step_by(tensor.data.len().div_ceil(SAMPLED).max(1)));
}

fn activity(graph: &Graph, id: NodeId, tally: &Tally) -> ActivityData {
    // Other layers may well be below zero everywhere.
    let can_die = match &graph.node(id).op {
        Op::Relu => true,
        Op::Hardtanh(bounds) => bounds.min == 0.0,
        _ => false,
    };
    let (least, most) = Heat::new(1, tally.some.len(), tally.some.clone()).range();
    let mut histogram = Histogram::new(least, most);
    histogram.add(&tally.some);
    ActivityData {
        node: id.index(),
        channels: tally.alive.len(),
        dead: tally.alive.iter().filter(|alive| can_die && !**alive).count(),
        zeros: tally.zeros as f64 / tally.count as f64,
        least,
        most,
        histogram: histogram.counts,
    }
}
