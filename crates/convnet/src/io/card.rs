//! What a file of weights tells of itself.

use std::collections::BTreeMap;

use super::metadata::entry;
use crate::data::Preprocess;

/// What is needed to use trained weights without further settings: kept in the metadata of their file.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelCard {
    /// The network's name in the zoo, or the ONNX file that it was read from.
    pub model: String,
    /// Channels, height and width of an input image.
    pub input: [usize; 3],
    /// How many outputs the network has: its classes.
    pub outputs: usize,
    /// The names of the classes, in the order of the outputs; empty where nothing tells them.
    pub classes: Vec<String>,
    /// Whether an image may have several of the classes: each output is a logit of its own.
    pub several: bool,
    /// How images become input.
    pub preprocess: Preprocess,
}

/// The value of `labels` in the metadata of a network whose images have several classes.
const SEVERAL: &str = "several";

impl ModelCard {
    pub(crate) fn to_metadata(&self) -> BTreeMap<String, String> {
        let json = |value: serde_json::Value| value.to_string();
        let mut metadata = BTreeMap::from([
            // As PyTorch's own tools mark the layout of tensors.
            ("format".to_owned(), "pt".to_owned()),
            ("model".to_owned(), self.model.clone()),
            ("input".to_owned(), json(serde_json::json!(self.input))),
            ("outputs".to_owned(), self.outputs.to_string()),
            ("classes".to_owned(), json(serde_json::json!(self.classes))),
            ("preprocess".to_owned(), json(serde_json::json!(self.preprocess))),
        ]);
        if self.several {
            metadata.insert("labels".to_owned(), SEVERAL.to_owned());
        }
        metadata
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
        let classes: Vec<String> = json(metadata, "classes")?;
        // A card of an older version has as many outputs as names.
        let outputs = match metadata.contains_key("outputs") {
            true => entry(metadata, "outputs")?,
            false => classes.len(),
        };
        if !classes.is_empty() && classes.len() != outputs {
            return Err(format!("its metadata has {} `classes` for {outputs} `outputs`", classes.len()));
        }
        Ok(Some(Self {
            model: entry(metadata, "model")?,
            input: json(metadata, "input")?,
            outputs,
            classes,
            several: metadata.get("labels").is_some_and(|labels| labels == SEVERAL),
            preprocess: json(metadata, "preprocess")?,
        }))
    }
}
