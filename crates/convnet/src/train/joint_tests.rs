//! Runs of several ranks, which are threads here, beside those of one process.

use std::path::Path;
use std::sync::Arc;

use super::tests::{bytes, data, net, recipe, results, stopping, trainer};
use super::*;
use crate::graph::{Assembly, Builder, Graph, NodeId, ScopeId, SharedWeight};
use crate::io::WeightsFile;
use crate::ops::{Conv2d, Linear, Op};
use crate::ranks::{Ranks, RanksError, local, local_on};
use crate::state::StateDict;

/// Trains on so many ranks: what the first one reports, and what went wrong on each.
fn together<'a>(
    ranks: Vec<Arc<dyn Ranks>>,
    trainer: impl Fn(usize) -> Trainer<'a> + Sync,
    first: impl FnOnce(Trainer<'a>) -> Result<TrainReport, TrainError> + Send,
) -> (Result<TrainReport, TrainError>, Vec<Result<(), TrainError>>) {
    std::thread::scope(|scope| {
        let trainer = &trainer;
        let mut ranks = ranks.into_iter();
        let leader = ranks.next().unwrap();
        let follow = |ranks: Arc<dyn Ranks>| {
            let rank = ranks.rank();
            scope.spawn(move || trainer(rank).ranks(ranks).follow())
        };
        let others: Vec<_> = ranks.map(follow).collect();
        let report = first(trainer(0).ranks(leader));
        (report, others.into_iter().map(|other| other.join().unwrap()).collect())
    })
}

/// The same, where nothing goes wrong, of ranks that read each other's gradients where they lie.
pub(super) fn run<'a>(
    size: usize,
    directory: &Path,
    trainer: impl Fn(usize) -> Trainer<'a> + Sync,
) -> TrainReport {
    let (report, others) = together(local_on(&vec!["host"; size]), trainer, |trainer| trainer.run(directory));
    others.into_iter().for_each(|other| other.unwrap());
    report.unwrap()
}

/// A run that goes on, of ranks that send their gradients.
fn resumed<'a>(size: usize, directory: &Path, trainer: impl Fn(usize) -> Trainer<'a> + Sync) -> TrainReport {
    let (report, others) = together(local(size), trainer, |trainer| trainer.resume(directory));
    others.into_iter().for_each(|other| other.unwrap());
    report.unwrap()
}

/// By steps that multiply no rounding, as those of Adam do.
fn plain(more: &str) -> Recipe {
    let text =
        format!("[optimizer]\nkind = \"sgd\"\nmomentum = 0.9\n[network]\nsync_batch_norm = true\n{more}");
    let table: toml::Table = toml::from_str(&text).unwrap();
    let mut patch = RecipePatch::default();
    for (key, value) in table {
        patch.set(&key, value).unwrap();
    }
    let recipe = Recipe { lr: 0.01, ..recipe().with(&patch).unwrap() };
    recipe.check().unwrap();
    recipe
}

pub(super) fn weights(directory: &Path) -> StateDict {
    WeightsFile::open(directory.join("last.safetensors")).unwrap().state_dict().unwrap()
}

/// The largest difference of a tensor, as a part of its largest number.
pub(super) fn distance(a: &StateDict, b: &StateDict) -> f32 {
    assert_eq!(a.keys().collect::<Vec<_>>(), b.keys().collect::<Vec<_>>());
    let of = |name: &String| {
        let (a, b) = (&a[name].data, &b[name].data);
        let most = a.iter().fold(1e-3f32, |most, x| most.max(x.abs()));
        a.iter().zip(b).map(|(a, b)| (a - b).abs() / most).fold(0.0, f32::max)
    };
    a.keys().map(of).fold(0.0, f32::max)
}

/// A network for images of any size.
fn pooled() -> Graph {
    let net = Builder::image("pooled", 1, 12, 12);
    let x = net.input().conv2d(Conv2d::new(4, 3).padding(1)).batch_norm2d().relu();
    net.build(x.conv2d(Conv2d::new(6, 3)).relu().adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(3)))
        .unwrap()
}

