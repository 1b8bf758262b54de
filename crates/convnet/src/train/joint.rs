//! Runs of several ranks: the first one leads and writes, the others do its steps.

use std::collections::BTreeMap;

use super::checkpoint::Checkpoint;
use super::course::Course;
use super::evaluate::Seen;
use super::lesson::Lesson;
use super::steps::Learned;
use super::supply::Supplied;
use super::unusual::unusual;
use super::{Measured, Recipe, RunConfig, TrainError};
use crate::data::{Batch, BatchPlace, DataSets, Dataset, Fingerprint, Loader, Pass, Preprocess, Share};
use crate::exec::{Device, Engine, Options, RunError, TrainingStep};
use crate::graph::Graph;
use crate::io::{parameters, shapes, tensors_of_bytes, tensors_to_bytes};
use crate::ranks::{Joint, Part, RanksError, double, halves};
use crate::state::{StateDict, TensorSource};

/// What the first rank tells the others to do next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Order {
    /// The rest of an epoch, counted from 0, from a batch on.
    Epoch { epoch: usize, start: usize },
    /// A step at a rate.
    Step { rate: f32 },
    /// Answers to a set of images, by weights that are given.
    Evaluate { on: Measured },
    /// No more.
    End,
}

impl Order {
    /// Tells the others.
    pub(super) fn give(self, joint: &mut Joint) -> Result<(), TrainError> {
        let words = match self {
            Self::Epoch { epoch, start } => [0, epoch as u32, start as u32],
            Self::Step { rate } => [1, rate.to_bits(), 0],
            Self::End => [2, 0, 0],
            Self::Evaluate { on: Measured::Test } => [3, 0, 0],
            Self::Evaluate { on: Measured::Validation } => [3, 1, 0],
            Self::Evaluate { on: Measured::Training } => [3, 2, 0],
        };
        Ok(joint.tell(&words)?)
    }

    /// Waits for the next one.
    pub(super) fn next(joint: &mut Joint) -> Result<Self, TrainError> {
        let words = joint.hear(3)?;
        Ok(match words[0] {
            0 => Self::Epoch { epoch: words[1] as usize, start: words[2] as usize },
            1 => Self::Step { rate: f32::from_bits(words[1]) },
            3 => {
                let sets = [Measured::Test, Measured::Validation, Measured::Training];
                Self::Evaluate { on: sets[words[1] as usize % sets.len()] }
            }
            _ => Self::End,
        })
    }
}

/// The passes of one update, over this rank's parts of its batches.
pub(super) struct Passes<'a> {
    pub(super) training: &'a mut TrainingStep,
    pub(super) lesson: &'a mut Lesson,
    pub(super) joint: &'a mut Joint,
    pub(super) net: &'a Graph,
    /// The peak of the learning rate.
    pub(super) lr: f64,
    /// Whether an update is of one batch.
    pub(super) last: bool,
}

impl Passes<'_> {
    /// Runs them and joins the gradients: what all ranks learned, and of how many batches.
    pub(super) fn run(
        self,
        batches: impl Iterator<Item = Result<Supplied, TrainError>>,
    ) -> Result<(Learned, usize), TrainError> {
        let Self { training, lesson, joint, net, lr, last } = self;
        let (mut learned, mut taken) = (Learned::default(), 0);
        let mut cause: Option<String> = None;
        for batch in batches {
            let supplied = batch?;
            let part = lesson.part(&supplied.batch);
            let target = lesson.target(&supplied.batch)?;
            let report = match taken {
                0 => training.forward_backward_jointly(supplied.images(), target, part, (joint, last))?,
                _ => training.accumulate_jointly(supplied.images(), target, part, joint)?,
            };
            learned.loss += report.loss * part.whole as f64;
            learned.correct += if part.images == 0 { 0 } else { report.correct };
            learned.images += part.whole;
            if cause.is_none() && !report.loss.is_finite() {
                cause = Some(unusual(net, &training.state_dict(), &supplied.seen(training)?)?);
            }
            taken += 1;
        }
        training.join_gradients(joint)?;
        let [low, high] = halves(learned.loss.to_bits());
        let [failed, stopped] = [cause.is_some(), joint.is_stopped()].map(u32::from);
        let heard = joint.gather(&[low, high, learned.correct as u32, failed, stopped])?;
        if let Some(rank) = heard.iter().position(|said| said[3] != 0) {
            let causes = joint.gather_text(&cause.unwrap_or_default())?;
            let cause = format!("on the images of rank {rank}: {}", causes[rank]);
            return Err(TrainError::Diverged { step: training.steps() + 1, cause, lr });
        }
        learned.loss = heard.iter().map(|said| double(said)).sum();
        learned.correct = heard.iter().map(|said| said[2] as usize).sum();
        learned.stop = heard.iter().any(|said| said[4] != 0);
        Ok((learned, taken))
    }
}

