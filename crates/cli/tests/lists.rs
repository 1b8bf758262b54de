//! Sets by lists: each option of `train` that names one, and folders with a list beside the images.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use snapbox::cargo_bin;
use snapbox::cmd::Command;
use tempfile::TempDir;

/// A folder with 12 images of each of two classes, in one folder: `photos/bag-001.png` ….
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().expect("a temporary folder"));
        place.success("data export fashion-mnist-mini classes --count 12 --split train");
        fs::create_dir(place.path("photos")).expect("the folder can be made");
        for class in ["Bag", "Sandal"] {
            for number in 1..=12 {
                let from = place.path(&format!("classes/{class}/{number:03}.png"));
                let to = format!("photos/{}-{number:03}.png", class.to_lowercase());
                fs::copy(from, place.path(&to)).expect("the file can be copied");
            }
        }
        fs::remove_dir_all(place.path("classes")).expect("the folder can be removed");
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("the file can be written");
    }

    /// Lines `photos/bag-001.png SEPARATOR LABEL` of images from one number to another, for both classes.
    fn lines(numbers: std::ops::RangeInclusive<usize>, separator: &str, labels: [&str; 2]) -> String {
        let line = |number: usize| {
            let [bag, sandal] = labels;
            format!("bag-{number:03}.png{separator}{bag}\nsandal-{number:03}.png{separator}{sandal}\n")
        };
        numbers.map(line).collect()
    }

    /// What a command says (standard output) and tells (standard error), after checking its exit code.
    fn convnet(&self, arguments: &str, code: i32) -> (String, String) {
        let command = Command::new(cargo_bin!("convnet")).current_dir(self.0.path());
        let assert = command.args(arguments.split_whitespace()).assert().code(code);
        let output = assert.get_output();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(&output.stdout), text(&output.stderr))
    }

    fn success(&self, arguments: &str) -> (String, String) {
        self.convnet(arguments, 0)
    }

    /// The lines of a run's `data.jsonl` of each split.
    fn seen(&self, run: &str) -> Vec<Value> {
        let text = fs::read_to_string(self.path(run).join("data.jsonl")).expect("the run has its data");
        text.lines().map(|line| serde_json::from_str(line).expect("a line of JSON")).collect()
    }

    /// Images of a split that a run saw.
    fn count(&self, run: &str, split: &str) -> usize {
        let is_image = |line: &&Value| line[0] == split && line[1] != "";
        self.seen(run).iter().filter(is_image).count()
    }
}

const QUICK: &str = "train lenet --limit-steps 1 --batch 4";

#[test]
fn lists_name_what_is_learned_chosen_and_measured() {
    let place = Place::new();
    place.write("photos/learn.txt", &Place::lines(1..=6, " ", ["0", "1"]));
    place.write("photos/choose.tsv", &Place::lines(7..=8, "\t", ["0", "1"]));
    place.write("photos/measure.csv", &format!("file,label\n{}", Place::lines(9..=12, ",", ["0", "1"])));
    place.success(&format!(
        "{QUICK} --list photos/learn.txt --val-list photos/choose.tsv --test-list photos/measure.csv --out all"
    ));
    let counts = |run| ["train", "validation", "test"].map(|split| place.count(run, split));
    assert_eq!(counts("all"), [12, 4, 8]);
    // Without each of them.
    place.success(&format!("{QUICK} --list photos/learn.txt --val-list photos/choose.tsv --out no-test"));
    assert_eq!(counts("no-test"), [12, 4, 0]);
    place.success(&format!("{QUICK} --list photos/learn.txt --test-list photos/measure.csv --out cut"));
    let [train, validation, test] = counts("cut");
    assert_eq!((train + validation, test, validation > 0), (12, 8, true));
    // The run keeps them, and measures on them again.
    let (said, told) = place.success("eval all --json");
    assert!(said.contains("\"images\":8"), "{said}");
    assert!(!told.contains("changed"), "{told}");
    place.write("photos/measure.csv", &format!("file,label\n{}", Place::lines(9..=12, ",", ["1", "0"])));
    let (_, told) = place.success("eval all --json");
    assert!(told.contains("the data have changed since the run was started"), "{told}");
    let (_, told) = place.convnet("train --resume all", 1);
    assert!(told.contains("the data of `all` have changed"), "{told}");
    let (_, told) = place.convnet(&format!("{QUICK} --val-list photos/choose.tsv"), 2);
    assert!(told.contains("`lists.train` is missing"), "{told}");
}

#[test]
fn paths_in_lists_start_at_the_data_folder_if_one_is_named() {
    let place = Place::new();
    place.write("learn.csv", &Place::lines(1..=6, ",", ["bag", "sandal"]));
    let (_, told) = place.convnet(&format!("{QUICK} --list learn.csv --out none"), 1);
    assert!(
        told.contains("`learn.csv`: 12 of its 12 images are not there: `bag-001.png` (line 1)"),
        "{told}"
    );
    assert!(told.contains("and 7 more") && told.contains("--data"), "{told}");
    assert!(!place.path("none").exists());
    place.success(&format!("{QUICK} --list learn.csv --data photos --out run"));
    assert_eq!(place.count("run", "train") + place.count("run", "validation"), 12);
    let recipe = fs::read_to_string(place.path("run/config.toml")).expect("the run has its settings");
    assert!(recipe.contains("[recipe.lists]") || recipe.contains("lists"), "{recipe}");
}