/// One whose last normalization has one value of each image.
fn one_by_one() -> Graph {
    let net = Builder::image("one_by_one", 1, 12, 12);
    let x = net.input().conv2d(Conv2d::new(4, 3)).relu().adaptive_avg_pool2d(1, 1);
    net.build(x.batch_norm2d().flatten().linear(Linear::new(3))).unwrap()
}

/// One with an auxiliary output.
fn auxiliary() -> Graph {
    let net = Builder::image("auxiliary", 1, 12, 12);
    let x = net.input().conv2d(Conv2d::new(4, 3)).relu();
    net.auxiliary("aux", x.flatten().linear(Linear::new(3)), 0.3);
    net.build(x.conv2d(Conv2d::new(2, 3)).flatten().linear(Linear::new(3))).unwrap()
}

/// One in which two convolutions have the same weights.
fn twins() -> Graph {
    let mut net = Assembly::new("twins", [1, 12, 12]).unwrap();
    let root = ScopeId::ROOT;
    let mut x = NodeId(0);
    for (path, op) in [
        ("a", Op::from(Conv2d::new(3, 3))),
        ("b", Conv2d::new(3, 3).into()),
        ("relu", Op::Relu),
        ("c", Conv2d::new(3, 3).into()),
        ("flatten", Op::Flatten),
        ("head", Linear::new(3).into()),
    ] {
        x = net.node(root, path, op, &[x]).unwrap();
    }
    for name in ["weight", "bias"] {
        let (name, first) = (format!("c.{name}"), format!("b.{name}"));
        net.share(SharedWeight { name, first, in_state_dict: true });
    }
    net.finish(x).unwrap()
}

#[test]
fn ranks_learn_what_one_process_learns() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("plain", net(), ""),
        ("batch", net(), "[split]\nvalidation = 0.2"),
        ("accumulated", net(), "[regularize]\naccumulate = 2\nema = 0.9\nclip_norm = 1.0"),
        ("weighted", net(), "[loss]\nclass_weights = [1.0, 3.0, 0.5]\nlabel_smoothing = 0.1"),
        ("mixed", net(), "[augment]\nmixup = 0.4\ncutmix = 1.0\ncrop = 2\nflip = true"),
        ("binary", net(), "[loss]\nkind = \"bce\""),
        ("frozen", net(), "[freeze]\nmatch = [\"conv\"]\nunfreeze = [{ epoch = 2, match = [\"conv.0\"] }]"),
        ("growing", pooled(), "[progressive]\nfrom = 0.5\nuntil = 0.9\nsteps = 2"),
        ("auxiliary", auxiliary(), "[loss]\naux_weight = 0.7"),
        ("twins", twins(), ""),
    ];
    for (name, net, more) in cases {
        let recipe = plain(more);
        let trainer = |_| trainer(&net).recipe(recipe.clone());
        let alone = folder.path().join(format!("{name}-1"));
        let report = trainer(0).run(&alone).unwrap();
        for size in [2, 3, 4] {
            let directory = folder.path().join(format!("{name}-{size}"));
            let joint = run(size, &directory, trainer);
            let far = distance(&weights(&alone), &weights(&directory));
            assert!(far < 2e-6, "{name}, {size} ranks: {far}");
            for (a, b) in report.epochs.iter().zip(&joint.epochs) {
                assert!((a.train_loss - b.train_loss).abs() < 1e-5 * a.train_loss, "{name} {a:?} {b:?}");
                assert!((a.train_top1 - b.train_top1).abs() < 0.02, "{name} {a:?} {b:?}");
            }
            assert_eq!(joint.epochs.len(), report.epochs.len());
        }
    }
}

