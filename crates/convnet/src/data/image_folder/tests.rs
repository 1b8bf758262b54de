//! Folders as users have them.

use std::fs;

use super::*;
use crate::data::picture::tests::write_grey;
use crate::data::{Augment, Cache, CacheKind, Loader, Preprocess};

fn write(folder: &Path, images: &[(&str, u32, u32, u8)]) {
    for &(path, width, height, level) in images {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_grey(&path, width, height, level);
    }
}

fn open(folder: &Path) -> Result<DataSets, DataError> {
    super::open(folder, None, &OpenOptions::default())
}

fn open_test(folder: &Path) -> Result<TestSet, DataError> {
    super::open_test(folder, None)
}

/// The same of images that are not kept in memory.
fn open_unkept(folder: &Path) -> Result<DataSets, DataError> {
    let cache = Cache { kind: CacheKind::None, ..Cache::default() };
    super::open(folder, None, &OpenOptions { cache, ..OpenOptions::default() })
}

/// The test images, which there are.
fn test_of(sets: &DataSets) -> &Dataset {
    sets.test.as_ref().unwrap()
}

/// All pixels of a set in memory.
fn pixels(set: &Dataset) -> Vec<u8> {
    assert!(set.in_memory());
    (0..set.len()).flat_map(|index| set.image(index).unwrap().pixels().to_vec()).collect()
}

fn message(folder: &Path) -> String {
    open(folder).unwrap_err().to_string()
}

#[test]
fn two_splits_are_read_in_the_order_of_names() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let images = [
        ("train/dog/b.PNG", 3, 2, 20),
        ("train/dog/a.png", 3, 2, 10),
        ("train/cat/z.png", 3, 2, 30),
        ("test/cat/z.png", 3, 2, 40),
        ("test/dog/z.png", 3, 2, 50),
    ];
    write(folder, &images);
    fs::write(folder.join("train/dog/notes.txt"), "no image").unwrap();
    let sets = open(folder).unwrap();
    assert_eq!(sets.classes(), ["cat", "dog"]);
    assert_eq!(sets.train.shape, (1, 2, 3));
    assert_eq!(sets.train.labels(), [0, 1, 1]);
    let levels = |set: &Dataset| pixels(set).chunks(6).map(|image| image[5]).collect::<Vec<u8>>();
    assert_eq!(levels(&sets.train), [30, 10, 20]);
    assert_eq!(levels(test_of(&sets)), [40, 50]);
}

#[test]
fn sizes_and_colours_become_one() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, &[("train/a/1.png", 6, 8, 1), ("train/a/2.png", 30, 9, 2), ("test/a/1.png", 7, 70, 3)]);
    write(folder, &[("train/b/1.png", 9, 9, 4), ("test/b/1.png", 9, 9, 5)]);
    let red = image::RgbImage::from_pixel(20, 20, image::Rgb([255, 0, 0]));
    red.save(folder.join("train/a/3.png")).unwrap();
    let sets = open(folder).unwrap();
    // The shorter sides are 6, 7, 9, 9, 9, 20.
    assert_eq!(sets.train.shape, (3, 9, 9));
    assert_eq!(pixels(&sets.train)[243..486], [2; 243]);
    assert_eq!(pixels(&sets.train)[486..729], [[255u8; 81], [0; 81], [0; 81]].concat());
    assert_eq!(pixels(test_of(&sets))[..243], [3; 243]);
    assert_eq!(sets.sizes, Some(Sizes { smallest: [8, 6], median: [9, 30], largest: [70, 7] }));
}

/// Writes images of each class, whose levels are their numbers.
fn write_classes(folder: &Path, classes: &[&str], count: u8) {
    for class in classes {
        for number in 0..count {
            write(folder, &[(&format!("{class}/{number:03}.png"), 4, 4, number)]);
        }
    }
}

/// What is known of each image: its split, and the name of its file.
fn files(sets: &DataSets) -> Vec<(&'static str, String)> {
    let names = |split, set: &Dataset| -> Vec<_> {
        set.prints().unwrap().into_iter().map(|print| (split, print.name)).collect()
    };
    let others = [("validation", &sets.validation), ("test", &sets.test)];
    let others =
        others.into_iter().flat_map(|(split, set)| set.iter().flat_map(move |set| names(split, set)));
    names("train", &sets.train).into_iter().chain(others).collect()
}

