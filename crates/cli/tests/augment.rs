//! Random changes of training images, and preprocessing, as `train` takes them.

use std::fs;

use crate::place::Place;

const RUN: &str = "train lenet --batch 16 --limit-steps 2 --threads 1";

#[test]
fn every_option_changes_what_is_learned() {
    let place = Place::new();
    let weights = |name: &str, options: &str| {
        place.success(&format!("{RUN} --out {name} {options}"));
        place.bytes(&format!("{name}/last.safetensors"))
    };
    let plain = weights("plain", "");
    for (number, (options, kept)) in [
        ("--augment light", "preset = \"light\""),
        ("--augment standard", "preset = \"standard\""),
        ("--augment strong", "preset = \"strong\""),
        ("--augment strong --flip=false", "flip = false"),
        ("--crop 3", "crop = 3"),
        ("--flip", "flip = true"),
        ("--random-resized-crop", "random_resized_crop = true"),
        ("--random-resized-crop=0.5,1", "scale = [0.5, 1.0]"),
        ("--rotate 15", "rotate = 15"),
        ("--color-jitter 0.4", "color_jitter = 0.4"),
        ("--auto-augment trivial", "auto = \"trivial\""),
        ("--erasing 0.9", "erasing = 0.9"),
        ("--mixup 0.4", "mixup = 0.4"),
        ("--cutmix 1", "cutmix = 1"),
        ("--preprocess mean=0.5,std=0.25,resize=40,interpolation=bicubic", "interpolation = \"bicubic\""),
    ]
    .into_iter()
    .enumerate()
    {
        let name = number.to_string();
        assert!(weights(&name, options) != plain, "{options}");
        let config = String::from_utf8(place.bytes(&format!("{name}/config.toml"))).unwrap();
        assert!(config.contains(kept), "{options}: {config}");
    }
    // Another seed's changes are others; the same are the same.
    assert!(
        weights("again", "--augment strong --mixup 0.4") == weights("twice", "--augment strong --mixup 0.4")
    );
    assert!(weights("none", "--augment none") == plain);
}

#[test]
fn a_preset_takes_the_place_of_a_recipe_s_changes() {
    let place = Place::new();
    let recipe = "[augment]\ncrop = 2\n\n[[augment.transforms]]\nname = \"Round\"\n";
    fs::write(place.path().join("both.toml"), recipe).unwrap();
    let told = place.failure(&format!("{RUN} --recipe both.toml"), 1);
    assert!(told.contains("`augment.crop` is given") && told.contains("`augment.transforms`"), "{told}");
    fs::write(place.path().join("crop.toml"), "[augment]\ncrop = 2\nflip = true\n").unwrap();
    place.success(&format!("{RUN} --recipe crop.toml --augment strong --erasing 0.5 --out run"));
    let config = String::from_utf8(place.bytes("run/config.toml")).unwrap();
    let augment = config.split(".augment]").nth(1).unwrap();
    let augment = augment.split("\n[").next().unwrap();
    assert_eq!(augment.trim(), "preset = \"strong\"\nerasing = 0.5");
    for (options, part) in [
        ("--augment huge", "light"),
        ("--auto-augment all", "trivial"),
        ("--random-resized-crop=half", "0.08,1"),
        ("--random-resized-crop=0,1", "`augment.random_resized_crop`: RandomResizedCrop: `scale`"),
        ("--crop 2 --random-resized-crop", "`augment.crop` is 2"),
        ("--erasing 2", "`augment.erasing` is 2"),
        ("--mixup -1", "`augment.mixup` is -1"),
    ] {
        let told = place.failure(&format!("{RUN} {options}"), 2);
        assert!(told.contains(part), "{options}: {told}");
    }
    assert!(!place.path().join("runs").exists());
}

#[test]
fn photos_are_seen_whole_and_measured_as_they_were_learned() {
    let place = Place::new();
    for number in 0..24_u32 {
        let class = ["across", "down"][number as usize % 2];
        let path = place.path().join("photos").join(class).join(format!("{number}.ppm"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let mut file = b"P6 150 100 255\n".to_vec();
        for y in 0..100 {
            for x in 0..150 {
                let stripe = if class == "across" { y } else { x };
                file.extend([(stripe / 8 % 2 * 200) as u8, number as u8, 90]);
            }
        }
        fs::write(path, file).unwrap();
    }
    let train = "train lenet --data photos --input 3x32x32 --batch 8 --epochs 2 --threads 1";
    place.success(&format!("{train} --augment standard --cutmix 1 --out run"));
    let config = String::from_utf8(place.bytes("run/config.toml")).unwrap();
    // torchvision's 256 of 224.
    assert!(config.contains("center-crop = 36"), "{config}");
    let figures =
        |command: &str| -> serde_json::Value { serde_json::from_str(&place.success(command)).unwrap() };
    let result: serde_json::Value = serde_json::from_slice(&place.bytes("run/result.json")).unwrap();
    assert_eq!(figures("eval run --json")["top1"], result["top1"]);
    place.success("predict run photos/down/1.ppm");
    // Other people's files tell how images become input.
    fs::write(
        place.path().join("preprocessor_config.json"),
        r#"{"do_resize": true, "size": {"height": 32, "width": 32}, "resample": 3, "do_rescale": true,
            "rescale_factor": 0.00392156862745098, "do_normalize": true, "image_mean": [0.5, 0.5, 0.5],
            "image_std": [0.25, 0.25, 0.25], "image_processor_type": "ViTImageProcessor"}"#,
    )
    .unwrap();
    place.success(&format!("{train} --preprocess preprocessor_config.json --out other"));
    let config = String::from_utf8(place.bytes("other/config.toml")).unwrap();
    assert!(
        config.contains("squash = [32, 32]") && config.contains("interpolation = \"bicubic\""),
        "{config}"
    );
    let told =
        place.failure("train lenet --data photos --input 3x64x64 --preprocess preprocessor_config.json", 1);
    assert!(told.contains("cuts out 32 × 32 pixels, the network's input has 64 × 64"), "{told}");
}

#[test]
fn a_sheet_shows_what_chance_makes_of_images() {
    let place = Place::new();
    place.success("data export fashion-mnist-mini photos --count 3");
    let sheet = |name: &str, options: &str| {
        place.success(&format!("data inspect photos --sheet {name}.png {options}"));
        place.bytes(&format!("{name}.png"))
    };
    let (plain, strong) = (sheet("plain", ""), sheet("strong", "--augment strong"));
    assert!(
        strong.starts_with(b"\x89PNG") && strong != plain && strong == sheet("again", "--augment strong")
    );
    fs::write(place.path().join("mine.toml"), "epochs = 3\n[augment]\nrotate = 30\nmixup = 0.5\n").unwrap();
    let turned = sheet("turned", "--augment mine.toml");
    assert!(turned != strong && turned != sheet("none", "--augment none"));
    fs::write(place.path().join("wrong.toml"), "[augment]\nrotate = 300\n").unwrap();
    for (options, part) in [
        ("--sheet a.png --augment much", "expected one of none, light, standard, strong"),
        ("--sheet a.png --augment wrong.toml", "`augment.rotate` is 300"),
        ("--augment strong", "--sheet"),
    ] {
        let told = place.failure(&format!("data inspect photos {options}"), 2);
        assert!(told.contains(part), "{told}");
    }
    assert!(!place.path().join("a.png").exists());
}
