//! PyTorch's `.pth` and `.pt`: state dicts, alone or in a checkpoint, read tensor by tensor.
//!
//! Sources: `torch/serialization.py` and `torch/_utils.py`. The format since PyTorch 1.6 is a zip archive with a
//! pickle and a file for each storage (`archive.rs`); before, pickles followed by the storages (`legacy.rs`). Nothing is
//! executed: see `pickle.rs`.

mod archive;
mod find;
mod inner;
mod legacy;
mod names;
mod pickle;
mod place;
mod plain;
mod write;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use find::Found;
use inner::{Extended, Inner};
use pickle::{Id, Pickle, Value};

use crate::source::{FileSource, Source};
use crate::strided::{Cache, Place};
use crate::{FormatError, Malformed, foreign};
pub use plain::{Bytes, Plain};
pub use write::write;

/// The longest pickle that is read: that of a state dict is short, but NumPy's arrays are part of it.
const MAX_PICKLE: u64 = 1 << 30;

/// The state dicts of a file, one of which is chosen.
pub struct Reader {
    source: Box<dyn Source>,
    dicts: Vec<Dict>,
    chosen: usize,
    cache: Cache,
}

/// A state dict in a file.
struct Dict {
    key: String,
    /// Its tensors, or what is wrong with one.
    tensors: Result<BTreeMap<String, Place>, Malformed>,
}

impl Reader {
    /// Opens a file and reads its pickle. Of several state dicts the one with the most tensors is chosen, an optimizer's
    /// and moving averages last.
    ///
    /// # Errors
    /// If it cannot be read, is no file of PyTorch's, or holds no state dict.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        Self::new(Box::new(FileSource::open(path)?)).map_err(FormatError::malformed(path, "PyTorch"))
    }

    /// Reads the pickle.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(source: Box<dyn Source>) -> Result<Self, Malformed> {
        let mut start = [0; 2];
        source.read_at(0, &mut start).map_err(|_| Malformed::new(0, "the file has fewer than 2 bytes"))?;
        let (dicts, more) = match start {
            [b'P', b'K'] => archive::read(&*source)?,
            [0x80, 2..=5] => legacy::read(&*source)?,
            _ => {
                let found = foreign::kind(&*source)
                    .unwrap_or_else(|| "neither a zip archive nor a pickle; save with torch.save".into());
                return Err(Malformed::new(0, format!("it is {found}")));
            }
        };
        let source = match more.is_empty() {
            true => source,
            false => Box::new(Extended { file: source, more }),
        };
        let mut reader = Self { source, dicts, chosen: 0, cache: Cache::default() };
        reader.choose(0)?;
        Ok(reader)
    }

    /// The keys under which the file has state dicts (empty: it is one itself), and how many tensors each holds.
    pub fn keys(&self) -> impl Iterator<Item = (&str, usize)> {
        self.dicts.iter().map(|dict| (dict.key.as_str(), dict.tensors.as_ref().map_or(0, BTreeMap::len)))
    }

    /// The place of the chosen one among the keys.
    pub fn chosen(&self) -> usize {
        self.chosen
    }

    /// Chooses a state dict by its place among the keys.
    ///
    /// # Errors
    /// If one of its tensors cannot be read.
    ///
    /// # Panics
    /// If there is no such place.
    pub fn choose(&mut self, place: usize) -> Result<(), Malformed> {
        if let Err(problem) = &self.dicts[place].tensors {
            return Err(problem.clone());
        }
        self.chosen = place;
        Ok(())
    }

    fn places(&self) -> Option<&BTreeMap<String, Place>> {
        self.dicts[self.chosen].tensors.as_ref().ok()
    }

    /// The tensors' names, in order, and their shapes.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.places().into_iter().flatten().map(|(name, place)| (name.as_str(), place.shape.as_slice()))
    }

    /// The shape of a tensor; `None` where there is none of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.places()?.get(name).map(|place| place.shape.as_slice())
    }

    /// Reads elements of a tensor in row-major order, from number `first` on, as float32.
    ///
    /// # Errors
    /// If there is no such tensor, it has fewer elements, or the file cannot be read.
    pub fn read(&self, name: &str, first: usize, out: &mut [f32]) -> io::Result<()> {
        let place = self.places().and_then(|places| places.get(name)).ok_or(io::ErrorKind::NotFound)?;
        place.read(&*self.source, &self.cache, first, out)
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("dicts", &self.dicts.len()).finish_non_exhaustive()
    }
}

/// The bytes of a pickle.
fn read_pickle(source: &dyn Source, start: u64, size: u64) -> Result<Vec<u8>, Malformed> {
    if size > MAX_PICKLE {
        let problem = format!(
            "the pickle has {size} bytes, expected at most {MAX_PICKLE}: weights are part of it; save tensors with torch.save"
        );
        return Err(Malformed::new(start as usize, problem));
    }
    let mut bytes = vec![0; size as usize];
    source.read_at(start, &mut bytes).map_err(|error| Malformed::new(start as usize, error.to_string()))?;
    Ok(bytes)
}

/// The state dicts of a pickle, and where their tensors lie.
fn state_dicts(
    pickle: &Pickle<'_>,
    top: Id,
    storages: &dyn place::Storages,
    inner: &Inner<'_, '_>,
) -> Result<Vec<Dict>, Malformed> {
    let found = find::state_dicts(pickle, top).map_err(|problem| Malformed::new(0, problem))?;
    if found.is_empty() {
        return Err(Malformed::new(0, nothing(pickle, top)));
    }
    let places = |Found { key, tensors }: Found| {
        let place = |(name, id): (String, Id)| match place::place(pickle, id, storages, inner) {
            Ok(place) => Ok((name, place)),
            Err(problem) => Err(Malformed::new(0, format!("tensor `{name}`: {problem}"))),
        };
        Dict { key, tensors: tensors.into_iter().map(place).collect() }
    };
    Ok(found.into_iter().map(places).collect())
}

/// Why there is no state dict in a pickle.
fn nothing(pickle: &Pickle<'_>, top: Id) -> String {
    let maker = match pickle.value(top) {
        Value::Object(object) => pickle.foreign(object.class),
        _ => None,
    };
    if let Some(maker) = maker {
        return format!(
            "it holds an object of `{maker}`, which is not loaded, and no tensors with names; save `model.state_dict()`"
        );
    }
    let keys: Vec<_> = pickle.pairs(top).iter().filter_map(|&(key, _)| pickle.name_of(key)).take(8).collect();
    format!("there is no state dict in it (found the keys {keys:?}); save `model.state_dict()`")
}

#[cfg(test)]
mod tests;
