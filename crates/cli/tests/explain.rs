//! `explain`: pictures, values, pages, and networks in words. `report` and `compare`: runs on a page.

use std::fs;

use serde_json::Value;

use crate::place::Place;

/// A place with a run of LeNet that has seen few images, and a boot.
fn trained() -> Place {
    let place = Place::new();
    place.success("train lenet --limit-steps 30 --out run --quiet");
    place.write_boot();
    place
}

/// The values in a .npy file of format 1.0: the shape as its header writes it, and floats.
fn values(bytes: &[u8]) -> (String, Vec<f32>) {
    let length = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = String::from_utf8_lossy(&bytes[..length]).into_owned();
    let shape = header.split_once('(').and_then(|(_, rest)| rest.split_once(')')).expect("a shape").0;
    let floats = bytes[length..].chunks_exact(4);
    (shape.to_owned(), floats.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
}

#[test]
fn each_thing_has_a_picture_and_its_values() {
    let place = trained();
    let shapes = [
        ("gradcam", "1, 1, 5, 5"),
        ("layercam", "1, 1, 5, 5"),
        ("gradient", "1, 1, 1, 32, 32"),
        ("guided", "1, 1, 1, 32, 32"),
        ("integrated", "1, 1, 1, 32, 32"),
        ("occlusion", "1, 1, 32, 32"),
        ("maps", "1, 16, 5, 5"),
        ("receptive-field", "32, 32"),
    ];
    let mut all = Vec::new();
    for (what, expected) in shapes {
        let told = place.success(&format!("explain run boot.png --what {what} -o a.png"));
        assert!(told.starts_with("boot.png: ") && told.ends_with("a.png\n"), "{told}");
        let picture = place.bytes("a.png");
        assert!(picture.starts_with(b"\x89PNG"), "{what}");
        place.success(&format!("explain run boot.png --what {what} -o a.npy"));
        let (shape, values) = values(&place.bytes("a.npy"));
        assert_eq!(shape, expected, "{what}");
        assert!(values.iter().any(|value| *value != 0.0), "{what}");
        all.push((picture, values));
    }
    for (i, (picture, values)) in all.iter().enumerate() {
        assert!(
            all[..i].iter().all(|(other, others)| other != picture && others != values),
            "{}",
            shapes[i].0
        );
    }
    place.success("explain run --what filters -o f.svg");
    let svg = fs::read_to_string(place.path().join("f.svg")).expect("the picture");
    assert!(svg.contains("6 filters of 1×5×5") && svg.matches("<image").count() == 6);
    place.success("explain run --what filters -o f.npy");
    assert_eq!(values(&place.bytes("f.npy")).0, "6, 1, 5, 5");
}

#[test]
fn every_option_changes_what_is_shown() {
    let place = trained();
    let bytes = |options: &str| {
        place.success(&format!("explain run boot.png -o a.svg {options}"));
        place.bytes("a.svg")
    };
    for (plain, options) in [
        ("", "--class Coat"),
        ("--class 3", "--class 4"),
        ("", "--top 2"),
        ("", "--layer conv.0"),
        ("", "--colours cividis"),
        ("--what maps", "--what maps --channels 3"),
        ("--what occlusion", "--what occlusion --window 9"),
        ("--what integrated", "--what integrated --steps 2"),
    ] {
        assert!(bytes(plain) != bytes(options), "{options} changes nothing");
        assert!(bytes(options) == bytes(options), "{options} is not repeated");
    }
    // One thread or two, the same bits.
    assert!(bytes("--threads 1") == bytes("--threads 2"));
    place.success("explain run boot.png --what gradient --exact -o a.npy");
    let svg = String::from_utf8(bytes("--class bag --class 0 --what occlusion")).expect("text");
    assert!(svg.contains(">Bag ") && svg.contains(">T-shirt/top "));
}

#[test]
fn what_is_wrong_is_said() {
    let place = trained();
    for (arguments, code, expected) in [
        ("explain run boot.png -o a.txt", 2, ".html, .png, .svg or .npy"),
        ("explain run -o a.png", 2, "there is no image to explain"),
        ("explain run boot.png", 2, "add `-o page.html`"),
        ("explain run --what filters boot.png -o a.png", 2, "without an image"),
        ("explain run boot.png -o a.png --class 10", 2, "or a number from 0 to 9"),
        ("explain run boot.png -o a.png --class bird", 2, "is none of the 10 classes"),
        ("explain run boot.png -o a.png --layer conv.9", 1, "no layer `conv.9`; there is `conv."),
        (
            "explain run boot.png -o a.png --layer linear.1",
            1,
            "expected a map of several pixels; there is `conv.3`",
        ),
        ("explain run boot.png -o a.png --what maps --class 1", 2, "leave them out"),
        ("explain run boot.png -o a.png --what occlusion --layer conv.0", 2, "looks at the whole network"),
        ("explain run boot.png -o a.png --what occlusion --window 40", 1, "expected 1 × 1 to 32 × 32"),
        ("explain run boot.png -o a.png --window 4", 2, "is of `--what occlusion`"),
        ("explain run boot.png -o a.html --what maps", 2, "a page shows everything"),
        ("explain run -o a.html", 2, "name an image"),
        ("explain run boot.png -o a.png --data fashion-mnist-mini", 2, "is of a page"),
        ("explain run --data fashion-mnist-mini", 2, "add `-o page.html`"),
        ("explain run boot.png -o a.html --data nowhere", 2, "nowhere"),
        ("explain run boot.png -o a.png --colours rainbow", 2, "expected viridis"),
        ("explain run missing.png -o a.png", 1, "missing.png"),
        ("explain lenet boot.png -o a.png", 2, "--weights"),
        ("explain run boot.png -o a.png --format markdown", 2, "told without an image"),
        ("explain run boot.png -o a.png --device tpu", 2, "auto, cpu, gpu or gpu:N"),
        ("explain run boot.png -o a.png --device gpu:9999", 1, "run on the CPU"),
        ("explain run boot.png -o a.png --precision tf32", 2, "add --device gpu"),
    ] {
        place.refused(arguments, code, expected);
        assert!(!place.path().join("a.png").exists() && !place.path().join("a.html").exists(), "{arguments}");
    }
}

/// The JSON that a page holds in the element of this name.
fn data(page: &str, id: &str) -> Value {
    let element = format!("id=\"{id}\">");
    let start = page.find(&element).expect("the data") + element.len();
    let end = start + page[start..].find("</script>").expect("its end");
    serde_json::from_str(&page[start..end]).expect("JSON")
}

#[test]
fn a_page_stands_alone_and_its_cells_add_up() {
    let place = trained();
    place.success("explain run boot.png --class Coat --class Bag -o page.html");
    let page = fs::read_to_string(place.path().join("page.html")).expect("the page");
    let links = page.matches("http").count();
    assert_eq!(links, page.matches("http://www.w3.org/").count() + page.matches("http-equiv").count());
    let data = data(&page, "page");
    let image = &data["images"][0];
    assert_eq!((data["network"]["name"].as_str(), image["name"].as_str()), (Some("lenet"), Some("boot.png")));
    let explained: Vec<u64> =
        image["heats"].as_array().expect("maps").iter().filter_map(|heat| heat["class"].as_u64()).collect();
    assert!(explained.contains(&4) && explained.contains(&8));
    // A small network's page has all values.
    assert!(data["nodes"].as_array().expect("layers").iter().any(|node| node["weight"].is_string()));
    assert!(image["layers"]["1"]["values"].is_string());
}

#[test]
fn a_page_tells_what_excites_its_channels() {
    let place = trained();
    place.success("explain run boot.png -o page.html --data fashion-mnist-mini");
    let page = fs::read_to_string(place.path().join("page.html")).expect("the page");
    let exciting = &data(&page, "page")["exciting"];
    assert_eq!(exciting["told"], "256 of 2,000 images of fashion-mnist-mini");
    assert!(exciting["channels"].as_object().is_some_and(|layers| layers.len() > 2));
    place.success("explain run boot.png -o plain.html");
    let plain = fs::read_to_string(place.path().join("plain.html")).expect("the page");
    assert!(data(&plain, "page")["exciting"].is_null());
}

#[test]
fn the_page_of_a_large_network_has_the_arithmetic_of_some_cells() {
    let place = Place::new();
    place.write_boot();
    for folder in ["train/a", "train/b", "val/a", "val/b", "test/a", "test/b"] {
        let folder = place.path().join("photos").join(folder);
        fs::create_dir_all(&folder).expect("a folder");
        fs::copy(place.path().join("boot.png"), folder.join("boot.png")).expect("a copy");
    }
    place.success("train vgg@small --data photos --limit-steps 1 --out run --quiet");
    place.success("explain run boot.png -o page.html");
    let data = data(&fs::read_to_string(place.path().join("page.html")).expect("the page"), "page");
    let cells = data["images"][0]["cells"].as_array().expect("cells");
    assert!(cells.len() > 20);
    let number = |value: &Value| value.as_f64().expect("a number");
    for cell in cells {
        let terms = cell["terms"].as_array().expect("terms");
        let products = terms.iter().map(|term| number(&term["input"]) * number(&term["weight"]));
        let largest = products.clone().fold(1.0f64, |most, product| most.max(product.abs()));
        let error = (number(&cell["sum"]) - number(&cell["value"])).abs();
        assert!(error <= 1e-4 * largest, "{cell}");
    }
}

#[test]
fn a_network_is_told_of_in_words() {
    let place = Place::new();
    let told = place.success("explain resnet18");
    for part in [
        "layer4 72% (8,393,728)",
        "8% as many",
        "Deep Residual Learning",
        "fewer pixels pay for more channels",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let markdown = place.success("explain lenet --format markdown");
    assert!(
        markdown.starts_with("# lenet: LeNet\n") && markdown.contains("| `conv.0` | 6×28×28 |"),
        "{markdown}"
    );
    place.success("new mine --like lenet");
    let told = place.success("explain mine.py");
    assert!(told.contains("From an image to classes") && !told.contains("Gradient-Based Learning"), "{told}");
}

#[test]
fn a_run_has_a_report_whose_figures_are_those_of_eval() {
    let place = trained();
    place.success("report run -o report.html");
    let page = fs::read_to_string(place.path().join("report.html")).expect("the page");
    place.success("report run -o again.html");
    let again = fs::read_to_string(place.path().join("again.html")).expect("the page");
    let [report, again] = [&page, &again].map(|page| data(page, "report"));
    let told: Value = serde_json::from_str(&place.success("eval run --json")).expect("JSON");
    assert_eq!(report["confusion"], told["confusion"]);
    let top1 = format!("{:.2}%", 100.0 * told["top1"].as_f64().expect("a fraction"));
    assert_eq!(report["figures"][0][1], top1);
    // All but the times repeat.
    for part in ["figures", "images", "sprite", "cells", "worst", "suspects", "points", "filters"] {
        assert_eq!(report[part], again[part], "{part}");
        assert!(!report[part].as_array().is_some_and(Vec::is_empty), "{part}");
    }
    // Before training, after its one epoch, and what is measured.
    let when: Vec<&str> = report["filters"]
        .as_array()
        .expect("filters")
        .iter()
        .filter_map(|one| one["when"].as_str())
        .collect();
    assert_eq!(when, ["before training", "after epoch 1", "as they are measured"]);
    assert_ne!(report["filters"][0]["picture"], report["filters"][1]["picture"]);
    assert!(report["near_by"].as_str().is_some_and(|told| told.contains("training and validation and test")));
    let images = report["images"].as_array().expect("images");
    for suspect in report["suspects"].as_array().expect("suspects") {
        let image = &images[suspect["image"].as_u64().expect("a number") as usize];
        assert_ne!(image["truth"], suspect["suggested"]);
    }
    for (arguments, code, expected) in [
        ("report lenet -o a.html", 2, "is of a run"),
        ("report run -o a.pdf", 2, "ends in .html"),
        ("report missing -o a.html", 2, "is of a run"),
    ] {
        place.refused(arguments, code, expected);
    }
}

#[test]
fn two_runs_stand_on_one_page() {
    let place = trained();
    place.success("train lenet --limit-steps 60 --seed 4 --out other --quiet");
    place.success("compare run other -o two.html");
    let page = fs::read_to_string(place.path().join("two.html")).expect("the page");
    let versus = data(&page, "report");
    assert_eq!(versus["names"], serde_json::json!(["run", "other"]));
    let [first, second] = ["run", "other"].map(|run| -> Value {
        serde_json::from_str(&place.success(&format!("eval {run} --json"))).expect("JSON")
    });
    for (side, eval) in [&first, &second].into_iter().enumerate() {
        let top1 = format!("{:.2}%", 100.0 * eval["top1"].as_f64().expect("a fraction"));
        assert_eq!(versus["figures"][0]["values"][side], top1);
    }
    // Who is right adds up to the images, and to each one's right answers.
    let count = |name: &str| versus["agreement"][name].as_u64().expect("a count");
    assert_eq!(count("both") + count("first") + count("second") + count("neither"), count("images"));
    let right = |eval: &Value| (eval["top1"].as_f64().expect("a fraction") * count("images") as f64).round();
    assert_eq!(right(&first) as u64, count("both") + count("first"));
    assert_eq!(right(&second) as u64, count("both") + count("second"));
    for kind in versus["differing"].as_array().expect("kinds") {
        for image in kind["images"].as_array().expect("images") {
            let image = &versus["images"][image.as_u64().expect("a place") as usize];
            let is_right = [0, 1].map(|side| image["answers"][side][0][0] == image["truth"]);
            let expected = match kind["kind"].as_str() {
                Some("first") => [true, false],
                Some("second") => [false, true],
                _ => [false, false],
            };
            assert_eq!(is_right, expected, "{image}");
        }
    }
    assert!(versus["settings"].as_array().expect("settings").iter().any(|one| one[0] == "seed"));
    assert!(versus["curves"].as_str().is_some_and(|curves| curves.starts_with("<svg")));
    // Without a photo those on which one alone is right, at most three for each.
    assert!(versus["photos"].as_array().is_some_and(|photos| (1..=6).contains(&photos.len())));

    place.success("compare run other -o two.html --image boot.png");
    let page = fs::read_to_string(place.path().join("two.html")).expect("the page");
    let photos = &data(&page, "report")["photos"];
    assert_eq!((photos.as_array().map(Vec::len), photos[0]["name"].as_str()), (Some(1), Some("boot.png")));
    let picture = |side: usize| &photos[0]["sides"][side]["heats"][0]["picture"];
    assert_ne!(picture(0), picture(1));
    for (arguments, code, expected) in [
        ("compare run -o a.html", 2, "a page is of two runs, 1 given"),
        ("compare run other run -o a.html", 2, "a page is of two runs, 3 given"),
        ("compare run other --image boot.png", 2, "are of a page"),
        ("compare run other -o a.svg --data fashion-mnist-mini", 2, "are of a page"),
        ("compare run other -o a.html --image missing.png", 1, "missing.png"),
        ("compare run other -o a.txt", 2, ".svg, .png or .html"),
    ] {
        place.refused(arguments, code, expected);
        assert!(!place.path().join("a.html").exists(), "{arguments}");
    }
}
