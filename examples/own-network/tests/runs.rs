//! The program runs: a network of one's own, by the library alone.

use std::process::Command;

#[test]
fn it_runs_to_its_end() {
    let output = Command::new(env!("CARGO_BIN_EXE_own-network")).output().expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !output.stdout.is_empty(), "{errors}");
}
