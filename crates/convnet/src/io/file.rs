//! A file of weights, by its content.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use convnet_formats::{FileSource, Source, pth, safetensors, shards};

use super::onnx::{self, Imported};
use super::{IoError, ModelCard};
use crate::state::{ReadError, StateDict, Tensor, TensorSource};

/// Tensors in a file, read as they are asked for.
#[derive(Debug)]
pub struct WeightsFile {
    path: PathBuf,
    reader: Reader,
    card: Option<ModelCard>,
}

#[derive(Debug)]
enum Reader {
    Safetensors(safetensors::Reader),
    Shards(shards::Shards),
    Pth(pth::Reader),
    Onnx(Imported),
}

impl WeightsFile {
    /// Opens a file of safetensors, an index of several, a state dict of PyTorch's, or an ONNX model; its content tells
    /// which.
    ///
    /// # Errors
    /// If it cannot be read, is none of them, or has a card that is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, IoError> {
        let path = path.as_ref();
        let source = FileSource::open(path)?;
        let mut start = [0; 9];
        let known = source.read_at(0, &mut start).is_ok();
        let reader = if start.starts_with(b"PK") || start.starts_with(&[0x80, 2]) {
            Reader::Pth(pth::Reader::open(path)?)
        } else if known && start[0] == b'{' && start[8] != b'{' {
            Reader::Shards(shards::Shards::open(path)?)
        } else if is_model(path, &start) {
            Reader::Onnx(onnx::read(path, None)?.1)
        } else {
            Reader::Safetensors(safetensors::Reader::open(path)?)
        };
        Self::new(path, reader)
    }

    /// The weights of an imported model.
    pub(super) fn imported(path: &Path, imported: Imported) -> Result<Self, IoError> {
        Self::new(path, Reader::Onnx(imported))
    }

    fn new(path: &Path, reader: Reader) -> Result<Self, IoError> {
        let metadata = match &reader {
            Reader::Safetensors(reader) => reader.metadata().clone(),
            Reader::Shards(shards) => shards.metadata(),
            Reader::Pth(_) => BTreeMap::new(),
            Reader::Onnx(imported) => imported.metadata().clone(),
        };
        let card = ModelCard::from_metadata(&metadata)
            .map_err(|reason| IoError::Card { path: path.to_owned(), reason })?;
        Ok(Self { path: path.to_owned(), reader, card })
    }

    /// Where it lies.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What the file tells of itself; `None` for one that another program wrote.
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    /// The tensors' names, in order, and their shapes.
    pub fn tensors(&self) -> Vec<(&str, &[usize])> {
        match &self.reader {
            Reader::Safetensors(reader) => reader.tensors().collect(),
            Reader::Shards(shards) => shards.tensors().collect(),
            Reader::Pth(reader) => reader.tensors().collect(),
            Reader::Onnx(imported) => imported.tensors().collect(),
        }
    }

    /// All tensors, in memory.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn state_dict(&self) -> Result<StateDict, IoError> {
        let mut state = StateDict::new();
        for (name, shape) in self.tensors() {
            let mut data = vec![0.0; shape.iter().product()];
            self.read(name, 0, &mut data)?;
            state.insert(name.to_owned(), Tensor { shape: shape.to_vec(), data });
        }
        Ok(state)
    }

    fn read_part(&self, name: &str, first: usize, out: &mut [f32]) -> io::Result<()> {
        match &self.reader {
            Reader::Safetensors(reader) => reader.read(name, first, out),
            Reader::Shards(shards) => shards.read(name, first, out),
            Reader::Pth(reader) => reader.read(name, first, out),
            Reader::Onnx(imported) => imported.read(name, first, out),
        }
    }
}

/// Whether a file is an ONNX model by its ending, or by its start: the first field, its version, and no header of
/// safetensors behind it.
fn is_model(path: &Path, start: &[u8; 9]) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("onnx"))
        || (start[0] == 8 && start[8] != b'{')
}

impl TensorSource for WeightsFile {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        let shape = match &self.reader {
            Reader::Safetensors(reader) => reader.shape(name),
            Reader::Shards(shards) => shards.shape(name),
            Reader::Pth(reader) => reader.shape(name),
            Reader::Onnx(imported) => imported.shape(name),
        };
        shape.map(<[usize]>::to_vec)
    }

    fn read(&self, name: &str, first: usize, out: &mut [f32]) -> Result<(), ReadError> {
        self.read_part(name, first, out).map_err(|source| ReadError::File { path: self.path.clone(), source })
    }
}
