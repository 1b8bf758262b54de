//! What is told of networks and runs: `eval`, `predict`, `compare`, `runs`, and what `train` logs.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use crate::place::Place;

/// A place with a run of LeNet that has seen few images.
fn trained() -> Place {
    let place = Place::new();
    place.success("train lenet --limit-steps 30 --out run");
    place
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// Lines of comma-separated values without quotes, as maps from the heading's names.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().expect("a heading").split(',').collect();
    let row = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), names.len(), "{line}");
        names.iter().zip(fields).map(|(name, field)| ((*name).to_owned(), field.to_owned())).collect()
    };
    lines.map(row).collect()
}

#[test]
fn eval_tells_classes_calibration_and_mistakes() {
    let place = trained();
    let told = json(
        &place.success("eval run --json --predictions all.csv --probabilities --reliability reliability.svg"),
    );
    let classes = told["classes"].as_array().expect("classes");
    let images = told["images"].as_u64().expect("a count");
    assert_eq!((classes.len(), images), (10, 2000));
    let confusion: Vec<Vec<u64>> = serde_json::from_value(told["confusion"].clone()).expect("a matrix");
    assert_eq!(confusion.iter().flatten().sum::<u64>(), images);
    let right: u64 = (0..10).map(|class| confusion[class][class]).sum();
    let top1 = told["top1"].as_f64().expect("a fraction");
    assert!((right as f64 / images as f64 - top1).abs() < 1e-12);
    for (class, row) in classes.iter().zip(&confusion) {
        assert_eq!(class["images"].as_u64(), Some(row.iter().sum()));
    }
    // Of equal classes the weighted mean of recalls is the accuracy.
    assert!((told["weighted"]["recall"].as_f64().expect("a fraction") - top1).abs() < 1e-12);
    let calibration = &told["calibration"];
    assert!(
        (calibration["nll"].as_f64().expect("a number") - told["loss"].as_f64().expect("a number")).abs()
            < 1e-9
    );
    assert_eq!(calibration["bins"].as_array().map(Vec::len), Some(15));
    assert!(calibration["ece"].as_f64() <= calibration["mce"].as_f64());
    assert_eq!(told["mistakes"].as_array().map(Vec::len), Some(10));

    let text = fs::read_to_string(place.path().join("all.csv")).expect("the predictions");
    let rows = rows(&text);
    assert_eq!(rows.len() as u64, images);
    assert_eq!(rows.iter().filter(|row| row["correct"] == "true").count() as u64, right);
    assert!(rows.iter().all(|row| (row["class"] == row["predicted"]) == (row["correct"] == "true")));
    let number = |text: &String| text.parse::<f64>().expect("a number");
    for row in &rows[..50] {
        let all: f64 = row.iter().filter(|(name, _)| name.starts_with("p(")).map(|(_, p)| number(p)).sum();
        assert!((all - 1.0).abs() < 1e-6, "{row:?}");
        assert_eq!(row["probability"], row[&format!("p({})", row["predicted"])]);
        assert!(number(&row["probability"]) >= number(&row["probability_2"]));
        assert!(number(&row["probability_4"]) >= number(&row["probability_5"]));
    }
    let mistake = &told["mistakes"][0];
    let row = &rows[mistake["index"].as_u64().expect("a place") as usize];
    assert_eq!((mistake["class"].as_str(), row["correct"].as_str()), (Some(row["class"].as_str()), "false"));
    let svg = String::from_utf8(place.bytes("reliability.svg")).expect("text");
    assert!(svg.starts_with("<svg") && svg.contains("2,000 images · expected calibration error"), "{svg}");
}

