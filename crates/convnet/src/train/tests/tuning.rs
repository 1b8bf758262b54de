//! Cross-validation, the learning-rate range test, and images that grow.

use super::*;
use crate::train::{LrFind, Progressive, Regularize, Split, lr_find};

fn fold(fold: usize, folds: usize) -> Recipe {
    let split = Split { folds: Some(folds), fold: Some(fold), ..Split::default() };
    Recipe { split, ..recipe() }
}

#[test]
fn each_fold_is_validated_on_and_the_rest_learned_from() {
    let whole = data();
    let mut seen = 0;
    for number in 1..=4 {
        let cut = divide(whole.clone(), &fold(number, 4)).unwrap();
        let validation = cut.validation.unwrap();
        assert_eq!(cut.train.len() + validation.len(), 90);
        assert!((22..=23).contains(&validation.len()), "{}", validation.len());
        assert_eq!(cut.test.map(|test| test.len()), Some(30));
        seen += validation.len();
    }
    assert_eq!(seen, 90);

    let error = divide(DataSets { validation: Some(stripes(9, 3)), ..whole.clone() }, &fold(1, 4));
    let told = error.unwrap_err().to_string();
    assert!(told.contains("`split.folds` is 4") && told.contains("9 validation images of its own"), "{told}");
    for (split, told) in [
        (Split { folds: Some(4), ..Split::default() }, "`split.fold` is not set"),
        (Split { fold: Some(1), ..Split::default() }, "`split.fold` is 1"),
        (Split { folds: Some(4), fold: Some(5), ..Split::default() }, "`split.fold` is 5"),
        (Split { folds: Some(1), fold: Some(1), ..Split::default() }, "`split.folds` is 1"),
    ] {
        let error = Recipe { split, ..recipe() }.check().unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn a_run_of_a_fold_goes_on_by_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    let net = net();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let report = trainer(&net).recipe(fold(2, 3)).run(&whole).unwrap();
    assert_eq!(report.outcome.unwrap().images, 30);
    let stop = Arc::new(AtomicBool::new(true));
    assert!(trainer(&net).recipe(fold(2, 3)).stop(stop).run(&parts).unwrap().interrupted);
    trainer(&net).recipe(fold(2, 3)).resume(&parts).unwrap();
    assert!(bytes(&whole, RunDir::LAST) == bytes(&parts, RunDir::LAST));
    let other = trainer(&net).recipe(fold(1, 3)).resume(&parts).unwrap_err().to_string();
    assert!(other.contains("split.fold"), "{other}");
}

#[test]
fn a_range_test_finds_rates_that_learn() {
    let net = net();
    let mut seen = 0;
    let mut test = |rates| {
        seen = 0;
        let range = lr_find(trainer(&net), rates, &mut |_| seen += 1).unwrap();
        assert_eq!(range.points.len(), seen);
        range
    };
    let range = test(LrFind::default());
    assert_eq!(range, test(LrFind::default()));
    let first = range.points[0];
    assert!((first.smoothed - first.loss).abs() < 1e-12 && (first.lr - 1e-7).abs() < 1e-20);
    // A mean of the two, the later one weighing a little more: 0.98 × 0.02 to 0.02.
    let [a, b] = [range.points[0].loss, range.points[1].loss];
    assert!((range.points[1].smoothed - (0.98 * a + b) / 1.98).abs() < 1e-9);
    let steepest = range.steepest().unwrap();
    assert!((1e-5..10.0).contains(&steepest), "{steepest}");
    // Rates at which it explodes end it.
    let wild = test(LrFind { from: 1e-3, to: 1e12, steps: 200 });
    assert!(wild.exploded && wild.points.len() < 200, "{} steps", wild.points.len());
    let stop = Arc::new(AtomicBool::new(true));
    let stopped = lr_find(trainer(&net).stop(stop), LrFind::default(), &mut |_| ()).unwrap();
    assert!(stopped.points.is_empty() && stopped.steepest().is_none());
}

/// A network with the same parameters for images of any size.
fn pooled() -> Graph {
    let net = Builder::image("pooled", 1, 12, 12);
    let x = net.input().sequential("conv", |x| {
        x.conv2d(Conv2d::new(6, 3).padding(1)).batch_norm2d().relu().dropout(0.1).adaptive_avg_pool2d(1, 1)
    });
    net.build(x.flatten().linear(Linear::new(3))).unwrap()
}

fn growing(from: f64) -> Recipe {
    let regularize = Regularize { ema: Some(0.9), accumulate: 2, ..Regularize::default() };
    Recipe { progressive: Progressive { from, until: 0.5, steps: 1 }, epochs: 4, regularize, ..recipe() }
}

#[test]
fn images_grow_and_an_interruption_changes_no_bit() {
    let folder = tempfile::tempdir().unwrap();
    let net = pooled();
    let place = |name: &str| folder.path().join(name);
    let full = trainer(&net).recipe(growing(1.0)).run(place("full")).unwrap();
    let whole = trainer(&net).recipe(growing(0.5)).run(place("whole")).unwrap();
    assert!(bytes(&place("full"), RunDir::LAST) != bytes(&place("whole"), RunDir::LAST));
    assert!(full.epochs.iter().zip(&whole.epochs).all(|(full, whole)| full.steps == whole.steps));
    // In the first epoch, in the second, in the third, whose images have the full size.
    for steps in [1, 4, 7] {
        let parts = place(&format!("parts-{steps}"));
        let stopped = stopping(trainer(&net).recipe(growing(0.5)), steps, false).run(&parts).unwrap();
        assert!(stopped.interrupted, "{steps}");
        trainer(&net).recipe(growing(0.5)).resume(&parts).unwrap();
        for name in [RunDir::LAST, RunDir::BEST] {
            assert!(bytes(&place("whole"), name) == bytes(&parts, name), "{name} after {steps} steps");
        }
        assert_eq!(results(&parts), results(&place("whole")));
    }
    // What is validated is the network for the full size.
    let weights = WeightsFile::open(place("whole").join(RunDir::BEST)).unwrap();
    let engine =
        crate::exec::Engine::compile(&net, &weights, 16, &Options { threads: 1, ..Options::default() });
    let config = RunDir::open(&place("whole")).unwrap().config().clone();
    let validation = divide(data(), &config.recipe).unwrap().validation.unwrap();
    let measured = evaluate(&engine.unwrap(), &validation, &config.preprocess.unwrap()).unwrap();
    assert_eq!(whole.best().and_then(|best| best.val_loss), Some(measured.loss));
}

#[test]
fn networks_that_have_one_size_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let error = trainer(&net()).recipe(growing(0.5)).run(folder.path().join("run")).unwrap_err().to_string();
    for part in ["`progressive.from` is 0.5", "8x8 pixels", "`linear.2.weight`", "global or adaptive pooling"]
    {
        assert!(error.contains(part), "{part} is missing in {error}");
    }
    let error = Recipe { progressive: Progressive { from: 0.0, ..Progressive::default() }, ..recipe() };
    assert!(error.check().unwrap_err().to_string().contains("`progressive.from` is 0"));
}
