//! Samples of PyTorch's functions print what PyTorch prints: `tools/pytorch_prints.py` writes the outputs.

use std::fs;
use std::path::Path;

#[test]
fn samples_print_what_pytorch_prints() {
    let mut paths: Vec<_> =
        fs::read_dir(Path::new("tests/torch")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "py"));
    paths.sort();
    assert!(paths.len() >= 4);
    let mut wrong = Vec::new();
    for path in paths {
        let expected = fs::read_to_string(path.with_extension("out")).unwrap();
        let (found, report) =
            convnet_pytorch::print_of(path.to_str().unwrap(), &fs::read_to_string(&path).unwrap());
        if let Some(report) = report {
            wrong.push(format!("{}: {:?}", path.display(), report.diagnostics));
        }
        for (i, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
            if found != expected {
                wrong.push(format!("{}, line {}:\n  {found}\n  {expected}", path.display(), i + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
