//! What the crate's comments say of its unsafe code. That every unsafe function has a `# Safety` section is clippy's to
//! check (`missing_safety_doc`, of private functions too).

use std::fs;
use std::path::{Path, PathBuf};

/// What states no contract, since a reader must look for it elsewhere.
const EMPTY: [&str; 5] = ["passed on", "as above", "see above", "see the impl", "the caller's contract"];

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder of sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn contracts_are_stated_where_they_are_used() {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let mut contracts = 0;
    let mut empty = Vec::new();
    for file in &files {
        let text = fs::read_to_string(file).expect("a source file");
        let lines: Vec<&str> = text.lines().map(str::trim_start).collect();
        for comment in lines.chunk_by(|a, b| a.starts_with("//") && b.starts_with("//")) {
            let comment = comment.join(" ").replace(" // ", " ").replace(" /// ", " ");
            let is_contract = comment.contains("SAFETY:") || comment.contains("# Safety");
            if comment.starts_with("//") && is_contract {
                contracts += 1;
                if EMPTY.iter().any(|&phrase| comment.contains(phrase)) {
                    empty.push(format!("{}: {comment}", file.display()));
                }
            }
        }
    }
    assert!(empty.is_empty(), "{}", empty.join("\n"));
    assert!(files.len() >= 25 && contracts >= 200, "{contracts} contracts in {} files", files.len());
}
