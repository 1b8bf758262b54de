//! Weights on disk, with all that is needed to use them.

use std::collections::BTreeMap;
use std::path::Path;

use convnet_formats::safetensors;

use super::TrainError;
use super::progress::entry;
use crate::data::Preprocess;
use crate::state::{StateDict, Tensor};

/// What a weights file tells of itself, so that it can be used without further settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Card {
    /// The network's name in the zoo.
    pub model: String,
    /// Channels, height and width of an input image.
    pub input: [usize; 3],
    /// The names of the classes, in the order of the outputs.
    pub classes: Vec<String>,
    /// How images become input.
    pub preprocess: Preprocess,
}

/// A trained network's weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Weights {
    /// The file's card; `None` for a file that another program wrote.
    pub card: Option<Card>,
    /// Parameters and buffers under PyTorch's names.
    pub state: StateDict,
}

impl Card {
    pub(crate) fn to_metadata(&self) -> BTreeMap<String, String> {
        let json = |value: serde_json::Value| value.to_string();
        BTreeMap::from([
            // As PyTorch's own tools mark the layout of tensors.
            ("format".to_owned(), "pt".to_owned()),
            ("model".to_owned(), self.model.clone()),
            ("input".to_owned(), json(serde_json::json!(self.input))),
            ("classes".to_owned(), json(serde_json::json!(self.classes))),
            ("preprocess".to_owned(), json(serde_json::json!(self.preprocess))),
        ])
    }

    /// The card in a file's metadata; `None` if there is none.
    pub(crate) fn from_metadata(metadata: &BTreeMap<String, String>) -> Result<Option<Self>, String> {
        if !metadata.contains_key("model") || !metadata.contains_key("preprocess") {
            return Ok(None);
        }
        fn json<T: serde::de::DeserializeOwned>(
            metadata: &BTreeMap<String, String>,
            key: &str,
        ) -> Result<T, String> {
            let text: String = entry(metadata, key)?;
            serde_json::from_str(&text).map_err(|e| format!("`{key}` in its metadata is `{text}`: {e}"))
        }
        Ok(Some(Self {
            model: entry(metadata, "model")?,
            input: json(metadata, "input")?,
            classes: json(metadata, "classes")?,
            preprocess: json(metadata, "preprocess")?,
        }))
    }
}

impl Weights {
    /// Reads a safetensors file.
    ///
    /// # Errors
    /// If it cannot be read, is no safetensors file, or has a card that is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, TrainError> {
        let path = path.as_ref();
        let (state, metadata) = read_tensors(path)?;
        let card = Card::from_metadata(&metadata)
            .map_err(|reason| TrainError::Damaged { path: path.to_owned(), reason })?;
        Ok(Self { card, state })
    }

    /// Writes a safetensors file, or leaves the one that is there as it was. The same weights give the same
    /// bytes.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> Result<(), TrainError> {
        let metadata = self.card.as_ref().map(Card::to_metadata).unwrap_or_default();
        write_tensors(path.as_ref(), &self.state, metadata)
    }
}

/// The tensors and the metadata of a safetensors file.
pub(super) fn read_tensors(path: &Path) -> Result<(StateDict, BTreeMap<String, String>), TrainError> {
    let file = safetensors::read(path)?;
    let tensor = |(name, (shape, data))| (name, Tensor { shape, data });
    Ok((file.tensors.into_iter().map(tensor).collect(), file.metadata))
}

/// Writes a safetensors file as a whole.
pub(super) fn write_tensors(
    path: &Path,
    state: &StateDict,
    metadata: BTreeMap<String, String>,
) -> Result<(), TrainError> {
    let tensors = state.iter().map(|(n, t)| (n.clone(), (t.shape.clone(), t.data.clone()))).collect();
    Ok(safetensors::write(path, &safetensors::File { tensors, metadata })?)
}
