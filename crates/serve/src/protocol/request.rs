//! An inference request: JSON, and behind it tensors as bytes.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Contract, FP32, INPUT, OUTPUT, numbers};
use crate::problem::Problem;

/// What is asked of the network.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) id: Option<String>,
    /// N·C·H·W.
    pub(crate) images: Vec<f32>,
    pub(crate) count: usize,
    /// How the output is wanted.
    pub(crate) wanted: Wanted,
}

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// As bytes behind the JSON.
    pub(crate) binary: bool,
    /// As the so many largest, with their classes.
    pub(crate) largest: Option<usize>,
}

#[derive(Deserialize)]
struct Request<'a> {
    id: Option<String>,
    #[serde(default)]
    parameters: Option<RequestParameters>,
    #[serde(borrow)]
    inputs: Vec<Input<'a>>,
    #[serde(default, borrow)]
    outputs: Option<Vec<Output<'a>>>,
}

#[derive(Default, Deserialize)]
struct RequestParameters {
    binary_data_output: Option<bool>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    datatype: Cow<'a, str>,
    shape: Vec<u64>,
    #[serde(default)]
    parameters: Option<InputParameters>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
struct InputParameters {
    binary_data_size: Option<usize>,
    shared_memory_region: Option<String>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(default)]
    parameters: Option<OutputParameters>,
}

#[derive(Default, Deserialize)]
struct OutputParameters {
    binary_data: Option<bool>,
    classification: Option<usize>,
    shared_memory_region: Option<String>,
}

/// Reads a request. `json_length` is what the header tells of the JSON's length; without it all is JSON.
pub(crate) fn parse(contract: &Contract, json_length: Option<usize>, body: &[u8]) -> Result<Asked, Problem> {
    let length = json_length.unwrap_or(body.len());
    if length > body.len() {
        return Err(Problem::request(format!(
            "Inference-Header-Content-Length is {length}, but the body has {} bytes",
            body.len()
        )));
    }
    let (json, binary) = body.split_at(length);
    let request: Request<'_> = serde_json::from_slice(json)
        .map_err(|error| Problem::request(format!("the request is no inference request: {error}")))?;
    let wanted = wanted(contract, &request)?;
    let [input] = &request.inputs[..] else {
        let names: Vec<&str> = request.inputs.iter().take(3).map(|input| &*input.name).collect();
        return Err(Problem::request(format!(
            "{} inputs ({}), expected one, `{INPUT}`",
            request.inputs.len(),
            names.join(", ")
        )));
    };
    let count = count(contract, input)?;
    let images = elements(input, binary, count * contract.elements())?;
    Ok(Asked { id: request.id, images, count, wanted })
}

fn wanted(contract: &Contract, request: &Request<'_>) -> Result<Wanted, Problem> {
    let binary = request.parameters.as_ref().and_then(|all| all.binary_data_output).unwrap_or(false);
    let none = OutputParameters::default();
    let output = match request.outputs.as_deref().unwrap_or_default() {
        [] => return Ok(Wanted { binary, largest: None }),
        [output] if output.name == OUTPUT => output.parameters.as_ref().unwrap_or(&none),
        [output] => {
            return Err(Problem::request(format!(
                "there is no output `{}`; `{}` has `{OUTPUT}`",
                short(&output.name),
                contract.name
            )));
        }
        several => {
            return Err(Problem::request(format!("{} outputs, expected one, `{OUTPUT}`", several.len())));
        }
    };
    if output.shared_memory_region.is_some() {
        return Err(Problem::request("outputs are not written to shared memory here: leave it out"));
    }
    if let Some(largest) = output.classification {
        let classes = contract.classes.len();
        if classes == 0 {
            return Err(Problem::request("the network gives maps: classification has no classes to tell"));
        }
        if !(1..=classes).contains(&largest) {
            return Err(Problem::request(format!("classification is {largest}, expected 1 to {classes}")));
        }
    }
    Ok(Wanted { binary: output.binary_data.unwrap_or(binary), largest: output.classification })
}

/// The number of images.
fn count(contract: &Contract, input: &Input<'_>) -> Result<usize, Problem> {
    if input.name != INPUT {
        return Err(Problem::request(format!(
            "there is no input `{}`; `{}` has `{INPUT}`",
            short(&input.name),
            contract.name
        )));
    }
    if input.datatype != FP32 {
        return Err(Problem::request(format!(
            "input `{INPUT}` is {}, expected {FP32}",
            short(&input.datatype)
        )));
    }
    let count = match &input.shape[..] {
        [count, sides @ ..]
            if sides.iter().eq(contract.input.iter().map(|&side| side as u64).collect::<Vec<_>>().iter()) =>
        {
            usize::try_from(*count).ok().filter(|count| count.checked_mul(4 * contract.elements()).is_some())
        }
        _ => None,
    };
    count.filter(|count| *count > 0).ok_or_else(|| {
        let found: Vec<String> = input.shape.iter().take(8).map(u64::to_string).collect();
        Problem::request(format!(
            "input `{INPUT}` has the shape [{}], expected {} of one image or more",
            found.join(", "),
            contract.expected()
        ))
    })
}

/// The elements of the images, from where they stand.
fn elements(input: &Input<'_>, binary: &[u8], count: usize) -> Result<Vec<f32>, Problem> {
    let none = InputParameters::default();
    let parameters = input.parameters.as_ref().unwrap_or(&none);
    if parameters.shared_memory_region.is_some() {
        return Err(Problem::request("inputs are not read from shared memory here: send the elements"));
    }
    let Some(size) = parameters.binary_data_size else {
        let Some(data) = input.data else {
            return Err(Problem::request(format!("input `{INPUT}` has neither data nor binary_data_size")));
        };
        if !binary.is_empty() {
            let text = format!("{} bytes behind the JSON belong to no input", binary.len());
            return Err(Problem::request(text));
        }
        // The shortest text of an element has two characters: so the memory is bounded by that of the body.
        if count > data.get().len() / 2 + 1 {
            let text = format!("input `{INPUT}` has less data than the {count} elements of its shape");
            return Err(Problem::request(text));
        }
        return numbers::read(data.get(), count)
            .map_err(|told| Problem::request(format!("the data of input `{INPUT}`: {told}")));
    };
    if input.data.is_some() {
        return Err(Problem::request(format!("input `{INPUT}` has both data and binary_data_size")));
    }
    if (size, size) != (binary.len(), 4 * count) {
        return Err(Problem::request(format!(
            "input `{INPUT}` has {} bytes behind the JSON and binary_data_size {size}, expected {} for {count} elements",
            binary.len(),
            4 * count
        )));
    }
    let floats =
        binary.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    Ok(floats.collect())
}

/// A name from outside, cut for a message.
fn short(name: &str) -> String {
    name.chars().take(60).collect()
}
