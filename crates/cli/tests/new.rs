//! `new` and `show --format pytorch` as a user runs them.

use snapbox::cargo_bin;
use snapbox::cmd::Command;

fn convnet(arguments: &[&str]) -> Command {
    Command::new(cargo_bin!("convnet")).args(arguments)
}

#[test]
fn a_start_file_is_written_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.py");
    let run = |arguments: &[&str]| convnet(arguments).current_dir(folder.path()).assert();
    run(&["new", "digits"]).success().stderr_eq("");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(
        text.contains("class Digits(nn.Module):") && text.contains("# Features in, features out"),
        "{text}"
    );
    // What is there is left as it is.
    std::fs::write(&path, "mine").unwrap();
    let refused = run(&["new", "digits.py", "--like", "resnet18"]).code(1);
    let message = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(message.contains("digits.py is there already"), "{message}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "mine");
    run(&["new", "a-b"]).code(2);
    run(&["new", "other", "--like", "lenet7"]).code(2);
    assert!(!folder.path().join("other.py").exists());
}

#[test]
fn a_network_is_shown_as_pytorch_code() {
    let shown = convnet(&["show", "lenet", "--format", "pytorch"]).assert().success().stderr_eq("");
    let expected = include_str!("../../pytorch/tests/snapshots/lenet.py");
    assert_eq!(String::from_utf8_lossy(&shown.get_output().stdout), expected);
    convnet(&["show", "lenet", "--format", "pytorch", "--run"]).assert().code(2);
}
