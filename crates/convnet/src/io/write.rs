//! Weights from one format to another.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use convnet_formats::{Entry, Number, pth, safetensors};

use super::names::is_counter;
use super::{IoError, ModelCard};
use crate::state::{StateDict, TensorSource};

/// A format that weights are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `.safetensors`.
    Safetensors,
    /// `.pth` or `.pt`.
    Pth,
    /// `.onnx`, which holds the network too: see [`export`](super::export).
    Onnx,
}

impl Format {
    /// The format that a file's ending asks for.
    ///
    /// # Errors
    /// If it is none that is written.
    pub fn of(path: &Path) -> Result<Self, IoError> {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("safetensors") => Ok(Self::Safetensors),
            Some("pth" | "pt") => Ok(Self::Pth),
            Some("onnx") => Ok(Self::Onnx),
            _ => Err(IoError::Ending { path: path.to_owned() }),
        }
    }
}

/// Writes a state dict, in the format of the file's ending; the same weights and card give the same bytes.
///
/// A safetensors file carries a checksum, which is compared when the file is opened.
///
/// # Errors
/// As [`convert`].
pub fn save(state: &StateDict, card: Option<&ModelCard>, path: impl AsRef<Path>) -> Result<(), IoError> {
    let path = path.as_ref();
    let tensors: Vec<_> = state.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone())).collect();
    match Format::of(path)? {
        Format::Safetensors => {
            let fill = |entry: &Entry, out: &mut dyn Write| elements(state, entry, out);
            Ok(safetensors::write_sealed(path, &entries(&tensors), &metadata(card), fill)?)
        }
        _ => convert(state, &tensors, card, path),
    }
}

fn entries(tensors: &[(String, Vec<usize>)]) -> Vec<Entry> {
    let entry = |(name, shape): &(String, Vec<usize>)| Entry {
        name: name.clone(),
        shape: shape.clone(),
        number: if is_counter(name) { Number::I64 } else { Number::F32 },
    };
    tensors.iter().map(entry).collect()
}

fn metadata(card: Option<&ModelCard>) -> BTreeMap<String, String> {
    let mut metadata = card.map(ModelCard::to_metadata).unwrap_or_default();
    metadata.entry("format".to_owned()).or_insert_with(|| "pt".to_owned());
    metadata
}

/// Writes tensors (name and shape) as float32, counters of steps as 64-bit integers, part by part; a card goes
/// into a safetensors file's metadata.
///
/// # Errors
/// If the ending is of no format for weights alone, a tensor cannot be read, or the file cannot
/// be written; what was there before is there still.
pub fn convert(
    source: &dyn TensorSource,
    tensors: &[(String, Vec<usize>)],
    card: Option<&ModelCard>,
    path: &Path,
) -> Result<(), IoError> {
    let entries = entries(tensors);
    let fill = |entry: &Entry, out: &mut dyn Write| elements(source, entry, out);
    match Format::of(path)? {
        Format::Onnx => return Err(IoError::NoNetwork { path: path.to_owned() }),
        Format::Pth => pth::write(path, &entries, fill)?,
        Format::Safetensors => safetensors::write_entries(path, &entries, &metadata(card), fill)?,
    }
    Ok(())
}

/// Elements that are written at a time.
const PART: usize = 1 << 16;

pub(super) fn elements(source: &dyn TensorSource, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let count: usize = entry.shape.iter().product();
    let mut values = vec![0.0; count.min(PART)];
    for first in (0..count).step_by(PART) {
        let part = &mut values[..PART.min(count - first)];
        source.read(&entry.name, first, part).map_err(io::Error::other)?;
        let bytes: Vec<u8> = match entry.number {
            Number::I64 => part.iter().flat_map(|&x| (x as i64).to_le_bytes()).collect(),
            _ => part.iter().flat_map(|x| x.to_le_bytes()).collect(),
        };
        out.write_all(&bytes)?;
    }
    Ok(())
}

/// The names and shapes that a network's weights have, counters of steps left out.
pub fn parameters(graph: &crate::graph::Graph) -> Vec<(String, Vec<usize>)> {
    let mut tensors: BTreeMap<_, _> =
        graph.parameters().into_iter().map(|spec| (spec.name, spec.shape)).collect();
    for alias in graph.aliases() {
        let shape = tensors.get(&alias.first).cloned().unwrap_or_default();
        tensors.insert(alias.name.clone(), shape);
    }
    tensors.into_iter().collect()
}
