//! Whole state dicts with free metadata, as safetensors files.

use std::collections::BTreeMap;
use std::path::Path;

use convnet_formats::{Entry, FormatError, Number, safetensors};

use super::write::elements;
use crate::state::{StateDict, Tensor};

/// The tensors and the metadata of a safetensors file.
pub(crate) fn read_tensors(path: &Path) -> Result<(StateDict, BTreeMap<String, String>), FormatError> {
    let file = safetensors::read(path)?;
    let tensor = |(name, (shape, data))| (name, Tensor { shape, data });
    Ok((file.tensors.into_iter().map(tensor).collect(), file.metadata))
}

/// Writes a safetensors file with a checksum, or leaves the one that is there as it was.
pub(crate) fn write_tensors(
    path: &Path,
    state: &StateDict,
    metadata: &BTreeMap<String, String>,
) -> Result<(), FormatError> {
    let entry = |(name, tensor): (&String, &Tensor)| Entry {
        name: name.clone(),
        shape: tensor.shape.clone(),
        number: Number::F32,
    };
    let entries: Vec<Entry> = state.iter().map(entry).collect();
    safetensors::write_sealed(path, &entries, metadata, |entry, out| elements(state, entry, out))
}
