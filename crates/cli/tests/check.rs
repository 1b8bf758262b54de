//! `check` as a user, and as an editor, runs it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use snapbox::cargo_bin;

const RIGHT: &str = "\
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.fc = nn.Linear(8 * 30 * 30, 10)

    def forward(self, x):
        return self.fc(torch.flatten(self.conv(x), 1))
";

fn convnet(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(cargo_bin!("convnet"));
    command.arg("check").args(arguments).current_dir(folder).env("COLUMNS", "100").env_remove("NO_COLOR");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> (Output, String, String) {
    let output = convnet(folder, arguments).output().expect("the command starts");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    (output, out, err)
}

/// A folder with files.
fn files(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        fs::write(folder.path().join(name), text).expect("the folder can be written");
    }
    folder
}

#[test]
fn a_network_without_errors_is_summed_up() {
    let folder = files(&[("net.py", RIGHT)]);
    let (output, out, err) = run(folder.path(), &["net.py", "--input", "3x32x32"]);
    assert_eq!(output.status.code(), Some(0), "{err}");
    let figures =
        "net.py:Net  no errors\ninput        3×32×32\noutput       10\nlayers       3\nparameters   72,234\n";
    assert!(out.starts_with(figures), "{out}");
    let (_, out, _) = run(folder.path(), &["net.py", "--input", "3x32x32", "--format", "json"]);
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["ok"], true);
    assert_eq!(value["network"]["input"], serde_json::json!([3, 32, 32]));
    assert_eq!(value["network"]["parameters"], 72_234);
}

#[test]
fn an_error_is_told_with_its_line_and_without_colours_in_a_pipe() {
    let folder = files(&[("net.py", &RIGHT.replace("30 * 30", "31 * 31"))]);
    let (output, out, err) = run(folder.path(), &["net.py", "--input", "3x32x32"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(out, "");
    assert!(err.starts_with("error[shape]: ") && err.contains("net.py:12:16"), "{err}");
    assert!(err.contains("7200") && err.contains("7688") && !err.contains('\x1b'), "{err}");
}

#[test]
fn editors_get_ranges_in_utf16() {
    let line = "    def __init__(self):\n";
    let wrong = RIGHT.replace(line, &format!("{line}        é = '😀'; self.bad = nn.Conv2D(3, 8, 3)\n"));
    let folder = files(&[("net.py", &wrong)]);
    let (output, out, err) = run(folder.path(), &["net.py", "--input", "3x32x32", "--format", "json"]);
    assert_eq!((output.status.code(), err.as_str()), (Some(1), ""));
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&value["ok"], &value["network"]), (&false.into(), &serde_json::Value::Null));
    let range = &value["diagnostics"][0]["range"];
    assert_eq!(range["start"]["line"], 6, "{out}");
    let before = "        é = '😀'; self.bad = ".encode_utf16().count() as u64;
    let start = range["start"]["character"].as_u64().unwrap();
    assert!((before..before + 12).contains(&start) && range["end"]["line"] == 6, "{out}");
}

#[test]
fn all_networks_of_a_file_are_checked_where_none_is_named() {
    let second = RIGHT.replace("class Net", "class Wrong").replace("(3, 8", "(4, 8");
    let second = second.split_once("nn\n").unwrap().1;
    let folder = files(&[("net.py", &format!("{RIGHT}{second}"))]);
    let (output, out, err) = run(folder.path(), &["net.py", "--input", "3x32x32"]);
    assert_eq!(output.status.code(), Some(1), "{out}{err}");
    assert!(out.starts_with("net.py  2 networks\n  Net    3×32×32 → 10"), "{out}");
    assert!(out.contains("  Wrong  error: "), "{out}");
    assert!(err.contains("error[shape]"), "{err}");
    let (output, out, _) = run(folder.path(), &["net.py:Net", "--input", "3x32x32"]);
    assert_eq!(output.status.code(), Some(0), "{out}");
}

#[test]
fn what_is_no_file_of_code_is_wrong_usage() {
    let folder = files(&[]);
    for arguments in [&["lenet"][..], &["net.py:"], &["net.onnx"], &[], &["net.py", "--input", "3x3"]] {
        let (output, _, err) = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {err}");
    }
    let (output, _, err) = run(folder.path(), &["missing.py"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err.contains("missing.py"), "{err}");
}

/// A command that watches, and is ended when it is dropped.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_file_is_checked_again_when_it_or_what_it_imports_is_written() {
    let main = RIGHT.replace("        self.conv = nn.Conv2d(3, 8, 3)", "        self.conv = conv()");
    let main = format!("from .blocks import conv\n{main}");
    let blocks = "from torch import nn\n\ndef conv():\n    return nn.Conv2d(3, 8, 3)\n";
    let folder = files(&[("net.py", &main), ("blocks.py", blocks), ("__init__.py", "")]);
    let arguments = ["net.py", "--input", "3x32x32", "--watch", "--format", "json"];
    let child = convnet(folder.path(), &arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut watching = Watching(child.unwrap());
    let mut lines = BufReader::new(watching.0.stdout.take().unwrap()).lines();
    let mut is_ok = || {
        let value: serde_json::Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        value["ok"].as_bool().unwrap()
    };
    assert!(is_ok());
    fs::write(folder.path().join("blocks.py"), blocks.replace("3, 8, 3", "3, 8, 30")).unwrap();
    assert!(!is_ok());
    // As many editors save: to another name, which replaces the file.
    fs::write(folder.path().join("blocks.new"), blocks).unwrap();
    fs::rename(folder.path().join("blocks.new"), folder.path().join("blocks.py")).unwrap();
    assert!(is_ok());
    fs::rename(folder.path().join("net.py"), folder.path().join("net.old")).unwrap();
    fs::write(folder.path().join("net.py"), main.replace("30 * 30", "31 * 30")).unwrap();
    assert!(!is_ok());
}
