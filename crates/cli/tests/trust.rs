//! Nothing guessed, nothing dropped in silence: names are compared, one preprocessing serves all commands, a run is a
//! model wherever one is meant, and weights are drawn in training alone.

use std::fs;

use crate::place::Place;

/// Grey images of one level a class, in a folder a class: `(name, level)`.
fn photos(place: &Place, folder: &str, classes: &[(&str, u8)]) {
    for (name, level) in classes {
        let folder = place.path().join(folder).join(name);
        fs::create_dir_all(&folder).expect("a folder is made");
        for number in 0..20u8 {
            let mut pixels = b"P5 28 28 255\n".to_vec();
            pixels.extend((0..28 * 28).map(|i| level + (i as u8 ^ number) % 8));
            fs::write(folder.join(format!("{number:02}.pgm")), pixels).expect("an image is written");
        }
    }
}

/// A run that tells three grey levels apart, called as people call animals.
fn trained(place: &Place) {
    photos(place, "photos", &[("Dog", 20), ("Owl", 120), ("cat", 220)]);
    place.success("train lenet --data photos --input 1x28x28 --epochs 12 --batch 16 --threads 1 --out run");
}

fn top1(place: &Place, arguments: &str) -> f64 {
    let said: serde_json::Value =
        serde_json::from_str(&place.success(&format!("eval {arguments} --json"))).expect("JSON");
    said["top1"].as_f64().expect("an accuracy")
}

#[test]
fn classes_are_matched_by_name() {
    let place = Place::new();
    trained(&place);
    assert_eq!(top1(&place, "run"), 1.0);
    // The same classes, which sort otherwise.
    photos(&place, "lower", &[("cat", 220), ("dog", 20), ("owl", 120)]);
    let (_, told) = place.convnet("eval run --data lower", 0);
    assert!(told.contains("classes matched by name") && told.contains("`dog` is `Dog`"), "{told}");
    assert_eq!(top1(&place, "run --data lower"), 1.0);
    place.success("convert run run.onnx");
    assert_eq!(top1(&place, "run.onnx --data lower"), 1.0);
    // Fewer classes than the network has.
    photos(&place, "two", &[("Owl", 120), ("cat", 220)]);
    let (_, told) = place.convnet("eval run --data two", 0);
    assert!(told.contains("no images of `Dog`"), "{told}");
    assert_eq!(top1(&place, "run --data two"), 1.0);
    // Other classes.
    photos(&place, "others", &[("cat", 220), ("cow", 20), ("owl", 120)]);
    let told = place.failure("eval run --data others", 1);
    assert!(told.contains("`cow`") && told.contains("`Dog`, `Owl`, `cat`"), "{told}");
    // By position, as was asked for: cat is Dog.
    assert_eq!(top1(&place, "run --data lower --by-position"), 0.0);
    // Weights without names cannot be compared, which is said.
    place.success("convert run run.pth");
    let (_, told) =
        place.convnet("eval lenet --weights run.pth --data photos --classes 3 --input 1x28x28", 0);
    assert!(told.contains("not compared") && told.contains("assumed"), "{told}");
}

#[test]
fn a_run_goes_on_from_weights_by_the_names_of_its_classes() {
    let place = Place::new();
    trained(&place);
    photos(&place, "lower", &[("cat", 220), ("dog", 20), ("owl", 120)]);
    let train = |arguments: &str| {
        place.convnet(&format!("train {arguments} --limit-steps 1 --lr 1e-9 --threads 1"), 0).1
    };
    let told = train("lenet --init-from run --data lower --out tuned");
    assert!(told.contains("classes matched by name") && told.contains("as for the weights"), "{told}");
    assert_eq!(top1(&place, "tuned"), 1.0);
    // A run is a model too.
    train("run --data lower --out again");
    assert_eq!(top1(&place, "again"), 1.0);
    photos(&place, "others", &[("ant", 220), ("bee", 20), ("fly", 120)]);
    let told = train("lenet --init-from run/best.safetensors --data others --out new");
    assert!(told.contains("the last layer is drawn anew") && told.contains("drawn at random"), "{told}");
    // Without a rate, a tenth of the usual one.
    let (_, told) = place.convnet("train lenet --init-from run --data photos --limit-steps 1 --out slow", 0);
    assert!(told.contains("a tenth of the usual learning rate, 0.000106"), "{told}");
}