impl Lesson {
    /// Where a batch's images stand in the whole.
    pub(super) fn part(&self, batch: &Batch) -> Part {
        let whole = |labels: &[u32]| self.weighted(labels);
        match &batch.place {
            Some(BatchPlace { first, images, labels }) => {
                Part { first: *first, images: *images, whole: labels.len(), weighted: whole(labels) }
            }
            None => {
                let images = batch.labels.len();
                Part { first: 0, images, whole: images, weighted: whole(&batch.labels) }
            }
        }
    }
}

/// Refuses what several ranks cannot do together.
pub(super) fn check(joint: &Joint, recipe: &Recipe, options: &Options) -> Result<(), TrainError> {
    if options.device != Device::Cpu && joint.syncs_batch_norm() {
        return Err(RunError::SyncedGpu.into());
    }
    if recipe.batch < joint.size() {
        let found = format!("{}, for {} ranks", recipe.batch, joint.size());
        return Err(TrainError::setting("batch", found, "an image for each rank, at least"));
    }
    Ok(())
}

/// Refuses to lead as another rank than the first one, or to follow as that.
pub(super) fn check_place(joint: &Joint, leads: bool) -> Result<(), TrainError> {
    let (rank, size) = (joint.rank(), joint.size());
    let reason = match (rank, leads) {
        (0, true) | (1.., false) => return Ok(()),
        (0, false) => "the first rank runs or resumes, the others follow it",
        (_, true) => "it is to follow: the first rank alone runs or resumes",
    };
    Err(RanksError::Failed { rank, size, reason: reason.into() }.into())
}

/// Where a run stands when all ranks begin: what the first one tells the others.
pub(super) struct Start {
    pub(super) config: RunConfig,
    /// The network, as text.
    pub(super) net: String,
    pub(super) data: Fingerprint,
    pub(super) standing: Checkpoint,
}

/// The name of the settings beside the checkpoint.
const CONFIG: &str = "config";

impl Start {
    /// Tells the others.
    pub(super) fn give(self, joint: &mut Joint) -> Result<(), TrainError> {
        let garbled = |reason: String| lost(joint, &reason);
        let config = toml::to_string(&self.config).map_err(|error| garbled(error.to_string()))?;
        let (tensors, mut metadata) = self.standing.into_parts();
        metadata.insert(CONFIG.into(), config);
        let bytes = tensors_to_bytes(&tensors, shapes(&tensors), &metadata)
            .map_err(|error| garbled(error.to_string()))?;
        joint.give(&bytes)?;
        // Not in the header, which is limited: the network, and a line an image.
        joint.give(self.net.as_bytes())?;
        Ok(joint.give(self.data.to_text().as_bytes())?)
    }

    /// Waits for what the first rank tells.
    pub(super) fn receive(joint: &mut Joint) -> Result<Self, TrainError> {
        let (bytes, net, prints) = (joint.take()?, joint.take()?, joint.take()?);
        let garbled = |reason: String| lost(joint, &reason);
        let (tensors, metadata) = tensors_of_bytes(&bytes).map_err(|error| garbled(error.to_string()))?;
        let config = metadata.get(CONFIG).map(String::as_str).unwrap_or_default();
        let config = toml::from_str(config).map_err(|error| garbled(error.to_string()))?;
        let net = String::from_utf8_lossy(&net).into_owned();
        let data = Fingerprint::from_text(&String::from_utf8_lossy(&prints))
            .map_err(|error| garbled(error.to_string()))?;
        let standing = Checkpoint::of_parts((tensors, &metadata)).map_err(garbled)?;
        Ok(Self { config, net, data, standing })
    }

    /// Refuses to train otherwise than the first rank does.
    pub(super) fn check(
        &self,
        joint: &Joint,
        config: &RunConfig,
        net: &Graph,
        data: &Fingerprint,
    ) -> Result<(), TrainError> {
        let mut differences = self.config.differences(config);
        for (what, first, here) in [
            ("the version of convnet", &self.config.convnet, &config.convnet),
            ("the instruction set", &self.config.isa, &config.isa),
        ] {
            if first != here {
                differences.push(format!("{what} is {first} there and {here} here"));
            }
        }
        if self.net != text_of(joint, net)? {
            differences.push("the layers of its network are others".into());
        }
        if let Some(found) = self.data.differences(data) {
            differences.push(format!("its images are others: {found}"));
        }
        match differences.is_empty() {
            true => Ok(()),
            false => Err(TrainError::OtherRank { rank: joint.rank(), differences }),
        }
    }
}

/// A network as text, by which two are compared.
pub(super) fn text_of(joint: &Joint, net: &Graph) -> Result<String, TrainError> {
    net.to_toml().map_err(|error| lost(joint, &error.to_string()))
}

fn lost(joint: &Joint, reason: &str) -> TrainError {
    let (rank, size) = (joint.rank(), joint.size());
    RanksError::Failed { rank, size, reason: format!("where the run stands: {reason}") }.into()
}

