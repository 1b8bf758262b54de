//! Whole runs of a small network on drawn images.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

mod long_runs;
mod tuning;

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

pub(super) fn data() -> DataSets {
    DataSets::new("stripes", stripes(90, 1), stripes(30, 2))
}

pub(super) fn net() -> Graph {
    let net = Builder::image("small", 1, 12, 12);
    let x = net.input().sequential("conv", |x| {
        x.conv2d(Conv2d::new(4, 3).padding(1)).batch_norm2d().relu().max_pool2d(MaxPool2d::new(2))
    });
    let x = x.sequential("linear", |x| x.flatten().dropout(0.1).linear(Linear::new(3)).softmax());
    net.build(x).unwrap()
}

pub(super) fn recipe() -> Recipe {
    let named = Recipe::for_graph(&net()).with(&RecipePatch::named("adam-one-cycle").unwrap()).unwrap();
    Recipe { data: "stripes".into(), epochs: 3, batch: 16, lr: 0.02, seed: 5, ..named }
}

pub(super) fn trainer(net: &Graph) -> Trainer<'_> {
    Trainer::new(net, data()).recipe(recipe()).options(Options { threads: 1, ..Options::default() })
}

pub(super) fn bytes(directory: &Path, name: &str) -> Vec<u8> {
    fs::read(directory.join(name)).unwrap()
}

/// What the metrics say, times left out.
pub(super) fn results(directory: &Path) -> Vec<EpochRecord> {
    let mut records = RunDir::open(directory).unwrap().metrics().unwrap();
    for record in &mut records {
        (record.images_per_second, record.wait_seconds) = (0.0, 0.0);
        (record.train_seconds, record.seconds) = (0.0, 0.0);
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

pub(super) fn stopping(trainer: Trainer<'_>, steps: usize, during_evaluation: bool) -> Trainer<'_> {
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
    assert!(best.val_top1 >= Some(0.9), "{report:?}");
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
            "data.jsonl",
            "filters.safetensors",
            "graph.toml",
            "last.safetensors",
            "metrics.csv",
            "metrics.jsonl",
            "result.json",
        ]
    );

    let run = RunDir::open(&directory).unwrap();
    let weights = WeightsFile::open(run.weights().unwrap()).unwrap();
    let card = weights.card().unwrap();
    assert_eq!((card.model.as_str(), card.input), ("small", [1, 12, 12]));
    assert_eq!(card.classes, ["lying", "standing", "leaning"]);
    let engine = crate::exec::Engine::compile(&net, &weights, 7, &Options::default()).unwrap();
    let again = evaluate(&engine, &data().test.unwrap(), &card.preprocess).unwrap();
    let outcome = report.outcome.clone().unwrap();
    assert_eq!((outcome.epoch, outcome.measured_on), (best.epoch, Measured::Test));
    assert_eq!((again.images, again.top1), (30, outcome.top1));
    assert_eq!(run.outcome().unwrap().unwrap(), outcome);
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
fn a_run_of_changed_and_mixed_images_ends_with_the_same_bits_by_any_number_of_threads() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let augment =
        "preset = \"strong\"\nvertical_flip = true\nmixup = 0.4\ncutmix = 1.0\nmix_probability = 0.8";
    let run = |threads: usize| {
        let augment = toml::from_str(augment).unwrap();
        trainer(&net).augment(augment).options(Options { threads, ..Options::default() })
    };
    let [whole, cut, other] = ["whole", "cut", "other"].map(|name| folder.path().join(name));
    let report = run(1).run(&whole).unwrap();
    // The larger share counts as the class of a mixed image.
    assert!(report.epochs.iter().all(|epoch| epoch.train_loss.is_finite() && epoch.train_top1 <= 1.0));
    // 6 steps an epoch: in the middle of the second, on other threads.
    assert!(stopping(run(1), 9, false).run(&cut).unwrap().interrupted);
    run(2).resume(&cut).unwrap();
    run(2).run(&other).unwrap();
    for name in ["last.safetensors", "best.safetensors"] {
        assert!(
            bytes(&whole, name) == bytes(&cut, name) && bytes(&whole, name) == bytes(&other, name),
            "{name}"
        );
    }
    assert_eq!(results(&whole), results(&cut));
    let plain = folder.path().join("plain");
    trainer(&net).run(&plain).unwrap();
    assert!(bytes(&plain, "last.safetensors") != bytes(&whole, "last.safetensors"));
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

/// A copy of a directory.
fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Puts one file of a run in another's place.
fn put(from: &Path, to: &Path, name: &str) {
    fs::copy(from.join(name), to.join(name)).unwrap();
}

/// Keeps a copy of the run before and after each of its epochs' ends.
struct Photographer<'a> {
    run: &'a Path,
    album: &'a Path,
    taken: usize,
}

impl Photographer<'_> {
    fn take(&mut self) {
        copy(self.run, &self.album.join(self.taken.to_string()));
        self.taken += 1;
    }
}