#[test]
fn without_a_test_split_a_fifth_is_kept_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_classes(folder, &["a", "b"], 100);
    let sets = open(folder).unwrap();
    assert_eq!(sets.train.len() + test_of(&sets).len(), 200);
    assert!((25..55).contains(&test_of(&sets).len()), "{}", test_of(&sets).len());
    assert!(sets.notes[0].contains("about a fifth of each class's images"), "{:?}", sets.notes);
    let again = open(folder).unwrap();
    assert_eq!(
        (pixels(&again.train), pixels(test_of(&again))),
        (pixels(&sets.train), pixels(test_of(&sets)))
    );
    // One more image a class, before the others: each keeps its split.
    write(folder, &[("a/000-new.png", 4, 4, 9), ("b/0.png", 4, 4, 9)]);
    let more = files(&open(folder).unwrap());
    assert_eq!(more.len(), 202);
    assert!(files(&sets).iter().all(|file| more.contains(file)));
    // The same split wherever the folder lies, and below a folder called `train`.
    let elsewhere = tempfile::tempdir().unwrap();
    write_classes(elsewhere.path(), &["a", "b"], 100);
    assert_eq!(files(&open(elsewhere.path()).unwrap()), files(&sets));
    let train = tempfile::tempdir().unwrap();
    write_classes(&train.path().join("train"), &["a", "b"], 100);
    let sets = open(train.path()).unwrap();
    assert_eq!(sets.train.len() + test_of(&sets).len(), 200);
    assert!(sets.notes[0].contains("train`: about a fifth"), "{:?}", sets.notes);
}

#[test]
fn what_is_missing_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert!(message(folder).contains("holds no data set: it has 0 folders"), "{}", message(folder));
    write(folder, &[("1.png", 2, 2, 0)]);
    assert!(message(folder).contains("(beside 1 image beside the class folders)"), "{}", message(folder));
    write(folder, &[("a/1.png", 2, 2, 0), ("a/2.png", 2, 2, 0), ("b/1.png", 2, 2, 0)]);
    fs::create_dir(folder.join("c")).unwrap();
    let told = message(folder);
    assert!(told.contains("b` has 1, `") && told.contains("c` has 0: expected at least 2 images"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, &[("train/a/1.png", 2, 2, 0), ("test/a/1.png", 2, 2, 0), ("test/b/1.png", 2, 2, 0)]);
    assert!(message(folder).contains("has a folder `b` for a class"), "{}", message(folder));
    fs::create_dir(folder.join("train/b")).unwrap();
    assert!(message(folder).contains("b` has 0: expected at least 1 images"), "{}", message(folder));
    fs::write(folder.join("train/b/1.jpg"), "text").unwrap();
    assert!(message(folder).contains("1.jpg` is no image that can be used: by its first bytes"));
    fs::rename(folder.join("train"), folder.join("elsewhere")).unwrap();
    assert!(message(folder).contains("it has `test`, but no `train`"), "{}", message(folder));
}

#[test]
fn one_class_is_refused_and_folders_in_it_are_pointed_at() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_classes(folder, &["cat"], 4);
    assert!(message(folder).contains("there is one class, `cat`"), "{}", message(folder));
    write(folder, &[("cat/tabby/1.png", 2, 2, 0)]);
    assert!(message(folder).contains("it has folders itself: give `"), "{}", message(folder));
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), &[("train/cat/1.png", 2, 2, 0), ("test/cat/1.png", 2, 2, 0)]);
    assert!(message(folder.path()).contains("there is one class"));
    // It can be measured on.
    assert_eq!(open_test(folder.path()).unwrap().images.len(), 1);
}

