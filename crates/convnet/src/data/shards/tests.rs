//! Shards as users have them.

use std::fs;
use std::path::Path;

use super::*;
use crate::data::{self, Fingerprint};

/// A tar archive of files, by its headers alone (POSIX.1-1988).
pub(in crate::data) fn archive(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in files {
        let mut header = [0u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000644");
        header[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
        header[148..156].fill(b' ');
        header[156] = b'0';
        header[257..263].copy_from_slice(b"ustar\0");
        let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
        header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
        bytes.extend(header);
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// A picture of its own in a format.
fn picture(number: u32, format: image::ImageFormat) -> Vec<u8> {
    let picture = image::RgbImage::from_fn(20 + number % 3, 18, |x, y| {
        image::Rgb([(x * 9) as u8, (y * 5) as u8, number as u8])
    });
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Samples of a shard, labelled by number.
fn samples(first: u32, count: u32) -> Vec<(String, Vec<u8>)> {
    (first..first + count)
        .flat_map(|number| {
            let (ending, format) = match number % 3 {
                0 => ("png", image::ImageFormat::Png),
                1 => ("jpg", image::ImageFormat::Jpeg),
                _ => ("webp", image::ImageFormat::WebP),
            };
            let class = (number % 4).to_string().into_bytes();
            [(format!("{number:06}.{ending}"), picture(number, format)), (format!("{number:06}.cls"), class)]
        })
        .collect()
}

fn write(folder: &Path, name: &str, files: &[(String, Vec<u8>)]) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, archive(files)).unwrap();
}

fn told(spec: &Path) -> String {
    data::open(spec.to_str().unwrap()).unwrap_err().to_string()
}

#[test]
fn patterns_folders_and_single_shards_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for shard in 0..3 {
        write(root, &format!("a/train-{shard:04}.tar"), &samples(100 * shard, 8));
    }
    write(root, "a/test-0000.tar", &samples(900, 4));
    let open = |spec: &str| data::open(root.join(spec).to_str().unwrap()).unwrap();
    let sets = open("a/{train-000{0..2},test-0000}.tar");
    assert_eq!((sets.train.len(), sets.test.as_ref().unwrap().len()), (24, 4));
    assert_eq!(sets.classes(), ["0", "1", "2", "3"]);
    assert_eq!(sets.train.labels()[..5], [0, 1, 2, 3, 0]);
    assert!(sets.train.in_memory() && sets.notes[0].contains("called by their numbers"), "{:?}", sets.notes);
    let image = Image::from_bytes(&picture(102, image::ImageFormat::Png)).unwrap();
    assert_eq!(sets.train.original(10).unwrap(), image);
    let same = open("a");
    assert_eq!(Fingerprint::of(&same).unwrap(), Fingerprint::of(&sets).unwrap());
    assert_eq!(Fingerprint::of(&same).unwrap().train[0].name, "train-0000.tar/000000.png");
    let sets = open("a/train-{0000..0002}.tar");
    assert_eq!((sets.train.len(), sets.validation.is_none(), sets.test.is_none()), (24, true, true));
    // Folders that are called like splits, and names of classes beside them.
    write(root, "b/train/000.tar", &samples(0, 8));
    write(root, "b/val/000.tar", &samples(50, 4));
    fs::write(root.join("b/classes.txt"), "cat\ndog\nfox\nowl\n").unwrap();
    let sets = open("b");
    assert_eq!(
        (sets.train.len(), sets.validation.unwrap().len(), sets.train.classes[3].as_str()),
        (8, 4, "owl")
    );
    assert!(sets.test.is_none());
}

#[test]
fn labels_come_as_numbers_names_and_json() {
    let folder = tempfile::tempdir().unwrap();
    let png = |number| picture(number, image::ImageFormat::Png);
    let file = |name: &str, bytes: &[u8]| (name.to_owned(), bytes.to_vec());
    let files = vec![
        file("x/a.png", &png(0)),
        file("x/a.txt", b" dog\n"),
        file("x/b.JSON", br#"{"label": "cat", "id": 7}"#),
        file("x/b.png", &png(1)),
        // The surest label counts, in whatever order.
        file("y/a.txt", b"wrong"),
        file("y/a.cls", b"dog"),
        file("y/a.jpeg", &png(2)),
        file("y/b.png", &png(3)),
        file("y/b.seg.png", &png(4)),
        file("y/b.json", b"\"cat\""),
        file("c.png", &png(5)),
        file("c.npy", b"numbers"),
        file("._c.png", b"mac"),
    ];
    write(folder.path(), "train.tar", &files);
    write(folder.path(), "test.tar", &files[..4]);
    let sets = data::open(folder.path().to_str().unwrap()).unwrap();
    assert_eq!(sets.classes(), ["cat", "dog"]);
    assert_eq!(sets.train.labels(), [1, 0, 1, 0]);
    let notes = sets.notes.join("\n");
    assert!(
        notes.contains("not read: 1 images without a label, 1 further images of a sample, 1 `.npy`"),
        "{notes}"
    );
}

#[test]
fn what_is_wrong_is_told_by_shard_and_member() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let mut files = samples(0, 8);
    write(root, "test.tar", &files);
    let spec = root.join("t/train.tar");
    let mut with = |place: usize, bytes: &[u8]| {
        let before = std::mem::replace(&mut files[place].1, bytes.to_vec());
        write(root, "t/train.tar", &files);
        files[place].1 = before;
        told(&spec)
    };
    assert!(with(1, b"4\n5").contains("train.tar`: `000000.cls`: the label has 2 lines"));
    assert!(with(1, b"").contains("the label is empty"));
    assert!(with(1, &[0xff]).contains("not UTF-8"));
    assert!(with(1, b"cat").contains("some labels are numbers"));
    assert!(with(1, b"4000000000").contains("a label is 4000000000"));
    let png = picture(0, image::ImageFormat::Png);
    let found = with(0, &png[..png.len() / 2]);
    assert!(found.contains("train.tar/000000.png` is no image that can be used: the file ends"), "{found}");
    fs::write(root.join("t/classes.txt"), "a\nb\n").unwrap();
    assert!(with(0, &png).contains("`classes.txt` has 2 names, and no class `2`"));
    let whole = fs::read(&spec).unwrap();
    fs::write(&spec, &whole[..whole.len() / 2]).unwrap();
    assert!(told(&spec).contains("cut short"), "{}", told(&spec));
    assert!(told(&root.join("t/none-{0..3}.tar")).contains("none-0.tar"));
    assert!(told(&root.join("t/none-{0..x}.tar")).contains("neither a range"));
}

#[test]
fn damaged_members_are_skipped_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let mut files = samples(0, 8);
    files[2].1.truncate(90);
    write(folder.path(), "train.tar", &files);
    write(folder.path(), "test.tar", &samples(20, 4));
    let options = OpenOptions { skip_corrupt: true, ..OpenOptions::default() };
    let sets = data::open_as(folder.path().to_str().unwrap(), &options, &mut |_| {}).unwrap();
    assert_eq!(sets.train.len(), 7);
    let notes = sets.notes.join("\n");
    assert!(notes.contains("1 of 12 images is skipped") && notes.contains("train.tar/000001.jpg"), "{notes}");
}
