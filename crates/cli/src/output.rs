//! Standard output and standard error.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::error::Failure;
pub(crate) use crate::style::{ADDED, CHANGED, FAINT, REMOVED, STRONG, palette};

/// Writes a command's result to standard output, without colours where they are not wanted.
pub(crate) fn emit(text: &str) -> Result<(), Failure> {
    let mut stdout = anstream::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        stdout.write_all(b"\n")?;
    }
    stdout.flush()?;
    Ok(())
}

/// Writes text as it is to standard output; a reader that closed the pipe misses it.
pub(crate) fn print(text: &str) {
    let _ = anstream::stdout().lock().write_all(text.as_bytes());
}

/// Whether another process of the same run tells what this one would.
static HUSHED: AtomicBool = AtomicBool::new(false);

/// Leaves notes to another process of the same run.
pub(crate) fn hush() {
    HUSHED.store(true, Ordering::Relaxed);
}

/// Writes a note that is no part of the result to standard error.
pub(crate) fn note(text: &str) {
    if HUSHED.load(Ordering::Relaxed) {
        return;
    }
    // A note that cannot be shown must not stop the work.
    let _ = writeln!(anstream::stderr().lock(), "{FAINT}{text}{FAINT:#}");
}

/// Writes a text that is no part of the result, and has its own line ends and colours, to standard error.
pub(crate) fn tell(text: &str) {
    // As above.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}

/// Columns that a listing may take: the terminal's, else `COLUMNS`, else 100.
pub(crate) fn width() -> usize {
    if let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size_of(std::io::stdout()) {
        return usize::from(columns);
    }
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|&c| c > 0).unwrap_or(100)
}

/// A remark as a sentence.
pub(crate) fn sentence(remark: &str) -> String {
    let mut letters = remark.trim_end_matches('.').chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters).chain(['.']).collect()
}

/// `1 epoch`, `12 epochs`, `2 classes`, `10,000 images`.
pub(crate) fn counted(number: usize, one: &str) -> String {
    let ending = match number {
        1 => "",
        _ if one.ends_with('s') => "es",
        _ => "s",
    };
    format!("{} {one}{ending}", grouped(number))
}

/// `61706` as `61,706`.
pub(crate) fn grouped(number: usize) -> String {
    convnet::inspect::grouped(number as u64)
}

/// A learning rate or another small number: `0.003`, and not hundreds of zeros.
pub(crate) fn small(number: f64) -> String {
    match number.abs() {
        0.0 | 1e-5..1e7 => number.to_string(),
        _ => format!("{number:e}"),
    }
}

/// `12.3 s`, `4 min 05 s`, `3 h 20 min`.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..60 => format!("{seconds:.1} s"),
        60..3600 => format!("{} min {:02} s", whole / 60, whole % 60),
        _ => format!("{} h {:02} min", whole / 3600, whole % 3600 / 60),
    }
}

/// Breaks a text at blanks into lines of at most `width` columns.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_string()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people() {
        assert_eq!([0, 999, 61_706, 132_863_336].map(grouped), ["0", "999", "61,706", "132,863,336"]);
        assert_eq!([12.34, 245.2, 12_000.0].map(duration), ["12.3 s", "4 min 05 s", "3 h 20 min"]);
        assert_eq!(counted(1, "epoch"), "1 epoch");
        assert_eq!(counted(0, "class"), "0 classes");
        assert_eq!(counted(1, "class"), "1 class");
        assert_eq!(counted(10_000, "image"), "10,000 images");
        assert_eq!([0.003, 1e-320, 5e30, 1.0].map(small), ["0.003", "1e-320", "5e30", "1"]);
    }

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrapped("a bc def ghij", 6), ["a bc", "def", "ghij"]);
        assert_eq!(wrapped("longer than that", 3), ["longer", "than", "that"]);
        assert!(wrapped(" ", 5).is_empty());
    }
}
