//! What the page of a run shows, from its network and images that it did not learn from.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use convnet::exec::{Engine, Probe};
use convnet::inspect::Summary;
use convnet::ops::Op;
use convnet::train::{Measurements, Prediction, reliability};
use image::RgbImage;

use super::data::{
    CellData, ClassData, FiltersData, ImageData, LayerData, PointData, ReportData, SuspectData, WorstData,
};
use super::suspects::label_suspects;
use super::{Report, near, plane};
use crate::measured::{self, BATCH, Figure, measure};
use crate::page::{encode, filters};
use crate::thumbs::{Thumbs, image_name};
use crate::{CamMethod, ExplainError, Lens, Palette, enlarged, last_maps, network_view, overlay};

/// Images of a cell of the confusion matrix that are shown: of mistakes, and of right answers.
const MISTAKES: usize = 8;
const RIGHT: usize = 4;
/// Cells whose images are shown, those with the most mistakes first.
const CELLS: usize = 400;
/// Mistakes with heat maps.
const WORST: usize = 12;
const SUSPECTS: usize = 240;
/// Images in the plane, and how many of them can be looked at.
const POINTS: usize = 1500;
const POINT_IMAGES: usize = 300;
/// Runs of which a layer's least time is told.
const RUNS: usize = 5;
/// Answers that are told of an image.
const ANSWERS: usize = 3;
/// The side of the photos below heat maps.
const SHOWN: u32 = 160;
/// How much of a mixture of photo and colours is the colours'.
const STRENGTH: f32 = 0.5;

