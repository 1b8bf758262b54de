//! Safetensors, read as float32 and written as float32, byte for byte the same for the same content.
//!
//! Source: <https://github.com/huggingface/safetensors>, "Format".

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use serde::Serialize;

use crate::error::read_file;
use crate::{FormatError, Malformed, atomic};

/// The key that the format keeps for metadata; no tensor may have that name.
const METADATA: &str = "__metadata__";
/// The header is padded to a multiple of this, so that the tensors behind it are aligned.
const ALIGNMENT: usize = 8;

/// The content of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct File {
    /// Name → shape and elements, row-major.
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// Free text by key.
    pub metadata: BTreeMap<String, String>,
}

/// Reads a file: F32 as it is; F16, BF16, F64 and the integers are converted, with rounding where float32
/// has fewer digits.
pub fn read(path: &Path) -> Result<File, FormatError> {
    parse(&read_file(path)?).map_err(FormatError::malformed(path, "safetensors"))
}

/// As [`read`], from bytes.
pub fn parse(bytes: &[u8]) -> Result<File, Malformed> {
    let invalid = |error: safetensors::SafeTensorError| {
        Malformed::new(0, format!("{error}; the file was cut short or is of another format"))
    };
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(invalid)?;
    let metadata = header.metadata().clone().unwrap_or_default().into_iter().collect();
    let mut tensors = BTreeMap::new();
    for (name, view) in SafeTensors::deserialize(bytes).map_err(invalid)?.tensors() {
        let data = floats(&view).ok_or_else(|| {
            let place = view.data().as_ptr() as usize - bytes.as_ptr() as usize;
            Malformed::new(
                place,
                format!(
                    "tensor `{name}` is of type {:?}, expected F32 or a type that converts to it (F16, BF16, \
                     F64, integers); save it as float32",
                    view.dtype()
                ),
            )
        })?;
        tensors.insert(name, (view.shape().to_vec(), data));
    }
    Ok(File { tensors, metadata })
}

/// Writes a file atomically (see [`atomic`]). The tensors follow in the order of their names.
///
/// # Panics
///
/// If a tensor's shape does not have as many elements as its data, or its name is `__metadata__`.
pub fn write(path: &Path, file: &File) -> Result<(), FormatError> {
    atomic::write_with(path, |out| {
        out.write_all(&header(file)?)?;
        file.tensors.values().try_for_each(|(_, data)| write_floats(out, data))
    })
}

/// The elements as float32; `None` for a type that does not convert.
fn floats(view: &TensorView) -> Option<Vec<f32>> {
    let data = view.data();
    macro_rules! convert {
        ($number:ty) => {
            data.as_chunks().0.iter().map(|&bytes| <$number>::from_le_bytes(bytes) as f32).collect()
        };
    }
    Some(match view.dtype() {
        Dtype::F32 => convert!(f32),
        Dtype::F64 => convert!(f64),
        Dtype::I64 => convert!(i64),
        Dtype::U64 => convert!(u64),
        Dtype::I32 => convert!(i32),
        Dtype::U32 => convert!(u32),
        Dtype::I16 => convert!(i16),
        Dtype::U16 => convert!(u16),
        Dtype::I8 => convert!(i8),
        Dtype::U8 | Dtype::BOOL => convert!(u8),
        Dtype::BF16 => data
            .as_chunks()
            .0
            .iter()
            .map(|&b| f32::from_bits(u32::from(u16::from_le_bytes(b)) << 16))
            .collect(),
        Dtype::F16 => data.as_chunks().0.iter().map(|&b| half(u16::from_le_bytes(b))).collect(),
        _ => return None,
    })
}

/// The float32 of an IEEE 754 binary16.
fn half(bits: u16) -> f32 {
    let sign = u32::from(bits >> 15) << 31;
    let exponent = u32::from(bits >> 10 & 0x1f);
    let fraction = u32::from(bits & 0x3ff);
    match exponent {
        // Subnormal: fraction · 2⁻²⁴, exact in float32.
        0 => f32::from_bits(sign | (fraction as f32 * (-24f32).exp2()).to_bits()),
        0x1f => f32::from_bits(sign | 0x7f80_0000 | fraction << 13),
        _ => f32::from_bits(sign | (exponent + 127 - 15) << 23 | fraction << 13),
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry<'a> {
    Metadata(&'a BTreeMap<String, String>),
    Tensor { dtype: &'static str, shape: &'a [usize], data_offsets: [usize; 2] },
}

/// The length of the header, and the header, in an order that only the content decides: the crate's own
/// writer keeps metadata in a hash map, whose order differs from run to run.
fn header(file: &File) -> std::io::Result<Vec<u8>> {
    let mut entries = BTreeMap::new();
    let mut start = 0;
    for (name, (shape, data)) in &file.tensors {
        assert_eq!(shape.iter().product::<usize>(), data.len(), "tensor `{name}`: shape {shape:?}");
        assert_ne!(name, METADATA, "a tensor cannot have the name that the format keeps for itself");
        let end = start + size_of::<f32>() * data.len();
        entries.insert(name.as_str(), Entry::Tensor { dtype: "F32", shape, data_offsets: [start, end] });
        start = end;
    }
    if !file.metadata.is_empty() {
        entries.insert(METADATA, Entry::Metadata(&file.metadata));
    }
    let mut json = serde_json::to_vec(&entries)?;
    json.resize(json.len().next_multiple_of(ALIGNMENT), b' ');
    Ok([&(json.len() as u64).to_le_bytes()[..], &json].concat())
}

/// Writes the elements through a small buffer.
pub(crate) fn write_floats(out: &mut dyn Write, data: &[f32]) -> std::io::Result<()> {
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
    use proptest::prelude::*;

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
