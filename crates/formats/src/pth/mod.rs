//! PyTorch's `.pth` and `.pt`: state dicts, alone or in a checkpoint, read tensor by tensor.
//!
//! Sources: `torch/serialization.py` and `torch/_utils.py`. The format since PyTorch 1.6 is a zip archive with a
//! pickle and a file for each storage; before, pickles followed by the storages. Nothing is executed: see
//! `pickle.rs`.

mod pickle;
mod write;

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use pickle::{Id, Known, Pickle, Value};
use zip::{CompressionMethod, ZipArchive};

use crate::number::Number;
use crate::source::{FileSource, Source};
use crate::{FormatError, Malformed};
pub use write::write;

/// The longest pickle that is read: names and shapes of a million tensors take less.
const MAX_PICKLE: u64 = 64 << 20;
/// How deep a state dict may lie in a checkpoint's dictionaries.
const DEPTH: usize = 3;
/// The keys under which checkpoints keep a state dict.
const KEYS: [&str; 6] = ["state_dict", "model_state_dict", "model", "net", "module", "weights"];
/// What old files start with: a pickled long integer.
const MAGIC: [u8; 4] = [0x80, 2, 0x8a, 10];

/// A state dict in a file.
pub struct Reader {
    source: Box<dyn Source>,
    tensors: BTreeMap<String, Place>,
}

/// Where a tensor lies.
#[derive(Clone, Debug)]
struct Place {
    number: Number,
    shape: Vec<usize>,
    /// Elements from one index to the next along each dimension.
    stride: Vec<usize>,
    /// The byte of its first element.
    start: u64,
}

/// The elements of some tensors.
#[derive(Clone, Copy, Debug)]
struct Storage {
    start: u64,
    elements: u64,
}

impl Reader {
    /// Opens a file and reads its pickle.
    ///
    /// # Errors
    /// If it cannot be read, is no file of PyTorch's, holds no state dict, or needs more than tensors and plain
    /// values.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        Self::new(Box::new(FileSource::open(path)?)).map_err(FormatError::malformed(path, "PyTorch"))
    }

    /// Reads the pickle.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(source: Box<dyn Source>) -> Result<Self, Malformed> {
        let mut magic = [0; 4];
        source.read_at(0, &mut magic).map_err(|_| Malformed::new(0, "the file has fewer than 4 bytes"))?;
        let tensors = match &magic {
            b"PK\x03\x04" => archive(&*source)?,
            _ if magic == MAGIC => legacy(&*source)?,
            _ => {
                return Err(Malformed::new(
                    0,
                    "it starts neither as a zip archive nor as a pickle; save with torch.save",
                ));
            }
        };
        Ok(Self { source, tensors })
    }

    /// The tensors' names, in order, and their shapes.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.tensors.iter().map(|(name, place)| (name.as_str(), place.shape.as_slice()))
    }

    /// The shape of a tensor; `None` where there is none of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.tensors.get(name).map(|place| place.shape.as_slice())
    }

    /// Reads elements of a tensor in row-major order, from number `first` on, as float32.
    ///
    /// # Errors
    /// If there is no such tensor, it has fewer elements, or the file cannot be read.
    pub fn read(&self, name: &str, first: usize, out: &mut [f32]) -> io::Result<()> {
        let place = self.tensors.get(name).ok_or(io::ErrorKind::NotFound)?;
        let count: usize = place.shape.iter().product();
        if first.checked_add(out.len()).is_none_or(|end| end > count) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let at = |element: usize| place.start + (element * place.number.width()) as u64;
        if place.is_contiguous() {
            return place.number.read(&*self.source, at(first), out);
        }
        let mut all = vec![0.0; place.span()];
        place.number.read(&*self.source, at(0), &mut all)?;
        for (i, x) in out.iter_mut().enumerate() {
            *x = all[place.element(first + i)];
        }
        Ok(())
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("tensors", &self.tensors.len()).finish_non_exhaustive()
    }
}

impl Place {
    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.shape.iter().zip(&self.stride).rev().all(|(&size, &stride)| {
            let fits = size == 1 || stride == expected;
            expected *= size;
            fits
        })
    }

    /// The element of the storage, from the tensor's first on, that a row-major index stands for.
    fn element(&self, index: usize) -> usize {
        let mut rest = index;
        self.shape.iter().zip(&self.stride).rev().fold(0, |at, (&size, &stride)| {
            let along = rest % size;
            rest /= size;
            at + along * stride
        })
    }

    /// Elements from the first to the last, both included.
    fn span(&self) -> usize {
        if self.shape.contains(&0) {
            return 0;
        }
        1 + self.shape.iter().zip(&self.stride).map(|(size, stride)| (size - 1) * stride).sum::<usize>()
    }
}

/// A source as the zip crate wants it.
struct Cursor<'a> {
    source: &'a dyn Source,
    position: u64,
}

