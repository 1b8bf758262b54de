//! Whole runs of a small network on drawn images.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::data::{DataError, DataSets, Dataset, Image, Samples};
use crate::exec::Options;
use crate::graph::{Builder, Graph};
use crate::io::WeightsFile;
use crate::ops::{Conv2d, Linear, MaxPool2d};
use crate::state::StateDict;

/// Images of stripes that lie (class 0), stand (1) or lean (2), at random places, with some noise.
fn stripes(images: usize, seed: u32) -> Dataset {
    const SIDE: usize = 12;
    let mut state = seed;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as usize
    };
    let (mut pixels, mut labels) = (Vec::new(), Vec::new());
    for image in 0..images {
        let class = image % 3;
        let (phase, offset) = (random() % 4, random() % 60);
        for y in 0..SIDE {
            for x in 0..SIDE {
                let along = [y, x, x + y][class] + phase;
                let bright = if along % 4 < 2 { 130 } else { 0 };
                pixels.push((bright + offset + random() % 60) as u8);
            }
        }
        labels.push(class as u32);
    }
    let classes = ["lying", "standing", "leaning"].map(String::from).to_vec();
    Dataset::new("stripes", pixels, labels, classes, (1, SIDE, SIDE)).unwrap()
}

fn data() -> DataSets {
    DataSets { name: "stripes".into(), train: stripes(90, 1), test: stripes(30, 2) }
}

fn net() -> Graph {
    let net = Builder::image("small", 1, 12, 12);
    let x = net.input().sequential("conv", |x| {
        x.conv2d(Conv2d::new(4, 3).padding(1)).batch_norm2d().relu().max_pool2d(MaxPool2d::new(2))
    });
    let x = x.sequential("linear", |x| x.flatten().dropout(0.1).linear(Linear::new(3)).softmax());
    net.build(x).unwrap()
}

fn recipe() -> Recipe {
    let over = RecipePatch {
        data: Some("stripes".into()),
        epochs: Some(3),
        batch: Some(16),
        lr: Some(0.02),
        seed: Some(5),
        ..RecipePatch::named("adam-one-cycle").unwrap()
    };
    Recipe::for_graph(&net()).with(&over)
}

fn trainer(net: &Graph) -> Trainer<'_> {
    Trainer::new(net, data()).recipe(recipe()).options(Options { threads: 1, ..Options::default() })
}

fn bytes(directory: &Path, name: &str) -> Vec<u8> {
    fs::read(directory.join(name)).unwrap()
}

/// What the metrics say, times left out.
fn results(directory: &Path) -> Vec<EpochRecord> {
    let mut records = RunDir::open(directory).unwrap().metrics().unwrap();
    for record in &mut records {
        (record.images_per_second, record.train_seconds, record.seconds) = (0.0, 0.0, 0.0);
    }
    records
}

/// Raises a flag after some steps, or while the test images are classified.
struct Stopper {
    flag: Arc<AtomicBool>,
    steps: usize,
    during_evaluation: bool,
}

impl Callback for Stopper {
    fn step(&mut self, _: &StepProgress, _: &mut Control<'_>) {
        self.steps = self.steps.saturating_sub(1);
        if self.steps == 0 && !self.during_evaluation {
            self.flag.store(true, Ordering::Relaxed);
        }
    }

    fn evaluated(&mut self, _: usize, _: usize) {
        if self.steps == 0 && self.during_evaluation {
            self.flag.store(true, Ordering::Relaxed);
        }
    }
}

fn stopping(trainer: Trainer<'_>, steps: usize, during_evaluation: bool) -> Trainer<'_> {
    let flag = Arc::<AtomicBool>::default();
    trainer.stop(flag.clone()).callback(Stopper { flag, steps, during_evaluation })
}

#[test]
fn a_run_learns_and_leaves_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = net();
    let report = trainer(&net).epochs(6).run(&directory).unwrap();
    assert!(!report.interrupted);
    assert_eq!(report.epochs.len(), 6);
    let best = report.best().unwrap();
    assert!(best.test_top1 >= 0.9, "{report:?}");
    assert!(report.epochs[5].train_loss < 0.5 * report.epochs[0].train_loss, "{report:?}");
    let mut files: Vec<_> =
        fs::read_dir(&directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    files.sort();
    assert_eq!(
        files,
        [
            "best.safetensors",
            "checkpoint.safetensors",
            "config.toml",
            "confusion.csv",
            "confusion.png",
            "confusion.svg",
            "curves.png",
            "curves.svg",
            "last.safetensors",
            "metrics.jsonl",
        ]
    );

    let run = RunDir::open(&directory).unwrap();
    let weights = WeightsFile::open(run.weights().unwrap()).unwrap();
    let card = weights.card().unwrap();
    assert_eq!((card.model.as_str(), card.input), ("small", [1, 12, 12]));
    assert_eq!(card.classes, ["lying", "standing", "leaning"]);
    let engine = crate::exec::Engine::compile(&net, &weights, 7, &Options::default()).unwrap();
    let again = evaluate(&engine, &data().test, &card.preprocess).unwrap();
    assert_eq!((again.images, again.top1), (30, best.test_top1));
}

#[test]
fn an_interrupted_run_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    let net = net();
    trainer(&net).run(&whole).unwrap();
    // An epoch has 6 steps: stops in its midst, at its last step, before and during an evaluation.
    for (name, stops) in [
        ("midst", vec![(8, false)]),
        ("ends", vec![(6, false), (6, false)]),
        ("tests", vec![(6, true), (3, false), (1, true)]),
    ] {
        let parts = folder.path().join(name);
        for (i, (steps, during_evaluation)) in stops.into_iter().enumerate() {
            let part = stopping(trainer(&net), steps, during_evaluation);
            let report = if i == 0 { part.run(&parts) } else { part.resume(&parts) }.unwrap();
            assert!(report.interrupted, "{name}, part {i}");
        }
        let report = trainer(&net).resume(&parts).unwrap();
        assert!(!report.interrupted);
        for file in
            [RunDir::LAST, RunDir::BEST, "config.toml", "confusion.csv", "confusion.svg", "confusion.png"]
        {
            assert!(bytes(&whole, file) == bytes(&parts, file), "{file} differs in {name}");
        }
        assert_eq!(results(&whole), results(&parts), "{name}");
        // A run that is done has nothing left to do.
        let again = trainer(&net).resume(&parts).unwrap();
        assert_eq!((again.epochs.len(), again.interrupted), (3, false));
    }
}

