//! Whole runs by other losses, from teachers, and on images of several classes.

use std::fs;
use std::path::Path;

use super::tests::{bytes, data, net, recipe, results, stopping};
use super::*;
use crate::data::{DataError, DataSets, Dataset, Image, MultiLabels, Preprocess, Samples, Sampling, Views};
use crate::exec::{Engine, Options};
use crate::graph::{Builder, Graph};
use crate::io::WeightsFile;
use crate::ops::{Conv2d, Linear};
use crate::state::StateDict;

fn options() -> Options {
    Options { threads: 1, ..Options::default() }
}

fn loss(text: &str) -> Recipe {
    let table: toml::Table = toml::from_str(text).unwrap();
    let mut patch = RecipePatch::of("loss", table).unwrap();
    patch.set("epochs", 2).unwrap();
    recipe().with(&patch).unwrap()
}

/// A run by a recipe; its last weights.
fn trained(net: &Graph, recipe: Recipe, directory: &Path) -> Vec<u8> {
    Trainer::new(net, data()).recipe(recipe).options(options()).run(directory).unwrap();
    bytes(directory, "last.safetensors")
}

#[test]
fn every_setting_of_the_loss_changes_what_is_learned() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let texts = [
        "",
        "label_smoothing = 0.1",
        "class_weights = [1, 2, 3]",
        "kind = \"focal\"",
        "kind = \"focal\"\ngamma = 1",
        "kind = \"bce\"",
        "kind = \"bce\"\nsum_classes = true",
        "kind = \"bce\"\nlabel_smoothing = 0.3",
        "kind = \"bce\"\nlabel_smoothing = 0.3\ntarget_threshold = 0.95",
        "kind = \"bce\"\npositive_weights = \"balanced\"",
        "kind = \"bce\"\nalpha = 0.25",
        "kind = \"bce\"\ngamma = 2",
        "sampling = \"balanced\"",
    ];
    let weights: Vec<Vec<u8>> = texts
        .iter()
        .enumerate()
        .map(|(i, text)| trained(&net, loss(text), &folder.path().join(i.to_string())))
        .collect();
    for (i, a) in weights.iter().enumerate() {
        assert!(weights[i + 1..].iter().all(|b| a != b), "{}", texts[i]);
    }
    // What says the same gives the same bits.
    let same =
        trained(&net, loss("kind = \"cross-entropy\"\nlabel_smoothing = 0"), &folder.path().join("same"));
    assert!(same == weights[0]);
}

#[test]
fn auxiliary_outputs_count_as_the_recipe_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let with = |weight| {
        let net = Builder::image("small", 1, 12, 12);
        let x = net.input().conv2d(Conv2d::new(4, 3)).relu();
        net.auxiliary("aux", x.flatten().linear(Linear::new(3)), weight);
        net.build(x.conv2d(Conv2d::new(2, 3)).flatten().linear(Linear::new(3))).unwrap()
    };
    let run = |name: &str, weight, text: &str| trained(&with(weight), loss(text), &folder.path().join(name));
    assert!(run("a", 0.3, "") != run("b", 0.7, ""));
    assert!(run("c", 0.3, "aux_weight = 0.7") == bytes(&folder.path().join("b"), "last.safetensors"));
    let error = Trainer::new(&net(), data()).recipe(loss("aux_weight = 0.7")).run(folder.path().join("d"));
    assert!(error.unwrap_err().to_string().contains("`loss.aux_weight` is 0.7, expected none"));
}

/// A run's best weights, as a teacher whose classes come in another order.
fn teacher(net: &Graph, run: &Path, classes: &[&str]) -> Teacher<'static> {
    let file = WeightsFile::open(run.join("best.safetensors")).unwrap();
    let card = file.card().unwrap().clone();
    let weights: StateDict = file.state_dict().unwrap();
    Teacher {
        graph: net.clone(),
        weights: Box::new(weights),
        preprocess: card.preprocess,
        classes: Some(classes.iter().map(|class| (*class).to_owned()).collect()),
    }
}

const OWN: [&str; 3] = ["lying", "standing", "leaning"];

