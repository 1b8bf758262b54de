//! Test images of a folder without a test split: chosen by their names.

use std::path::Path;

use sha2::{Digest, Sha256};

use super::images::below;
use super::walk::Class;

/// One image in so many is kept for the test.
const TEST_SHARE: u64 = 5;

/// Training and test images of each class, which has at least two, by their names below the folder `root`.
pub(super) fn by_name(root: &Path, classes: Vec<Class>) -> (Vec<Class>, Vec<Class>) {
    classes
        .into_iter()
        .map(|Class { name, folder, images }| {
            let names: Vec<String> = images.iter().map(|image| below(root, image)).collect();
            let is_test = for_test(&names);
            let take = |test: bool| Class {
                name: name.clone(),
                folder: folder.clone(),
                images: images
                    .iter()
                    .zip(&is_test)
                    .filter(|(_, is)| **is == test)
                    .map(|(i, _)| i.clone())
                    .collect(),
            };
            (take(false), take(true))
        })
        .unzip()
}

/// Which of at least two images of a class are kept for the test.
///
/// An image's split follows its own name and not those of others: a file that is added or removed moves no other one.
/// The share of a fifth holds on average. If all images would go to one split, one of them goes to the other.
pub(in crate::data) fn for_test(names: &[String]) -> Vec<bool> {
    let numbers: Vec<u64> = names.iter().map(|name| number(name)).collect();
    let ordered = || (0..names.len()).map(|index| (numbers[index], index));
    let (least, most) = (ordered().min(), ordered().max());
    let is_test = |index: usize| {
        let drawn = numbers[index] < u64::MAX / TEST_SHARE;
        let place = Some((numbers[index], index));
        (drawn || place == least) && place != most
    };
    (0..names.len()).map(is_test).collect()
}

/// A number that is anywhere with the same chance.
fn number(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    u64::from_be_bytes(std::array::from_fn(|index| digest[index]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::path::PathBuf;

    fn split(names: &[String]) -> (HashSet<PathBuf>, HashSet<PathBuf>) {
        let images = names.iter().map(|name| Path::new("/set/cat").join(name)).collect();
        let class = Class { name: "cat".into(), folder: "/set/cat".into(), images };
        let (mut train, mut test) = by_name(Path::new("/set"), vec![class]);
        let set = |classes: &mut Vec<Class>| classes.remove(0).images.into_iter().collect();
        (set(&mut train), set(&mut test))
    }

    #[test]
    fn one_more_file_moves_no_other() {
        let mut names: Vec<String> = (0..200).map(|number| format!("{number:04}.jpg")).collect();
        let (train, test) = split(&names);
        assert_eq!(train.len() + test.len(), 200);
        assert!((25..55).contains(&test.len()), "{}", test.len());
        for added in ["0000a.jpg", "a.jpg", "zz.jpg"] {
            names.insert(0, added.to_owned());
            let (more_train, more_test) = split(&names);
            assert!(train.is_subset(&more_train) && test.is_subset(&more_test), "{added}");
        }
        names.drain(..100);
        let (fewer_train, fewer_test) = split(&names);
        assert!(fewer_test.iter().all(|path| !train.contains(path)));
        assert!(fewer_train.iter().all(|path| !test.contains(path)));
    }

    #[test]
    fn small_classes_have_an_image_in_each_split() {
        for count in 2..12 {
            for first in 0..20 {
                let names: Vec<String> =
                    (first..first + count).map(|number| format!("{number}.png")).collect();
                let (train, test) = split(&names);
                assert!(!train.is_empty() && !test.is_empty());
                assert_eq!(train.len() + test.len(), count);
            }
        }
    }
}