impl Read for Cursor<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.source.len().saturating_sub(self.position);
        let count = out.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.source.read_at(self.position, &mut out[..count])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.source.len().checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// The tensors of a zip archive.
fn archive(source: &dyn Source) -> Result<BTreeMap<String, Place>, Malformed> {
    let broken = |error: zip::result::ZipError| {
        Malformed::new(0, format!("the archive is damaged: {error}; the file was cut short or changed"))
    };
    let mut zip = ZipArchive::new(Cursor { source, position: 0 }).map_err(broken)?;
    let mut parts: HashMap<String, (u64, u64)> = HashMap::new();
    let mut root = None;
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(broken)?;
        let (name, size) = (entry.name().map_err(broken)?.into_owned(), entry.size());
        let start = entry.data_start().unwrap_or(u64::MAX);
        if entry.compression() != CompressionMethod::Stored || entry.encrypted() {
            let problem = format!("`{name}` in the archive is compressed or encrypted, PyTorch's never are");
            return Err(Malformed::new(0, problem));
        }
        if start.checked_add(size).is_none_or(|end| end > source.len()) {
            return Err(Malformed::new(0, format!("`{name}` in the archive reaches beyond the file")));
        }
        if let Some(folder) = name.strip_suffix("data.pkl") {
            root = Some(folder.to_owned());
        }
        parts.insert(name, (start, size));
    }
    let Some(root) = root else {
        return Err(Malformed::new(0, "the archive has no `data.pkl`; save the state dict with torch.save"));
    };
    let (start, size) = parts[&format!("{root}data.pkl")];
    if let Some(&(at, length)) = parts.get(&format!("{root}byteorder")) {
        let mut order = vec![0; length.min(16) as usize];
        source.read_at(at, &mut order).map_err(|error| Malformed::new(at as usize, error.to_string()))?;
        if order != b"little" {
            return Err(Malformed::new(at as usize, "the numbers are big-endian, expected little-endian"));
        }
    }
    let bytes = read(source, start, size)?;
    let mut pickle = Pickle::new(&bytes);
    let top = pickle.run()?;
    let storage = |key: &str, width: usize, _: u64| {
        let &(start, size) = parts
            .get(&format!("{root}data/{key}"))
            .ok_or_else(|| format!("storage `{key}` is not in the archive"))?;
        Ok(Storage { start, elements: size / width as u64 })
    };
    state_dict(&pickle, top, &storage)
}

/// The bytes of a pickle.
fn read(source: &dyn Source, start: u64, size: u64) -> Result<Vec<u8>, Malformed> {
    if size > MAX_PICKLE {
        let problem = format!("the pickle has {size} bytes, expected at most {MAX_PICKLE}");
        return Err(Malformed::new(start as usize, problem));
    }
    let mut bytes = vec![0; size as usize];
    source.read_at(start, &mut bytes).map_err(|error| Malformed::new(start as usize, error.to_string()))?;
    Ok(bytes)
}

/// The tensors of a file from before PyTorch 1.6: pickles of a magic number, a version, the system, the state dict
/// and the storages' keys, and then each storage as its number of elements and they.
fn legacy(source: &dyn Source) -> Result<BTreeMap<String, Place>, Malformed> {
    let bytes = read(source, 0, source.len().min(MAX_PICKLE))?;
    let mut pickle = Pickle::new(&bytes);
    for _ in 0..3 {
        pickle.run()?;
    }
    let top = pickle.run()?;
    let widths = widths(&pickle, top);
    let keys = pickle.run()?;
    let mut at = pickle.position() as u64;
    let mut storages = HashMap::new();
    for &key in pickle.tuple(keys).unwrap_or_default() {
        let Some(key) = pickle.text(key) else { continue };
        let mut count = [0; 8];
        let cut = |_| Malformed::new(at as usize, format!("the file ends before storage `{key}`"));
        source.read_at(at, &mut count).map_err(cut)?;
        let elements = u64::from_le_bytes(count);
        let width = widths.get(key).copied().unwrap_or(1) as u64;
        let end = elements.checked_mul(width).and_then(|bytes| bytes.checked_add(at + 8));
        let Some(end) = end.filter(|&end| end <= source.len()) else {
            let problem = format!("storage `{key}` of {elements} elements reaches beyond the file");
            return Err(Malformed::new(at as usize, problem));
        };
        storages.insert(key.to_owned(), Storage { start: at + 8, elements });
        at = end;
    }
    let storage = |key: &str, _: usize, _: u64| {
        storages.get(key).copied().ok_or_else(|| format!("storage `{key}` is not in the file"))
    };
    state_dict(&pickle, top, &storage)
}

/// Bytes of an element of each storage that a state dict uses.
fn widths<'a>(pickle: &Pickle<'a>, top: Id) -> HashMap<&'a str, usize> {
    let mut found = HashMap::new();
    for (_, tensor) in all_tensors(pickle, top, DEPTH) {
        if let Some((number, key, _)) = persistent(pickle, tensor.storage) {
            found.insert(key, number.width());
        }
    }
    found
}

