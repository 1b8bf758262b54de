//! What is learned by, from the command line: each option changes the weights as it should, or is refused.

use crate::place::Place;

/// A run of two steps; its weights.
fn trained(place: &Place, name: &str, options: &str) -> Vec<u8> {
    place.success(&format!("train lenet --limit-steps 2 --threads 1 --out {name} {options}"));
    place.bytes(&format!("{name}/last.safetensors"))
}

/// The part of `config.toml` on the loss.
fn section(place: &Place, run: &str) -> String {
    let config = String::from_utf8(place.bytes(&format!("{run}/config.toml"))).expect("it is text");
    let tables = config.split("\n[").filter(|table| table.starts_with("recipe.loss"));
    tables.collect::<Vec<_>>().join("\n[")
}

#[test]
fn every_option_of_the_loss_changes_what_is_learned() {
    let place = Place::new();
    let options = [
        "",
        "--loss bce",
        "--loss focal",
        "--loss focal --focal-gamma 0.5",
        "--label-smoothing 0.1",
        "--class-weights 1,2,3,4,5,6,7,8,9,10",
        "--balanced",
    ];
    let weights: Vec<Vec<u8>> =
        options.iter().enumerate().map(|(i, options)| trained(&place, &format!("r{i}"), options)).collect();
    for (i, a) in weights.iter().enumerate() {
        for (j, b) in weights.iter().enumerate().skip(i + 1) {
            assert!(a != b, "`{}` and `{}` learn the same", options[i], options[j]);
        }
    }
    let same = trained(&place, "same", "--loss focal --focal-gamma 0");
    assert!(same == weights[0], "a focal loss without focus is cross-entropy");
    assert!(section(&place, "r4").starts_with("recipe.loss]\nlabel_smoothing = 0.1\n"));
}

#[test]
fn a_teacher_is_learned_from_and_kept_in_mind() {
    let place = Place::new();
    let plain = trained(&place, "teacher", "--seed 3");
    let taught =
        |name: &str, options: &str| trained(&place, name, &format!("--seed 4 --teacher teacher {options}"));
    let all = [
        trained(&place, "alone", "--seed 4"),
        taught("half", ""),
        taught("more", "--teacher-weight 0.9"),
        taught("cold", "--temperature 1"),
    ];
    for (i, a) in all.iter().enumerate() {
        assert!(all[i + 1..].iter().all(|b| a != b), "{i}");
    }
    assert!(taught("none", "--teacher-weight 0") == all[0], "a teacher that does not count changes nothing");
    let kept = section(&place, "half");
    assert!(kept.contains("digest = \"crc32:") && kept.contains("alpha = 0.5"), "{kept}");
    // A run that goes on needs the same teacher.
    place.success("train lenet --limit-steps 2 --threads 1 --seed 5 --out other");
    std::fs::copy(place.path().join("other/best.safetensors"), place.path().join("teacher/best.safetensors"))
        .unwrap();
    assert!(plain != place.bytes("teacher/best.safetensors"));
    let told = place.failure("train --resume half", 1);
    assert!(told.contains("teacher") && told.contains("its weights have the checksum"), "{told}");
}

#[test]
fn losses_that_do_not_fit_are_refused_before_anything_is_written() {
    let place = Place::new();
    for (options, code, told) in [
        ("--loss mse", 2, "cross-entropy"),
        ("--label-smoothing 1.5", 2, "loss.label_smoothing"),
        ("--focal-gamma 2", 2, "loss.gamma"),
        ("--class-weights 1,2", 2, "2 numbers for 10 classes"),
        ("--class-weights half", 2, "balanced"),
        ("--aux-weight 0.1", 2, "no auxiliary outputs"),
        ("--temperature 2", 2, "loss.teacher"),
        ("--teacher lenet", 2, "no weights"),
    ] {
        let found = place.failure(&format!("train lenet --limit-steps 2 --out run {options}"), code);
        assert!(found.contains(told), "{options}: {found}");
        assert!(!place.path().join("run").exists(), "{options}");
    }
}

#[test]
fn auxiliary_outputs_count_as_they_are_told() {
    let place = Place::new();
    let options = "train googlenet@torchvision --input 1x32x32 --validation 0 --limit-steps 1 --batch 4 --epochs 1 --threads 1";
    place.success(&format!("{options} --out a"));
    place.success(&format!("{options} --out b --aux-weight 0.3"));
    place.success(&format!("{options} --out c --aux-weight 0.6"));
    assert!(place.bytes("a/last.safetensors") == place.bytes("b/last.safetensors"));
    assert!(place.bytes("a/last.safetensors") != place.bytes("c/last.safetensors"));
}

#[test]
fn views_are_averaged() {
    let place = Place::new();
    trained(&place, "run", "");
    place.write_boot();
    let eval = |options: &str| -> serde_json::Value {
        serde_json::from_str(&place.success(&format!("eval run --json {options}"))).unwrap()
    };
    let (one, flip, five, ten) =
        (eval(""), eval("--tta flip"), eval("--tta five-crop"), eval("--tta ten-crop"));
    let losses = [&one, &flip, &five, &ten].map(|figures| figures["loss"].as_f64().unwrap());
    assert!((0..4).all(|i| (i + 1..4).all(|j| losses[i] != losses[j])), "{losses:?}");
    let predict = |options: &str| place.success(&format!("predict run boot.png --json {options}"));
    let said = ["", "--tta flip", "--tta five-crop", "--tta ten-crop"].map(predict);
    assert!((0..4).all(|i| (i + 1..4).all(|j| said[i] != said[j])), "{said:?}");
}