#[test]
fn numbered_folders_are_in_the_order_of_their_numbers() {
    let classes = |names: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        write_classes(folder.path(), names, 2);
        open(folder.path()).unwrap().classes().to_vec()
    };
    assert_eq!(classes(&["10", "2", "1", "0", "007"]), ["0", "1", "2", "007", "10"]);
    // As torchvision has them.
    assert_eq!(classes(&["b", "10", "2", "A"]), ["10", "2", "A", "b"]);
    assert_eq!(classes(&["99999999999999999999999", "3"]), ["3", "99999999999999999999999"]);
}

#[test]
fn splits_have_many_names() {
    for train in ["train", "Train", "TRAIN", "training"] {
        for val in ["", "val", "VAL", "valid", "Validation", "dev"] {
            for test in ["", "test", "Test", "testing", "TESTING"] {
                let folder = tempfile::tempdir().unwrap();
                let folder = folder.path();
                write_classes(&folder.join(train), &["a", "b"], 3);
                let others = [(val, 1), (test, 2)];
                let others = others.into_iter().filter(|(name, _)| !name.is_empty());
                others.for_each(|(name, count)| write_classes(&folder.join(name), &["a", "b"], count));
                let sets = open(folder).unwrap();
                let counts = [&sets.validation, &sets.test].map(|set| set.as_ref().map(Dataset::len));
                let told = sets.notes.join("; ");
                if val.is_empty() && test.is_empty() {
                    assert!(counts[0].is_none() && told.contains("about a fifth"), "{train}: {told}");
                    continue;
                }
                let expected = [(!val.is_empty()).then_some(2), (!test.is_empty()).then_some(4)];
                assert_eq!((sets.train.len(), counts), (6, expected), "{train} {val} {test}");
                assert_eq!(told.is_empty(), !test.is_empty(), "{told}");
                if test.is_empty() {
                    assert!(
                        told.contains("no test images, so that nothing independent is measured"),
                        "{told}"
                    );
                    assert_eq!(open_test(folder).unwrap().images.len(), 2);
                } else {
                    assert_eq!(open_test(folder).unwrap().images.len(), 4);
                }
            }
        }
    }
}

#[test]
fn what_is_no_split_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_classes(&folder.join("train"), &["a", "b"], 3);
    write_classes(&folder.join("val"), &["a", "b"], 1);
    write_classes(&folder.join("test"), &["a", "b"], 2);
    write(folder, &[("extra/1.png", 4, 4, 0), ("beside.png", 4, 4, 0)]);
    let sets = open(folder).unwrap();
    let told = sets.notes.join("\n");
    assert!(told.contains("extra` is not used") && told.contains("1 image beside"), "{told}");
    assert!(open_test(folder).unwrap().notes.join("\n").contains("val` is not used: the test images"));
    // Two names for one thing.
    write_classes(&folder.join("training"), &["a", "b"], 3);
    assert!(message(folder).contains("it has both `train` and `training`"), "{}", message(folder));
    fs::rename(folder.join("training"), folder.join("Test")).unwrap();
    assert!(message(folder).contains("it has both `Test` and `test`"), "{}", message(folder));
    fs::rename(folder.join("Test"), folder.join("dev")).unwrap();
    assert!(message(folder).contains("it has both `dev` and `val`"), "{}", message(folder));
}

#[test]
fn classes_that_a_split_lacks_are_told_and_names_may_differ_in_case() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_classes(&folder.join("train"), &["Ape", "bee", "cat", "dog"], 3);
    write_classes(&folder.join("val"), &["ape", "bee"], 1);
    write_classes(&folder.join("test"), &["Ape", "bee", "CAT", "dog"], 2);
    fs::create_dir(folder.join("val/dog")).unwrap();
    let sets = open(folder).unwrap();
    assert_eq!(sets.classes(), ["Ape", "bee", "cat", "dog"]);
    assert_eq!(sets.validation.as_ref().unwrap().histogram(), [1, 1, 0, 0]);
    assert_eq!(test_of(&sets).histogram(), [2; 4]);
    let notes = sets.notes.join("\n");
    for part in [
        "val/ape` is taken for the class `Ape`",
        "test/CAT` is taken for the class `cat`",
        "no image of 2 classes is among the validation images: `cat`, `dog`",
    ] {
        assert!(notes.contains(part), "{notes}");
    }
    write_classes(&folder.join("val"), &["Bee"], 1);
    assert!(message(folder).contains("both are the class `bee`"), "{}", message(folder));
    fs::remove_dir_all(folder.join("val/Bee")).unwrap();
    write_classes(&folder.join("val"), &["eel"], 1);
    assert!(message(folder).contains("val` has a folder `eel` for a class"), "{}", message(folder));
}

