//! `draw` as a user runs it.

use std::fs;

use snapbox::cargo_bin;
use snapbox::cmd::{Command, OutputAssert};

fn convnet(arguments: &[&str]) -> OutputAssert {
    Command::new(cargo_bin!("convnet")).arg("draw").args(arguments).assert()
}

fn errors(output: &OutputAssert) -> String {
    String::from_utf8_lossy(&output.get_output().stderr).into_owned()
}

#[test]
fn the_ending_tells_the_format() {
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [
        ("a.svg", "<svg xmlns"),
        ("a.html", "<!DOCTYPE html>"),
        ("a.dot", "digraph \"lenet\" {"),
        ("a.gv", "digraph"),
        ("a.MMD", "flowchart TD\n"),
    ] {
        let path = folder.path().join(name);
        convnet(&["lenet", "-o", path.to_str().unwrap()]).success().stdout_eq("").stderr_eq("");
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.starts_with(start), "{name}: {}", &text[..60]);
    }
    let written = folder.path().join("x.svg");
    convnet(&["alexnet", "--style", "blocks", "-o", written.to_str().unwrap()]).success();
    assert!(fs::read_to_string(written).unwrap().contains("class=\"row slab conv\""));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 6, "no temporary file is left");
}

#[test]
fn standard_output_takes_a_format() {
    let output = convnet(&["resnet18", "-o", "-", "--format", "mmd", "--direction", "right", "--depth", "1"]);
    let text = String::from_utf8_lossy(&output.success().get_output().stdout).into_owned();
    assert!(text.starts_with("flowchart LR\n") && text.contains("-->|\"512×7×7\"|"), "{text}");
    let sized = convnet(&["lenet", "-o", "-", "--format", "dot", "--input", "3x64x64", "--classes", "7"]);
    let text = String::from_utf8_lossy(&sized.success().get_output().stdout).into_owned();
    assert!(text.contains("3×64×64") && text.contains("84 → 7"), "{text}");
}

#[test]
fn what_cannot_be_meant_is_told() {
    for (arguments, told) in [
        (&["lenet", "-o", "a.png"][..], "there is no format `.png`, expected .svg, .html, .dot, .gv or .mmd"),
        (&["lenet", "-o", "a"], "it has no ending"),
        (&["lenet", "-o", "-"], "add `--format svg`"),
        (&["lenet", "-o", "a.dot", "--style", "blocks"], "write it to .svg or .html"),
        (&["lenet", "-o", "a.svg", "--style", "blocks", "--direction", "down"], "from left to right"),
        (&["lenett", "-o", "a.svg"], "did you mean `lenet`"),
        (&["lenet", "-o", "a.svg", "--depth", "0"], "at least 1"),
    ] {
        let output = convnet(arguments).code(2);
        assert!(errors(&output).contains(told), "{}", errors(&output));
    }
    let output = convnet(&["lenet", "-o", "no/such/folder/a.svg"]).code(1);
    assert!(errors(&output).contains("no/such/folder/a.svg"), "{}", errors(&output));
    let output = convnet(&["lenet", "-o", "a.svg", "--input", "1x4x4"]).code(1);
    assert!(errors(&output).contains("Conv2d"), "{}", errors(&output));
}
