//! `train`, `eval` and `predict` as a user runs them: short runs of LeNet on the bundled images.

use std::fs;

use crate::place::Place;
use snapbox::cargo_bin;

#[test]
fn train_eval_and_predict() {
    let place = Place::new();
    let said = place.success("train lenet --epochs 1 --threads 1");
    for part in ["test accuracy", "runs/lenet/best.safetensors", "convnet predict runs/lenet IMAGE"] {
        assert!(said.contains(part), "{part} is missing in {said}");
    }
    // The next run without a name of its own gets one that is free.
    place.success("train lenet --limit-steps 2");
    assert_eq!(place.files("runs"), ["lenet", "lenet-2"]);

    let figures: serde_json::Value = serde_json::from_str(&place.success("eval runs/lenet --json")).unwrap();
    assert_eq!((figures["model"].as_str(), figures["images"].as_u64()), (Some("lenet"), Some(2000)));
    let result: serde_json::Value = serde_json::from_slice(&place.bytes("runs/lenet/result.json")).unwrap();
    for key in ["top1", "top5", "images"] {
        assert_eq!(figures[key], result[key], "{key}");
    }
    assert_eq!(result["measured_on"], "test");
    assert!(figures["top1"].as_f64().unwrap() > 0.7, "{figures}");

    place.write_boot();
    let said = place.success("predict runs/lenet boot.png --top 2");
    assert!(said.starts_with("boot.png\n") && said.lines().count() == 3, "{said}");
    let said = place.success("predict lenet --weights runs/lenet/last.safetensors --json boot.png");
    let images: serde_json::Value = serde_json::from_str(&said).unwrap();
    let predictions = images[0]["predictions"].as_array().unwrap();
    assert_eq!(predictions.len(), 5);
    assert!(predictions.iter().any(|p| p["class"] == "Ankle boot"), "{said}");
}

#[test]
fn an_image_that_is_text_does_not_keep_the_others() {
    let place = Place::new();
    place.success("train lenet --limit-steps 2");
    place.write_boot();
    fs::write(place.path().join("note.png"), "not an image").unwrap();
    let (said, told) = place.convnet("predict runs/lenet note.png boot.png none.png --top 1", 1);
    assert!(said.starts_with("boot.png\n") && said.lines().count() == 2, "{said}");
    assert!(told.contains("note.png") && told.contains("none.png"), "{told}");
    assert!(told.contains("2 of 3 images could not be classified"), "{told}");
}

#[test]
fn a_run_is_not_overwritten_and_not_resumed_by_other_settings() {
    let place = Place::new();
    place.success("train lenet --limit-steps 2 --out run");
    let before = place.bytes("run/last.safetensors");
    let told = place.failure("train lenet --limit-steps 2 --out run", 1);
    assert!(told.contains("--resume run") && told.contains("--out"), "{told}");
    let told = place.failure("train --resume run --batch 32 --seed 9", 1);
    assert!(told.contains("`batch` was 64, asked for is 32"), "{told}");
    assert!(told.contains("`seed` was 0, asked for is 9"), "{told}");
    assert!(place.bytes("run/last.safetensors") == before);
    // A run that is done is not trained any more.
    place.success("train --resume run");
    assert!(place.bytes("run/last.safetensors") == before);
}

#[test]
fn recipes_are_files_or_names() {
    let place = Place::new();
    fs::write(place.path().join("mine.toml"), "batch = 100\nepochs = 1\nlimit_steps = 2\n").unwrap();
    place.success("train lenet --recipe mine.toml --lr 0.001 --out run");
    let config = String::from_utf8(place.bytes("run/config.toml")).unwrap();
    for line in ["batch = 100", "lr = 0.001", "kind = \"adam\"", "limit_steps = 2"] {
        assert!(config.contains(line), "{line} is missing in {config}");
    }
    fs::write(place.path().join("wrong.toml"), "batches = 100\n").unwrap();
    let told = place.failure("train lenet --recipe wrong.toml", 1);
    assert!(
        told.contains("wrong.toml")
            && told.contains("line 1: a recipe has no key `batches`; did you mean `batch`?"),
        "{told}"
    );
    let told = place.failure("train lenet --recipe unknown", 2);
    assert!(told.contains("`unknown`") && told.contains("sgd-cosine"), "{told}");
}

