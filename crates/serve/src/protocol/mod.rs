//! KServe's Open Inference Protocol v2: what is asked for and what is answered, with its extension of binary tensors.

mod numbers;
mod request;
mod response;

#[cfg(test)]
mod tests;

pub(crate) use request::parse;
pub(crate) use response::answer;

use serde_json::{Value, json};

/// What the protocol calls the network's tensors.
pub(crate) const INPUT: &str = "input";
pub(crate) const OUTPUT: &str = "output";
/// The one version of a model.
pub(crate) const VERSION: &str = "1";
/// The header that tells how long the JSON before binary tensors is.
pub(crate) const JSON_LENGTH: &str = "inference-header-content-length";
/// The one type of elements.
const FP32: &str = "FP32";

/// A network as the protocol sees it.
#[derive(Clone, Debug)]
pub(crate) struct Contract {
    pub(crate) name: String,
    /// C, H, W.
    pub(crate) input: Vec<usize>,
    /// Of one image.
    pub(crate) output: Vec<usize>,
    /// The names of classes.
    pub(crate) classes: Vec<String>,
}

impl Contract {
    /// The answer to `GET v2/models/NAME`.
    pub(crate) fn metadata(&self) -> Value {
        let shape = |sides: &[usize]| {
            let sides = sides.iter().map(|&side| side as i64);
            [-1].into_iter().chain(sides).collect::<Vec<i64>>()
        };
        json!({
            "name": self.name,
            "versions": [VERSION],
            "platform": "convnet",
            "inputs": [{ "name": INPUT, "datatype": FP32, "shape": shape(&self.input) }],
            "outputs": [{ "name": OUTPUT, "datatype": FP32, "shape": shape(&self.output) }],
        })
    }

    /// Elements of an image.
    fn elements(&self) -> usize {
        self.input.iter().product()
    }

    /// The shape of images as messages write it.
    fn expected(&self) -> String {
        let sides: Vec<String> = self.input.iter().map(usize::to_string).collect();
        format!("[N, {}]", sides.join(", "))
    }
}

/// The answer to `GET v2`.
pub(crate) fn server() -> Value {
    json!({
        "name": "convnet",
        "version": env!("CARGO_PKG_VERSION"),
        "extensions": ["binary_tensor_data", "classification"],
    })
}
