//! Sets by lists, as users have them.

use std::fs;
use std::path::Path;

use super::*;
use crate::data::picture::tests::write_grey;
use crate::data::{self, Dataset, Fingerprint};

/// Writes images whose level is their place.
fn images(folder: &Path, names: &[&str]) {
    for (place, name) in names.iter().enumerate() {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_grey(&path, 3, 2, place as u8);
    }
}

/// A folder with these images and these texts.
fn folder(names: &[&str], texts: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    images(folder.path(), names);
    for (name, text) in texts {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn open(folder: &tempfile::TempDir) -> Result<DataSets, DataError> {
    data::open(folder.path().to_str().unwrap())
}

fn told(folder: &tempfile::TempDir) -> String {
    open(folder).unwrap_err().to_string()
}

/// Name and classes of each image of a set.
fn content(set: &Dataset) -> Vec<(String, Vec<&str>)> {
    let classes = |index: usize| match set.multi_labels() {
        Some(labels) => labels.of(index).to_vec(),
        None => vec![set.labels()[index]],
    };
    (0..set.len())
        .map(|index| {
            let classes = classes(index).iter().map(|&class| set.classes[class as usize].as_str()).collect();
            (set.name_of(index).unwrap(), classes)
        })
        .collect()
}

fn names(set: &Option<Dataset>) -> Vec<String> {
    set.iter().flat_map(|set| (0..set.len()).map(|index| set.name_of(index).unwrap())).collect()
}

const PHOTOS: [&str; 4] = ["a.png", "b.png", "c.png", "d.png"];

#[test]
fn a_flat_folder_with_a_list_and_a_column_of_splits() {
    let list = "image;class;split\na.png;cat;train\nb;dog;Train\nc.png;cat;valid\nd.png;dog;TEST\n";
    let folder = folder(&PHOTOS, &[("photos.csv", list)]);
    let sets = open(&folder).unwrap();
    assert_eq!(sets.classes(), ["cat", "dog"]);
    assert_eq!(content(&sets.train), [("a.png".into(), vec!["cat"]), ("b.png".into(), vec!["dog"])]);
    assert_eq!((names(&sets.validation), names(&sets.test)), (vec!["c.png".into()], vec!["d.png".into()]));
    let pixels = sets.test.as_ref().unwrap().image(0).unwrap().pixels().to_vec();
    assert_eq!((pixels, sets.train.shape), (vec![3; 6], (1, 2, 3)));
    assert_eq!(
        sets.notes,
        [
            "no image of 1 class is among the validation images: `dog`",
            "no image of 1 class is among the test images: `cat`"
        ]
    );
    let measured = data::open_test(folder.path().to_str().unwrap(), &mut |_| {}).unwrap();
    assert_eq!(names(&Some(measured.images)), ["d.png"]);
}

#[test]
fn a_list_without_splits_is_divided_by_name() {
    let photos: Vec<String> = (0..60).map(|number| format!("{number:02}.png")).collect();
    let photos: Vec<&str> = photos.iter().map(String::as_str).collect();
    let lines = |names: &[&str]| -> String {
        names.iter().map(|name| format!("{name}\t{}\n", if *name < "30" { "x" } else { "y" })).collect()
    };
    let ordered = folder(&photos, &[("labels.tsv", &lines(&photos))]);
    let sets = open(&ordered).unwrap();
    let test = names(&sets.test);
    assert_eq!((sets.train.len() + test.len(), sets.validation.is_none()), (60, true));
    assert!((5..20).contains(&test.len()), "{}", test.len());
    assert!(sets.notes[0].contains("about a fifth of the listed images of each class"), "{:?}", sets.notes);
    // The order of lines does not decide.
    let turned: Vec<&str> = photos.iter().rev().copied().collect();
    let turned = folder(&photos, &[("labels.tsv", &lines(&turned))]);
    let mut again = names(&open(&turned).unwrap().test);
    again.sort();
    assert_eq!(again, test);
    // All of it is there to measure on, and so it is if the list itself is named.
    let measured = |path: &Path| data::open_test(path.to_str().unwrap(), &mut |_| {}).unwrap().images.len();
    assert_eq!((measured(ordered.path()), measured(&ordered.path().join("labels.tsv"))), (60, 60));
    let named = data::open(ordered.path().join("labels.tsv").to_str().unwrap()).unwrap();
    assert_eq!(names(&named.test), test);
}

#[test]
fn images_lie_in_a_folder_beside_the_list() {
    let list = "id,breed\na,pug\nb,lab\nc,pug\nd,lab\n";
    for place in ["images", "img", "train", "x y"] {
        let names = PHOTOS.map(|name| format!("{place}/{name}"));
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let folder = folder(&names, &[("labels.csv", list)]);
        let sets = open(&folder).unwrap();
        assert_eq!(sets.train.len() + sets.test.unwrap().len(), 4, "{place}");
    }
    // As Kaggle has it: images to predict in a folder of their own, a list of answers to be given.
    let folder = folder(
        &["train/a.jpg.png", "train/b.jpg.png", "train/c.jpg.png", "train/d.jpg.png", "test/a.jpg.png"],
        &[
            ("train.csv", "id,label\na.jpg,0\nb.jpg,1\nc.jpg,0\nd.jpg,1\n"),
            ("sample_submission.csv", "id,label\na,0\n"),
        ],
    );
    let sets = open(&folder).unwrap();
    assert_eq!(sets.train.len() + sets.test.unwrap().len(), 4);
    assert!(
        sets.notes[0].contains("sample_submission.csv` is not used: its name is of no split"),
        "{:?}",
        sets.notes
    );
}

#[test]
fn each_split_has_its_list() {
    let lists = [
        ("train_labels.csv", "filename,label\na.png,cat\nb.png,dog\n"),
        ("val.csv", "filename,label\nc.png,cat\n"),
        ("test.csv", "filename\nd.png\n"),
        ("readme.csv", "what,why,how\n1,2,3\n"),
    ];
    let sets = open(&folder(&PHOTOS, &lists)).unwrap();
    assert_eq!(
        (sets.train.len(), names(&sets.validation), sets.test.is_none()),
        (2, vec!["c.png".into()], true)
    );
    let notes = sets.notes.join("\n");
    for part in [
        "test.csv` is not used: none of its columns",
        "readme.csv` is not used",
        "nothing independent is measured",
    ] {
        assert!(notes.contains(part), "{notes}");
    }
    // A list in each split's folder.
    let sets = open(&folder(
        &["Train/a.png", "Train/b.png", "test/a.png", "test/b.png"],
        &[
            ("Train/metadata.csv", "file_name,label\na.png,1\nb.png,0\n"),
            ("test/metadata.csv", "file_name,label\na.png,0\nb.png,1\n"),
        ],
    ))
    .unwrap();
    assert_eq!(content(&sets.train), [("Train/a.png".into(), vec!["1"]), ("Train/b.png".into(), vec!["0"])]);
    assert_eq!(
        content(&sets.test.unwrap()),
        [("test/a.png".into(), vec!["0"]), ("test/b.png".into(), vec!["1"])]
    );
}

#[test]
fn class_folders_go_before_a_list_and_it_is_said() {
    let folder = folder(
        &["x/1.png", "x/2.png", "y/1.png", "y/2.png"],
        &[("labels.csv", "file,label\nx/1.png,a\n"), ("notes.csv", "a,b,c\n1,2,3\n")],
    );
    let sets = open(&folder).unwrap();
    assert_eq!(sets.classes(), ["x", "y"]);
    assert!(sets.notes[0].contains("labels.csv` is not used: the folders beside it"), "{:?}", sets.notes);
}

#[test]
fn images_that_no_list_names_are_counted() {
    let folder = folder(&PHOTOS, &[("l.csv", "a.png,x\nb.png,y\nc.png,x\na.png,x\n")]);
    let notes = open(&folder).map(|sets| sets.notes.join("\n"));
    let notes = notes.unwrap();
    assert!(notes.contains("1 image there is in no list, and not read"), "{notes}");
    assert!(notes.contains("1 line names an image again, which counts once"), "{notes}");
}

#[test]
fn what_is_wrong_is_told_with_its_line() {
    for (list, expected) in [
        (
            "file,label\na.png,x\ne.png,y\nf.png,y\n",
            "2 of its 3 images are not there: `e.png` (line 3), `f.png` (line 4); looked in",
        ),
        ("file,label\na.png,x\nb.png\n", "line 3: it has 1 cells, expected 2"),
        ("file,label\na.png,x\n\"b.png,y\nc.png,x\n", "line 3: a cell goes on in the next line"),
        ("file,label\na.png,x\nb.png,\n", "line 3: it has no label"),
        ("file,label\na.png,x\na.png,y\n", "line 3: `a.png` has the label `y`, and in line 2 the label `x`"),
        ("file,label\n../a.png,x\nb.png,y\n", "line 2: `../a.png` leads out of"),
        ("file,label\n/etc/passwd,x\nb.png,y\n", "line 2: `/etc/passwd` leads out of"),
        ("file,label\na\0.png,x\n", "line 2: it holds a byte of zero"),
        ("file,label\na.png,x\nb.png,x\n", "there is one class, `x`"),
        ("name_of_it,what,kind\na.png,x,y\n", "line 1: it has 3 columns, none of them named"),
        ("bild,art\na.png,x\nb.png,y\n", "1 of its 3 images is not there: `bild` (line 1); looked in"),
        ("file,label,split\na.png,x,train\nb.png,y,maybe\n", "line 3: its split is `maybe`, expected one of"),
        ("file,label,split\na.png,x,test\nb.png,y,test\n", "lists no image to train on"),
        (
            "file,label,split\na.png,x,train\nb.png,y,train\nc.png,z,test\n",
            "no training image is of 1 of the classes: `z`",
        ),
        ("", "it is empty"),
    ] {
        let told = told(&folder(&PHOTOS, &[("list.csv", list)]));
        assert!(told.contains(expected), "{list:?}: {told}");
        assert!(
            told.contains("list.csv")
                || told.contains("lists no image")
                || told.contains("classes")
                || told.contains("class,"),
            "{told}"
        );
    }
    let header = told(&folder(&PHOTOS, &[("list.csv", "bild,art\na.png,x\nb.png,y\n")]));
    assert!(header.contains("call them `file` and `label`"), "{header}");
    // No image at all.
    fs::write(folder(&[], &[]).path().join("x"), "").unwrap();
    let no_image = folder(&[], &[("list.csv", "file,label\nnotes.csv,x\nlist.csv,y\n")]);
    assert!(told(&no_image).contains("`notes.csv` (line 2)"), "{}", told(&no_image));
    let text = folder(&["a.png"], &[("list.csv", "file,label\na.png,x\nlist.csv,y\n")]);
    assert!(told(&text).contains("list.csv` is no image"), "{}", told(&text));
    let two = folder(&PHOTOS, &[("one.csv", "a.png,x\nb.png,y\n"), ("two.csv", "a.png,x\nb.png,y\n")]);
    assert!(told(&two).contains("several lists of images (`one.csv`, `two.csv`)"), "{}", told(&two));
    let twice = folder(
        &PHOTOS,
        &[("train.csv", "a.png,x\nb.png,y\n"), ("val.csv", "a.png,x\n"), ("dev.csv", "a.png,x\n")],
    );
    assert!(told(&twice).contains("both list validation images"), "{}", told(&twice));
    let several = folder(&["p/a.png", "q/a.png", "q/b.png"], &[("list.csv", "a.png,x\nb.png,y\n")]);
    let several_told = data::open(several.path().join("list.csv").to_str().unwrap()).unwrap_err().to_string();
    assert!(several_told.contains("2 of its 2 images are not there"), "{several_told}");
}

#[test]
fn lists_of_one_s_own_start_where_they_are_or_at_the_root() {
    let photos = folder(&["in/a.png", "in/b.png", "c.png"], &[]);
    let lists = folder(&[], &[]);
    let at = |name: &str, text: &str| {
        fs::write(lists.path().join(name), text).unwrap();
        Some(lists.path().join(name))
    };
    let outside = photos.path().join("c.png").display().to_string();
    let mut given = Lists {
        train: at("train.txt", "a.png 0\nb.png 1\n"),
        validation: at("val.csv", &format!("path,label\n../c.png,1\n{outside},1\n")),
        root: Some(photos.path().join("in")),
        ..Lists::default()
    };
    assert_eq!(given.wrong(), None);
    let sets = given.open(&OpenOptions::default()).unwrap();
    assert_eq!(content(&sets.train), [("a.png".into(), vec!["0"]), ("b.png".into(), vec!["1"])]);
    assert_eq!(sets.validation.as_ref().unwrap().len(), 2);
    assert!(sets.test.is_none() && sets.notes.iter().any(|note| note.contains("nothing independent")));
    // From the list's own folder.
    given.root = None;
    let told = given.open(&OpenOptions::default()).unwrap_err().to_string();
    assert!(told.contains("train.txt`: 2 of its 2 images are not there"), "{told}");
    images(lists.path(), &["a.png", "b.png"]);
    given.validation = None;
    given.test = at("test.txt", "b.png\t1\n");
    let sets = given.open(&OpenOptions::default()).unwrap();
    assert_eq!((sets.train.len(), sets.test.as_ref().map(Dataset::len)), (2, Some(1)));
    assert_eq!(data::open_test_listed("", &given, &mut |_| {}).unwrap().images.len(), 1);
    // Names of the classes.
    given.class_names = at("names.json", r#"["cat", "dog", "owl"]"#);
    let sets = given.open(&OpenOptions::default()).unwrap();
    assert_eq!(content(&sets.train), [("a.png".into(), vec!["cat"]), ("b.png".into(), vec!["dog"])]);
    assert!(
        sets.notes.contains(&"no training image is of 1 of the classes: `owl`".to_owned()),
        "{:?}",
        sets.notes
    );
    given.class_names = at("names.txt", "cat\n");
    let told = given.open(&OpenOptions::default()).unwrap_err().to_string();
    assert!(told.contains("train.txt`, line 2: its label is 1, expected 0 to 0"), "{told}");
}

#[test]
fn lists_that_cannot_be_meant_are_refused() {
    let lists = Lists { test: Some("t.csv".into()), ..Lists::default() };
    let (key, found, _) = lists.wrong().unwrap();
    assert_eq!((key, found.as_str()), ("lists.train", "missing beside `t.csv`"));
    assert!(lists.open(&OpenOptions::default()).is_err());
    let lists = Lists { root: Some("x".into()), ..Lists::default() };
    assert_eq!(lists.wrong().unwrap().0, "lists.root");
    assert_eq!(Lists { class_names: Some("n".into()), ..Lists::default() }.wrong(), None);
    assert!(!Lists::default().has_lists());
}

#[test]
fn several_labels_an_image_or_none() {
    let folder =
        folder(&PHOTOS, &[("list.csv", "file,labels,split\na,x|y,train\nb,,train\nc,y,val\nd,y|x|z,test\n")]);
    let sets = open(&folder).unwrap_err().to_string();
    assert!(sets.contains("no training image is of 1 of the classes: `z`"), "{sets}");
    fs::write(
        folder.path().join("list.csv"),
        "file,labels,split\na,x|y,train\nb,,train\nc,y,val\nd,y|x,test\n",
    )
    .unwrap();
    let sets = open(&folder).unwrap();
    assert_eq!(content(&sets.train), [("a.png".into(), vec!["x", "y"]), ("b.png".into(), vec![])]);
    assert_eq!(sets.train.histogram(), [1, 1]);
    let multi = sets.test.as_ref().unwrap().multi_labels().unwrap();
    assert_eq!((multi.of(0), multi.classes()), (&[0, 1][..], 2));
    // Parts keep them, and other orders of the classes too.
    let part = sets.train.subset(vec![1, 0]).unwrap();
    assert_eq!(content(&part), [("b.png".into(), vec![]), ("a.png".into(), vec!["x", "y"])]);
    let outputs = ["y", "x"].map(String::from);
    let (turned, _) = sets.in_order_of(&outputs).unwrap();
    assert_eq!(content(&turned.train)[0].1, ["y", "x"]);
    let (rest, part) = sets.train.split_stratified(0.5, 0).unwrap();
    assert_eq!((rest.len(), part.len()), (1, 1));
}

#[test]
fn a_changed_label_is_a_changed_set() {
    let list = |labels: [&str; 4]| -> String {
        let lines = PHOTOS.iter().zip(labels).map(|(name, label)| format!("{name},{label},train\n"));
        "file,label,split\n".to_owned() + &lines.collect::<String>()
    };
    let folder = folder(&PHOTOS, &[("l.csv", &list(["x", "y", "x", "y"]))]);
    let now = || Fingerprint::of(&open(&folder).unwrap()).unwrap();
    let then = now();
    assert_eq!(then.differences(&now()), None);
    assert_eq!(Fingerprint::from_text(&then.to_text()).unwrap(), then);
    fs::write(folder.path().join("l.csv"), list(["y", "x", "x", "y"])).unwrap();
    let told = then.differences(&now()).unwrap().to_string();
    assert!(told.contains("labels`"), "{told}");
    fs::write(folder.path().join("l.csv"), list(["x", "y", "x", "y"])).unwrap();
    assert_eq!(then.differences(&now()), None);
    // The same picture in two splits.
    fs::copy(folder.path().join("a.png"), folder.path().join("b.png")).unwrap();
    fs::write(folder.path().join("l.csv"), "f,label,split\na.png,x,train\nc.png,y,train\nb.png,x,val\n")
        .unwrap();
    let repeats = open(&folder).unwrap().repeats().unwrap();
    assert!(repeats[0].contains("`b.png` is `a.png`"), "{repeats:?}");
}

#[test]
fn hostile_lists_are_refused_before_they_are_read() {
    let folder = folder(&PHOTOS, &[]);
    let path = folder.path().join("huge.csv");
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    let told = open(&folder).unwrap_err().to_string();
    assert!(told.contains("huge.csv") && told.contains("expected at most 1073741824"), "{told}");
    fs::write(&path, format!("file,label\n{}", "a,".repeat(1 << 20))).unwrap();
    assert!(open(&folder).unwrap_err().to_string().contains("line 2: it has 2097152 bytes"));
    fs::write(&path, format!("file,label\n{}", "\"a\n".repeat(1000))).unwrap();
    assert!(open(&folder).unwrap_err().to_string().contains("line 2: a cell goes on"));
    fs::write(&path, format!("file{}\na.png{}\n", ",x".repeat(5000), ",1".repeat(5000))).unwrap();
    assert!(open(&folder).unwrap_err().to_string().contains("two columns are called `x`"));
    #[cfg(unix)]
    for name in ["/dev/zero", "/dev/null/x", "/"] {
        let lists = Lists { train: Some(name.into()), ..Lists::default() };
        assert!(lists.open(&OpenOptions::default()).is_err(), "{name}");
        let lists = Lists { train: Some(path.clone()), class_names: Some(name.into()), ..Lists::default() };
        assert!(lists.open(&OpenOptions::default()).is_err(), "{name}");
    }
}
