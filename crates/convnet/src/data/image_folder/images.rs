//! The image files of a split.

use std::path::{Path, PathBuf};

use super::super::decode::Header;
use super::super::encoded::Encoded;
use super::super::picture::header;
use super::super::{DataError, Image, Print};
use super::walk::Class;

/// Image files below a folder, and their classes.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    paths: Vec<PathBuf>,
    labels: Vec<u32>,
}

impl Files {
    pub(super) fn new(root: &Path, split: Vec<Class>) -> Self {
        let classes = split.into_iter().zip(0..);
        let (paths, labels) = classes
            .flat_map(|(class, label)| class.images.into_iter().map(move |image| (image, label)))
            .unzip();
        Self { root: root.to_owned(), paths, labels }
    }
}

impl Encoded for Files {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn header(&self, index: usize) -> Result<Header, DataError> {
        header(&self.paths[index])
    }

    fn decode<T>(&self, index: usize, then: impl FnOnce(Image<'static>) -> T) -> Result<T, DataError> {
        Image::open_for(&self.paths[index], then)
    }

    fn print(&self, index: usize) -> Result<Print, DataError> {
        Print::of_file(below(&self.root, &self.paths[index]), &self.paths[index])
    }

    fn name(&self, index: usize) -> String {
        below(&self.root, &self.paths[index])
    }

    fn only(self, places: &[usize]) -> Self {
        let paths = places.iter().map(|&place| self.paths[place].clone()).collect();
        Self { paths, labels: places.iter().map(|&place| self.labels[place]).collect(), root: self.root }
    }
}

/// The path of a file below a folder, parts separated by `/` everywhere.
pub(super) fn below(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}
