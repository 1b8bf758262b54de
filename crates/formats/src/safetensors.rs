//! Safetensors, read as float32 and written as float32, byte for byte the same for the same content.
//!
//! Source: <https://github.com/huggingface/safetensors>, "Format".

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::Metadata;
use serde::Serialize;

use crate::checksum::Checksum;
use crate::number::{Entry, Number};
use crate::source::{FileSource, Source};
use crate::{FormatError, Malformed, atomic};

/// The key that the format keeps for metadata; no tensor may have that name.
const METADATA: &str = "__metadata__";
/// The key in the metadata of the checksum of all the rest: other metadata, names, types, shapes, elements.
pub const CHECKSUM: &str = "convnet.checksum";
/// The header is padded to a multiple of this, so that the tensors behind it are aligned.
const ALIGNMENT: usize = 8;
/// Bytes that are read at a time.
const BUFFER: usize = 256 << 10;
/// The longest header that is read, the length before it included: that of thirty thousand tensors. The format's own limit
/// of 100 MB lets in a million names, which take half a gigabyte.
const MAX_HEADER: u64 = 4 << 20;

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Name → shape and elements, row-major.
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
}

/// A file that is read tensor by tensor.
pub struct Reader {
    source: Box<dyn Source>,
    entries: BTreeMap<String, Place>,
    metadata: BTreeMap<String, String>,
}

/// Where a tensor lies.
struct Place {
    number: Number,
    shape: Vec<usize>,
    start: u64,
}

impl Reader {
    /// Opens a file and reads its header; a file with a checksum is read through and compared with it.
    ///
    /// # Errors
    /// If it cannot be read, is no safetensors file, holds a type that does not convert to float32, or is not what its
    /// checksum was taken of.
    pub fn open(path: &Path) -> Result<Self, FormatError> {
        let reader = Self::new(Box::new(FileSource::open(path)?))
            .map_err(FormatError::malformed(path, "safetensors"))?;
        if let Some(expected) = reader.metadata.get(CHECKSUM) {
            let found = reader.checksum().map_err(FormatError::read(path))?.to_string();
            if found != *expected {
                return Err(FormatError::checksum(path, &format!("checksum {found}"), expected));
            }
        }
        Ok(reader)
    }

    /// Whether the file carries a checksum.
    pub fn is_sealed(&self) -> bool {
        self.metadata.contains_key(CHECKSUM)
    }

    fn checksum(&self) -> io::Result<Checksum> {
        let mut sum = Checksum::default();
        add_metadata(&mut sum, &self.metadata);
        let mut buffer = vec![0; BUFFER];
        for (name, Place { number, shape, start }) in &self.entries {
            add_name(&mut sum, name, shape, *number);
            let bytes = number.width() * shape.iter().product::<usize>();
            for first in (0..bytes).step_by(BUFFER) {
                let part = &mut buffer[..BUFFER.min(bytes - first)];
                self.source.read_at(start + first as u64, part)?;
                sum.add(part);
            }
        }
        Ok(sum)
    }

    /// Reads the header.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(source: Box<dyn Source>) -> Result<Self, Malformed> {
        let invalid = |problem: &dyn std::fmt::Display| {
            Malformed::new(0, format!("{problem}; the file was cut short or is of another format"))
        };
        let mut length = [0; 8];
        source.read_at(0, &mut length).map_err(|error| invalid(&error))?;
        let total = u64::from_le_bytes(length).saturating_add(8);
        if total > MAX_HEADER && total <= source.len() {
            let problem = format!("its header has {total} bytes, expected at most {MAX_HEADER}");
            return Err(Malformed::new(0, problem));
        }
        if total > source.len() {
            return Err(invalid(&format!("the header ends at {total}, the file at {}", source.len())));
        }
        let mut bytes = vec![0; total as usize];
        source.read_at(0, &mut bytes).map_err(|error| invalid(&error))?;
        let header: Metadata = serde_json::from_slice(&bytes[8..]).map_err(|error| invalid(&error))?;
        let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let (mut entries, mut last) = (BTreeMap::new(), total);
        for (name, info) in header.tensors() {
            let start = total + info.data_offsets.0 as u64;
            let end = total.saturating_add(info.data_offsets.1 as u64);
            last = last.max(end);
            let number = number(info.dtype).ok_or_else(|| {
                Malformed::new(
                    start as usize,
                    format!(
                        "tensor `{name}` is of type {:?}, expected F32 or a type that converts to it (F16, BF16, \
                         F64, integers); save it as float32",
                        info.dtype
                    ),
                )
            })?;
            entries.insert(name, Place { number, shape: info.shape.clone(), start });
        }
        if last != source.len() {
            return Err(invalid(&format!("the tensors end at {last}, the file at {}", source.len())));
        }
        Ok(Self { source, entries, metadata })
    }

    /// Free text by key.
    pub fn metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }

    /// The tensors' names, in order, and their shapes.
    pub fn tensors(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.entries.iter().map(|(name, place)| (name.as_str(), place.shape.as_slice()))
    }

    /// The shape of a tensor; `None` where there is none of that name.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        self.entries.get(name).map(|place| place.shape.as_slice())
    }

    /// Reads elements of a tensor in row-major order, from number `first` on, as float32.
    ///
    /// # Errors
    /// If there is no such tensor, it has fewer elements, or the file cannot be read.
    pub fn read(&self, name: &str, first: usize, out: &mut [f32]) -> io::Result<()> {
        let place = self.entries.get(name).ok_or(io::ErrorKind::NotFound)?;
        let count: usize = place.shape.iter().product();
        if first.checked_add(out.len()).is_none_or(|end| end > count) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let position = place.start + (first * place.number.width()) as u64;
        place.number.read(&*self.source, position, out)
    }

    fn into_file(self) -> Result<File, Malformed> {
        let mut tensors = BTreeMap::new();
        for (name, place) in &self.entries {
            let mut data = vec![0.0; place.shape.iter().product()];
            self.read(name, 0, &mut data)
                .map_err(|error| Malformed::new(place.start as usize, format!("tensor `{name}`: {error}")))?;
            tensors.insert(name.clone(), (place.shape.clone(), data));
        }
        Ok(File { tensors, metadata: self.metadata })
    }
}