#[test]
fn eval_lists_the_worst_classes_or_all() {
    let place = trained();
    let said = place.success("eval run");
    assert!(said.contains("top-1 accuracy") && said.contains("calibration"), "{said}");
    assert!(
        said.contains("worst classes") && said.contains("… and 5 better classes: `--per-class` lists all"),
        "{said}"
    );
    let all = place.success("eval run --per-class --reliability r.png");
    assert!(all.contains("Ankle boot") && !all.contains("better classes"), "{all}");
    let count = |text: &str| text.lines().filter(|line| line.matches('%').count() == 3).count();
    assert_eq!((count(&said), count(&all)), (5, 10), "{all}");
    assert!(place.bytes("r.png").starts_with(b"\x89PNG"));
    let told = place.failure("eval run --probabilities", 2);
    assert!(told.contains("--predictions"), "{told}");
    let told = place.failure("eval run --reliability r.pdf", 2);
    assert!(told.contains(".svg or .png"), "{told}");
    let told = place.failure("eval run --predictions none/all.csv", 1);
    assert!(told.contains("none/all.csv"), "{told}");
}

#[test]
fn predict_walks_folders_and_writes_a_line_an_image() {
    let place = trained();
    place.success("data export fashion-mnist-mini samples --count 3");
    fs::write(place.path().join("samples/note.txt"), "text").expect("a file");
    let (said, told) = place.convnet("predict run samples --csv all.csv --probabilities --batch 7", 0);
    assert_eq!(said, "");
    assert!(told.contains("1 file of another kind (.txt 1)"), "{told}");
    let text = String::from_utf8(place.bytes("all.csv")).expect("text");
    let all = rows(&text);
    assert_eq!(all.len(), 30);
    let names: Vec<&String> = all.iter().map(|row| &row["image"]).collect();
    assert!(names.is_sorted() && names[0].starts_with("samples/"), "{names:?}");
    // One image at a time, to standard output, and by way of JSON, it is the same.
    let one = rows(&place.success("predict run samples --csv --batch 1 --top 2"));
    let many = json(&place.success("predict run samples --json --top 2"));
    for ((row, one), object) in all.iter().zip(&one).zip(many.as_array().expect("an array")) {
        assert_eq!((&row["image"], &row["predicted"]), (&one["image"], &one["predicted"]));
        assert_eq!(object["image"].as_str(), Some(row["image"].as_str()));
        assert_eq!(object["predictions"][0]["class"].as_str(), Some(row["predicted"].as_str()));
        assert!(row.contains_key("probability_5") && !one.contains_key("probability_3"));
    }
}

#[test]
fn what_predict_cannot_read_is_told_and_missing() {
    let place = trained();
    place.write_boot();
    fs::write(place.path().join("note.png"), "no image").expect("a file");
    fs::create_dir(place.path().join("empty")).expect("a folder");
    let (said, told) = place.convnet("predict run boot.png note.png none.png boot.png --csv", 1);
    assert_eq!(rows(&said).len(), 2);
    assert!(told.contains("note.png") && told.contains("none.png"), "{told}");
    assert!(told.contains("2 of 4 images could not be classified"), "{told}");
    let told = place.failure("predict run empty", 1);
    assert!(told.contains("`empty` is a folder without an image"), "{told}");
    // An image behind `--csv` is not written over.
    let boot = place.bytes("boot.png");
    let told = place.failure("predict run --csv boot.png", 2);
    assert!(told.contains("images come before `--csv`") || told.contains("required"), "{told}");
    assert_eq!(place.bytes("boot.png"), boot);
}

