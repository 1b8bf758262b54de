//! Images of a set as files, for those who have none at hand.

use std::collections::HashSet;
use std::fs;
use std::io::{self, Cursor};
use std::path::Path;

use convnet_formats::{FormatError, atomic};
use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder};

use super::{DataError, Dataset, Image};

/// Writes the first `count` images of each class as `CLASS/001.png` … into a new folder, and tells how many there are.
///
/// # Errors
/// If the folder holds something, an image cannot be read, or a file cannot be written.
pub fn export(set: &Dataset, folder: &Path, count: usize) -> Result<usize, DataError> {
    let writing = |source| FormatError::Io { action: "write", path: folder.to_owned(), source };
    let there = match fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_some(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(writing(error).into()),
    };
    if there {
        return Err(DataError::Exists { folder: folder.to_owned() });
    }
    let mut names = HashSet::new();
    let mut written = vec![0; set.classes.len()];
    let folders: Vec<_> = set
        .classes
        .iter()
        .enumerate()
        .map(|(number, class)| {
            let name = folder_name(class);
            // Some systems do not tell capitals from small letters.
            match names.insert(name.to_lowercase()) {
                true => folder.join(name),
                false => folder.join(format!("{number} {name}")),
            }
        })
        .collect();
    for (index, &class) in set.labels().iter().enumerate() {
        let (written, folder) = (&mut written[class as usize], &folders[class as usize]);
        if *written < count {
            *written += 1;
            let content = png(&set.image(index)?);
            fs::create_dir_all(folder).map_err(writing)?;
            let path = folder.join(format!("{written:03}.png"));
            let content =
                content.map_err(|problem| DataError::Image { path: Some(path.clone()), problem })?;
            atomic::write(&path, &content)?;
        }
    }
    Ok(written.iter().sum())
}

/// A class's name as that of a folder on any system: `T-shirt-top` for `T-shirt/top`.
pub fn folder_name(class: &str) -> String {
    let forbidden = |c: char| c.is_control() || r#"/\:*?"<>|"#.contains(c);
    let name: String = class.chars().map(|c| if forbidden(c) { '-' } else { c }).collect();
    let name = name.trim_end_matches(['.', ' ']);
    // A hidden folder would not be read.
    match name.strip_prefix('.') {
        Some(rest) => format!("-{rest}"),
        None if name.is_empty() => "-".to_owned(),
        None => name.to_owned(),
    }
}

fn png(image: &Image) -> Result<Vec<u8>, String> {
    let (channels, height, width) = image.shape();
    let plane = height * width;
    let pixels: Vec<u8> =
        (0..plane).flat_map(|at| (0..channels).map(move |c| image.pixels()[c * plane + at])).collect();
    let color = if channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
    let mut out = Cursor::new(Vec::new());
    // Images of more than 32 bits a side do not fit in memory.
    PngEncoder::new(&mut out)
        .write_image(&pixels, width as u32, height as u32, color)
        .map_err(|error| error.to_string())?;
    Ok(out.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data;

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples");
        let test = data::open(data::DEFAULT).unwrap().test.unwrap();
        assert_eq!(export(&test, &path, 3).unwrap(), 30);
        let error = export(&test, &path, 3).unwrap_err().to_string();
        assert!(error.contains("samples` exists already"), "{error}");
        let read = data::open_test(path.to_str().unwrap(), &mut |_| {}).unwrap().images;
        assert_eq!((read.shape, read.len()), (test.shape, 30));
        for (class, name) in test.classes.iter().enumerate() {
            let label = read.classes.iter().position(|other| *other == folder_name(name)).unwrap();
            let first = |set: &Dataset, label: usize| {
                let index = set.labels().iter().position(|&other| other as usize == label).unwrap();
                set.image(index).unwrap().pixels().to_vec()
            };
            assert_eq!(first(&read, label), first(&test, class), "{name}");
        }
    }

    #[test]
    fn names_of_classes_become_names_of_folders() {
        let folder = tempfile::tempdir().unwrap();
        let names = ["a/b", "A:b", ".hidden", "", "..", "end. ", "猫"];
        let classes: Vec<String> = names.map(String::from).to_vec();
        let pixels: Vec<u8> = (0..names.len() * 3).map(|i| i as u8).collect();
        let labels = (0..names.len() as u32).collect();
        let set = Dataset::new("x", pixels, labels, classes, (3, 1, 1)).unwrap();
        assert_eq!(export(&set, folder.path(), 9).unwrap(), names.len());
        let mut found: Vec<String> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, ["-", "-hidden", "1 A-b", "4 -", "a-b", "end", "猫"]);
        assert_eq!(Image::open(folder.path().join("猫/001.png")).unwrap().pixels(), [18, 19, 20]);
    }
}
