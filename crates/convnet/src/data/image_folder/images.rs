//! The images of a split: kept in memory at the set's size, or decoded when asked for.

use std::path::{Path, PathBuf};

use super::super::dataset::at_shape;
use super::super::samples::{InMemory, Samples};
use super::super::transform::Chain;
use super::super::{DataError, Image, Print, parallel};
use super::walk::Class;

/// Channels, height, width.
type Shape = (usize, usize, usize);

/// Image files below a folder, and their classes.
#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    pub(super) paths: Vec<PathBuf>,
    labels: Vec<u32>,
}

/// Images at the set's size.
#[derive(Debug)]
pub(super) struct FolderImages {
    files: Files,
    shape: Shape,
    /// `None` where they would take too much memory.
    kept: Option<InMemory>,
}

impl Files {
    pub(super) fn new(root: &Path, split: Vec<Class>) -> Self {
        let classes = split.into_iter().zip(0..);
        let (paths, labels) = classes
            .flat_map(|(class, label)| class.images.into_iter().map(move |image| (image, label)))
            .unzip();
        Self { root: root.to_owned(), paths, labels }
    }

    /// The pixels of all images at one size, and what is wrong with those that have none.
    pub(super) fn decoded(&self, shape: Shape) -> (Vec<u8>, Vec<DataError>) {
        let size = shape.0 * shape.1 * shape.2;
        let mut pixels = vec![0; self.paths.len() * size];
        let images = self.paths.iter().zip(pixels.chunks_exact_mut(size));
        let problems = parallel::all_errors(&mut self.chains(shape), images, |chain, (path, out)| {
            Image::open_for(path, |image| {
                let image = chain.run(&image);
                // A grey image among RGB ones has its plane repeated.
                for plane in out.chunks_exact_mut(image.pixels().len()) {
                    plane.copy_from_slice(image.pixels());
                }
            })
        });
        (pixels, problems)
    }

    /// What is wrong with images, found by decoding all.
    pub(super) fn problems(&self) -> Vec<DataError> {
        let mut states = vec![(); parallel::threads(self.paths.len())];
        parallel::all_errors(&mut states, self.paths.iter(), |(), path| Image::open_for(path, |_| ()))
    }

    fn chains(&self, shape: Shape) -> Vec<Chain> {
        (0..parallel::threads(self.paths.len())).map(|_| Chain::new(&at_shape(shape))).collect()
    }
}

impl FolderImages {
    /// Images in memory.
    pub(super) fn kept(origin: &str, files: Files, pixels: Vec<u8>, shape: Shape) -> Result<Self, DataError> {
        let kept = Some(InMemory::new(origin, pixels, files.labels.clone(), shape)?);
        Ok(Self { files, shape, kept })
    }

    /// Images that stay in their files.
    pub(super) fn read(files: Files, shape: Shape) -> Self {
        Self { files, shape, kept: None }
    }
}

impl Samples for FolderImages {
    fn labels(&self) -> &[u32] {
        &self.files.labels
    }

    fn image(&self, index: usize) -> Result<Image<'_>, DataError> {
        match &self.kept {
            Some(kept) => kept.image(index),
            // Brought to the set's size at once: large images do not wait in memory for what is done to them next.
            None => Image::open_for(&self.files.paths[index], |image| {
                Chain::new(&at_shape(self.shape)).run(&image).into_owned()
            }),
        }
    }

    fn original(&self, index: usize) -> Result<Image<'_>, DataError> {
        Image::open(&self.files.paths[index])
    }

    fn in_memory(&self) -> bool {
        self.kept.is_some()
    }

    fn prints_of(&self, indices: &[usize]) -> Result<Vec<Print>, DataError> {
        parallel::map(indices, |&index| {
            let path = &self.files.paths[index];
            Print::of_file(below(&self.files.root, path), path)
        })
    }

    fn name(&self, index: usize) -> Option<String> {
        Some(below(&self.files.root, &self.files.paths[index]))
    }
}

/// The path of a file below a folder, parts separated by `/` everywhere.
pub(super) fn below(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    relative.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/")
}
