//! Recipes that have a name, and what the data decide where none is given.

use std::fs;

use crate::place::Place;

#[test]
fn recipes_are_listed_and_one_is_a_file_to_change() {
    let place = Place::new();
    let listed = place.success("recipes");
    assert!(listed.contains("sgd-step") && listed.contains("He et al. 2016"), "{listed}");
    let text = place.success("recipes sgd-step");
    fs::write(place.path().join("mine.toml"), &text).expect("the folder can be written");
    place.success("train lenet --limit-steps 1 --recipe sgd-step --out named");
    place.success("train lenet --limit-steps 1 --recipe mine.toml --out mine");
    assert_eq!(place.bytes("named/config.toml"), place.bytes("mine/config.toml"));
    assert_eq!(place.bytes("named/last.safetensors"), place.bytes("mine/last.safetensors"));
    for command in ["recipes sgd-stop", "train lenet --recipe sgd-stop"] {
        let told = place.failure(command, 2);
        assert!(told.contains("`sgd-stop`") && told.contains("sgd-cosine, sgd-step"), "{told}");
    }
}

/// Eighty pictures of 80 × 72 pixels, of two classes.
fn photos(place: &Place) {
    for (class, bright) in [("dark", 40), ("bright", 200)] {
        let folder = place.path().join("photos/train").join(class);
        fs::create_dir_all(&folder).expect("the folder can be made");
        for number in 0..40_u8 {
            let pixels = (0..80 * 72).map(|at| bright + (at % 40) as u8 + number / 4);
            let file = [b"P5 80 72 255\n".to_vec(), pixels.collect()].concat();
            fs::write(folder.join(format!("{number:02}.pgm")), file).expect("the folder can be written");
        }
    }
}

#[test]
fn the_number_and_the_size_of_the_images_decide_what_nobody_else_does() {
    let place = Place::new();
    photos(&place);
    let config = |name: &str| String::from_utf8(place.bytes(&format!("{name}/config.toml"))).unwrap();
    let train = "train lenet --data photos/train --limit-steps 2 --threads 1 --out";
    let (_, told) = place.convnet(&format!("{train} own"), 0);
    let expected = "images to train on: 100 epochs, batches of 8, cropped and mirrored at random\n";
    assert!(told.contains(expected), "{told}");
    let own = config("own");
    for line in ["epochs = 100\n", "batch = 8\n", "lr = 0.00106\n", "preset = \"light\"\n"] {
        assert!(own.contains(line), "{line} is missing in {own}");
    }
    let given = "--epochs 2 --batch 16 --lr 0.01 --augment none";
    let (_, told) = place.convnet(&format!("{train} given {given}"), 0);
    assert!(!told.contains("as suits"), "{told}");
    let given = config("given");
    for line in ["epochs = 2\n", "batch = 16\n", "lr = 0.01\n"] {
        assert!(given.contains(line), "{line} is missing in {given}");
    }
    assert!(!given.contains("preset"), "{given}");
    let (_, told) = place.convnet(&format!("{train} step --recipe sgd-step"), 0);
    assert!(told.contains("100 epochs") && config("step").contains("batch = 128\n"), "{told}");
    // Every run of a sweep is told by the same rule.
    let sweep = "train lenet --data photos/train --limit-steps 1 --sweep seed=1,2 --threads 1 --out";
    place.success(&format!("{sweep} sweep"));
    assert!(config("sweep/seed=1").contains("epochs = 100\n"));
    place.success(&format!("{sweep} sweep"));
}
