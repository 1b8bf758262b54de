//! `train --sweep`: a run for each combination, ranked by validation images; what is done is not done again.

use std::fs;

use crate::place::Place;
use serde_json::Value;

const SWEEP: &str = "train lenet --limit-steps 2 --threads 1 --out grid --sweep lr=0.0001,0.01 \
                     --sweep optimizer.weight_decay=0,10 --optimizer adamw";

fn summary(place: &Place) -> Vec<Value> {
    let summary: Value = serde_json::from_slice(&place.bytes("grid/sweep.json")).expect("it is JSON");
    assert_eq!(summary["model"], "lenet");
    summary["runs"].as_array().expect("a list").clone()
}

#[test]
fn each_combination_is_trained_and_ranked() {
    let place = Place::new();
    let said = place.success(SWEEP);
    let names =
        ["lr=0.0001", "lr=0.01"].map(|lr| [0, 10].map(|d| format!("{lr},optimizer.weight_decay={d}")));
    let names = names.concat();
    let mut expected = names.clone();
    expected.extend(["sweep.csv", "sweep.json"].map(String::from));
    assert_eq!(place.files("grid"), expected);

    let weights: Vec<Vec<u8>> =
        names.iter().map(|name| place.bytes(&format!("grid/{name}/last.safetensors"))).collect();
    for (i, one) in weights.iter().enumerate() {
        assert!(weights[i + 1..].iter().all(|other| other != one), "{}", names[i]);
    }
    // As a run by these options.
    place.success(
        "train lenet --limit-steps 2 --threads 1 --out one --lr 0.01 --weight-decay 10 --optimizer adamw",
    );
    assert!(place.bytes("one/last.safetensors") == weights[3]);

    let runs = summary(&place);
    let score = |run: &Value| run["validation"]["top1"].as_f64().unwrap();
    assert!(runs.iter().all(|run| run["state"] == "done" && run["test"]["top1"].is_f64()), "{runs:?}");
    let csv = String::from_utf8(place.bytes("grid/sweep.csv")).unwrap();
    let header =
        "lr,optimizer.weight_decay,directory,state,epoch,val_loss,val_top1,test_loss,test_top1,seconds";
    assert_eq!(csv.lines().next(), Some(header));
    let figures: Vec<f64> =
        csv.lines().skip(1).map(|line| line.rsplit(',').nth(3).unwrap().parse::<f64>().unwrap()).collect();
    assert!(figures.len() == 4 && figures.windows(2).all(|pair| pair[0] >= pair[1]), "{csv}");
    let best = runs.iter().map(score).fold(0.0, f64::max);
    assert_eq!(figures[0], best);
    assert!(said.contains("best on the validation images of 4 runs: grid/lr="), "{said}");
}

#[test]
fn the_same_command_goes_on() {
    let place = Place::new();
    place.success(SWEEP);
    let names: Vec<String> = place.files("grid").into_iter().filter(|name| name.starts_with("lr")).collect();
    let weights = |name: &str| place.bytes(&format!("grid/{name}/best.safetensors"));
    let before: Vec<Vec<u8>> = names.iter().map(|name| weights(name)).collect();
    // One run is lost, another was stopped before it was measured.
    fs::remove_dir_all(place.path().join("grid").join(&names[2])).unwrap();
    fs::remove_file(place.path().join("grid").join(&names[1]).join("result.json")).unwrap();
    let (_, told) = place.convnet(SWEEP, 0);
    assert_eq!(told.matches(": done before").count(), 2, "{told}");
    assert!(names.iter().zip(before).all(|(name, before)| weights(name) == before));
    assert!(summary(&place).iter().all(|run| run["state"] == "done"));
    // More values are more runs; other settings are refused.
    let (_, told) = place.convnet(&SWEEP.replace("0.0001,0.01", "0.0001,0.01,0.001"), 0);
    assert_eq!(told.matches(": done before").count(), 4, "{told}");
    let told = place.convnet(&SWEEP.replace("--limit-steps 2", "--limit-steps 3"), 1).1;
    assert!(told.contains("`limit_steps` was 2, asked for is 3"), "{told}");
    let told = place.convnet(&SWEEP.replace("lenet", "lenet1@paper"), 1).1;
    assert!(told.contains("holds runs of `lenet`"), "{told}");
}

#[test]
fn a_file_is_a_table_of_lists_and_what_diverges_does_not_end_the_sweep() {
    let place = Place::new();
    fs::write(place.path().join("grid.toml"), "lr = [1e30, 0.001]\n[augment]\nflip = [true]\n").unwrap();
    let command = "train lenet --limit-steps 9 --threads 1 --optimizer sgd --out grid --sweep grid.toml";
    let said = place.success(command);
    assert!(said.contains("diverged"), "{said}");
    let runs = summary(&place);
    assert_eq!((runs[0]["state"].as_str(), runs[1]["state"].as_str()), (Some("diverged"), Some("done")));
    assert_eq!(runs[1]["settings"]["augment.flip"], true);
    let (_, told) = place.convnet(command, 0);
    assert_eq!(told.matches(": done before").count(), 2, "{told}");
}

#[test]
fn what_cannot_be_trained_is_told_before_the_first_run() {
    let place = Place::new();
    fs::write(place.path().join("plain.toml"), "lr = 0.1\n").unwrap();
    for (sweep, code, part) in [
        ("lr=0.01 --sweep optimiser.momentum=0.9", 2, "optimiser"),
        ("lr=0.01,fast", 2, "fast"),
        ("lr=0.01,-1", 2, "`lr` is -1"),
        ("augment.crop=2,99", 2, "`augment.crop` is 99"),
        ("lr=0.01,0.01", 2, "a value twice"),
        ("plain.toml", 1, "`lr` is 0.1, expected a list"),
        ("rates", 2, "neither KEY=A,B"),
        ("lr=0.1 --resume grid", 2, "--resume"),
    ] {
        let told = place.failure(&format!("train lenet --limit-steps 2 --out grid --sweep {sweep}"), code);
        assert!(told.contains(part), "{sweep}: {part} is missing in {told}");
    }
    assert_eq!(place.files("."), ["plain.toml"]);
}