#[test]
fn a_teacher_s_answers_are_learned_by_the_names_of_its_classes() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let path = |name: &str| folder.path().join(name);
    // All images are learned from, and the last epoch counts: labels choose nothing.
    let split = Split { validation: 0.0, ..Split::default() };
    let long = Recipe { epochs: 8, split, ..recipe() };
    Trainer::new(&net, data()).recipe(long).options(options()).run(path("teacher")).unwrap();
    let settings = "[teacher]\nmodel = \"runs/x\"\nalpha = 1\ntemperature = 2";
    let run = |name: &str, text: &str, teacher: Teacher<'static>| {
        let recipe = Recipe { epochs: 8, seed: 9, split, ..loss(text) };
        let trainer = Trainer::new(&net, data()).recipe(recipe).options(options()).teacher(teacher);
        trainer.run(path(name)).unwrap()
    };
    // From a teacher alone, whose names say which class is which.
    let report = run("student", settings, teacher(&net, &path("teacher"), &OWN));
    let top1 = report.outcome.unwrap().top1;
    assert!(top1 >= 0.75, "{top1}");
    let turned = run("turned", settings, teacher(&net, &path("teacher"), &["standing", "lying", "leaning"]));
    assert!(turned.outcome.unwrap().top1 <= 0.5, "names that say otherwise teach otherwise");
    // Labels alone, a part of both, a class alone: each is another run.
    let texts = ["", "[teacher]\nmodel = \"x\"", "[teacher]\nmodel = \"x\"\nhard = true"];
    let weights = texts.map(|text| {
        let name = format!("run{}", text.len());
        run(&name, text, teacher(&net, &path("teacher"), &OWN));
        bytes(&path(&name), "last.safetensors")
    });
    assert!(weights[0] != weights[1] && weights[1] != weights[2] && weights[0] != weights[2]);
    let config = fs::read_to_string(path("student/config.toml")).unwrap();
    assert!(config.contains("[recipe.loss.teacher]") && config.contains("digest = \"crc32:"), "{config}");
}

#[test]
fn a_run_goes_on_with_the_same_teacher_and_no_other() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let path = |name: &str| folder.path().join(name);
    Trainer::new(&net, data()).recipe(recipe()).options(options()).run(path("teacher")).unwrap();
    let text = "label_smoothing = 0.1\nsampling = \"balanced\"\n[teacher]\nmodel = \"runs/x\"";
    let trainer = || Trainer::new(&net, data()).recipe(loss(text)).options(options());
    let taught = || trainer().teacher(teacher(&net, &path("teacher"), &OWN));
    taught().run(path("whole")).unwrap();
    assert!(stopping(taught(), 7, false).run(path("parts")).unwrap().interrupted);
    let error = |trainer: Trainer<'_>| trainer.resume(path("parts")).unwrap_err().to_string();
    let without = error(trainer());
    assert!(without.contains("teacher"), "{without}");
    let mut other = teacher(&net, &path("teacher"), &OWN);
    other.weights = Box::new(crate::state::initialize(&net, 77));
    let told = error(trainer().teacher(other));
    assert!(told.contains("digest"), "{told}");
    taught().resume(path("parts")).unwrap();
    assert_eq!(results(&path("parts")), results(&path("whole")));
    for file in ["last.safetensors", "best.safetensors"] {
        assert!(bytes(&path("parts"), file) == bytes(&path("whole"), file), "{file}");
    }
}

#[test]
fn a_teacher_that_does_not_fit_is_told() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let path = |name: &str| folder.path().join(name);
    Trainer::new(&net, data()).recipe(recipe()).options(options()).run(path("teacher")).unwrap();
    let told = |change: &dyn Fn(&mut Teacher<'static>)| {
        let mut teacher = teacher(&net, &path("teacher"), &OWN);
        change(&mut teacher);
        let recipe = loss("[teacher]\nmodel = \"runs/x\"\ndigest = \"crc32:00000000\"");
        let trainer = Trainer::new(&net, data()).recipe(recipe).teacher(teacher);
        let error = trainer.run(path("student")).unwrap_err().to_string();
        assert!(error.starts_with("the teacher `runs/x` cannot be learned from: "), "{error}");
        assert!(!path("student").exists());
        error
    };
    assert!(told(&|_| {}).contains("expected crc32:00000000"));
    assert!(
        told(&|t| t.preprocess = Preprocess::plain([1, 14, 12]))
            .contains("images of 1x14x12, expected 1x12x12")
    );
    let names = ["lying", "sitting", "leaning"].map(String::from).to_vec();
    let recipe = loss("[teacher]\nmodel = \"runs/x\"");
    let mut other = teacher(&net, &path("teacher"), &OWN);
    other.classes = Some(names);
    let error = Trainer::new(&net, data()).recipe(recipe.clone()).teacher(other).run(path("student"));
    assert!(error.unwrap_err().to_string().contains("standing"));
    let error = Trainer::new(&net, data()).recipe(recipe).run(path("student"));
    assert!(error.unwrap_err().to_string().contains("it was not given to the trainer"));
}