impl Callback for &mut Photographer<'_> {
    fn evaluated(&mut self, images: usize, of: usize) {
        if images == of {
            self.take();
        }
    }

    fn epoch(&mut self, _: &EpochRecord, _: bool, _: &mut Control<'_>) {
        self.take();
    }
}

/// Between the end of the second epoch and the photograph after it the files are written one by one: each state that
/// lies between goes on to the same bytes.
#[test]
fn every_state_that_a_crash_can_leave_goes_on_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, album) = (folder.path().join("whole"), folder.path().join("album"));
    fs::create_dir(&album).unwrap();
    let net = net();
    let mut photographer = Photographer { run: &whole, album: &album, taken: 0 };
    trainer(&net).callback(&mut photographer).run(&whole).unwrap();
    // The test images are measured at the very end.
    assert_eq!(photographer.taken, 7);
    // What was written last, first to last; the fourth photograph is of the end of the second epoch.
    let order = ["last.safetensors", "best.safetensors", "metrics.jsonl", "metrics.csv"];
    let order = [&order[..], &["checkpoint.safetensors", "curves.svg", "curves.png"]].concat();
    for written in 0..=order.len() {
        let parts = folder.path().join(format!("parts-{written}"));
        copy(&album.join("2"), &parts);
        for name in &order[..written] {
            put(&album.join("3"), &parts, name);
        }
        fs::write(parts.join(".convnet-aB3dEf"), "half of a file").unwrap();
        trainer(&net).resume(&parts).unwrap();
        for file in [RunDir::LAST, RunDir::BEST, RunDir::RESULT, "config.toml", "confusion.svg", "curves.png"]
        {
            assert!(bytes(&whole, file) == bytes(&parts, file), "{file} differs after {written} files");
        }
        assert_eq!(results(&whole), results(&parts), "after {written} files");
        assert_eq!(fs::read_dir(&parts).unwrap().count(), fs::read_dir(&whole).unwrap().count());
    }
}