impl Report<'_> {
    pub(super) fn collect(&self, done: &mut dyn FnMut(usize)) -> Result<ReportData, ExplainError> {
        let engine = measured::engine(self.graph, self.weights, self.images, &self.options)?;
        let mut seen = Vec::with_capacity(self.images.len());
        let measured = measure(&engine, self.images, self.preprocess, &mut |one| {
            seen.push(one);
            done(seen.len());
        })?;
        let mut thumbs = Thumbs::default();
        let cells = cells(&seen, &mut thumbs);
        let worst = self.worst(&measured, &mut thumbs)?;
        let labels: Vec<usize> = seen.iter().map(|one| one.label).collect();
        let rows: Vec<&[f64]> = seen.iter().map(|one| &one.probabilities[..]).collect();
        let found = label_suspects(&labels, &rows);
        let suspects = found.iter().take(SUSPECTS).map(|suspect| SuspectData {
            image: thumbs.slot(suspect.index),
            suggested: suspect.suggested,
            probability: suspect.probability,
        });
        let suspects: Vec<SuspectData> = suspects.collect();
        let points = self.points(&seen, &mut thumbs)?;
        let near = near::pairs(self.splits)?;
        let evaluation = &measured.evaluation;
        let classes = evaluation.confusion.classes();
        let image = |&index: &usize| ImageData {
            name: image_name(self.images, index),
            truth: seen[index].label,
            answers: seen[index].likeliest(ANSWERS),
        };
        Ok(ReportData {
            title: self.told.title.clone(),
            about: self.told.about.clone(),
            facts: [
                &self.told.facts[..],
                &[[
                    "times of layers".to_owned(),
                    format!("of {} images, the least of {RUNS} runs at most", engine.batch()),
                ]],
            ]
            .concat(),
            notes: self.told.notes.clone(),
            recipe: self.told.recipe.clone(),
            figures: figures(&measured),
            curves: self.told.curves.clone(),
            reliability: reliability(&self.told.title, &measured.calibration).svg(),
            classes: self.images.classes.clone(),
            by_class: by_class(&measured),
            confusion: (0..classes)
                .map(|truth| (0..classes).map(|class| evaluation.confusion.count(truth, class)).collect())
                .collect(),
            images: thumbs.shown.iter().map(image).collect(),
            sprite: thumbs.sprite(self.images)?,
            cells,
            worst,
            suspects_by: suspects_by(found.len(), seen.len()),
            suspects,
            points_by: match points.len() {
                0 => String::new(),
                count => format!(
                    "{count} images by what the layer before the last makes of them: t-SNE, neighbours of 30, seed {}. \
                     Near is alike; distances between groups mean little.",
                    self.seed
                ),
            },
            points,
            near: near.pairs,
            near_by: near.told,
            near_sprite: near.sprite,
            filters: self.filters()?,
            layers: self.layers(&engine)?,
        })
    }

    /// An image of the set as the network reads it.
    fn input(&self, index: usize) -> Result<Vec<f32>, ExplainError> {
        Ok(self.preprocess.apply_image(&self.images.image(index)?))
    }

    /// The surest mistakes, with what spoke for the wrong class and what for the right one.
    fn worst(&self, measured: &Measurements, thumbs: &mut Thumbs) -> Result<Vec<WorstData>, ExplainError> {
        let Some(layer) = last_maps(self.graph) else { return Ok(Vec::new()) };
        let mut lens = Lens::open(self.graph, self.weights, &[layer], &self.options)?;
        let mut worst = Vec::new();
        for mistake in measured.worst.iter().take(WORST) {
            let input = self.input(mistake.index)?;
            let photo = enlarged(&network_view(self.preprocess, &input), SHOWN);
            let mut picture = |class: usize| {
                let heat = lens.cam(CamMethod::GradCam, &input, class, layer)?;
                encode::photo(&overlay(&photo, &heat.scaled(), Palette::Viridis, STRENGTH))
            };
            worst.push(WorstData {
                image: thumbs.slot(mistake.index),
                predicted: picture(mistake.predicted)?,
                truth: picture(mistake.label)?,
            });
        }
        Ok(worst)
    }

    /// The images by what the last layer but one makes of them.
    fn points(&self, seen: &[Prediction], thumbs: &mut Thumbs) -> Result<Vec<PointData>, ExplainError> {
        let logits = self.graph.node(self.graph.logits(self.graph.output()));
        let (Op::Linear(_), [before]) = (&logits.op, &logits.inputs[..]) else { return Ok(Vec::new()) };
        let step = seen.len().div_ceil(POINTS).max(1);
        let chosen: Vec<usize> = (0..seen.len()).step_by(step).collect();
        let mut probe = Probe::compile(self.graph, self.weights, BATCH, &[*before], &self.options)?;
        let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(chosen.len());
        for part in chosen.chunks(BATCH) {
            let inputs = part.iter().map(|&index| self.input(index)).collect::<Result<Vec<_>, _>>()?;
            let values = probe.values(&inputs.concat())?.values.swap_remove(0);
            let length = values.data.len() / part.len();
            vectors.extend(values.data.chunks_exact(length).map(<[f32]>::to_vec));
        }
        let Some(places) = plane::plane(&vectors, self.seed) else { return Ok(Vec::new()) };
        // Mistakes are what a reader looks at first.
        let mut order: Vec<usize> = (0..chosen.len()).collect();
        order.sort_by_key(|at| seen[chosen[*at]].is_right());
        let shown: BTreeMap<usize, usize> =
            order.into_iter().take(POINT_IMAGES).map(|at| (at, thumbs.slot(chosen[at]))).collect();
        let point = |(at, (&index, [x, y])): (usize, (&usize, [f32; 2]))| PointData {
            x,
            y,
            truth: seen[index].label,
            predicted: seen[index].predicted,
            image: shown.get(&at).copied(),
        };
        Ok(chosen.iter().zip(places).enumerate().map(point).collect())
    }

    /// The first filters over the epochs, and those of the weights that are measured.
    fn filters(&self) -> Result<Vec<FiltersData>, ExplainError> {
        let Some(measured) = filters::first(self.graph, self.weights, 0)? else { return Ok(Vec::new()) };
        let earlier = self.filters.iter().map(|(epoch, filters)| {
            let when = match epoch {
                0 => "before training".to_owned(),
                epoch => format!("after epoch {epoch}"),
            };
            (when, filters::picture(filters, 0))
        });
        let last = ("as they are measured".to_owned(), measured.picture);
        let data = |(when, picture): (String, RgbImage)| {
            let (width, height) = picture.dimensions();
            let picture = encode::picture(&picture)?;
            Ok(FiltersData { when, height: height as usize, width: width as usize, picture })
        };
        earlier.chain([last]).map(data).collect()
    }

    /// The least time of each part of inference, of several runs.
    fn layers(&self, engine: &Engine) -> Result<Vec<LayerData>, ExplainError> {
        let plan = engine.plan();
        let images = vec![0.0; engine.batch() * self.graph.input_shape().elements()];
        let mut session = engine.session()?;
        let mut least = vec![Duration::MAX; plan.len()];
        let start = Instant::now();
        for run in 0..RUNS {
            let mut times = vec![Duration::ZERO; plan.len()];
            session.profile(&images, &mut times)?;
            least.iter_mut().zip(times).for_each(|(least, time)| *least = time.min(*least));
            if run > 0 && start.elapsed() > Duration::from_secs(2) {
                break;
            }
        }
        let summary = Summary::new(self.graph, 1);
        let layer = |(step, time): (&convnet::exec::PlanStep, &Duration)| {
            let names: Vec<&str> = step.layers.split(" + ").collect();
            let figures = || summary.layers.iter().filter(|layer| names.contains(&layer.path.as_str()));
            LayerData {
                path: step.layers.clone(),
                op: figures().map(|layer| layer.op).collect::<Vec<_>>().join(" + "),
                milliseconds: time.as_secs_f64() * 1e3,
                parameters: figures().map(|layer| layer.params).sum(),
                macs: step.macs,
                bytes: figures().next_back().map_or(0, |layer| layer.activation_bytes),
            }
        };
        Ok(plan.iter().zip(&least).map(layer).collect())
    }
}

