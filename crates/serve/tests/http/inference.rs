//! The protocol: metadata, tensors as JSON and as bytes, batches.

use std::thread;
use std::time::Duration;

use convnet::Engine;
use convnet::exec::Options;
use convnet_serve::{Batching, Settings};
use serde_json::{Value, json};

use super::client::{Answer, Client};
use super::{lenet, plain, serve};

/// Some images of LeNet, each other than the others.
fn images(count: usize, seed: usize) -> Vec<f32> {
    (0..count * 32 * 32).map(|at| ((at * 31 + seed * 977) % 113) as f32 / 56.0 - 1.0).collect()
}

fn expected(images: &[f32]) -> Vec<f32> {
    let (model, weights) = lenet();
    let options = Options { threads: 1, ..Options::default() };
    let engine = Engine::compile(&model.graph, &weights, 64, &options).expect("an engine");
    engine.run(images).expect("logits").into_vec()
}

fn near(found: &[f32], expected: &[f32]) -> bool {
    found.len() == expected.len()
        && found.iter().zip(expected).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs()))
}

fn as_json(images: &[f32]) -> Vec<u8> {
    let shape = [images.len() / (32 * 32), 1, 32, 32];
    let input = json!({ "name": "input", "datatype": "FP32", "shape": shape, "data": images });
    json!({ "id": "a", "inputs": [input] }).to_string().into_bytes()
}

fn binary(client: Client, path: &str, images: &[f32]) -> Answer {
    let shape = [images.len() / (32 * 32), 1, 32, 32];
    let parameters = json!({ "binary_data_size": 4 * images.len() });
    let input = json!({ "name": "input", "datatype": "FP32", "shape": shape, "parameters": parameters });
    let mut body =
        json!({ "inputs": [input], "parameters": { "binary_data_output": true } }).to_string().into_bytes();
    let length = body.len().to_string();
    body.extend(images.iter().flat_map(|value| value.to_le_bytes()));
    client.ask("POST", path, &[("Inference-Header-Content-Length", &length)], &body)
}

fn floats(answer: &Answer) -> Vec<f32> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let length: usize =
        answer.header("inference-header-content-length").expect("a length").parse().expect("a number");
    let bytes = answer.body[length..].chunks_exact(4);
    bytes.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

const INFER: &str = "/v2/models/lenet/infer";

#[test]
fn a_server_tells_what_it_has() {
    let (_server, client) = plain();
    assert_eq!(client.get("/v2").json()["name"], "convnet");
    for path in
        ["/v2/health/live", "/v2/health/ready", "/v2/models/lenet/ready", "/v2/models/lenet/versions/1/ready"]
    {
        assert_eq!(client.get(path).status, 200, "{path}");
    }
    let told = client.get("/v2/models/lenet").json();
    assert_eq!(told["inputs"][0], json!({ "name": "input", "datatype": "FP32", "shape": [-1, 1, 32, 32] }));
    assert_eq!(told["outputs"][0], json!({ "name": "output", "datatype": "FP32", "shape": [-1, 10] }));
    assert_eq!(client.get("/v2/models/lenet/versions/1").json(), told);
    for (method, path, status, expected) in [
        ("GET", "/v2/models/vgg", 404, "there is no model `vgg`; this server has `lenet`"),
        ("POST", "/v2/models/vgg/infer", 404, "there is no model `vgg`"),
        ("GET", "/v2/models/lenet/versions/2", 404, "has no version `2`, expected 1"),
        ("GET", "/v3", 404, "there is nothing at `/v3`"),
        ("GET", INFER, 405, "is not asked by GET"),
        ("DELETE", "/v2/models/lenet", 405, "is not asked by DELETE"),
    ] {
        let answer = client.ask(method, path, &[], &[]);
        assert_eq!(answer.status, status, "{path}");
        assert!(answer.error().contains(expected), "{}", answer.error());
    }
}

#[test]
fn answers_are_those_of_the_engine() {
    let (_server, client) = plain();
    // Also more images than a batch has.
    for count in [1, 3, 8, 21] {
        let images = images(count, count);
        let expected = expected(&images);
        let told = client.post(INFER, &as_json(&images)).json();
        assert_eq!((&told["id"], &told["outputs"][0]["shape"]), (&json!("a"), &json!([count, 10])));
        let data = told["outputs"][0]["data"].as_array().expect("numbers").iter();
        let data: Vec<f32> = data.map(|value| value.as_f64().expect("a number") as f32).collect();
        assert!(near(&data, &expected), "{count}");
        let bytes = floats(&binary(client, "/v2/models/lenet/versions/1/infer", &images));
        assert!(near(&bytes, &expected), "{count}");
    }
}

#[test]
fn requests_that_come_at_once_are_one_batch_and_each_gets_its_own() {
    let batching = Batching { images: 16, wait: Duration::from_millis(100), ..Batching::default() };
    let (_server, client) = serve(&batching, &Settings::default());
    thread::scope(|scope| {
        for seed in 0..24 {
            scope.spawn(move || {
                for round in 0..4 {
                    let images = images(1 + seed % 3, seed + 100 * round);
                    let found = floats(&binary(client, INFER, &images));
                    assert!(near(&found, &expected(&images)), "{seed} in round {round}");
                }
            });
        }
    });
    let metrics = client.get("/metrics").text();
    let value = |name: &str| -> f64 {
        let line = metrics
            .lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("{name}: {metrics}"));
        line.trim().parse().expect("a number")
    };
    assert_eq!(value("convnet_images_total"), 4.0 * 8.0 * (1.0 + 2.0 + 3.0));
    assert!(value("convnet_batch_images_count") < 80.0, "{metrics}");
    assert_eq!(value("convnet_waiting_requests"), 0.0);
    let counted = "convnet_requests_total{endpoint=\"/v2/models/{name}/infer\",status=\"200\"}";
    assert_eq!(value(counted), 96.0);
}

#[test]
fn wrong_requests_are_told_what_is_wrong() {
    let (_server, client) = plain();
    let mut request: Value = serde_json::from_slice(&as_json(&images(1, 0))).expect("JSON");
    request["inputs"][0]["shape"] = json!([1, 3, 32, 32]);
    let answer = client.post(INFER, request.to_string().as_bytes());
    assert_eq!(answer.status, 400);
    assert!(answer.error().contains("[1, 3, 32, 32], expected [N, 1, 32, 32]"), "{}", answer.error());
    assert_eq!(client.post(INFER, b"{\"inputs\":").status, 400);
    let head = [("Inference-Header-Content-Length", "-4")];
    assert!(client.ask("POST", INFER, &head, b"{}").error().contains("expected a number"));
}
