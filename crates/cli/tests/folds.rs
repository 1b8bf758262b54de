//! `train --folds`: each image is validated on once, by the run that did not learn from it.

use std::collections::BTreeSet;
use std::fs;

use crate::place::Place;
use serde_json::Value;

const FOLDS: &str = "train lenet --limit-steps 3 --threads 1 --out cross --folds 3";

#[test]
fn every_image_is_predicted_by_the_run_that_did_not_learn_from_it() {
    let place = Place::new();
    let said = place.success(FOLDS);
    assert!(said.contains("validation accuracy") && said.contains("of 3 folds"), "{said}");
    assert_eq!(place.files("cross"), ["fold-1", "fold-2", "fold-3", "folds.csv", "folds.json"]);
    let weights = [1, 2, 3].map(|fold| place.bytes(&format!("cross/fold-{fold}/best.safetensors")));
    assert!(weights[0] != weights[1] && weights[1] != weights[2]);

    let summary: Value = serde_json::from_slice(&place.bytes("cross/folds.json")).unwrap();
    let csv = String::from_utf8(place.bytes("cross/folds.csv")).unwrap();
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert!(csv.starts_with("image,fold,class,predicted,correct,p(T-shirt/top),"), "{}", &csv[..99]);
    let images: BTreeSet<usize> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!((rows.len(), images.len(), images.last()), (10_000, 10_000, Some(&9999)));
    // What a run measured on its fold is what the file says.
    let mut means = 0.0;
    for fold in 1..=3 {
        let of_fold = rows.iter().filter(|row| row[1] == fold.to_string());
        let right: Vec<bool> = of_fold.map(|row| row[4] == "true").collect();
        assert!((3330..3340).contains(&right.len()));
        let part = right.iter().filter(|&&right| right).count() as f64 / right.len() as f64;
        let run = &summary["runs"][fold - 1];
        assert!((part - run["validation"]["top1"].as_f64().unwrap()).abs() < 1e-9, "{run}");
        assert!(run["test"]["top1"].is_f64(), "{run}");
        means += part / 3.0;
    }
    let sum: f64 = rows[0][5..].iter().map(|p| p.parse::<f64>().unwrap()).sum();
    assert!((sum - 1.0).abs() < 1e-6, "{sum}");
    let mean = summary["totals"]["validation"]["mean"].as_f64().unwrap();
    assert!((mean - means).abs() < 1e-9 && summary["totals"]["test"]["std"].is_f64(), "{summary}");

    // The same command goes on, as does a fold by itself.
    fs::remove_dir_all(place.path().join("cross/fold-2")).unwrap();
    fs::remove_file(place.path().join("cross/fold-3/result.json")).unwrap();
    place.success("train --resume cross/fold-3");
    let (_, told) = place.convnet(FOLDS, 0);
    assert_eq!(told.matches(": done before").count(), 2, "{told}");
    assert!(place.bytes("cross/fold-2/best.safetensors") == weights[1]);
    assert_eq!(String::from_utf8(place.bytes("cross/folds.csv")).unwrap(), csv);
    let told = place.convnet(&FOLDS.replace("--folds 3", "--folds 4"), 1).1;
    assert!(told.contains("`split.folds` was 3, asked for is 4"), "{told}");
}

#[test]
fn sets_with_validation_images_and_too_few_folds_are_refused() {
    let place = Place::new();
    for (split, class) in ["train", "val"].iter().flat_map(|split| ["a", "b"].map(|class| (split, class))) {
        let folder = place.path().join("photos").join(split).join(class);
        fs::create_dir_all(&folder).unwrap();
        for number in 0..3 {
            fs::write(folder.join(format!("{number}.png")), include_bytes!("data/boot.png")).unwrap();
        }
    }
    let told = place.failure("train lenet --data photos --folds 2 --out cross", 1);
    for part in ["`split.folds` is 2", "6 validation images of its own", "move them to the training images"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let told = place.failure("train lenet --folds 1 --out cross", 2);
    assert!(told.contains("`split.folds` is 1"), "{told}");
    place.failure("train lenet --folds 3 --validation 0.2 --out cross", 2);
    assert_eq!(place.files("."), ["photos"]);
}
