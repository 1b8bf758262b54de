//! Samples of Python, and what CPython prints for them (`tools/python_samples.py` writes the `.out` files).

use std::fmt::Write;
use std::path::Path;

/// Samples that print something else as yet, and what they need. One that no longer differs is to be taken out.
const DIFFERENT: &[(&str, &str)] =
    &[("imports", "a module that is not there is not known, and no error: PyTorch may have it")];

/// The first line that differs.
fn first_difference(expected: &str, found: &str) -> String {
    let (mut wanted, mut printed) = (expected.lines(), found.lines());
    let mut line = 0;
    loop {
        line += 1;
        match (wanted.next(), printed.next()) {
            (None, None) => return "the ends of lines differ".to_owned(),
            (a, b) if a != b => {
                let [a, b] = [a, b].map(|text| text.unwrap_or("(nothing)").to_owned());
                return format!("line {line}:\n  CPython: {a}\n  convnet: {b}");
            }
            _ => {}
        }
    }
}

#[test]
fn samples_print_what_cpython_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/python");
    let mut samples: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of samples")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "py"))
        .collect();
    samples.sort();
    assert!(samples.len() >= 60, "{} samples", samples.len());
    let mut differences = String::new();
    for path in &samples {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let text = std::fs::read_to_string(path).expect("a sample");
        let expected = std::fs::read_to_string(path.with_extension("out")).expect("what CPython printed");
        let stem = name.trim_end_matches(".py");
        let known = DIFFERENT.iter().find(|(sample, _)| *sample == stem);
        let (found, report) = convnet_pytorch::print_of(&name, &text);
        let raised: String = report
            .iter()
            .flat_map(|report| &report.diagnostics)
            .map(|diagnostic| {
                let line =
                    report.as_ref().zip(diagnostic.span).map(|(report, span)| report.sources.line(span));
                format!("\n  raised: {} (line {})", diagnostic.message, line.unwrap_or(0))
            })
            .collect();
        let differs = found != expected || !raised.is_empty();
        if let Some((_, needs)) = known {
            if !differs {
                let _ = writeln!(differences, "{name} no longer differs ({needs}): take it out of the list");
            }
        } else if differs {
            let _ = writeln!(differences, "{name}: {}{raised}", first_difference(&expected, &found));
        }
    }
    assert!(differences.is_empty(), "{differences}");
}
