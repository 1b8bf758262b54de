//! `data` as a user runs it; nothing here needs a network or a data set of the machine.

use std::net::TcpListener;

use snapbox::cargo_bin;
use snapbox::cmd::{Command, OutputAssert};

fn convnet(arguments: &[&str]) -> Command {
    Command::new(cargo_bin!("convnet")).args(arguments)
}

fn text(output: &OutputAssert) -> String {
    String::from_utf8_lossy(&output.get_output().stdout).into_owned()
}

fn errors(output: &OutputAssert) -> String {
    String::from_utf8_lossy(&output.get_output().stderr).into_owned()
}

fn json(arguments: &[&str]) -> serde_json::Value {
    serde_json::from_str(&text(&convnet(arguments).assert().success()))
        .expect("standard output is one JSON value")
}

#[test]
fn the_bundled_set_is_listed_and_inspected() {
    let listed = json(&["data", "list", "--json"]);
    assert_eq!(listed[0]["name"], "fashion-mnist-mini");
    assert_eq!(listed[0]["place"], "bundled");
    assert_eq!(listed[1]["train"], 60_000);
    let listing = text(&convnet(&["data", "list"]).assert().success());
    assert!(listing.contains("10,000 training and 2,000 test images, 28 × 28 grey, 10 classes"), "{listing}");
    let inspected = json(&["data", "inspect", "fashion-mnist-mini", "--json"]);
    assert_eq!(inspected["train"]["histogram"], serde_json::json!(vec![1000; 10]));
    assert_eq!(inspected["shape"], serde_json::json!([1, 28, 28]));
    let report = text(&convnet(&["data", "inspect", "fashion-mnist-mini"]).assert().success());
    assert!(report.contains("Ankle boot") && report.contains("mean 0.28"), "{report}");
}

#[test]
fn names_that_nothing_has_are_wrong_usage() {
    let output = convnet(&["data", "inspect", "fashion-mist"]).assert().code(2).stdout_eq("");
    assert!(errors(&output).contains("did you mean `fashion-mnist`?"), "{}", errors(&output));
    let output = convnet(&["data", "fetch", "imagenet"]).assert().code(2).stdout_eq("");
    assert!(errors(&output).contains("no data set and no folder is called `imagenet`"));
    let output = convnet(&["data", "fetch", "fashion-mnist-mini"]).assert().code(1).stdout_eq("");
    assert!(errors(&output).contains("nothing to fetch"));
}

#[test]
fn folders_without_a_set_are_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().to_str().expect("a path in UTF-8");
    let output = convnet(&["data", "inspect", path]).assert().code(1).stdout_eq("");
    assert!(errors(&output).contains("holds no data set"), "{}", errors(&output));
}

#[test]
fn offline_tells_where_to_put_the_files() {
    if std::path::Path::new("/usr/share/datasets/fashion-mnist").exists() {
        // Debian's package is found first, and nothing is fetched.
        let output = convnet(&["data", "fetch", "fashion-mnist"]).assert().success();
        assert!(!text(&output).trim().is_empty());
        return;
    }
    let cache = tempfile::tempdir().expect("a temporary folder");
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let output = convnet(&["data", "fetch", "fashion-mnist"])
        .env("CONVNET_CACHE", cache.path())
        .env("CONVNET_MIRROR", format!("http://{closed}"))
        .assert()
        .code(1)
        .stdout_eq("");
    assert!(errors(&output).contains("apt install dataset-fashion-mnist"), "{}", errors(&output));
}
