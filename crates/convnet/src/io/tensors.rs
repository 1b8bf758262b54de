//! Whole state dicts with free metadata, as safetensors files.

use std::collections::BTreeMap;
use std::path::Path;

use convnet_formats::{Entry, FormatError, Malformed, Number, safetensors};

use super::write::elements;
use crate::state::{StateDict, Tensor, TensorSource};

/// The tensors and the metadata of a safetensors file.
pub(crate) fn read_tensors(path: &Path) -> Result<(StateDict, BTreeMap<String, String>), FormatError> {
    Ok(parts(safetensors::read(path)?))
}

fn parts(file: safetensors::File) -> (StateDict, BTreeMap<String, String>) {
    let tensor = |(name, (shape, data))| (name, Tensor { shape, data });
    (file.tensors.into_iter().map(tensor).collect(), file.metadata)
}

/// The tensors and the metadata of a safetensors file's bytes.
#[cfg(feature = "train")]
pub(crate) fn tensors_of_bytes(bytes: &[u8]) -> Result<(StateDict, BTreeMap<String, String>), Malformed> {
    safetensors::parse(bytes).map(parts)
}

/// A safetensors file in memory, of the tensors of these names and shapes.
#[cfg(feature = "train")]
pub(crate) fn tensors_to_bytes(
    source: &dyn TensorSource,
    tensors: impl IntoIterator<Item = (String, Vec<usize>)>,
    metadata: &BTreeMap<String, String>,
) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let entries = entries(tensors);
    safetensors::write_to(&mut bytes, &entries, metadata, |entry, out| elements(source, entry, out))?;
    Ok(bytes)
}

/// The names and shapes of a state dict's tensors.
pub(crate) fn shapes(state: &StateDict) -> impl Iterator<Item = (String, Vec<usize>)> + '_ {
    state.iter().map(|(name, tensor)| (name.clone(), tensor.shape.clone()))
}

fn entries(tensors: impl IntoIterator<Item = (String, Vec<usize>)>) -> Vec<Entry> {
    let entry = |(name, shape)| Entry { name, shape, number: Number::F32 };
    tensors.into_iter().map(entry).collect()
}

/// Writes a safetensors file with a checksum, or leaves the one that is there as it was.
pub(crate) fn write_tensors(
    path: &Path,
    state: &StateDict,
    metadata: &BTreeMap<String, String>,
) -> Result<(), FormatError> {
    let entries = entries(shapes(state));
    safetensors::write_sealed(path, &entries, metadata, |entry, out| elements(state, entry, out))
}