#[test]
fn what_cannot_be_done_leaves_nothing() {
    let place = Place::new();
    fs::write(place.path().join("file"), "text").unwrap();
    for (arguments, code, part) in [
        ("train", 2, "MODEL"),
        ("train lenett", 2, "lenet"),
        ("train lenet --batch 0", 2, "at least 1"),
        ("train lenet --batch -3", 2, "at least 1"),
        ("train lenet --epochs -3", 2, "at least 1"),
        ("train lenet --epochs 100001", 2, "from 1 to 100000"),
        ("train lenet --lr -1", 2, "`lr` is -1, expected a number above 0"),
        ("train lenet --lr -1e-3", 2, "`lr` is -0.001, expected a number above 0"),
        ("train lenet --lr 1e-320", 2, "`lr` is 1e-320,"),
        ("train lenet --lr --epochs 3", 2, "a value is required for '--lr"),
        ("train lenet --seed -1", 2, "at least 0"),
        ("train lenet --limit-steps -5", 2, "at least 0"),
        ("train lenet --limit-steps 0", 2, "`limit_steps` is 0"),
        ("train lenet --threads -1", 2, "at least 1"),
        ("train lenet --threads 100000", 2, "at most 1024"),
        ("train lenet --crop -2", 2, "at least 0"),
        ("train lenet --crop 32", 2, "`augment.crop` is 32 for images of 32x32"),
        ("train lenet --input -1x32x32", 2, "CHANNELSxHEIGHTxWIDTH"),
        ("train lenet --classes -7", 2, "at least 1"),
        ("bench lenet --seconds -1", 2, "from 0 to 3600"),
        ("bench lenet --batch -1", 2, "at least 1"),
        ("show lenet --depth -1", 2, "at least 1"),
        ("predict lenet x.png --top -1", 2, "at least 1"),
        ("eval lenet --batch -1", 2, "at least 1"),
        ("train lenet --lr=-1", 2, "`lr` is -1"),
        ("train lenet --optimizer adagrd", 2, "adagrad"),
        ("train lenet --data nowhere", 2, "nowhere"),
        ("train lenet --classes 7", 1, "--classes 10"),
        ("train alexnet --input 1x5x5", 1, "alexnet"),
        ("train lenet --out file", 1, "file"),
        ("train lenet --out file/run", 1, "file"),
        ("train --resume nowhere", 1, "nowhere"),
        ("eval lenet", 2, "--weights"),
        ("eval nothing", 2, "nothing"),
        ("eval lenet --weights file", 1, "file"),
        ("predict lenet", 2, "IMAGE"),
    ] {
        let told = place.failure(arguments, code);
        assert!(told.starts_with("error:") && told.contains(part), "{arguments}: {told}");
    }
    assert_eq!(place.files("."), ["file"]);
}