#[test]
fn names_that_are_given_order_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path(), &["a", "b"], 4);
    let names = ["b", "x", "A"].map(String::from);
    let sets = super::open(folder.path(), Some(&names), &OpenOptions::default()).unwrap();
    assert_eq!(sets.classes(), names);
    assert_eq!(sets.train.histogram()[1], 0);
    let notes = sets.notes.join("\n");
    assert!(notes.contains("no training image is of 1 of the classes: `x`"), "{notes}");
    let set = super::open_test(folder.path(), Some(&names)).unwrap();
    assert_eq!(set.images.histogram(), [4, 0, 4]);
    let numbered = tempfile::tempdir().unwrap();
    write_classes(numbered.path(), &["0", "2"], 4);
    let sets = super::open(numbered.path(), Some(&names), &OpenOptions::default()).unwrap();
    assert_eq!((sets.train.histogram()[1], sets.train.histogram()[2] > 0), (0, true));
    assert!(sets.notes.iter().any(|note| note.contains("called by numbers")), "{:?}", sets.notes);
    let told =
        super::open(folder.path(), Some(&names[..2]), &OpenOptions::default()).unwrap_err().to_string();
    assert!(
        told.contains("has classes that are none of the names given") && told.contains(": `a`; the names"),
        "{told}"
    );
}

#[test]
fn images_below_a_class_are_in_torchvision_s_order() {
    // What tools/folder_order.py printed of torchvision 0.29.2's ImageFolder.
    let expected = [
        ("cat/a.png", 0),
        ("cat/z.png", 0),
        ("cat/B/1.png", 0),
        ("cat/a/1.png", 0),
        ("cat/a-b/1.png", 0),
        ("cat/a/c/1.png", 0),
        ("cat/b/10.png", 0),
        ("cat/b/9.png", 0),
        ("dog/1.png", 1),
        ("dog/deep/er/still/1.png", 1),
        ("dog/z/1.png", 1),
        ("dog/é/1.png", 1),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (name, _) in expected.iter().rev() {
        write(folder.path(), &[(name, 2, 2, 0)]);
    }
    let images = open_test(folder.path()).unwrap().images;
    let found: Vec<(String, u32)> =
        images.prints().unwrap().into_iter().map(|print| print.name).zip(images.labels().to_vec()).collect();
    assert_eq!(found, expected.map(|(name, label)| (name.to_owned(), label)));
}

#[test]
fn a_test_split_without_labels_is_not_used() {
    for unlabelled in ["test/1.png", "test/unknown/1.png"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write_classes(&folder.join("train"), &["a", "b"], 20);
        write(folder, &[(unlabelled, 4, 4, 0)]);
        let sets = open(folder).unwrap();
        assert_eq!(sets.train.len() + test_of(&sets).len(), 40);
        let told = sets.notes.join("\n");
        assert!(told.contains("test` is not used: its images (1) are in no class folders"), "{told}");
        assert!(told.contains("about a fifth"), "{told}");
        write_classes(&folder.join("val"), &["a", "b"], 3);
        let sets = open(folder).unwrap();
        assert_eq!((sets.validation.map(|set| set.len()), sets.test.is_none()), (Some(6), true));
        assert_eq!(open_test(folder).unwrap().images.len(), 6);
    }
}

#[test]
fn classes_may_be_called_like_splits() {
    let folder = tempfile::tempdir().unwrap();
    write_classes(folder.path(), &["valid", "invalid"], 3);
    assert_eq!(open(folder.path()).unwrap().classes(), ["invalid", "valid"]);
}

#[test]
fn all_of_a_folder_is_measured_on_unless_it_is_divided() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_classes(folder, &["a", "b"], 10);
    let set = open_test(folder).unwrap();
    assert_eq!(set.images.histogram(), [10, 10]);
    assert!(set.notes.is_empty());
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_classes(&folder.join("test"), &["a", "b"], 3);
    assert_eq!(open_test(folder).unwrap().images.histogram(), [3, 3]);
    write_classes(&folder.join("train"), &["a", "b"], 5);
    assert_eq!(open_test(folder).unwrap().images.histogram(), [3, 3]);
    fs::remove_dir_all(folder.join("test")).unwrap();
    let kept = open_test(folder).unwrap();
    assert_eq!(kept.images.prints().unwrap(), test_of(&open(folder).unwrap()).prints().unwrap());
}