impl std::fmt::Debug for Reader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader").field("tensors", &self.entries.len()).finish_non_exhaustive()
    }
}

/// Reads a file: F32 as it is; F16, BF16, F64 and the integers are converted, with rounding where float32
/// has fewer digits.
///
/// # Errors
/// As [`Reader::open`].
pub fn read(path: &Path) -> Result<File, FormatError> {
    Reader::open(path)?.into_file().map_err(FormatError::malformed(path, "safetensors"))
}

/// As [`read`], from bytes.
///
/// # Errors
/// As [`Reader::open`].
pub fn parse(bytes: &[u8]) -> Result<File, Malformed> {
    Reader::new(Box::new(bytes.to_vec()))?.into_file()
}

/// Writes a file atomically (see [`atomic`]). The tensors follow in the order of their names.
///
/// # Errors
/// If it cannot be written.
///
/// # Panics
/// If a tensor's shape does not have as many elements as its data, or its name is `__metadata__`.
pub fn write(path: &Path, file: &File) -> Result<(), FormatError> {
    let entry = |(name, (shape, data)): (&String, &(Vec<usize>, Vec<f32>))| {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "tensor `{name}`: shape {shape:?}");
        Entry { name: name.clone(), shape: shape.clone(), number: Number::F32 }
    };
    let entries: Vec<Entry> = file.tensors.iter().map(entry).collect();
    write_entries(path, &entries, &file.metadata, |entry, out| {
        write_floats(out, &file.tensors[&entry.name].1)
    })
}

/// As [`write()`]: float32 and 64-bit integers, in the given order; `fill` writes the little-endian elements of a
/// tensor.
///
/// # Errors
/// If it cannot be written, or `fill` fails.
///
/// # Panics
/// If a tensor's name is `__metadata__`.
pub fn write_entries(
    path: &Path,
    entries: &[Entry],
    metadata: &BTreeMap<String, String>,
    fill: impl FnMut(&Entry, &mut dyn Write) -> io::Result<()>,
) -> Result<(), FormatError> {
    atomic::write_with(path, |out| write_to(out, entries, metadata, fill))
}