#[test]
fn other_states_are_refused_and_the_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, album) = (folder.path().join("whole"), folder.path().join("album"));
    fs::create_dir(&album).unwrap();
    let net = net();
    let mut photographer = Photographer { run: &whole, album: &album, taken: 0 };
    trainer(&net).callback(&mut photographer).run(&whole).unwrap();
    let mut count = 0;
    let mut told = |change: &dyn Fn(&Path)| {
        count += 1;
        let parts = folder.path().join(format!("parts-{count}"));
        copy(&album.join("3"), &parts);
        change(&parts);
        trainer(&net).resume(&parts).map_or_else(|error| error.to_string(), |_| "nothing".to_owned())
    };
    for (name, why) in [
        ("metrics.jsonl", "missing, and by the checkpoint 2 epochs are done"),
        ("best.safetensors", "missing"),
        ("last.safetensors", "missing"),
        ("checkpoint.safetensors", "missing, and metrics.jsonl tells of 2 epochs"),
        ("config.toml", "missing"),
    ] {
        let lost = told(&|run| fs::remove_file(run.join(name)).unwrap());
        assert!(lost.contains(name) && lost.contains(why), "{name}: {lost}");
        let cut = told(&|run| {
            let whole = bytes(run, name);
            fs::write(run.join(name), &whole[..whole.len() * 2 / 3]).unwrap();
        });
        assert!(cut.contains(name), "{name}: {cut}");
    }
    // Files of another moment of the same run, each whole.
    let older = told(&|run| put(&album.join("0"), run, "config.toml"));
    assert_eq!(older, "nothing");
    let older = told(&|run| put(&album.join("1"), run, "metrics.jsonl"));
    assert!(older.contains("metrics.jsonl`: lines of 1 epoch"), "{older}");
    let older = told(&|run| {
        put(&whole, run, "checkpoint.safetensors");
    });
    assert!(older.contains("lines of 2 epochs, the checkpoint has done 3"), "{older}");
    // A sealed run's files have checksums.
    let unsealed = told(&|run| {
        let path = run.join("best.safetensors");
        let file = convnet_formats::safetensors::read(&path).unwrap();
        let metadata = file.metadata.into_iter().filter(|(key, _)| key != "convnet.checksum").collect();
        convnet_formats::safetensors::write(&path, &convnet_formats::safetensors::File { metadata, ..file })
            .unwrap();
    });
    assert!(unsealed.contains("best.safetensors") && unsealed.contains("no checksum"), "{unsealed}");
}

/// Keeps what was told of a run that goes on.
#[derive(Default)]
struct Notes(Vec<String>);

impl Callback for &mut Notes {
    fn start(&mut self, start: &RunStart, _: &mut Control<'_>) {
        self.0.clone_from(&start.notes);
    }
}

#[test]
fn a_run_without_checksums_is_accepted_and_it_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, old) = (folder.path().join("whole"), folder.path().join("old"));
    let net = net();
    trainer(&net).run(&whole).unwrap();
    stopping(trainer(&net), 8, false).run(&old).unwrap();
    let config = String::from_utf8(bytes(&old, "config.toml")).unwrap();
    let lines: Vec<&str> = config.lines().filter(|line| !line.starts_with('#')).collect();
    fs::write(old.join("config.toml"), lines.join("\n")).unwrap();
    for name in ["best.safetensors", "last.safetensors", "checkpoint.safetensors"] {
        let file = convnet_formats::safetensors::read(&old.join(name)).unwrap();
        let known = |key: &str| !["convnet.checksum", "metrics", "convnet"].contains(&key);
        let metadata = file.metadata.into_iter().filter(|(key, _)| known(key)).collect();
        let file = convnet_formats::safetensors::File { metadata, ..file };
        convnet_formats::safetensors::write(&old.join(name), &file).unwrap();
    }
    let mut notes = Notes::default();
    trainer(&net).callback(&mut notes).resume(&old).unwrap();
    assert!(notes.0.len() == 1 && notes.0[0].contains("no checksum"), "{:?}", notes.0);
    assert!(bytes(&whole, RunDir::LAST) == bytes(&old, RunDir::LAST));
}

#[test]
fn one_process_at_a_time_trains_in_a_directory() {
    struct Second<'a>(&'a Path, &'a Graph, String);
    impl Callback for &mut Second<'_> {
        fn start(&mut self, _: &RunStart, _: &mut Control<'_>) {
            self.2 = trainer(self.1).epochs(1).resume(self.0).unwrap_err().to_string();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = net();
    let mut second = Second(&directory, &net, String::new());
    trainer(&net).epochs(1).callback(&mut second).run(&directory).unwrap();
    assert!(second.2.contains("another process trains in"), "{}", second.2);
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
    let sgd = Optimizer::sgd();
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
        DataSets { test: whole.test.clone().map(torn), ..whole },
    ] {
        let trainer = Trainer::new(&net, data).recipe(recipe());
        let error = trainer.run(folder.path().join("run")).unwrap_err();
        assert!(matches!(error, TrainError::Data(_)), "{error}");
        assert!(error.to_string().contains("`torn.png` is no image that can be used"), "{error}");
    }
}

