//! Standard output, standard error and their colours.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use clap::builder::styling::Styles;
use convnet::inspect::Palette;

use crate::error::Failure;

/// The word `error:`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Headings and names that the eye should find.
pub(crate) const STRONG: Style = Style::new().bold();
/// What may be skipped.
pub(crate) const FAINT: Style = Style::new().dimmed();
/// What is in the second of two networks alone.
pub(crate) const ADDED: Style = AnsiColor::Green.on_default();
/// What is in the first of two networks alone.
pub(crate) const REMOVED: Style = AnsiColor::Red.on_default();
/// What both have, in different ways.
pub(crate) const CHANGED: Style = AnsiColor::Yellow.on_default();

/// The colours of tables; [`emit`] takes them out where they are not wanted.
pub(crate) fn palette() -> Palette {
    Palette {
        strong: STRONG.render().to_string(),
        faint: FAINT.render().to_string(),
        weights: AnsiColor::Cyan.on_default().render().to_string(),
        pool: AnsiColor::Green.on_default().render().to_string(),
        reset: anstyle::Reset.render().to_string(),
    }
}

/// Colours of `--help`.
pub(crate) const HELP_STYLES: Styles = Styles::styled()
    .header(STRONG)
    .usage(STRONG)
    .literal(AnsiColor::Cyan.on_default())
    .placeholder(AnsiColor::Green.on_default())
    .error(ERROR);

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

/// Writes a note that is no part of the result to standard error.
pub(crate) fn note(text: &str) {
    // A note that cannot be shown must not stop the work.
    let _ = writeln!(anstream::stderr().lock(), "{FAINT}{text}{FAINT:#}");
}

/// Columns that a listing may take: the terminal's, else `COLUMNS`, else 100.
pub(crate) fn width() -> usize {
    if let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size_of(std::io::stdout()) {
        return usize::from(columns);
    }
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|&c| c > 0).unwrap_or(100)
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
    use super::wrapped;

    #[test]
    fn lines_break_at_blanks() {
        assert_eq!(wrapped("a bc def ghij", 6), ["a bc", "def", "ghij"]);
        assert_eq!(wrapped("longer than that", 3), ["longer", "than", "that"]);
        assert!(wrapped(" ", 5).is_empty());
    }
}