#[test]
fn a_run_without_checkpoint_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, lost) = (folder.path().join("whole"), folder.path().join("lost"));
    let net = net();
    trainer(&net).run(&whole).unwrap();
    stopping(trainer(&net), 2, false).run(&lost).unwrap();
    fs::remove_file(lost.join(RunDir::CHECKPOINT)).unwrap();
    trainer(&net).resume(&lost).unwrap();
    assert!(bytes(&whole, RunDir::LAST) == bytes(&lost, RunDir::LAST));
}

#[test]
fn bits_depend_on_the_seed_and_not_on_threads() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let run = |name: &str, threads: usize, seed: u64| {
        let directory = folder.path().join(name);
        trainer(&net)
            .epochs(1)
            .seed(seed)
            .options(Options { threads, ..Options::default() })
            .run(&directory)
            .unwrap();
        bytes(&directory, RunDir::LAST)
    };
    let one = run("one", 1, 5);
    assert!(one == run("two", 2, 5), "two threads differ from one");
    assert!(one != run("other", 1, 6), "another seed gives the same weights");
}

#[test]
fn other_settings_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = net();
    stopping(trainer(&net), 1, false).run(&directory).unwrap();
    let before = bytes(&directory, RunDir::CHECKPOINT);
    let error = trainer(&net).batch(8).seed(9).resume(&directory).unwrap_err().to_string();
    assert!(error.contains("`batch` was 16, asked for is 8"), "{error}");
    assert!(error.contains("`seed` was 5, asked for is 9"), "{error}");
    assert!(bytes(&directory, RunDir::CHECKPOINT) == before);
    let error = trainer(&net).run(&directory).unwrap_err();
    assert!(matches!(error, TrainError::Exists { .. }), "{error}");
}

#[test]
fn what_does_not_fit_leaves_no_directory() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = net();
    let mut more = data();
    more.train.classes.push("curly".into());
    let error = Trainer::new(&net, more).run(&directory).unwrap_err().to_string();
    assert!(error.contains("3 outputs") && error.contains("4 classes"), "{error}");
    let error = trainer(&net).batch(0).run(&directory).unwrap_err().to_string();
    assert!(error.contains("`batch` is 0"), "{error}");
    let error = trainer(&net).weights("nothing", Default::default()).run(&directory).unwrap_err();
    assert!(matches!(error, TrainError::Compile(_)), "{error}");
    assert!(!directory.exists());
}

#[test]
fn a_loss_that_is_no_number_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let sgd = Optimizer::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.0 };
    let net = net();
    let wild = trainer(&net).optimizer(sgd).schedule(Schedule::Constant { warmup: 0.0 }).lr(1e38);
    let error = wild.run(folder.path().join("run")).unwrap_err();
    assert!(matches!(error, TrainError::Diverged { .. }), "{error}");
    assert!(error.to_string().contains("lower the learning rate"));
}

/// Images of which one cannot be read.
#[derive(Debug)]
struct Torn(Dataset);

impl Samples for Torn {
    fn labels(&self) -> &[u32] {
        self.0.labels()
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        match index {
            20 => Err(DataError::Image { path: Some("torn.png".into()), problem: "it was cut short".into() }),
            _ => self.0.image(index),
        }
    }
}