#[test]
fn runs_are_listed_and_compared() {
    let place = Place::new();
    place.success("train lenet --limit-steps 20");
    place.success("train lenet --limit-steps 20 --lr 0.01 --out runs/sweep/fast");
    fs::create_dir_all(place.path().join("runs/notes")).expect("a folder");
    let list = json(&place.success("runs list --json"));
    let list = list.as_array().expect("an array");
    assert_eq!(list.len(), 2, "{list:?}");
    assert_eq!((list[0]["run"].as_str(), list[0]["state"].as_str()), (Some("runs/lenet"), Some("finished")));
    assert_eq!(list[1]["run"], "runs/sweep/fast");
    let told = json(&place.success("eval runs/lenet --json"));
    assert_eq!(list[0]["test_top1"], told["top1"]);
    let said = place.success("runs list");
    assert!(said.contains("runs/lenet") && said.contains("finished") && said.contains("lenet"), "{said}");

    let said = place.success("compare runs/lenet runs/sweep/fast -o both.svg");
    assert!(said.contains("settings that differ") && said.contains("lr"), "{said}");
    assert!(said.contains("0.003 [1]") && said.contains("0.01 [2]"), "{said}");
    let svg = String::from_utf8(place.bytes("both.svg")).expect("text");
    assert!(svg.contains(">runs/sweep/fast<") && svg.contains("2 runs"), "{svg}");
    place.success("compare runs/lenet runs/sweep/fast -o both.png");
    assert!(place.bytes("both.png").starts_with(b"\x89PNG"));
    let object = json(&place.success("compare runs/lenet runs/sweep/fast --json"));
    assert_eq!(object["differences"], json("[\"lr\"]"));
    assert_eq!(object["runs"][1]["settings"]["lr"], 0.01);
    assert_eq!(object["runs"][0]["test_top1"], told["top1"]);
    assert!(place.success("compare runs/lenet runs/lenet").contains("the same settings"));

    // Damage is told in the list, and nothing is compared with it.
    fs::write(place.path().join("runs/lenet/metrics.jsonl"), "half").expect("a file");
    let list = json(&place.success("runs list --json"));
    assert_eq!(list[0]["state"], "damaged");
    assert!(list[0]["reason"].as_str().is_some_and(|reason| reason.contains("metrics.jsonl")), "{list}");
    let told = place.failure("compare runs/lenet runs/sweep/fast", 1);
    assert!(told.contains("metrics.jsonl"), "{told}");
    place.failure("compare runs/none", 1);
    place.failure("runs list none", 1);
}

#[test]
fn training_logs_what_is_asked_for() {
    let place = Place::new();
    place.success("train lenet --limit-steps 25 --out plain");
    assert!(!place.files("plain").iter().any(|name| name == "tensorboard" || name == "steps.jsonl"));
    place.success("train lenet --limit-steps 25 --tensorboard --log-steps --log-every 5 --out run");
    let steps = String::from_utf8(place.bytes("run/steps.jsonl")).expect("text");
    let steps: Vec<u64> = steps.lines().map(|line| json(line)["step"].as_u64().expect("a step")).collect();
    assert_eq!(steps, [1, 5, 10, 15, 20, 25]);
    let files = place.files("run/tensorboard");
    assert!(files.len() == 1 && files[0].starts_with("events.out.tfevents."), "{files:?}");
    let events = place.bytes(&format!("run/tensorboard/{}", files[0]));
    for tag in ["brain.Event:2", "loss/train", "loss/validation", "loss/step", "rate/step", "settings"] {
        assert!(events.windows(tag.len()).any(|part| part == tag.as_bytes()), "{tag}");
    }
    // Logging changes nothing that is learned.
    assert_eq!(place.bytes("plain/last.safetensors"), place.bytes("run/last.safetensors"));
    let metrics = json(
        String::from_utf8(place.bytes("run/metrics.jsonl")).expect("text").lines().next().expect("a line"),
    );
    let csv = rows(&String::from_utf8(place.bytes("run/metrics.csv")).expect("text"));
    assert_eq!(csv.len(), 1);
    assert_eq!(csv[0]["train_loss"].parse::<f64>().ok(), metrics["train_loss"].as_f64());
    assert_eq!(csv[0]["val_top1"].parse::<f64>().ok(), metrics["val_top1"].as_f64());
}

#[test]
fn plain_output_has_no_control_characters_and_quiet_none_at_all() {
    let place = Place::new();
    let (said, told) = place.convnet("train lenet --limit-steps 5 --tui --out run", 0);
    assert!(told.contains("standard error is no terminal"), "{told}");
    assert!(told.contains("epoch") && told.contains("images/s"), "{told}");
    for text in [&said, &told] {
        let control = |c: &char| c.is_control() && *c != '\n';
        assert_eq!(text.chars().find(control), None, "{text:?}");
    }
    let (said, told) = place.convnet("train lenet --limit-steps 5 --quiet --out quiet", 0);
    assert!(said.contains("accuracy"), "{said}");
    assert!(!told.contains("epoch") && !told.contains("images/s"), "{told}");
    assert_eq!(place.bytes("run/last.safetensors"), place.bytes("quiet/last.safetensors"));
    place.failure("train lenet --tui --quiet", 2);
}
