//! A folder to run the command in.

use std::fs;
use std::path::Path;
use std::process::Output;

use snapbox::cargo_bin;
use snapbox::cmd::Command;
use tempfile::TempDir;

/// A folder to work in.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// What a command says (standard output) and tells (standard error), after checking its exit code.
    pub(crate) fn convnet(&self, arguments: &str, code: i32) -> (String, String) {
        let command = Command::new(cargo_bin!("convnet")).current_dir(self.path());
        let assert = command.args(arguments.split_whitespace()).assert().code(code);
        let Output { stdout, stderr, .. } = assert.get_output().clone();
        (text(stdout), text(stderr))
    }

    pub(crate) fn success(&self, arguments: &str) -> String {
        self.convnet(arguments, 0).0
    }

    pub(crate) fn failure(&self, arguments: &str, code: i32) -> String {
        let (said, told) = self.convnet(arguments, code);
        assert_eq!(said, "", "{arguments}");
        told
    }

    /// What a command that is refused tells, of which this is a part.
    pub(crate) fn refused(&self, arguments: &str, code: i32, expected: &str) -> String {
        let told = self.failure(arguments, code);
        assert!(told.contains(expected), "{arguments}: {told}");
        told
    }

    pub(crate) fn bytes(&self, file: &str) -> Vec<u8> {
        fs::read(self.path().join(file)).expect("the file is there")
    }

    /// The names in a folder.
    pub(crate) fn files(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path().join(folder)).expect("the folder is there");
        let mut names: Vec<_> =
            entries.map(|e| e.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The first test image of Fashion-MNIST as `boot.png`: 28 × 28 grey pixels.
    pub(crate) fn write_boot(&self) {
        fs::write(self.path().join("boot.png"), include_bytes!("../data/boot.png"))
            .expect("the folder can be written");
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("output is UTF-8")
}