/// A run that is killed in its first epoch.
fn begun(place: &Place) {
    let arguments = "train lenet --epochs 3 --batch 1 --threads 1";
    let mut child = std::process::Command::new(cargo_bin!("convnet"))
        .current_dir(place.path())
        .args(arguments.split_whitespace())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("the command starts");
    let config = place.path().join("runs/lenet/config.toml");
    while !config.exists() {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    child.kill().expect("the command can be killed");
    child.wait().expect("the command ends");
}

#[test]
fn what_has_no_epoch_yet_is_told_with_the_way_out() {
    let place = Place::new();
    begun(&place);
    for command in ["eval runs/lenet", "predict runs/lenet x.png"] {
        let told = place.failure(command, 1);
        assert!(told.contains("no epoch") && told.contains("convnet train --resume runs/lenet"), "{told}");
    }
    // Stopped while the settings were written: it can be started again, and not be resumed.
    let _ = fs::remove_file(place.path().join("runs/lenet/filters.safetensors"));
    fs::rename(place.path().join("runs/lenet/config.toml"), place.path().join("runs/lenet/.convnet-x1y2z3"))
        .unwrap();
    let told = place.failure("train --resume runs/lenet", 1);
    assert!(told.contains("--out runs/lenet"), "{told}");
    place.success("train lenet --limit-steps 2 --out runs/lenet");
    assert!(!place.files("runs/lenet").iter().any(|name| name.starts_with('.')));
}

#[test]
fn two_trainings_at_once_take_two_names() {
    let place = Place::new();
    let start = || {
        std::process::Command::new(cargo_bin!("convnet"))
            .current_dir(place.path())
            .args("train lenet --limit-steps 2 --threads 1".split_whitespace())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .expect("the command starts")
    };
    let children: Vec<_> = (0..3).map(|_| start()).collect();
    for mut child in children {
        assert!(child.wait().expect("the command ends").success());
    }
    assert_eq!(place.files("runs"), ["lenet", "lenet-2", "lenet-3"]);
}

#[test]
fn what_was_hardly_meant_is_remarked_in_a_line() {
    let place = Place::new();
    let (_, told) = place.convnet("train lenet --limit-steps 2 --threads 1000 --lr 1e-30", 0);
    for part in ["1000 threads on", "one cycle up to 1e-30", "that of guessing"] {
        assert!(told.contains(part), "{part} is missing in {told}");
    }
    let (_, told) = place.convnet("train lenet --epochs 1 --batch 5000 --threads 1", 0);
    assert!(
        told.contains("2 steps in all (1 epoch of 2 steps)") && told.contains("1 epoch, batch 5000"),
        "{told}"
    );
    assert!(told.contains("1 thread on"), "{told}");
}

#[test]
fn bench_checks_all_names_before_it_times_one() {
    let place = Place::new();
    let told = place.failure("bench lenet lenett --seconds 0", 2);
    assert!(told.contains("`lenett`"), "{told}");
}

#[test]
fn threads_are_rehearsed_without_cores() {
    let place = Place::new();
    for mode in ["infer", "train"] {
        let arguments = format!("bench resnet18 --input 3x64x64 --batch 2 --mode {mode} --seconds 0");
        let text = place.success(&format!("{arguments} --threads 8 --rehearse --layers --json"));
        let report: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((report["threads"].as_u64(), report["gflops_peak"].as_f64()), (Some(8), None));
        let figure = |name: &str| report["rehearsal"][name].as_f64().expect("a figure");
        let (ms, alone) = (figure("ms"), figure("ms_alone"));
        assert!(ms < 0.8 * alone && ms > 0.12 * alone, "{ms} of {alone}");
        assert!((figure("of_linear") - alone / ms / 8.0).abs() < 1e-9);
        // A call for each convolution, at least.
        assert!(figure("calls") >= 20.0);
        assert!(place.success(&arguments).contains("GFLOP/s peak"));
    }
    assert!(place.failure("bench lenet --rehearse", 2).contains("--threads"));
}

#[test]
fn damage_to_a_run_is_named() {
    let place = Place::new();
    place.success("train lenet --limit-steps 2 --threads 1 --out run");
    let path = |name: &str| place.path().join("run").join(name);
    for (name, commands) in [
        ("config.toml", &["train --resume run", "eval run"][..]),
        ("metrics.jsonl", &["train --resume run"]),
        ("checkpoint.safetensors", &["train --resume run"]),
        ("best.safetensors", &["train --resume run", "eval run"]),
        ("last.safetensors", &["train --resume run", "eval lenet --weights run/last.safetensors"]),
    ] {
        let whole = place.bytes(&format!("run/{name}"));
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 4;
        for (content, part) in [(Some(&flipped), "checksum"), (None, "missing")] {
            match content {
                Some(bytes) => fs::write(path(name), bytes).unwrap(),
                None => fs::remove_file(path(name)).unwrap(),
            }
            for command in commands.iter().filter(|_| content.is_some() || name != "checkpoint.safetensors") {
                let told = place.failure(command, 1);
                let lost = content.is_none() && command.starts_with("eval lenet");
                assert!(told.contains(name) && (lost || told.contains(part)), "{command}: {told}");
            }
        }
        fs::write(path(name), whole).unwrap();
    }
    place.success("train --resume run");
}
