//! The image files of a split.

use std::path::{Path, PathBuf};

use super::super::decode::Header;
use super::super::encoded::Encoded;
use super::super::picture::header;
use super::super::{DataError, Image, MultiLabels, Print};
use super::walk::Class;

/// Image files below a folder, and their classes.
#[derive(Debug)]
pub(in crate::data) struct Files {
    root: PathBuf,
    paths: Vec<PathBuf>,
    labels: Vec<u32>,
    multi_labels: Option<MultiLabels>,
    /// Whether the labels are none of the paths', but those of a list.
    listed: bool,
}

impl Files {
    pub(super) fn new(root: &Path, split: Vec<Class>) -> Self {
        let classes = split.into_iter().zip(0..);
        let (paths, labels) = classes
            .flat_map(|(class, label)| class.images.into_iter().map(move |image| (image, label)))
            .unzip();
        Self { root: root.to_owned(), paths, labels, multi_labels: None, listed: false }
    }

    /// Files with the labels that a list gives them.
    pub(in crate::data) fn listed(
        root: &Path,
        paths: Vec<PathBuf>,
        labels: Vec<u32>,
        multi_labels: Option<MultiLabels>,
    ) -> Self {
        Self { root: root.to_owned(), paths, labels, multi_labels, listed: true }
    }

    /// What tells the labels of some of the images from others.
    fn listed_labels(&self, indices: &[usize]) -> Print {
        match &self.multi_labels {
            None => Print::of_labels(indices.iter().map(|&index| self.labels[index])),
            // The number of labels parts those of one image from the next one's.
            Some(labels) => Print::of_labels(indices.iter().flat_map(|&index| {
                let labels = labels.of(index);
                std::iter::once(labels.len() as u32).chain(labels.iter().copied())
            })),
        }
    }
}

impl Encoded for Files {
    fn labels(&self) -> &[u32] {
        &self.labels
    }

    fn multi_labels(&self) -> Option<&MultiLabels> {
        self.multi_labels.as_ref()
    }

    fn name(&self, index: usize) -> String {
        below(&self.root, &self.paths[index])
    }

    fn header(&self, index: usize) -> Result<Header, DataError> {
        header(&self.paths[index])
    }

    fn decode<T>(&self, index: usize, then: impl FnOnce(Image<'static>) -> T) -> Result<T, DataError> {
        Image::open_for(&self.paths[index], then)
    }

    fn print(&self, index: usize) -> Result<Print, DataError> {
        Print::of_file(self.name(index), &self.paths[index])
    }

    fn print_of_labels(&self, indices: &[usize]) -> Option<Print> {
        self.listed.then(|| self.listed_labels(indices))
    }

    fn only(self, places: &[usize]) -> Self {
        Self {
            paths: places.iter().map(|&place| self.paths[place].clone()).collect(),
            labels: places.iter().map(|&place| self.labels[place]).collect(),
            multi_labels: self.multi_labels.map(|labels| labels.subset(places)),
            ..self
        }
    }
}

/// The path of a file below a folder, parts separated by `/` everywhere.
pub(in crate::data) fn below(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}