#[cfg(unix)]
#[test]
fn folders_below_a_class_are_read_and_what_is_no_image_is_counted() {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write_classes(folder, &["a", "b"], 2);
    write(folder, &[("a/x/y/3.png", 4, 4, 0), ("beside.png", 4, 4, 0), ("a/._1.png", 4, 4, 0)]);
    write(folder, &[("__MACOSX/a/1.png", 4, 4, 0), (".git/a/1.png", 4, 4, 0)]);
    fs::copy(folder.join("beside.png"), folder.join("a/no-ending")).unwrap();
    for name in [".DS_Store", "a/.DS_Store", "b/Thumbs.db", "b/Desktop.INI"] {
        fs::write(folder.join(name), "text").unwrap();
    }
    for name in ["notes.txt", "a/notes.txt", "a/photo.HEIC", "b/text"] {
        fs::write(folder.join(name), "text").unwrap();
    }
    symlink("nowhere", folder.join("a/dead.png")).unwrap();
    symlink(folder.join("a"), folder.join("a/x/round")).unwrap();
    symlink(folder.join("beside.png"), folder.join("b/linked.png")).unwrap();
    let _socket = UnixListener::bind(folder.join("b/socket.png")).unwrap();
    let sets = open(folder).unwrap();
    let mut names: Vec<String> = files(&sets).into_iter().map(|(_, name)| name).collect();
    names.sort();
    assert_eq!(
        names,
        ["a/000.png", "a/001.png", "a/no-ending", "a/x/y/3.png", "b/000.png", "b/001.png", "b/linked.png"]
    );
    assert_eq!(
        sets.notes[1].split_once("`: ").unwrap().1,
        "not read: 1 image beside the class folders, 1 hidden image, 1 link that leads nowhere, 1 device, pipe or \
         socket, 1 link to a folder read already, 5 leftovers of macOS or Windows, 4 files of other kinds (.txt 2, .heic 1, no ending 1)"
    );
}

#[test]
fn the_common_size_is_that_of_the_turned_images() {
    let sample = |name: &str| {
        fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name)).unwrap()
    };
    let folder = tempfile::tempdir().unwrap();
    for name in ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"] {
        fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
        // 23 columns and 17 rows in the file, to be turned by a quarter.
        fs::write(folder.path().join(name), sample("turned-6.jpg")).unwrap();
    }
    assert_eq!(open(folder.path()).unwrap().train.shape, (3, 23, 17));
    fs::write(folder.path().join("a/1.jpg"), sample("turned-3.jpg")).unwrap();
    assert_eq!(open(folder.path()).unwrap().train.shape, (3, 17, 17));
    for (name, shape) in
        [("turned.png", (3, 23, 17)), ("turned.webp", (3, 23, 17)), ("turned-2.jpg", (3, 17, 23))]
    {
        for number in ["a/1.jpg", "a/2.jpg", "b/1.jpg", "b/2.jpg"] {
            fs::write(folder.path().join(number), sample(name)).unwrap();
        }
        assert_eq!(open(folder.path()).unwrap().train.shape, shape, "{name}");
    }
}

