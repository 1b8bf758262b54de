//! Folders of images as a user has them: exported, inspected, trained on, changed.

use std::fs;
use std::path::Path;

use snapbox::cargo_bin;
use snapbox::cmd::Command;
use tempfile::TempDir;

/// A folder to work in.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
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

    /// The number of images in a class's folder.
    fn count(&self, folder: &str) -> usize {
        fs::read_dir(self.path(folder)).expect("the folder is there").count()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::copy(from, to).expect("the file can be copied");
}

#[test]
fn images_are_exported_and_inspected() {
    let place = Place::new();
    let (said, _) = place.success("data export fashion-mnist-mini samples --count 3");
    assert_eq!(said, "wrote 30 images to samples\n");
    assert_eq!((place.count("samples"), place.count("samples/T-shirt-top")), (10, 3));
    let (_, told) = place.convnet("data export fashion-mnist-mini samples", 1);
    assert!(told.contains("`samples` exists already and is not empty"), "{told}");
    place.convnet("data export fashion-mnist-mini more --split all", 2);
    let (said, told) = place.success("data inspect samples");
    assert!(said.contains("28 × 28 grey, 10 classes") && !said.contains("become"), "{said}");
    assert!(told.contains("about a fifth of each class's images"), "{told}");
    // Wide ones among them.
    copy(Path::new("../convnet/tests/pictures/rgb.png"), &place.path("samples/Bag/wide.png"));
    fs::write(place.path("samples/Bag/notes.txt"), "text").expect("the file can be written");
    let (said, told) = place.success("data inspect samples");
    let line = "images of 17 × 23 to 28 × 28 pixels (height × width) become 28 × 28 RGB: resized to cover it";
    assert!(said.contains(line), "{said}");
    assert!(told.contains("`samples`: not read: 1 file of another kind (.txt 1)"), "{told}");
    let (said, _) = place.success("data inspect samples --json");
    let json: serde_json::Value = serde_json::from_str(&said).expect("one JSON value");
    assert_eq!(json["sizes"]["smallest"], serde_json::json!([17, 23]));
    assert_eq!(json["notes"].as_array().map(Vec::len), Some(2));
}

#[test]
fn all_damaged_files_are_named() {
    let place = Place::new();
    place.success("data export fashion-mnist-mini photos --count 4");
    for name in ["Bag/001.png", "Coat/003.png"] {
        let whole = fs::read(place.path("photos").join(name)).expect("the file is there");
        fs::write(place.path("photos").join(name), &whole[..whole.len() / 2]).expect("it can be written");
    }
    for command in ["data inspect photos", "train lenet --data photos --limit-steps 1 --out run"] {
        let (_, told) = place.convnet(command, 1);
        assert!(told.contains("2 images cannot be used"), "{told}");
        assert!(
            told.contains("photos/Bag/001.png`: the file ends") && told.contains("Coat/003.png`"),
            "{told}"
        );
    }
    assert!(!place.path("run").exists());
}

#[test]
fn a_change_of_the_data_under_a_run_is_noticed() {
    let place = Place::new();
    place.success("data export fashion-mnist-mini photos --count 10 --split train");
    place.success("data export fashion-mnist-mini others --count 2 --split test");
    place.success("train lenet --data photos --epochs 1 --batch 16 --out run");
    let (_, told) = place.success("eval run");
    assert!(!told.contains("changed") && !told.contains("was trained on"), "{told}");
    // A folder that is not divided is measured on as a whole.
    let (said, told) = place.success("eval run --data others --json");
    assert!(said.contains("\"images\":20"), "{said}");
    assert!(!told.contains("was trained on"), "{told}");
    place.success("data export fashion-mnist-mini again --count 3 --split train");
    let (_, told) = place.success("eval run --data again");
    assert!(
        told.contains("`run` was trained on ") && told.contains(" of the 30 images to measure on (`"),
        "{told}"
    );
    // One more image, one less, and another one in a name's place.
    copy(&place.path("others/Bag/001.png"), &place.path("photos/Bag/000.png"));
    fs::remove_file(place.path("photos/Coat/005.png")).expect("it can be removed");
    copy(&place.path("others/Dress/002.png"), &place.path("photos/Dress/005.png"));
    let what = "1 added (`Bag/000.png`), 1 removed (`Coat/005.png`), 1 changed (`Dress/005.png`)";
    let (_, told) = place.success("eval run");
    assert!(told.contains(&format!("the data have changed since the run was started: {what}")), "{told}");
    let (_, told) = place.convnet("train --resume run", 1);
    assert!(told.contains("the data of `run` have changed") && told.contains(what), "{told}");
    // Named by another path, it is the run's own set still.
    let (_, told) = place.success("eval run --data ./photos");
    assert!(told.contains(what), "{told}");
}
