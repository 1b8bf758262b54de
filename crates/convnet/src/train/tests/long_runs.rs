//! Averages, accumulation, limits of gradients, early ends, kept checkpoints: alone and interrupted.

use super::*;
use crate::train::{Checkpoints, Regularize, Split};

fn with(change: impl FnOnce(&mut Recipe)) -> Recipe {
    let mut recipe = recipe();
    change(&mut recipe);
    recipe
}

fn averaged() -> Recipe {
    with(|recipe| {
        recipe.batch = 8;
        recipe.regularize =
            Regularize { accumulate: 2, clip_norm: Some(0.5), ema: Some(0.9), ..Regularize::default() };
    })
}

/// Without a normalization, whose statistics move at any rate.
fn plain() -> Graph {
    let net = Builder::image("plain", 1, 12, 12);
    net.build(net.input().flatten().linear(Linear::new(3))).unwrap()
}

fn run(net: &Graph, recipe: Recipe, directory: &Path) -> TrainReport {
    trainer(net).recipe(recipe).run(directory).unwrap()
}

#[test]
fn every_setting_changes_the_weights() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let mut seen: Vec<(&str, Vec<u8>)> = Vec::new();
    type Change = fn(&mut Recipe);
    let settings: [(&str, Change); 7] = [
        ("none", |_| {}),
        ("accumulate", |recipe| recipe.regularize.accumulate = 2),
        ("clip_norm", |recipe| recipe.regularize.clip_norm = Some(0.1)),
        ("clip_value", |recipe| recipe.regularize.clip_value = Some(0.001)),
        ("ema", |recipe| recipe.regularize.ema = Some(0.9)),
        ("validation", |recipe| recipe.split = Split { validation: 0.3, ..Split::default() }),
        ("no validation", |recipe| recipe.split = Split { validation: 0.0, ..Split::default() }),
    ];
    for (name, change) in settings {
        let directory = folder.path().join(name);
        run(&net, with(change), &directory);
        let last = bytes(&directory, RunDir::LAST);
        assert!(seen.iter().all(|(_, other)| *other != last), "{name} does nothing: {:?}", seen.len());
        seen.push((name, last));
    }
}

#[test]
fn gradients_of_two_halves_are_those_of_the_whole_without_statistics_of_a_batch() {
    let net = plain();
    let folder = tempfile::tempdir().unwrap();
    let losses = |name: &str, batch: usize, accumulate: usize| {
        let recipe = with(|recipe| {
            // A multiple of both, so that no half is smaller.
            recipe.split.validation = 0.0;
            recipe.batch = batch;
            recipe.limit_steps = Some(5);
            recipe.regularize.accumulate = accumulate;
        });
        run(&net, recipe, &folder.path().join(name)).epochs.iter().map(|e| e.train_loss).sum::<f64>()
    };
    let (whole, halves) = (losses("whole", 16, 1), losses("halves", 8, 2));
    assert!((whole - halves).abs() < 1e-5 * whole.abs(), "{whole} {halves}");
}

#[test]
fn an_averaged_run_that_is_interrupted_ends_with_the_same_bits() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let net = net();
    run(&net, averaged(), &whole);
    let part = || trainer(&net).recipe(averaged());
    assert!(stopping(part(), 3, false).run(&parts).unwrap().interrupted);
    assert!(stopping(part(), 4, false).resume(&parts).unwrap().interrupted);
    assert!(stopping(part(), 1, true).resume(&parts).unwrap().interrupted);
    part().options(Options { threads: 2, ..Options::default() }).resume(&parts).unwrap();
    for file in [RunDir::LAST, RunDir::BEST, RunDir::RESULT, "config.toml", "confusion.csv"] {
        assert!(bytes(&whole, file) == bytes(&parts, file), "{file} differs");
    }
    assert_eq!(results(&whole), results(&parts));
    // The average is what is validated and kept, and not the weights of the last step.
    let file = convnet_formats::safetensors::read(&whole.join(RunDir::CHECKPOINT)).unwrap();
    let tensor = |name: &str| file.tensors.iter().find(|(n, _)| n.as_str() == name).map(|(_, t)| t.clone());
    let [weights, average] = ["weights/linear.2.weight", "average/linear.2.weight"].map(tensor);
    assert!(weights.is_some() && average.is_some() && weights != average);
}

#[test]
fn a_run_that_gets_no_better_ends_early_also_if_it_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let net = plain();
    // A rate at which nothing is learned: no epoch is better than the first.
    let still = || {
        with(|recipe| {
            recipe.epochs = 9;
            recipe.lr = 1e-30;
            recipe.regularize.early_stopping = Some(2);
        })
    };
    let report = run(&net, still(), &whole);
    assert_eq!((report.best().unwrap().epoch, report.epochs.len()), (1, 3), "{report:?}");
    assert!(report.outcome.as_ref().unwrap().stopped_early);
    stopping(trainer(&net).recipe(still()), 8, false).run(&parts).unwrap();
    let again = trainer(&net).recipe(still()).resume(&parts).unwrap();
    assert_eq!(again.outcome, report.outcome);
}

