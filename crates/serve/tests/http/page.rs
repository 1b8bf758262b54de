//! The page of a network, and what it asks for.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use super::plain;

const BOOT: &[u8] = include_bytes!("../../../cli/tests/data/boot.png");

#[test]
fn the_page_and_its_files_are_there() {
    let (_server, client) = plain();
    let page = client.get("/");
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    assert!(page.text().contains("\"classes\":[") && !page.text().contains("{MODEL}"));
    for (path, kind) in
        [("/page.css", "text/css; charset=utf-8"), ("/page.js", "text/javascript; charset=utf-8")]
    {
        let file = client.get(path);
        assert_eq!((file.status, file.header("content-type")), (200, Some(kind)));
        assert!(file.body.len() > 1000, "{path}");
    }
    for path in ["/../Cargo.toml", "/page.js/..", "/explained/../../etc/passwd", "/explained/0", "/%2e%2e/x"]
    {
        assert_eq!(client.get(path).status, 404, "{path}");
    }
}

#[test]
fn images_are_answered_and_explained() {
    let (_server, client) = plain();
    let told = client.post("/api/predict?top=10", BOOT).json();
    let answers = told["answers"].as_array().expect("answers");
    let all: f64 = answers.iter().map(|answer| answer["probability"].as_f64().expect("a number")).sum();
    assert!(answers.len() == 10 && (all - 1.0).abs() < 1e-6);
    let seen =
        told["seen"].as_str().expect("a picture").strip_prefix("data:image/png;base64,").expect("a PNG");
    let seen = BASE64_STANDARD.decode(seen).expect("base64");
    assert!(seen.starts_with(b"\x89PNG"));
    let mut pictures = vec![];
    for method in ["gradcam", "layercam", "gradient", "occlusion"] {
        let heat = client.post(&format!("/api/heat?class=3&method={method}"), BOOT).json();
        assert_eq!(heat["class"], 3, "{heat}");
        pictures.push(heat["picture"].as_str().expect("a picture").to_owned());
    }
    pictures.dedup();
    assert_eq!(pictures.len(), 4);
    assert_eq!(client.post("/api/heat", BOOT).json()["class"], answers[0]["class"]);
    let page = client.post("/api/explain", BOOT).json();
    let page = client.get(&format!("/{}", page["page"].as_str().expect("a place")));
    assert!(
        page.status == 200 && page.text().starts_with("<!DOCTYPE html>")
            || page.text().starts_with("<!doctype html>")
    );
    assert!(page.header("content-security-policy").expect("a policy").contains("sandbox allow-scripts"));
}

#[test]
fn what_is_no_image_is_refused() {
    let (_server, client) = plain();
    for path in ["/api/predict", "/api/heat", "/api/explain"] {
        for bytes in [&b""[..], b"no image", &BOOT[..BOOT.len() / 2]] {
            let answer = client.post(path, bytes);
            assert_eq!(answer.status, 400, "{path}");
            assert!(answer.error().starts_with("the image: "), "{}", answer.error());
        }
    }
    assert!(client.post("/api/heat?class=10", BOOT).error().contains("class is 10, expected 0 to 9"));
    for (path, named) in
        [("/api/heat?class=x", "class"), ("/api/heat?method=guess", "guess"), ("/api/predict?top=x", "top")]
    {
        let answer = client.post(path, BOOT);
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.error().contains(named), "{}", answer.error());
    }
}
