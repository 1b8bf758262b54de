//! Requests as clients write them, and as they should not.

use axum::http::StatusCode;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::request::Asked;
use super::request::Wanted;
use super::*;

fn contract() -> Contract {
    let classes = ["cat", "dog", "owl"].map(str::to_owned).to_vec();
    Contract { name: "net".to_owned(), input: vec![1, 2, 2], output: vec![3], classes }
}

fn asked(request: &Value) -> Result<Asked, String> {
    parse(&contract(), None, request.to_string().as_bytes()).map_err(|problem| {
        assert_eq!(problem.status, StatusCode::BAD_REQUEST);
        problem.text
    })
}

/// What makes a request wrong.
type Change<'a> = &'a dyn Fn(&mut Value);

fn input(data: &Value) -> Value {
    json!({ "inputs": [{ "name": "input", "datatype": "FP32", "shape": [2, 1, 2, 2], "data": data }] })
}

#[test]
fn elements_may_be_flat_or_nested() {
    let flat = asked(&input(&json!([1, 2.5, -3, 4e-3, 5, 6, 7, 8]))).expect("a request");
    assert_eq!((flat.count, flat.images[1], flat.images[3]), (2, 2.5, 4e-3));
    let nested = asked(&input(&json!([[[[1, 2.5], [-3, 4e-3]]], [[[5, 6], [7, 8]]]]))).expect("a request");
    assert_eq!(nested, flat);
    // What is optional may be null.
    let mut request = input(&json!([1, 2.5, -3, 4e-3, 5, 6, 7, 8]));
    for name in ["outputs", "parameters", "id"] {
        request[name] = Value::Null;
    }
    request["inputs"][0]["parameters"] = Value::Null;
    assert_eq!(asked(&request).expect("a request"), flat);
}

#[test]
fn bytes_stand_behind_the_json() {
    let json = json!({
        "id": "7",
        "inputs": [{ "name": "input", "datatype": "FP32", "shape": [1, 1, 2, 2], "parameters": { "binary_data_size": 16 } }],
        "outputs": [{ "name": "output", "parameters": { "binary_data": true } }],
    })
    .to_string();
    let mut body = json.clone().into_bytes();
    body.extend([1.0f32, -2.0, f32::INFINITY, 0.5].iter().flat_map(|value| value.to_le_bytes()));
    let asked = parse(&contract(), Some(json.len()), &body).expect("a request");
    assert_eq!(asked.images, [1.0, -2.0, f32::INFINITY, 0.5]);
    assert_eq!((asked.id.as_deref(), asked.wanted), (Some("7"), Wanted { binary: true, largest: None }));
    for (length, bytes) in
        [(json.len() + 99, &body[..]), (json.len() - 1, &body), (json.len(), &body[..body.len() - 1])]
    {
        assert!(parse(&contract(), Some(length), bytes).is_err());
    }
}