#[test]
fn without_validation_images_the_last_epoch_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = net();
    let report = run(&net, with(|recipe| recipe.split.validation = 0.0), &directory);
    assert_eq!(report.best().unwrap().epoch, 3);
    assert!(report.epochs.iter().all(|epoch| epoch.val_top1.is_none()));
    assert_eq!(report.epochs[0].steps, 6);
    let outcome = report.outcome.unwrap();
    assert_eq!((outcome.epoch, outcome.images, outcome.measured_on), (3, 30, Measured::Test));
    assert!(bytes(&directory, RunDir::LAST) == bytes(&directory, RunDir::BEST));
}

#[test]
fn what_nobody_chose_by_is_measured_or_it_is_said_that_there_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let measured = |name: &str, sets: DataSets, validation: f64| {
        let recipe = with(|recipe| recipe.split.validation = validation);
        let trainer = Trainer::new(&net, sets).recipe(recipe);
        let outcome = trainer.run(folder.path().join(name)).unwrap().outcome.unwrap();
        (outcome.measured_on, outcome.images)
    };
    let untested = || DataSets { test: None, ..data() };
    assert_eq!(
        measured("own", DataSets { validation: data().test, ..untested() }, 0.1),
        (Measured::Validation, 30)
    );
    assert_eq!(measured("cut", untested(), 0.1), (Measured::Validation, 9));
    assert_eq!(measured("none", untested(), 0.0), (Measured::Training, 90));
    let all = DataSets { validation: Some(stripes(12, 9)), ..data() };
    assert_eq!(measured("all", all, 0.5), (Measured::Test, 30));
}

#[test]
fn a_run_goes_on_longer_on_purpose_and_back_to_what_it_kept() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let kept = |epochs: usize| {
        with(|recipe| {
            recipe.epochs = epochs;
            recipe.schedule = Schedule::Constant { warmup: 0.0 };
            recipe.checkpoints = Checkpoints { keep: 3, every_steps: Some(4), ..Checkpoints::default() };
        })
    };
    let (long, short) = (folder.path().join("long"), folder.path().join("short"));
    run(&net, kept(4), &long);
    run(&net, kept(2), &short);
    // A schedule that does not depend on the length: the longer run is the same to the byte.
    let report = trainer(&net).recipe(kept(4)).resume(&short).unwrap();
    assert_eq!(report.outcome.unwrap().epochs, 4);
    for file in [RunDir::LAST, RunDir::BEST, RunDir::RESULT, "config.toml"] {
        assert!(bytes(&long, file) == bytes(&short, file), "{file} differs");
    }
    let names = |directory: &Path| {
        let kept = RunDir::open(directory).unwrap().kept_checkpoints();
        kept.iter().map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&long), ["step-18.safetensors", "step-20.safetensors", "step-24.safetensors"]);
    // Other data are refused before anything is taken back.
    let checkpoint = long.join(RunDir::CHECKPOINTS).join("step-18.safetensors");
    let before = [RunDir::CHECKPOINT, RunDir::METRICS, RunDir::RESULT].map(|name| bytes(&long, name));
    let other = Trainer::new(&net, DataSets::new("stripes", stripes(90, 8), stripes(30, 2))).recipe(kept(4));
    let error = other.resume_from(&long, checkpoint).unwrap_err();
    assert!(matches!(error, TrainError::OtherData { .. }), "{error}");
    assert_eq!([RunDir::CHECKPOINT, RunDir::METRICS, RunDir::RESULT].map(|name| bytes(&long, name)), before);
    // Back to the third epoch's end, or into the fourth, and on again to the same end.
    for back in ["step-18.safetensors", "step-20.safetensors"] {
        let directory = folder.path().join(back);
        fs::create_dir(&directory).unwrap();
        for entry in fs::read_dir(&long).unwrap().map(Result::unwrap).filter(|entry| entry.path().is_file()) {
            fs::copy(entry.path(), directory.join(entry.file_name())).unwrap();
        }
        copy(&long.join(RunDir::CHECKPOINTS), &directory.join(RunDir::CHECKPOINTS));
        let checkpoint = directory.join(RunDir::CHECKPOINTS).join(back);
        trainer(&net).recipe(kept(4)).resume_from(&directory, checkpoint).unwrap();
        for file in [RunDir::LAST, RunDir::BEST, RunDir::RESULT] {
            assert!(bytes(&long, file) == bytes(&directory, file), "{file} differs from {back}");
        }
        assert_eq!(results(&long), results(&directory), "{back}");
    }
    let error = trainer(&net).recipe(kept(1)).resume(&long).unwrap_err().to_string();
    assert!(error.contains("`epochs` is 6 steps, 24 are done"), "{error}");
}

#[test]
fn a_loss_that_is_no_number_is_traced_to_its_layer_and_the_weights_stay() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let wild = |name: &str, value: f32| {
        let mut weights = crate::state::initialize(&net, 1);
        weights.get_mut("linear.2.weight").unwrap().data.fill(value);
        trainer(&net).weights("a file", weights).run(folder.path().join(name)).unwrap_err().to_string()
    };
    let told = wild("large", 1e38);
    assert!(told.contains("at step 1: `linear.2` (Linear) is the first layer"), "{told}");
    assert!(told.contains("the largest weight is 1.000e38, in `linear.2.weight`"), "{told}");
    let told = wild("none", f32::NAN);
    assert!(told.contains("`linear.2.weight` holds a number that is not finite"), "{told}");
}