#[test]
fn one_preprocessing_serves_all_commands() {
    let place = Place::new();
    trained(&place);
    place.success("convert run run.pth");
    let own = fs::read_to_string(place.path().join("run/config.toml")).expect("the settings");
    let value = |key: &str| -> f64 {
        let line = own.lines().find(|line| line.starts_with(&format!("{key} = ["))).expect("a line");
        line.trim_end_matches(']').rsplit('[').next().expect("a number").parse().expect("a number")
    };
    let spec = format!("mean={},std={}", value("mean"), value("std"));
    let sizes = "--classes 3 --input 1x28x28";
    let weights = format!("lenet --weights run.pth {sizes}");
    assert_eq!(top1(&place, &format!("{weights} --data photos --preprocess {spec}")), 1.0);
    let guess = |arguments: &str| {
        let said = place.success(&format!("predict {arguments} --json photos/Owl/03.pgm"));
        let said: serde_json::Value = serde_json::from_str(&said).expect("JSON");
        said[0]["predictions"][0].clone()
    };
    let (by_run, by_spec) = (guess("run"), guess(&format!("{weights} --preprocess {spec}")));
    assert_eq!((&by_run["index"], &by_run["probability"]), (&by_spec["index"], &by_spec["probability"]));
    // It is kept where the format can carry it.
    place.success(&format!("convert run.pth kept.safetensors --model lenet {sizes} --preprocess {spec}"));
    assert_eq!(guess("kept.safetensors")["probability"], by_run["probability"]);
    place.success(&format!("convert run.pth kept.onnx --model lenet {sizes} --preprocess {spec}"));
    let of_onnx = guess("kept.onnx")["probability"].as_f64().expect("a number");
    assert!((of_onnx - by_run["probability"].as_f64().expect("a number")).abs() < 1e-6);
    let (_, told) = place.convnet("convert run lost.pth", 0);
    assert!(told.contains("no place for it: the classes' names and the preprocessing"), "{told}");
    let told = place.failure("predict run boot.png --preprocess imagenets", 2);
    assert!(told.contains("imagenet, cifar, plain"), "{told}");
    let told = place.failure("predict run boot.png --preprocess imagenet", 1);
    assert!(told.contains("3 means") && told.contains("1 channel"), "{told}");
}

#[test]
fn a_run_is_a_model_wherever_one_is_meant() {
    let place = Place::new();
    place.success("train lenet --limit-steps 1 --threads 1 --out run");
    place.write_boot();
    let said = place.success("predict run boot.png");
    for model in ["run/best.safetensors", "lenet --weights run", "lenet --weights run/last.safetensors"] {
        assert_eq!(place.success(&format!("predict {model} boot.png")), said, "{model}");
    }
    for command in [
        "show run",
        "diff run lenet",
        "bench run --seconds 0",
        "convert run a.onnx",
        "convert run a.safetensors",
    ] {
        place.convnet(command, 0);
    }
    assert_eq!(place.success("predict a.safetensors boot.png"), said);
    // A run from an ONNX file does not need the file any more.
    place.success("train a.onnx --limit-steps 3 --threads 1 --out tuned");
    fs::remove_file(place.path().join("a.onnx")).expect("it was there");
    place.success("predict tuned boot.png");
    place.success("convert tuned b.onnx");
    place.success("eval tuned");
    // Nor does it depend on where it was started.
    fs::create_dir(place.path().join("elsewhere")).expect("a folder is made");
    fs::rename(place.path().join("tuned"), place.path().join("elsewhere/lenet")).expect("it is moved");
    place.success("predict elsewhere/lenet boot.png");
    // A file of weights that does not tell of its network.
    place.success("convert run a.pth");
    let told = place.failure("predict a.pth boot.png", 1);
    assert!(told.contains("does not tell of which network"), "{told}");
    // A folder that is no run does not keep the network of its name from being meant, which is said.
    fs::create_dir(place.path().join("lenet")).expect("a folder is made");
    let (_, told) = place.convnet("convert lenet b.onnx --seed 1", 0);
    assert!(told.contains("the network of the zoo, not the folder"), "{told}");
}

#[test]
fn weights_are_drawn_where_that_is_asked_for() {
    let place = Place::new();
    place.success("train lenet --limit-steps 1 --threads 1 --out run");
    place.write_boot();
    let told = place.failure("convert lenet a.onnx", 2);
    assert!(told.contains("has no weights") && told.contains("--seed N"), "{told}");
    place.convnet("convert lenet a.onnx --seed 3", 0);
    for command in
        ["predict run --classes 7 boot.png", "eval run --classes 7", "convert run b.onnx --classes 7"]
    {
        let told = place.failure(command, 1);
        assert!(told.contains("the network expects [7, 84]") && told.contains("they fit `lenet`"), "{told}");
    }
    // Nothing matches: --partial does not make a network of it.
    let told = place.failure("predict resnet18 --weights run --partial boot.png", 1);
    assert!(told.contains("0 parameters match") && !told.contains("--partial"), "{told}");
    let told = place.failure("train resnet18 --init-from run --partial", 1);
    assert!(told.contains("0 parameters match"), "{told}");
    assert!(!place.path().join("runs").exists() && !place.path().join("b.onnx").exists());
}