fn figures(measured: &Measurements) -> Vec<[String; 3]> {
    Figure::of_classes(measured.evaluation.confusion.classes())
        .map(|figure| [figure.name.to_owned(), figure.text(measured), figure.meaning.to_owned()])
        .collect()
}

fn by_class(measured: &Measurements) -> Vec<ClassData> {
    let class = |(class, figures): (usize, &convnet::train::ClassFigures)| ClassData {
        class,
        images: u64::from(figures.images),
        precision: figures.precision,
        recall: figures.recall,
        f1: figures.f1,
    };
    measured.classes.iter().enumerate().map(class).collect()
}

/// The surest answers of each cell of the confusion matrix.
fn cells(seen: &[Prediction], thumbs: &mut Thumbs) -> Vec<CellData> {
    let mut found: BTreeMap<(usize, usize), Vec<&Prediction>> = BTreeMap::new();
    for one in seen {
        found.entry((one.label, one.predicted)).or_default().push(one);
    }
    let mut order: Vec<(usize, usize)> = found.keys().copied().collect();
    order.sort_by_key(|&(truth, predicted)| {
        (truth == predicted, std::cmp::Reverse(found[&(truth, predicted)].len()))
    });
    let cell = |(truth, predicted): (usize, usize)| {
        let mut images = found[&(truth, predicted)].clone();
        images.sort_by(|a, b| b.confidence().total_cmp(&a.confidence()).then(a.index.cmp(&b.index)));
        let shown = if truth == predicted { RIGHT } else { MISTAKES };
        let more = images.len().saturating_sub(shown);
        let images = images.into_iter().take(shown).map(|one| thumbs.slot(one.index)).collect();
        CellData { truth, predicted, images, more }
    };
    order.into_iter().take(CELLS).map(cell).collect()
}

fn suspects_by(found: usize, images: usize) -> String {
    let shown =
        if found > SUSPECTS { format!(", of which the first {SUSPECTS} are shown") } else { String::new() };
    match found {
        0 => String::new(),
        _ => format!(
            "{found} of {images} images{shown}: the network is surer of another class than it is on the mean of the images that \
             are labelled so (confident learning, Northcutt et al. 2021). It did not learn from these images. Look before you \
             change a label: a hard image looks the same."
        ),
    }
}