/// Gives the others weights of a network.
pub(super) fn give_weights(
    joint: &mut Joint,
    net: &Graph,
    weights: &dyn TensorSource,
) -> Result<(), TrainError> {
    let bytes = tensors_to_bytes(weights, parameters(net), &BTreeMap::new())
        .map_err(|error| lost(joint, &error.to_string()))?;
    Ok(joint.give(&bytes)?)
}

fn take_weights(joint: &mut Joint) -> Result<StateDict, TrainError> {
    let bytes = joint.take()?;
    let (weights, _) = tensors_of_bytes(&bytes).map_err(|error| lost(joint, &error.to_string()))?;
    Ok(weights)
}

/// Images that the ranks classify together, each its part of every batch.
pub(super) struct Sharing<'a> {
    pub(super) engine: &'a Engine,
    pub(super) images: &'a Dataset,
    pub(super) preprocess: &'a Preprocess,
    /// Images of all ranks at a time.
    pub(super) batch: usize,
}

impl Sharing<'_> {
    fn batches(&self, share: Share) -> Loader {
        let pass = Pass { share, ..Pass::in_order(self.batch) };
        Loader::in_order(self.images, self.preprocess, &self.preprocess.evaluation(), pass)
    }

    /// The logits of a rank's images of a batch.
    fn logits(&self, batch: &Batch) -> Result<Vec<f32>, TrainError> {
        let images = batch.place.as_ref().map_or(batch.labels.len(), |place| place.images);
        let mut logits = self.engine.logits(&batch.images)?.into_vec();
        logits.truncate(images * self.images.classes.len());
        Ok(logits)
    }

    /// Shows every answer in the order of the images, until `see` gives `false`; whether all were seen.
    pub(super) fn lead(
        &self,
        joint: &mut Joint,
        see: &mut dyn FnMut(Seen<'_>) -> bool,
    ) -> Result<bool, TrainError> {
        let classes = self.images.classes.len();
        let (mut index, mut shares) = (0, vec![0.0; classes]);
        let several = self.images.multi_labels();
        for batch in self.batches(share(Some(joint))) {
            let batch = batch?;
            joint.tell(&[1])?;
            let own = self.logits(&batch)?;
            let whole = batch.place.as_ref().map_or(batch.labels.len(), |place| place.labels.len());
            let ranks = joint.size();
            let counts = (0..ranks).map(|rank| Share { rank, ranks }.of(whole).len() * classes);
            let logits = joint.collect(&own, &counts.collect::<Vec<_>>())?;
            for logits in logits.chunks_exact(classes) {
                let shares = match several {
                    Some(labels) => {
                        shares.fill(0.0);
                        labels.mark(index, &mut shares);
                        &shares[..]
                    }
                    None => &[],
                };
                if !see(Seen { index, logits, label: self.images.labels()[index], shares }) {
                    joint.tell(&[0])?;
                    return Ok(false);
                }
                index += 1;
            }
        }
        joint.tell(&[0])?;
        Ok(true)
    }

    /// Sends this rank's answers to the first one, batch by batch, until it has enough.
    fn follow(&self, joint: &mut Joint) -> Result<(), TrainError> {
        let mut batches = self.batches(share(Some(joint)));
        while joint.hear(1)?[0] == 1 {
            let Some(batch) = batches.next().transpose()? else { continue };
            let own = self.logits(&batch)?;
            joint.deliver(&own)?;
        }
        Ok(())
    }
}

/// Does what the first rank tells until it tells to end.
pub(super) fn follow(mut course: Course<'_>, data: &DataSets) -> Result<(), TrainError> {
    let mut batches = None;
    loop {
        let Some(joint) = &mut course.steps.joint else { return Ok(()) };
        match Order::next(joint)? {
            Order::Epoch { epoch, start } => {
                drop(batches.take());
                course.begin(epoch)?;
                batches = Some(course.batches(epoch, start)?);
            }
            Order::Step { rate } => {
                if let Some(batches) = &mut batches {
                    course.update(batches, rate)?;
                }
            }
            Order::Evaluate { on } => {
                batches = None;
                let weights = take_weights(joint)?;
                let images = match on {
                    Measured::Test => data.test.as_ref(),
                    Measured::Validation => data.validation.as_ref(),
                    Measured::Training => Some(&data.train),
                };
                let Some(images) = images else {
                    return Err(lost(joint, &format!("this rank has no {} images", on.name())));
                };
                let batch = course.recipe.batch;
                let most = share(Some(joint)).most(batch);
                let engine = Engine::compile(course.net, &weights, most, &course.options)?;
                Sharing { engine: &engine, images, preprocess: &course.preprocess, batch }.follow(joint)?;
            }
            Order::End => return Ok(()),
        }
    }
}

/// This rank's part of each batch.
pub(super) fn share(joint: Option<&Joint>) -> Share {
    joint.map_or(Share::WHOLE, |joint| Share { rank: joint.rank(), ranks: joint.size() })
}
