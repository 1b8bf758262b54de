//! The answer to an inference request.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use convnet::exec::{Scored, top};
use serde::Serialize;

use super::request::Wanted;
use super::{Contract, FP32, JSON_LENGTH, OUTPUT, VERSION};
use crate::problem::Problem;

#[derive(Serialize)]
struct Answer<'a> {
    model_name: &'a str,
    model_version: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    outputs: [Output<'a>; 1],
}

#[derive(Serialize)]
struct Output<'a> {
    name: &'static str,
    datatype: &'static str,
    shape: Vec<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<Parameters>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
struct Parameters {
    binary_data_size: usize,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Data<'a> {
    Floats(&'a [f32]),
    Texts(Vec<String>),
}

/// The answer for what the network gave for `count` images.
pub(crate) fn answer(
    contract: &Contract,
    id: Option<&str>,
    wanted: Wanted,
    count: usize,
    output: &[f32],
) -> Result<Response, Problem> {
    let mut shape = vec![count];
    let mut bytes = Vec::new();
    let (datatype, data) = match wanted.largest {
        Some(largest) => {
            shape.push(largest);
            let texts = classified(contract, largest, output);
            if wanted.binary {
                for text in &texts {
                    bytes.extend_from_slice(&(text.len() as u32).to_le_bytes());
                    bytes.extend_from_slice(text.as_bytes());
                }
            }
            ("BYTES", Data::Texts(texts))
        }
        None => {
            shape.extend(&contract.output);
            match wanted.binary {
                true => bytes = output.iter().flat_map(|value| value.to_le_bytes()).collect(),
                false => check(output)?,
            }
            (FP32, Data::Floats(output))
        }
    };
    let parameters = wanted.binary.then_some(Parameters { binary_data_size: bytes.len() });
    let data = (!wanted.binary).then_some(data);
    let answer = Answer {
        model_name: &contract.name,
        model_version: VERSION,
        id,
        outputs: [Output { name: OUTPUT, datatype, shape, parameters, data }],
    };
    let mut body = serde_json::to_vec(&answer).map_err(Problem::inside)?;
    let kind = |text| (header::CONTENT_TYPE, HeaderValue::from_static(text));
    if !wanted.binary {
        return Ok(([kind("application/json")], body).into_response());
    }
    let length = HeaderValue::from(body.len());
    body.append(&mut bytes);
    let mut response = ([kind("application/octet-stream")], body).into_response();
    response.headers_mut().insert(JSON_LENGTH, length);
    Ok(response)
}

/// JSON has no way to write what is no finite number.
fn check(output: &[f32]) -> Result<(), Problem> {
    match output.iter().find(|value| !value.is_finite()) {
        None => Ok(()),
        Some(value) => Err(Problem::inside(format!(
            "the network gives {value} for these images, which JSON cannot hold; as binary_data it can be had"
        ))),
    }
}

/// The largest scores of each image: `score:class:name`.
fn classified(contract: &Contract, largest: usize, output: &[f32]) -> Vec<String> {
    let told = |scored: Scored| {
        let Scored { class, score } = scored;
        format!("{score}:{class}:{}", contract.classes[class])
    };
    output.chunks_exact(contract.classes.len()).flat_map(|row| top(row, largest)).map(told).collect()
}