/// The tensors in a dictionary and in those that it holds.
fn all_tensors<'p>(pickle: &'p Pickle<'_>, id: Id, depth: usize) -> Vec<(Id, &'p pickle::Tensor)> {
    let Value::Dict(pairs) = pickle.value(id) else { return Vec::new() };
    let inside = |&(key, value): &(Id, Id)| match pickle.value(value) {
        Value::Tensor(tensor) => vec![(key, tensor)],
        _ if depth > 0 => all_tensors(pickle, value, depth - 1),
        _ => Vec::new(),
    };
    pairs.iter().flat_map(inside).collect()
}

/// A persistent id: `("storage", torch.FloatStorage, key, location, elements, …)`.
fn persistent<'a>(pickle: &Pickle<'a>, id: Id) -> Option<(Number, &'a str, u64)> {
    let parts = pickle.tuple(id)?;
    let &[_, class, key, _, elements, ..] = parts else { return None };
    let Value::Name(Known::Storage(class)) = pickle.value(class) else { return None };
    let number = match *class {
        "FloatStorage" => Number::F32,
        "DoubleStorage" => Number::F64,
        "HalfStorage" => Number::F16,
        "BFloat16Storage" => Number::Bf16,
        "LongStorage" => Number::I64,
        "IntStorage" => Number::I32,
        "ShortStorage" => Number::I16,
        "CharStorage" => Number::I8,
        _ => Number::U8,
    };
    Some((number, pickle.text(key)?, u64::try_from(pickle.int(elements)?).ok()?))
}

type FindStorage<'a> = &'a dyn Fn(&str, usize, u64) -> Result<Storage, String>;

/// The places of a state dict's tensors.
fn state_dict(
    pickle: &Pickle<'_>,
    top: Id,
    find: FindStorage<'_>,
) -> Result<BTreeMap<String, Place>, Malformed> {
    let Some(pairs) = find_dict(pickle, top, DEPTH) else {
        let keys: Vec<_> = match pickle.value(top) {
            Value::Dict(pairs) => pairs.iter().filter_map(|&(key, _)| pickle.text(key)).take(8).collect(),
            _ => Vec::new(),
        };
        return Err(Malformed::new(
            0,
            format!("there is no state dict in it (found the keys {keys:?}); save `model.state_dict()`"),
        ));
    };
    let mut tensors = BTreeMap::new();
    for &(key, value) in pairs {
        if let (Some(name), Value::Tensor(tensor)) = (pickle.text(key), pickle.value(value)) {
            let place = place(pickle, tensor, find)
                .map_err(|problem| Malformed::new(0, format!("tensor `{name}`: {problem}")))?;
            tensors.insert(name.to_owned(), place);
        }
    }
    Ok(tensors)
}

/// The dictionary itself if it holds tensors, else the one under a key that checkpoints use.
fn find_dict<'p>(pickle: &'p Pickle<'_>, id: Id, depth: usize) -> Option<&'p [(Id, Id)]> {
    let Value::Dict(pairs) = pickle.value(id) else { return None };
    if pairs.iter().any(|&(_, value)| matches!(pickle.value(value), Value::Tensor(_))) {
        return Some(pairs);
    }
    let under = |wanted: &str| pairs.iter().find(|&&(key, _)| pickle.text(key) == Some(wanted));
    KEYS.iter()
        .filter_map(|key| under(key))
        .filter(|_| depth > 0)
        .find_map(|&(_, value)| find_dict(pickle, value, depth - 1))
}

fn place(pickle: &Pickle<'_>, tensor: &pickle::Tensor, find: FindStorage<'_>) -> Result<Place, String> {
    let (number, key, elements) =
        persistent(pickle, tensor.storage).ok_or("its storage is of a type that is not known")?;
    let storage = find(key, number.width(), elements)?;
    let sizes = |numbers: &[i64]| {
        numbers
            .iter()
            .map(|&n| usize::try_from(n))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|_| "a negative size")
    };
    let (shape, stride, offset) =
        (sizes(&tensor.shape)?, sizes(&tensor.stride)?, sizes(&[tensor.offset])?[0]);
    if shape.len() != stride.len() {
        return Err(format!("{} dimensions and {} strides", shape.len(), stride.len()));
    }
    let beyond = || {
        format!("shape {shape:?} with strides {stride:?} leaves a storage of {} elements", storage.elements)
    };
    let count = shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size)).ok_or_else(beyond)?;
    let last = shape.iter().zip(&stride).try_fold(offset, |last, (&size, &stride)| {
        last.checked_add(size.saturating_sub(1).checked_mul(stride)?)
    });
    let fits = last.is_some_and(|last| count == 0 || (last as u64) < storage.elements);
    if !fits || count as u64 > storage.elements {
        return Err(beyond());
    }
    Ok(Place { number, start: storage.start + (offset * number.width()) as u64, shape, stride })
}

#[cfg(test)]
mod tests;