#[test]
fn class_names_order_the_classes_of_lists_and_folders() {
    let place = Place::new();
    place.write("photos/learn.csv", &Place::lines(1..=12, ",", ["1", "0"]));
    place.write("names.txt", "shoe\nbag\n");
    place.success(&format!("{QUICK} --list photos/learn.csv --class-names names.txt --out run"));
    let classes =
        |run: &str| fs::read_to_string(place.path(run).join("config.toml")).expect("it has settings");
    assert!(classes("run").contains("\"shoe\"") && classes("run").contains("\"bag\""), "{}", classes("run"));
    place.success(&format!("{QUICK} --list photos/learn.csv --out numbers"));
    assert!(!classes("numbers").contains("\"shoe\""));
    // A folder with a list beside its images.
    place.success(&format!("{QUICK} --data photos --class-names names.txt --out folder"));
    assert!(classes("folder").contains("\"shoe\""), "{}", classes("folder"));
    place.write("few.json", "[\"shoe\"]");
    let (_, told) = place.convnet(&format!("{QUICK} --data photos --class-names few.json --out none"), 1);
    assert!(told.contains("learn.csv`, line 1: its label is 1, expected 0 to 0"), "{told}");
}

#[test]
fn a_folder_with_a_list_is_inspected_and_measured_on() {
    let place = Place::new();
    place.write("photos/labels.csv", &format!("id,kind\n{}", Place::lines(1..=12, ",", ["bag", "sandal"])));
    let (said, told) = place.success("data inspect photos");
    assert!(said.contains("28 × 28 grey, 2 classes"), "{said}");
    assert!(
        told.contains("about a fifth of the listed images") && told.contains("`kind` is taken"),
        "{told}"
    );
    place.success(&format!("{QUICK} --data photos --out run"));
    for data in ["photos/labels.csv", "./photos/labels.csv"] {
        let (said, _) = place.success(&format!("eval run --data {data} --json"));
        assert!(said.contains("\"images\":24"), "{said}");
    }
    place.write("photos/labels.csv", "id,kind\nbag-001,bag\nsandal-099,sandal\n");
    let (_, told) = place.convnet("data inspect photos", 1);
    assert!(told.contains("labels.csv`: 1 of its 2 images is not there: `sandal-099` (line 3)"), "{told}");
}

/// Bags and shoes, of which every other one is odd, too; the last of each is nothing.
fn several() -> String {
    let mut text = String::from("file,labels,split\n");
    for number in 1..=12 {
        let split = ["train", "validation", "test"][usize::from(number > 6) + usize::from(number > 9)];
        for (file, label) in [("bag", "bag"), ("sandal", "shoe")] {
            let labels = match number {
                12 => String::new(),
                _ if number % 2 == 1 => format!("{label}|odd"),
                _ => label.to_owned(),
            };
            text.push_str(&format!("{file}-{number:03}.png,{labels},{split}\n"));
        }
    }
    text
}

#[test]
fn images_of_several_classes_are_learned_measured_and_predicted() {
    let place = Place::new();
    place.write("several.csv", &several());
    let train = "train lenet --list several.csv --data photos --batch 4 --epochs 2 --threads 1 --out run";
    let (said, _) = place.success(train);
    assert!(said.contains("mean average precision"), "{said}");
    let result: Value =
        serde_json::from_str(&fs::read_to_string(place.path("run/result.json")).unwrap()).unwrap();
    assert_eq!((&result["measured_on"], &result["images"]), (&"test".into(), &6.into()));
    // The run's own test images give the run's own figure.
    let (said, _) = place.success("eval run --json");
    let found: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(found["map"], result["map"]);
    let classes: Vec<&Value> =
        found["classes"].as_array().unwrap().iter().map(|class| &class["class"]).collect();
    assert_eq!(classes, ["bag", "odd", "shoe"]);
    let images: Vec<&Value> =
        found["classes"].as_array().unwrap().iter().map(|class| &class["images"]).collect();
    assert_eq!(images, [2, 2, 2]);
    place.success("predict run photos/bag-001.png photos/sandal-012.png --csv told.csv --probabilities");
    let told = fs::read_to_string(place.path("told.csv")).unwrap();
    let lines: Vec<&str> = told.lines().collect();
    assert_eq!(lines.len(), 3, "{told}");
    // Each class has a probability of its own.
    let columns: Vec<&str> = lines[0].split(',').collect();
    let of = |line: &str, name: &str| -> f64 {
        let at = columns.iter().position(|column| column.contains(name)).unwrap_or_else(|| panic!("{told}"));
        line.split(',').nth(at).unwrap().parse().unwrap_or_else(|_| panic!("{told}"))
    };
    for line in &lines[1..] {
        for class in ["bag", "odd", "shoe"] {
            assert!((0.0..=1.0).contains(&of(line, class)), "{told}");
        }
    }
}