/// Photos of several sizes, some grey.
fn photos(folder: &Path) {
    for (number, class) in ["a", "b"].repeat(6).iter().enumerate() {
        let path = folder.join(class).join(format!("{number:02}.png"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let (width, height) = (20 + number as u32 * 3, 40 - number as u32 * 2);
        let level = |x, y| (x * 7 + y * 5 + 20 * number as u32) as u8;
        match number % 3 {
            0 => image::GrayImage::from_fn(width, height, |x, y| image::Luma([level(x, y)])).save(path),
            _ => image::RgbImage::from_fn(width, height, |x, y| image::Rgb([level(x, y), level(y, x), 9]))
                .save(path),
        }
        .unwrap();
    }
}

#[test]
fn a_folder_too_large_for_memory_gives_the_same_batches() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let (kept, read) = (open(folder.path()).unwrap(), open_unkept(folder.path()).unwrap());
    assert!(kept.train.in_memory() && !read.train.in_memory());
    assert_eq!(kept.train.shape, read.train.shape);
    assert_eq!(kept.train.shape.0, 3);
    assert_eq!(kept.train.labels(), read.train.labels());
    assert_eq!(kept.train.statistics().unwrap(), read.train.statistics().unwrap());
    let augment = Augment { crop: Some(3), flip: Some(true), ..Augment::default() };
    for input in [[3, 24, 24], [1, 16, 16], [3, 40, 33]] {
        let preprocess = Preprocess::for_input(input, &kept.train).unwrap();
        assert_eq!(Preprocess::for_input(input, &read.train).unwrap(), preprocess);
        let (mut kept, mut read) = [&kept.train, &read.train]
            .map(|set| Loader::training(set, &preprocess, &augment, 1, 2, 3, 0).map(Result::unwrap))
            .into();
        assert!(kept.by_ref().zip(read.by_ref()).all(|(kept, read)| kept.images == read.images));
        assert!(kept.next().is_none() && read.next().is_none());
    }
}

#[test]
fn damaged_files_are_named_all_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    photos(folder);
    let cut = |name: &str| {
        let whole = fs::read(folder.join(name)).unwrap();
        fs::write(folder.join(name), &whole[..whole.len() / 2]).unwrap();
    };
    // Its header is whole: it is only found when it is decoded.
    cut("b/05.png");
    assert!(message(folder).contains("b/05.png` is no image that can be used: the file ends too early"));
    cut("a/02.png");
    fs::write(folder.join("b/07.png"), "text").unwrap();
    let told = message(folder);
    assert!(told.starts_with("3 images cannot be used; mend them or take them out:\n"), "{told}");
    assert_eq!(told.lines().count(), 4);
    for name in ["a/02.png`: the file ends", "b/05.png`: the file ends", "b/07.png`: by its first bytes"] {
        assert!(told.contains(name), "{told}");
    }
}

#[test]
fn damaged_files_of_a_folder_too_large_for_memory_are_found_before_the_first_step() {
    let folder = tempfile::tempdir().unwrap();
    photos(folder.path());
    let sets = open_unkept(folder.path()).unwrap();
    let path = |set: &Dataset, index: usize| folder.path().join(&set.prints().unwrap()[index].name);
    let (train, test) = ([path(&sets.train, 0), path(&sets.train, 2)], path(test_of(&sets), 0));
    let cut = |path: &Path| {
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..whole.len() / 2]).unwrap();
        whole
    };
    let whole = cut(&test);
    let told = open_unkept(folder.path()).unwrap_err().to_string();
    assert!(told.contains(&format!("{}` is no image", test.display())), "{told}");
    fs::write(&test, whole).unwrap();
    train.iter().for_each(|path| drop(cut(path)));
    let sets = open_unkept(folder.path()).unwrap();
    let told = Preprocess::for_input([3, 16, 16], &sets.train).unwrap_err().to_string();
    assert!(train.iter().all(|path| told.contains(&path.display().to_string())), "{told}");
}

#[test]
fn ends_that_are_cut_off_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let told = |wide: u32| {
        for (split, class) in [("train", "a"), ("train", "b"), ("test", "a"), ("test", "b")] {
            let class = folder.path().join(split).join(class);
            fs::create_dir_all(&class).unwrap();
            for i in 0..4 {
                write_grey(&class.join(format!("{i}.png")), wide + i, 40, 9);
            }
        }
        open(folder.path()).unwrap().notes.join("; ")
    };
    assert!(told(160).contains("half of them lose 76% of their area or more"), "{}", told(160));
    assert_eq!(told(55), "");
}