#[test]
fn what_is_wrong_is_said_with_what_was_expected() {
    let with = |change: Change<'_>| {
        let mut request = input(&json!([1, 2, 3, 4, 5, 6, 7, 8]));
        change(&mut request);
        asked(&request).expect_err("refused")
    };
    let cases: [(Change<'_>, &str); 16] = [
        (&|r| r["inputs"][0]["name"] = json!("x"), "there is no input `x`; `net` has `input`"),
        (&|r| r["inputs"][0]["datatype"] = json!("UINT8"), "is UINT8, expected FP32"),
        (&|r| r["inputs"][0]["shape"] = json!([2, 2, 2]), "[2, 2, 2], expected [N, 1, 2, 2]"),
        (&|r| r["inputs"][0]["shape"] = json!([0, 1, 2, 2]), "of one image or more"),
        (&|r| r["inputs"][0]["shape"] = json!([u64::MAX, 1, 2, 2]), "expected [N, 1, 2, 2]"),
        (&|r| r["inputs"][0]["shape"] = json!([1_000_000, 1, 2, 2]), "less data than the 4000000 elements"),
        (&|r| r["inputs"][0]["shape"] = json!([3, 1, 2, 2]), "less data than the 12 elements"),
        (&|r| r["inputs"][0]["shape"] = json!([1, 1, 2, 2]), "more than the 4 elements"),
        (&|r| r["inputs"][0]["data"] = json!("1234567812345678"), "expected numbers"),
        (&|r| r["inputs"][0]["data"][3] = json!("4"), "expected numbers"),
        (&|r| r["inputs"][0]["data"][3] = json!(1e39), "1e39 is no finite float"),
        (&|r| r["inputs"] = json!([]), "0 inputs"),
        (&|r| r["inputs"][0]["data"] = Value::Null, "neither data nor binary_data_size"),
        (&|r| r["outputs"] = json!([{ "name": "probabilities" }]), "there is no output `probabilities`"),
        (
            &|r| r["outputs"] = json!([{ "name": "output", "parameters": { "classification": 4 } }]),
            "classification is 4, expected 1 to 3",
        ),
        (
            &|r| r["inputs"][0]["parameters"] = json!({ "shared_memory_region": "x" }),
            "not read from shared memory",
        ),
    ];
    for (change, expected) in cases {
        let told = with(change);
        assert!(told.contains(expected), "{told}");
    }
    for text in ["", "{", "[]", "{\"inputs\": 3}", "{\"inputs\": [{}]}", "\u{0}"] {
        let problem = parse(&contract(), None, text.as_bytes()).expect_err("refused");
        assert!(problem.text.contains("no inference request"), "{}", problem.text);
    }
    let deep = format!(
        "{{\"inputs\":[{{\"name\":\"input\",\"datatype\":\"FP32\",\"shape\":[1,1,2,2],\"data\":{}1{}}}]}}",
        "[".repeat(99),
        "]".repeat(99)
    );
    assert!(
        parse(&contract(), None, deep.as_bytes())
            .expect_err("refused")
            .text
            .contains("nested more than 8 deep")
    );
}

fn told(wanted: Wanted, output: &[f32]) -> (Option<usize>, Vec<u8>) {
    let response = answer(&contract(), Some("a"), wanted, 2, output).expect("an answer");
    let length = response
        .headers()
        .get(JSON_LENGTH)
        .map(|value| value.to_str().expect("digits").parse().expect("a number"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let body = runtime.block_on(response.into_body().collect()).expect("a body").to_bytes();
    (length, body.to_vec())
}

#[test]
fn answers_have_the_forms_that_were_asked_for() {
    let output = [0.5, 2.0, -1.0, 3.25, 0.0, 3.25];
    let (length, body) = told(Wanted::default(), &output);
    let json: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(length, None);
    assert_eq!(
        json["outputs"][0],
        json!({ "name": "output", "datatype": "FP32", "shape": [2, 3], "data": output })
    );
    assert_eq!(
        (&json["id"], &json["model_name"], &json["model_version"]),
        (&json!("a"), &json!("net"), &json!("1"))
    );
    let (length, body) = told(Wanted { binary: true, largest: None }, &output);
    let (json, bytes) = body.split_at(length.expect("a length"));
    let json: Value = serde_json::from_slice(json).expect("JSON");
    assert_eq!(json["outputs"][0]["parameters"]["binary_data_size"], 24);
    assert_eq!(bytes, output.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>());
    let (_, body) = told(Wanted { binary: false, largest: Some(2) }, &output);
    let json: Value = serde_json::from_slice(&body).expect("JSON");
    assert_eq!(json["outputs"][0]["shape"], json!([2, 2]));
    assert_eq!(json["outputs"][0]["data"], json!(["2:1:dog", "0.5:0:cat", "3.25:0:cat", "3.25:2:owl"]));
    let (length, body) = told(Wanted { binary: true, largest: Some(1) }, &output);
    assert_eq!(body[length.expect("a length")..], *b"\x07\0\0\x002:1:dog\x0a\0\0\x003.25:0:cat");
    assert!(answer(&contract(), None, Wanted::default(), 1, &[f32::NAN, 0.0, 0.0]).is_err());
}