#[test]
fn data_that_changed_are_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = net();
    let whole = stopping(trainer(&net), 7, false);
    whole.run(&directory).unwrap();
    let other = DataSets::new("stripes", stripes(90, 1), stripes(30, 3));
    let resume = |data: DataSets| {
        let options = Options { threads: 1, ..Options::default() };
        Trainer::new(&net, data).recipe(recipe()).options(options).resume(&directory)
    };
    let error = resume(other).unwrap_err().to_string();
    assert!(error.contains("have changed") && error.contains("the test images or labels"), "{error}");
    let path = directory.join(RunDir::DATA);
    let kept = fs::read_to_string(&path).unwrap();
    fs::write(&path, kept.replace("train", "test")).unwrap();
    assert!(matches!(resume(data()).unwrap_err(), TrainError::Damaged { .. }));
    fs::remove_file(&path).unwrap();
    let error = resume(data()).unwrap_err().to_string();
    assert!(error.contains("data.jsonl` is missing"), "{error}");
    fs::write(&path, kept).unwrap();
    resume(data()).unwrap();
}

#[test]
fn one_class_is_no_task() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let alone = |set: &Dataset| {
        let pixels = set.image(0).unwrap().pixels().to_vec();
        Dataset::new("alone", pixels, vec![0], vec!["lying".into()], set.shape).unwrap()
    };
    let data = DataSets::new("alone", alone(&data().train), alone(&data().train));
    let error = Trainer::new(&net, data).recipe(recipe()).run(folder.path().join("run")).unwrap_err();
    assert!(error.to_string().contains("there is one class, `lying`"), "{error}");
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

#[test]
fn a_run_that_started_from_weights_goes_on_without_them() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let weights = crate::state::initialize(&net, 77);
    let preprocess =
        crate::data::PreprocessSpec::parse("mean=0.25,std=0.5").unwrap().for_input([1, 12, 12]).unwrap();
    let from = |weights: StateDict| trainer(&net).weights("a.pth", weights).preprocess(preprocess.clone());
    let (whole, cut) = (folder.path().join("whole"), folder.path().join("cut"));
    from(weights.clone()).run(&whole).unwrap();
    assert!(stopping(from(weights.clone()), 1, false).run(&cut).unwrap().interrupted);
    // As if it had been killed before its first step was saved.
    fs::remove_dir_all(&cut).unwrap();
    let stopped = from(weights).callback(Stop).run(&cut).unwrap();
    assert!(stopped.interrupted && stopped.epochs.is_empty());
    // Neither the weights nor the preprocessing are given again: the run has them.
    let mut resumed = trainer(&net);
    resumed = resumed.weights("a.pth", crate::state::initialize(&net, 1));
    resumed.resume(&cut).unwrap();
    assert_eq!(bytes(&whole, RunDir::LAST), bytes(&cut, RunDir::LAST));
    assert_eq!(WeightsFile::open(cut.join(RunDir::LAST)).unwrap().card().unwrap().preprocess, preprocess);
}

/// Stops a run before its first step.
struct Stop;

impl Callback for Stop {
    fn start(&mut self, _: &RunStart, run: &mut Control<'_>) {
        run.stop = true;
    }
}

#[test]
fn another_network_of_the_same_name_does_not_go_on_with_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let first = net();
    trainer(&first).callback(Stop).run(&directory).unwrap();
    let other = {
        let net = Builder::image("small", 1, 12, 12);
        net.build(net.input().flatten().linear(Linear::new(3))).unwrap()
    };
    let error = trainer(&other).resume(&directory).unwrap_err().to_string();
    assert!(error.contains("the layers of the network are others"), "{error}");
}