#[test]
fn ranks_learn_from_a_teacher_what_one_process_learns() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let path = |name: &str| folder.path().join(name);
    trainer(&net).run(path("teacher")).unwrap();
    let file = WeightsFile::open(path("teacher/best.safetensors")).unwrap();
    let (card, weights) = (file.card().unwrap().clone(), file.state_dict().unwrap());
    let recipe = plain("[loss.teacher]\nmodel = \"runs/x\"\nalpha = 0.7\ntemperature = 2");
    let taught = |_| {
        let (weights, preprocess) = (Box::new(weights.clone()), card.preprocess.clone());
        let teacher =
            Teacher { graph: net.clone(), weights, preprocess, classes: Some(card.classes.clone()) };
        trainer(&net).recipe(recipe.clone()).teacher(teacher)
    };
    taught(0).run(path("alone")).unwrap();
    trainer(&net).recipe(plain("")).run(path("untaught")).unwrap();
    assert!(distance(&self::weights(&path("alone")), &self::weights(&path("untaught"))) > 1e-3);
    for size in [2, 3] {
        let directory = path(&format!("{size}"));
        run(size, &directory, taught);
        let far = distance(&self::weights(&path("alone")), &self::weights(&directory));
        assert!(far < 2e-6, "{size} ranks: {far}");
    }
}

#[test]
fn statistics_of_the_batch_need_two_images_of_all_ranks_and_not_of_each() {
    let (folder, net) = (tempfile::tempdir().unwrap(), one_by_one());
    let path = |name: &str| folder.path().join(name);
    // Of two values one is as far above their mean as the other is below: differences of them grow with every step.
    let mut recipe = Recipe { batch: 2, limit_steps: Some(3), ..plain("[split]\nvalidation = 0") };
    let alone = path("alone");
    trainer(&net).recipe(recipe.clone()).run(&alone).unwrap();
    let together_ = path("together");
    run(2, &together_, |_| trainer(&net).recipe(recipe.clone()));
    let far = distance(&weights(&alone), &weights(&together_));
    assert!(far < 1e-4, "{far}");
    recipe.network.sync_batch_norm = false;
    let (first, _) = together(local(2), |_| trainer(&net).recipe(recipe.clone()), |t| t.run(path("each")));
    let told = first.unwrap_err().to_string();
    assert!(told.contains("one value"), "{told}");
}

#[test]
fn as_many_ranks_come_to_the_same_bits() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let trainer = |rank: usize| {
        let options = crate::exec::Options { threads: 1 + rank, ..Default::default() };
        trainer(&net).recipe(recipe()).options(options)
    };
    let path = |name: &str| folder.path().join(name);
    let report = run(3, &path("a"), trainer);
    assert!(report.epochs.iter().all(|epoch| epoch.train_loss.is_finite()));
    run(3, &path("b"), trainer);
    assert!(bytes(&path("a"), "last.safetensors") == bytes(&path("b"), "last.safetensors"));
    // Stopped within an epoch, while validating, and at an epoch's end.
    for (steps, during_evaluation) in [(2, false), (6, true), (8, false)] {
        let directory = path(&format!("{steps}-{during_evaluation}"));
        let (report, others) = together(
            local(3),
            |rank| if rank == 0 { stopping(trainer(0), steps, during_evaluation) } else { trainer(rank) },
            |trainer| trainer.run(&directory),
        );
        assert!(report.unwrap().interrupted);
        others.into_iter().for_each(|other| other.unwrap());
        resumed(3, &directory, trainer);
        for name in ["last.safetensors", "best.safetensors"] {
            assert!(bytes(&directory, name) == bytes(&path("a"), name), "{steps} {during_evaluation} {name}");
        }
        assert_eq!(results(&directory), results(&path("a")));
    }
}

#[test]
fn a_run_goes_on_with_any_number_of_ranks() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let recipe = plain("[regularize]\nema = 0.9");
    let trainer = |_| trainer(&net).recipe(recipe.clone());
    let whole = folder.path().join("whole");
    trainer(0).run(&whole).unwrap();
    for (before, after) in [(1, 2), (2, 1), (2, 3)] {
        let directory = folder.path().join(format!("{before}-{after}"));
        let started = |rank| if rank == 0 { stopping(trainer(0), 7, false) } else { trainer(rank) };
        assert!(run(before, &directory, started).interrupted);
        resumed(after, &directory, trainer);
        let far = distance(&weights(&whole), &weights(&directory));
        assert!(far < 2e-6, "{before} ranks, then {after}: {far}");
    }
}