#[test]
fn a_teacher_s_own_normalization_is_kept() {
    let (folder, net) = (tempfile::tempdir().unwrap(), net());
    let path = |name: &str| folder.path().join(name);
    Trainer::new(&net, data()).recipe(recipe()).options(options()).run(path("teacher")).unwrap();
    let card = WeightsFile::open(path("teacher/best.safetensors")).unwrap().card().unwrap().clone();
    let plain = Preprocess::plain([1, 12, 12]);
    let recipe = loss("[teacher]\nmodel = \"runs/x\"");
    let student = |own: &Preprocess| {
        let teacher = teacher(&net, &path("teacher"), &OWN);
        let classes = OWN.map(String::from);
        recipe.loss.teaching(Some(&teacher), false, (own, &classes), (4, &options())).unwrap().unwrap()
    };
    let set = data().train;
    let image = set.image(0).unwrap();
    let (own, other) = (card.preprocess.apply_image(&image), plain.apply_image(&image));
    let (mut same, mut changed) = (student(&card.preprocess), student(&plain));
    let expected = same.answer(&own).unwrap().logits.to_vec();
    let found = changed.answer(&other).unwrap().logits.to_vec();
    assert!(expected.iter().zip(&found).all(|(a, b)| (a - b).abs() < 1e-4), "{expected:?} {found:?}");
}

/// Stripes that lie, stand, or both at once, or neither.
#[derive(Debug)]
struct Several {
    labels: Vec<u32>,
    all: MultiLabels,
}

impl Several {
    fn set(images: usize) -> Dataset {
        let sets = (0..images).map(|image| match image % 4 {
            0 => vec![],
            1 => vec![0],
            2 => vec![1],
            _ => vec![0, 1],
        });
        let all = MultiLabels::new("several", 2, sets).unwrap();
        let labels = (0..images).map(|image| u32::from(image % 4 == 2)).collect();
        let classes = ["lying", "standing"].map(String::from).to_vec();
        Dataset::of("several", Self { labels, all }, classes, (1, 12, 12)).unwrap()
    }
}

impl Samples for Several {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn multi_labels(&self) -> Option<&MultiLabels> {
        Some(&self.all)
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        let there = |class: u32| self.all.of(index).contains(&class);
        let pixel = |at: usize| {
            let (y, x, phase) = (at / 12, at % 12, index / 4);
            let stripe = |along: usize, class| if there(class) && (along + phase) % 4 < 2 { 100 } else { 0 };
            (stripe(y, 0) + stripe(x, 1) + (at * 31 + index * 17) % 40) as u8
        };
        Image::new((1, 12, 12), (0..144).map(pixel).collect::<Vec<u8>>())
    }
}

#[test]
fn images_of_several_classes_are_learned_and_the_best_epoch_has_the_best_precision() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("run");
    let net = Builder::image("small", 1, 12, 12);
    let x = net.input().conv2d(Conv2d::new(6, 3).padding(1)).relu().flatten();
    let net = net.build(x.linear(Linear::new(2))).unwrap();
    let sets = DataSets::new("several", Several::set(200), Several::set(40));
    let trainer = || {
        let recipe = Recipe { epochs: 5, ..recipe() };
        Trainer::new(&net, sets.clone()).recipe(recipe).options(options())
    };
    let report = trainer().run(&directory).unwrap();
    let outcome = report.outcome.clone().unwrap();
    assert!(outcome.map > Some(0.95), "{report:?}");
    let best = report.best().unwrap();
    assert!(report.epochs.iter().all(|record| record.val_map <= best.val_map && record.val_map.is_some()));
    assert!(!directory.join("confusion.csv").exists());
    // What was kept gives the same figures again.
    let weights = WeightsFile::open(directory.join("best.safetensors")).unwrap();
    let card = weights.card().unwrap().clone();
    assert!(card.several);
    let engine = Engine::compile(&net, &weights, 16, &options()).unwrap();
    let test = sets.test.as_ref().unwrap();
    let again = evaluate_several(&engine, test, &card.preprocess, Views::One).unwrap();
    assert_eq!((Some(again.mean_average_precision), again.loss), (outcome.map, outcome.loss));
    // Interrupted, it comes to the same.
    let parts = folder.path().join("parts");
    assert!(stopping(trainer(), 17, false).run(&parts).unwrap().interrupted);
    trainer().resume(&parts).unwrap();
    assert!(bytes(&parts, "last.safetensors") == bytes(&directory, "last.safetensors"));
    assert_eq!(results(&parts), results(&directory));
    // Balanced drawing has no class to go by.
    let mut recipe = recipe();
    recipe.loss.sampling = Sampling::Balanced;
    let error = trainer().recipe(recipe).run(folder.path().join("no")).unwrap_err().to_string();
    assert!(error.contains("`loss.sampling` is balanced"), "{error}");
}
