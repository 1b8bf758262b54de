//! A trained network that another one learns from.

use convnet_formats::checksum::Checksum;

use super::TrainError;
use super::recipe::{Loss, TeacherSettings};
use crate::data::{ClassMatch, DataError, Preprocess};
use crate::exec::{Engine, Options, Reading};
use crate::graph::Graph;
use crate::state::{ReadError, TensorSource};

/// A trained network, as [`Trainer::teacher`](super::Trainer::teacher) takes it.
pub struct Teacher<'a> {
    /// The network.
    pub graph: Graph,
    /// Its weights.
    pub weights: Box<dyn TensorSource + 'a>,
    /// How images become its input.
    pub preprocess: Preprocess,
    /// What its outputs are called, where that is known.
    pub classes: Option<Vec<String>>,
}

impl std::fmt::Debug for Teacher<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Teacher").field("graph", &self.graph.name()).finish_non_exhaustive()
    }
}

/// The most elements that are read at once.
const PART: usize = 1 << 16;

impl Teacher<'_> {
    /// The checksum of its weights; an error names the teacher.
    pub(super) fn checked_digest(&self, model: &str) -> Result<String, TrainError> {
        let wrong =
            |error: ReadError| TrainError::Teacher { model: model.to_owned(), problem: error.to_string() };
        self.digest().map_err(wrong)
    }

    /// The checksum of its weights, with their names and sizes.
    ///
    /// # Errors
    /// If they cannot be read.
    pub fn digest(&self) -> Result<String, ReadError> {
        let mut sum = Checksum::default();
        let mut part = vec![0.0; PART];
        for spec in self.graph.parameters() {
            sum.add(format!("{} {:?};", spec.name, spec.shape).as_bytes());
            let count: usize = spec.shape.iter().product();
            for first in (0..count).step_by(PART) {
                let part = &mut part[..PART.min(count - first)];
                self.weights.read(&spec.name, first, part)?;
                part.iter().for_each(|x| sum.add(&x.to_le_bytes()));
            }
        }
        Ok(sum.to_string())
    }
}

/// A teacher at work beside a network in training.
#[derive(Debug)]
pub(super) struct Teaching {
    engine: Engine,
    /// Which of its outputs each class is.
    outputs: Vec<usize>,
    count: usize,
    /// What brings a normalized pixel of each channel to the teacher's own normalization: factor and summand.
    renormalize: Option<Vec<[f32; 2]>>,
    plane: usize,
    images: Vec<f32>,
    logits: Vec<f32>,
    reading: Reading,
    alpha: f32,
}

impl Teaching {
    /// Binds a teacher to a network's input and classes.
    pub(super) fn new(
        teacher: &Teacher<'_>,
        settings: &TeacherSettings,
        (reading, alpha): (Reading, f32),
        (own, classes): (&Preprocess, &[String]),
        (batch, options): (usize, &Options),
    ) -> Result<Self, TrainError> {
        let wrong = |problem: String| TrainError::Teacher { model: settings.model.clone(), problem };
        let Teacher { graph, weights, preprocess, .. } = teacher;
        let output = graph.node(graph.output()).shape;
        if output.spatial() != (1, 1) {
            return Err(wrong(format!("it gives a map of {output}, expected a vector of classes")));
        }
        let ([channels, height, width], found) = (own.input(), preprocess.input());
        if found != own.input() {
            let [c, h, w] = found;
            return Err(wrong(format!(
                "it takes images of {c}x{h}x{w}, expected {channels}x{height}x{width} as the network that learns from it"
            )));
        }
        let digest = teacher.checked_digest(&settings.model)?;
        if let Some(expected) = settings.digest.as_ref().filter(|expected| **expected != digest) {
            return Err(wrong(format!(
                "its weights have the checksum {digest}, expected {expected}: bring back those that the run was started with"
            )));
        }
        let matched = match &teacher.classes {
            Some(names) => {
                ClassMatch::by_name(names, classes, "the training data").map_err(|error| match error {
                    DataError::ClassNames { problem, .. } => wrong(problem),
                    error => error.into(),
                })?
            }
            None if graph.classes() == classes.len() => ClassMatch::by_position(classes.len()),
            None => {
                return Err(wrong(format!(
                    "it has {} outputs without names, expected one for each of {} classes",
                    graph.classes(),
                    classes.len()
                )));
            }
        };
        let pairs = own.mean().iter().zip(own.std()).zip(preprocess.mean().iter().zip(preprocess.std()));
        let affine: Vec<[f32; 2]> =
            pairs.map(|((mean, std), (other, by))| [std / by, (mean - other) / by]).collect();
        let same = affine.iter().all(|pair| *pair == [1.0, 0.0]);
        Ok(Self {
            engine: Engine::compile(graph, weights.as_ref(), batch, options)?,
            outputs: matched.outputs().iter().map(|&output| output as usize).collect(),
            count: graph.classes(),
            renormalize: (!same).then_some(affine),
            plane: height * width,
            images: Vec::new(),
            logits: Vec::new(),
            reading,
            alpha,
        })
    }

    /// What the teacher says of some images: a logit for each class.
    pub(super) fn answer(&mut self, images: &[f32]) -> Result<crate::exec::Teacher<'_>, TrainError> {
        let images = match &self.renormalize {
            None => images,
            Some(affine) => {
                self.images.clear();
                let planes = images.chunks_exact(self.plane).zip(affine.iter().cycle());
                for (plane, [factor, summand]) in planes {
                    self.images.extend(plane.iter().map(|x| x * factor + summand));
                }
                &self.images
            }
        };
        let all = self.engine.logits(images)?;
        self.logits.clear();
        for row in all.as_slice().chunks_exact(self.count) {
            self.logits.extend(self.outputs.iter().map(|&output| row[output]));
        }
        Ok(crate::exec::Teacher { logits: &self.logits, alpha: self.alpha, reading: self.reading })
    }
}

impl Loss {
    /// The teacher that the recipe asks for, bound to a network's input and classes.
    pub(super) fn teaching(
        &self,
        teacher: Option<&Teacher<'_>>,
        several: bool,
        student: (&Preprocess, &[String]),
        engine: (usize, &Options),
    ) -> Result<Option<Teaching>, TrainError> {
        let (Some(settings), Some(reading)) = (&self.teacher, self.reading(several)?) else {
            return Ok(None);
        };
        let Some(teacher) = teacher else {
            let problem = "it was not given to the trainer".to_owned();
            return Err(TrainError::Teacher { model: settings.model.clone(), problem });
        };
        Teaching::new(teacher, settings, reading, student, engine).map(Some)
    }
}
