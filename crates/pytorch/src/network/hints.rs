//! The size of a network's images: what the file tells of it, or what would fit.

use std::collections::BTreeSet;

use super::Found;
use super::trace::pass;
use crate::diagnostic::{Diagnostic, Severity};
use crate::interp::Interp;
use crate::source::FileId;

/// Sizes of images that are tried where the file tells none.
const SIZES: [usize; 9] = [28, 32, 64, 96, 128, 224, 227, 256, 299];
/// Channels that are tried.
const CHANNELS: [usize; 2] = [3, 1];

/// The size for which a network is built, and why.
pub(super) fn input(
    interp: &mut Interp,
    found: &Found,
    file: FileId,
) -> Result<([usize; 3], String), Vec<Diagnostic>> {
    let mut hints = told(&interp.sources.get(file).text);
    // What stands behind the network's definition is meant for it, the nearest first; else what stands before.
    // A size that has a name that says so is meant before any that only stands in a call.
    let distance = |hint: &Hint| hint.at.abs_diff(found.defined as usize);
    hints.sort_by_key(|hint| (!hint.is_named, hint.at < found.defined as usize, distance(hint)));
    for hint in &hints {
        if fits(interp, found, hint.size) {
            let [c, h, w] = hint.size;
            let line = interp.sources.position(file, hint.at as u32).line;
            return Ok((hint.size, format!("images of {c}×{h}×{w}, as line {line} has them")));
        }
    }
    let mut likely: Vec<String> = Vec::new();
    for channels in CHANNELS {
        for size in SIZES {
            if fits(interp, found, [channels, size, size]) {
                likely.push(format!("{channels}x{size}x{size}"));
            }
        }
        if !likely.is_empty() {
            break;
        }
    }
    let wrong: BTreeSet<String> = hints.iter().map(|h| h.size.map(|n| n.to_string()).join("×")).collect();
    let mut message = format!("the size of the images of `{}` is not told", found.name);
    if !wrong.is_empty() {
        let wrong: Vec<String> = wrong.into_iter().collect();
        message =
            format!("`{}` does not take images of {}, the sizes in the file", found.name, wrong.join(", "));
    }
    if likely.is_empty() {
        // The error at a likely size teaches more than that there is none.
        let size = hints.first().map_or([3, 224, 224], |hint| hint.size);
        return match pass(interp, &found.root, size, true) {
            Err(thrown) => {
                let mut diagnostic = super::told(interp, *thrown, file);
                let [c, h, w] = size;
                diagnostic.notes.push(format!("traced with images of {c}×{h}×{w}"));
                Err(vec![diagnostic])
            }
            Ok(_) => Err(vec![Diagnostic {
                severity: Severity::Error,
                code: "input",
                message,
                ..Diagnostic::default()
            }]),
        };
    }
    let helps = vec![
        format!("sizes that fit: {}", likely.join(", ")),
        "tell it in the file, for example by `INPUT_SIZE = (3, 224, 224)`".into(),
    ];
    Err(vec![Diagnostic {
        severity: Severity::Error,
        code: "input",
        message,
        helps,
        ..Diagnostic::default()
    }])
}

/// Whether a network takes images of a size.
fn fits(interp: &mut Interp, found: &Found, size: [usize; 3]) -> bool {
    let (steps, notes) = (interp.tape.steps.len(), interp.notes.len());
    let (left, elements) = (interp.limits.steps, interp.limits.elements);
    let fits = pass(interp, &found.root, size, true).is_ok();
    interp.tape.steps.truncate(steps);
    interp.notes.truncate(notes);
    interp.limits.steps = left;
    interp.limits.elements = elements;
    fits
}

/// A size of images in the text of a file.
struct Hint {
    at: usize,
    size: [usize; 3],
    /// Whether it is the value of `INPUT_SIZE` and the like.
    is_named: bool,
}

/// Names whose value is the size of the images.
const NAMES: [&str; 6] = ["input_size", "image_size", "img_size", "input_shape", "image_shape", "img_shape"];

/// Sizes of images in a file: four numbers in brackets (`torch.randn(1, 3, 32, 32)`, `(1, 1, 224, 224)`), or three behind
/// a word that tells that they are a size (`input_size = (3, 224, 224)`, `summary(model, (3, 32, 32))`); comments too.
fn told(text: &str) -> Vec<Hint> {
    let mut hints = Vec::new();
    for (at, _) in text.match_indices(['(', '[']) {
        let rest = &text[at + 1..];
        let end = rest.find([')', ']']).unwrap_or(0).min(120);
        let Some(inside) = rest.get(..end) else { continue };
        let numbers: Option<Vec<usize>> =
            inside.trim_end_matches([',', ' ']).split(',').map(|part| part.trim().parse().ok()).collect();
        let start = text[..at].rfind('\n').map_or(0, |line| line + 1);
        let line = text[start..at].to_lowercase();
        let name =
            line.trim_end().strip_suffix('=').map(|name| name.split(':').next().unwrap_or(name).trim());
        let is_named = name.is_some_and(|name| NAMES.contains(&name));
        let makes = ["randn", "rand", "zeros", "ones", "empty"].iter().any(|word| line.ends_with(word));
        let size = match numbers.as_deref() {
            Some(&[_, c, h, w]) if makes || matches!(c, 1 | 3 | 4) => [c, h, w],
            Some(&[c, h, w])
                if line.contains("input") || line.contains("summary") || line.contains("image") =>
            {
                [c, h, w]
            }
            _ => continue,
        };
        let [c, h, w] = size;
        let is_usual = (1..=16).contains(&c) && (8..=4096).contains(&h) && (8..=4096).contains(&w);
        if is_usual || (is_named && size.iter().all(|&side| side > 0)) {
            hints.push(Hint { at, size, is_named });
        }
    }
    // torchvision's files tell the size in the preprocessing of their weights.
    for (at, word) in text.match_indices("crop_size=") {
        let digits: String = text[at + word.len()..].chars().take_while(char::is_ascii_digit).collect();
        if let Ok(side @ 8..=4096) = digits.parse() {
            hints.push(Hint { at, size: [3, side, side], is_named: false });
        }
    }
    hints
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn sizes_are_found_in_the_text() {
        let sizes = |text: &str| told(text).into_iter().map(|hint| hint.size).collect::<Vec<_>>();
        assert_eq!(sizes("x = torch.randn(1, 3, 32, 32)"), [[3, 32, 32]]);
        assert_eq!(sizes("# input_size  (1, 1, 224, 224)\nnn.Conv2d(1, 6, 5, 5)"), [[1, 224, 224]]);
        assert_eq!(sizes("INPUT_SIZE = (3, 224, 224,)\nf(3, 64, 64)"), [[3, 224, 224]]);
        assert_eq!(sizes("transforms=partial(ImageClassification, crop_size=224)"), [[3, 224, 224]]);
        // What a name says holds whatever it is.
        assert_eq!(sizes("INPUT_SIZE: tuple = (17, 2, 3)"), [[17, 2, 3]]);
        assert!(told("INPUT_SIZE = (3, 32, 32)")[0].is_named && !told("summary(m, (3, 32, 32))")[0].is_named);
        assert!(sizes("cfg = [64, 64, 128, 128]").is_empty());
    }
}