#[test]
fn statistics_of_each_rank_are_averaged_unless_they_are_of_the_batch() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let mut recipe = plain("");
    let at = |recipe: &Recipe, size, name: &str| {
        let directory = folder.path().join(name);
        run(size, &directory, |_| trainer(&net).recipe(recipe.clone()));
        weights(&directory)
    };
    let synced = at(&recipe, 2, "synced");
    recipe.network.sync_batch_norm = false;
    let (alone, apart) = (at(&recipe, 1, "alone"), at(&recipe, 2, "apart"));
    assert!(distance(&alone, &synced) < 2e-6);
    assert!(distance(&alone, &apart) > 1e-4);
    // The means are of the same images, by weights that differ little.
    let name = "conv.1.running_mean";
    for (a, b) in alone[name].data.iter().zip(&apart[name].data) {
        assert!((a - b).abs() < 0.05, "{a} {b}");
    }
}

#[test]
fn ranks_that_would_train_otherwise_are_refused() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let other = |change: &(dyn Fn(&mut Recipe) + Sync)| {
        let trainer = |rank| {
            let mut recipe = plain("");
            if rank == 1 {
                change(&mut recipe);
            }
            trainer(&net).recipe(recipe)
        };
        let directory = tempfile::tempdir_in(&folder).unwrap();
        let (first, others) =
            together(local(2), trainer, |trainer| trainer.run(directory.path().join("run")));
        assert!(
            matches!(first, Err(TrainError::Run(_) | TrainError::Ranks(RanksError::Failed { .. }))),
            "{first:?}"
        );
        others.into_iter().next().unwrap().unwrap_err().to_string()
    };
    let told = other(&|recipe| recipe.lr = 0.02);
    assert!(
        told.contains("rank 1 would train otherwise than the first one: `lr` was 0.01, asked for is 0.02"),
        "{told}"
    );
    let told = other(&|recipe| recipe.split.validation = 0.3);
    assert!(told.contains("images are others"), "{told}");
    // The name alone is the same.
    let wider = {
        let net = Builder::image("small", 1, 12, 12);
        net.build(net.input().conv2d(Conv2d::new(5, 3)).flatten().linear(Linear::new(3))).unwrap()
    };
    let nets = [&net, &wider];
    let trainer = |rank: usize| Trainer::new(nets[rank], data()).recipe(plain(""));
    let (_, others) = together(local(2), trainer, |trainer| trainer.run(folder.path().join("nets")));
    let told = others[0].as_ref().unwrap_err().to_string();
    assert!(told.contains("the layers of its network are others"), "{told}");
}

#[test]
fn the_first_rank_alone_leads() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let mut ranks = local(2).into_iter();
    let told = trainer(&net).ranks(ranks.next().unwrap()).follow().unwrap_err().to_string();
    assert_eq!(told, "rank 0 of 2: the first rank runs or resumes, the others follow it");
    let second = ranks.next().unwrap();
    let told = trainer(&net).ranks(second).run(folder.path().join("run")).unwrap_err().to_string();
    assert_eq!(told, "rank 1 of 2: it is to follow: the first rank alone runs or resumes");
    assert!(!folder.path().join("run").exists());
}

#[test]
fn what_ranks_cannot_do_is_told_before_the_first_step() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let first = local(20).into_iter().next().unwrap();
    let error = trainer(&net).ranks(first).run(folder.path().join("run")).unwrap_err().to_string();
    assert!(error.contains("setting `batch` is 16, for 20 ranks"), "{error}");
}

#[test]
fn a_loss_that_is_no_number_ends_all_ranks() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let trainer = |_| trainer(&net).recipe(Recipe { lr: 1e38, ..plain("") });
    let (first, others) = together(local(2), trainer, |trainer| trainer.run(folder.path().join("run")));
    let told = first.unwrap_err().to_string();
    assert!(told.contains("on the images of rank 0: `"), "{told}");
    assert_eq!(others[0].as_ref().unwrap_err().to_string(), told);
}