#[test]
fn an_image_that_cannot_be_read_ends_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let torn = |set: Dataset| {
        let (classes, shape) = (set.classes.clone(), set.shape);
        Dataset::of("torn", Torn(set), classes, shape).unwrap()
    };
    let whole = data();
    // The training images are all read before the first step, for their mean and deviation.
    for data in [
        DataSets { train: torn(whole.train.clone()), ..whole.clone() },
        DataSets { test: torn(whole.test.clone()), ..whole },
    ] {
        let trainer = Trainer::new(&net, data).recipe(recipe());
        let error = trainer.run(folder.path().join("run")).unwrap_err();
        assert!(matches!(error, TrainError::Data(_)), "{error}");
        assert!(error.to_string().contains("`torn.png` is no image that can be used"), "{error}");
    }
}

#[test]
fn a_limit_ends_the_run_early() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let limited = Recipe { limit_steps: Some(8), ..recipe() };
    let report = trainer(&net).recipe(limited).run(folder.path().join("run")).unwrap();
    assert_eq!(report.epochs.iter().map(|e| e.steps).collect::<Vec<_>>(), [6, 8]);
}

#[test]
fn a_damaged_checkpoint_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = net();
    stopping(trainer(&net), 1, false).run(&directory).unwrap();
    let path = directory.join(RunDir::CHECKPOINT);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = trainer(&net).resume(&directory).unwrap_err().to_string();
    assert!(error.contains("checkpoint.safetensors"), "{error}");
}

/// Halves the rate from some step on, by the steps done alone, and keeps what it was told.
#[derive(Default)]
struct Halver {
    from: u64,
    seen: Vec<StepProgress>,
    weights: StateDict,
}

impl Callback for &mut Halver {
    fn start(&mut self, start: &RunStart, run: &mut Control<'_>) {
        let done = (start.epochs_done * start.steps_per_epoch + start.steps_done) as u64;
        run.rate = if done >= self.from { Rate::Times(0.5) } else { Rate::Schedule };
    }

    fn step(&mut self, step: &StepProgress, run: &mut Control<'_>) {
        self.seen.push(*step);
        if step.total_steps == self.from {
            run.rate = Rate::Times(0.5);
        }
    }

    fn epoch(&mut self, record: &EpochRecord, _: bool, run: &mut Control<'_>) {
        assert_eq!(record.lr, self.seen.last().unwrap().lr);
        self.weights = run.weights();
    }
}

#[test]
fn callbacks_see_the_run_and_change_its_rate() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let run = |name: &str, from: u64| {
        let directory = folder.path().join(name);
        let mut halver = Halver { from, ..Halver::default() };
        trainer(&net).callback(&mut halver).run(&directory).unwrap();
        (halver, bytes(&directory, RunDir::LAST))
    };
    let (plain, untouched) = run("plain", u64::MAX);
    let whole = folder.path().join("whole");
    trainer(&net).run(&whole).unwrap();
    assert!(untouched == bytes(&whole, RunDir::LAST), "a callback that changes nothing changes the bits");
    let (halver, halved) = run("halved", 8);
    assert!(halved != untouched);
    let last = WeightsFile::open(folder.path().join("halved").join(RunDir::LAST)).unwrap();
    assert_eq!(halver.weights, last.state_dict().unwrap());
    for (step, plain) in halver.seen.iter().zip(&plain.seen) {
        let factor = if step.total_steps > 8 { 0.5 } else { 1.0 };
        assert_eq!(step.lr, factor * plain.lr, "step {}", step.total_steps);
    }
    // Interrupted behind the change, to the same bits.
    let parts = folder.path().join("parts");
    let mut first = Halver { from: 8, ..Halver::default() };
    assert!(stopping(trainer(&net).callback(&mut first), 10, false).run(&parts).unwrap().interrupted);
    let mut second = Halver { from: 8, ..Halver::default() };
    trainer(&net).callback(&mut second).resume(&parts).unwrap();
    assert_eq!(first.seen.len() + second.seen.len(), halver.seen.len());
    assert!(halved == bytes(&parts, RunDir::LAST));
}

/// Stops after an epoch.
struct OneEpoch;

impl Callback for OneEpoch {
    fn epoch(&mut self, _: &EpochRecord, _: bool, run: &mut Control<'_>) {
        run.stop = true;
    }
}

/// Sets a rate.
struct Fixed(f64);

impl Callback for Fixed {
    fn start(&mut self, _: &RunStart, run: &mut Control<'_>) {
        run.rate = Rate::Fixed(self.0);
    }
}

#[test]
fn callbacks_end_a_run_and_set_its_rate() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = net();
    let report = trainer(&net).callback(OneEpoch).callback(Fixed(0.01)).run(&directory).unwrap();
    assert!(report.interrupted);
    assert_eq!(report.epochs.iter().map(|e| (e.steps, e.lr)).collect::<Vec<_>>(), [(6, 0.01)]);
    assert!(directory.join("curves.svg").exists());
    assert_eq!(trainer(&net).resume(&directory).unwrap().epochs.len(), 3);
    let error = trainer(&net).callback(Fixed(f64::NAN)).run(folder.path().join("wild")).unwrap_err();
    assert!(error.to_string().contains("`rate` is NaN"), "{error}");
}