/// As [`write_entries`], to any writer, such as memory.
///
/// # Errors
/// If the writer or `fill` fails.
///
/// # Panics
/// As [`write_entries`].
pub fn write_to(
    out: &mut dyn Write,
    entries: &[Entry],
    metadata: &BTreeMap<String, String>,
    mut fill: impl FnMut(&Entry, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    out.write_all(&header(entries, metadata)?)?;
    entries.iter().try_for_each(|entry| fill(entry, out))
}

/// As [`write_entries`], with a checksum that [`Reader::open`] compares; `fill` is called twice for each tensor and
/// writes the same.
///
/// # Errors
/// As [`write_entries`].
///
/// # Panics
/// As [`write_entries`].
pub fn write_sealed(
    path: &Path,
    entries: &[Entry],
    metadata: &BTreeMap<String, String>,
    mut fill: impl FnMut(&Entry, &mut dyn Write) -> io::Result<()>,
) -> Result<(), FormatError> {
    let mut sum = Checksum::default();
    add_metadata(&mut sum, metadata);
    let by_name: BTreeMap<&str, &Entry> = entries.iter().map(|entry| (entry.name.as_str(), entry)).collect();
    for (name, entry) in by_name {
        add_name(&mut sum, name, &entry.shape, entry.number);
        fill(entry, &mut sum).map_err(FormatError::write(path))?;
    }
    let mut metadata = metadata.clone();
    metadata.insert(CHECKSUM.to_owned(), sum.to_string());
    write_entries(path, entries, &metadata, fill)
}

fn add_metadata(sum: &mut Checksum, metadata: &BTreeMap<String, String>) {
    for (key, value) in metadata.iter().filter(|(key, _)| *key != CHECKSUM) {
        sum.add_part(key.as_bytes());
        sum.add_part(value.as_bytes());
    }
}

fn add_name(sum: &mut Checksum, name: &str, shape: &[usize], number: Number) {
    sum.add_part(name.as_bytes());
    sum.add_part(format!("{number:?} {shape:?}").as_bytes());
}

/// The type of elements; `None` for one that does not convert to float32.
fn number(dtype: Dtype) -> Option<Number> {
    Some(match dtype {
        Dtype::F32 => Number::F32,
        Dtype::F64 => Number::F64,
        Dtype::F16 => Number::F16,
        Dtype::BF16 => Number::Bf16,
        Dtype::I64 => Number::I64,
        Dtype::I32 => Number::I32,
        Dtype::I16 => Number::I16,
        Dtype::I8 => Number::I8,
        Dtype::U64 => Number::U64,
        Dtype::U32 => Number::U32,
        Dtype::U16 => Number::U16,
        Dtype::U8 | Dtype::BOOL => Number::U8,
        _ => return None,
    })
}

#[derive(Serialize)]
#[serde(untagged)]
enum Item<'a> {
    Metadata(&'a BTreeMap<String, String>),
    Tensor { dtype: &'static str, shape: &'a [usize], data_offsets: [usize; 2] },
}

/// The length of the header, and the header, in an order that only the content decides: the crate's own
/// writer keeps metadata in a hash map, whose order differs from run to run.
fn header(entries: &[Entry], metadata: &BTreeMap<String, String>) -> io::Result<Vec<u8>> {
    let mut items = BTreeMap::new();
    let mut start = 0;
    for Entry { name, shape, number } in entries {
        assert_ne!(name, METADATA, "a tensor cannot have the name that the format keeps for itself");
        let end = start + number.width() * shape.iter().product::<usize>();
        let dtype = if *number == Number::I64 { "I64" } else { "F32" };
        items.insert(name.as_str(), Item::Tensor { dtype, shape, data_offsets: [start, end] });
        start = end;
    }
    if !metadata.is_empty() {
        items.insert(METADATA, Item::Metadata(metadata));
    }
    let mut json = serde_json::to_vec(&items)?;
    json.resize(json.len().next_multiple_of(ALIGNMENT), b' ');
    Ok([&(json.len() as u64).to_le_bytes()[..], &json].concat())
}

/// Writes the elements through a small buffer.
pub(crate) fn write_floats(out: &mut dyn Write, data: &[f32]) -> io::Result<()> {
    let mut buffer = Vec::with_capacity(16 << 10);
    for part in data.chunks(buffer.capacity() / size_of::<f32>()) {
        buffer.clear();
        buffer.extend(part.iter().flat_map(|x| x.to_le_bytes()));
        out.write_all(&buffer)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::number::half;
    use proptest::prelude::*;
    use safetensors::tensor::TensorView;

    fn sample() -> File {
        let tensors = [
            ("b.weight", (vec![2, 3], vec![1.0, -2.0, 3.5, f32::MIN_POSITIVE, 0.0, -0.0])),
            ("a", (vec![], vec![7.0])),
            ("empty", (vec![0, 4], vec![])),
        ];
        let metadata = ["model", "classes", "mean", "std", "size", "unicode ✓"];
        File {
            tensors: tensors.into_iter().map(|(name, tensor)| (name.to_string(), tensor)).collect(),
            metadata: metadata.into_iter().map(|key| (key.to_string(), format!("{key}\n\"x\""))).collect(),
        }
    }

    fn written(file: &File) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        write(&path, file).unwrap();
        assert_eq!(&read(&path).unwrap(), file);
        std::fs::read(path).unwrap()
    }

    #[test]
    fn a_file_comes_back_and_its_bytes_are_the_same_each_time() {
        assert_eq!(written(&sample()), written(&sample()));
        assert_eq!(written(&File::default()).len(), 16);
    }

    fn sealed(path: &Path) -> Vec<u8> {
        let file = sample();
        let entry = |(name, (shape, _)): (&String, &(Vec<usize>, Vec<f32>))| Entry {
            name: name.clone(),
            shape: shape.clone(),
            number: Number::F32,
        };
        let entries: Vec<Entry> = file.tensors.iter().map(entry).rev().collect();
        let fill = |entry: &Entry, out: &mut dyn Write| write_floats(out, &file.tensors[&entry.name].1);
        write_sealed(path, &entries, &file.metadata, fill).unwrap();
        std::fs::read(path).unwrap()
    }

    #[test]
    fn a_flipped_bit_is_seen_where_there_is_a_checksum() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        let whole = sealed(&path);
        assert!(Reader::open(&path).unwrap().is_sealed());
        assert_eq!(read(&path).unwrap().tensors, sample().tensors);
        let mut unsealed = 0;
        for bit in 0..8 * whole.len() {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, &bytes).unwrap();
            match Reader::open(&path) {
                Err(error) => assert!(error.to_string().contains("a.safetensors"), "{error}"),
                // The key itself was hit.
                Ok(reader) => {
                    assert!(!reader.is_sealed(), "bit {bit}");
                    assert_eq!(reader.into_file().unwrap().tensors, sample().tensors);
                    unsealed += 1;
                }
            }
        }
        assert!(unsealed <= 8 * CHECKSUM.len(), "{unsealed}");
    }

    #[test]
    fn another_program_may_write_the_same_content_in_its_own_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        sealed(&path);
        let File { tensors, metadata } = read(&path).unwrap();
        let bytes: Vec<(String, Vec<usize>, Vec<u8>)> = tensors
            .into_iter()
            .map(|(name, (shape, data))| (name, shape, data.iter().flat_map(|x| x.to_le_bytes()).collect()))
            .collect();
        let views = bytes.iter().map(|(name, shape, data)| {
            (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), data).unwrap())
        });
        let again = safetensors::serialize(views, Some(metadata.into_iter().collect())).unwrap();
        std::fs::write(&path, &again).unwrap();
        assert!(Reader::open(&path).unwrap().is_sealed());
    }

    #[test]
    fn other_types_are_converted() {
        let half_bits: Vec<u8> = [0x3c00u16, 0xc000, 0x0001, 0x7bff, 0x8000, 0xfc00]
            .iter()
            .flat_map(|b| b.to_le_bytes())
            .collect();
        let brain_bits: Vec<u8> = [0x3f80u16, 0xc040].iter().flat_map(|b| b.to_le_bytes()).collect();
        let views = [
            ("f16", TensorView::new(Dtype::F16, vec![6], &half_bits).unwrap()),
            ("bf16", TensorView::new(Dtype::BF16, vec![2], &brain_bits).unwrap()),
            ("f64", TensorView::new(Dtype::F64, vec![], &[0, 0, 0, 0, 0, 0, 0xe0, 0xbf]).unwrap()),
            (
                "i64",
                TensorView::new(Dtype::I64, vec![1], &[0xfe, 255, 255, 255, 255, 255, 255, 255]).unwrap(),
            ),
        ];
        let file = parse(&safetensors::serialize(views, None).unwrap()).unwrap();
        let smallest = 5.960_464_5e-8;
        assert_eq!(file.tensors["f16"].1, [1.0, -2.0, smallest, 65504.0, -0.0, f32::NEG_INFINITY]);
        assert!(file.tensors["f16"].1[4].is_sign_negative());
        assert_eq!(file.tensors["bf16"].1, [1.0, -3.0]);
        assert_eq!(file.tensors["f64"], (vec![], vec![-0.5]));
        assert_eq!(file.tensors["i64"].1, [-2.0]);
        assert!(half(0x7e00).is_nan());
    }

    #[test]
    fn a_type_that_does_not_convert_is_named() {
        let view = TensorView::new(Dtype::C64, vec![1], &[0; 8]).unwrap();
        let error = parse(&safetensors::serialize([("spectrum", view)], None).unwrap()).unwrap_err();
        assert!(error.problem.contains("tensor `spectrum` is of type C64"), "{error}");
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.safetensors");
        std::fs::write(&path, "PK not tensors at all").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("a.safetensors` is not a valid safetensors file"), "{error}");
    }

    proptest! {
        #[test]
        fn damage_never_panics(at in 0usize..4096, value: u8, cut in 0usize..4096) {
            let mut bytes = written(&sample());
            let at = at % bytes.len();
            bytes[at] = value;
            let cut = cut % (bytes.len() + 1);
            if cut > 0 {
                bytes.truncate(cut);
            }
            if let Ok(file) = parse(&bytes) {
                for (shape, data) in file.tensors.values() {
                    prop_assert_eq!(shape.iter().product::<usize>(), data.len());
                }
            }
        }
    }
}
