//! Standard output, standard error and their colours.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use clap::builder::styling::Styles;

use crate::error::Failure;

/// The word `error:`.
pub(crate) const ERROR: Style = AnsiColor::Red.on_default().bold();
/// Headings and names that the eye should find.
pub(crate) const STRONG: Style = Style::new().bold();
/// What may be skipped.
pub(crate) const FAINT: Style = Style::new().dimmed();

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
    if let Some((terminal_size::Width(columns), _)) = terminal_size::terminal_size() {
        return usize::from(columns);
    }
    std::env::var("COLUMNS").ok().and_then(|c| c.parse().ok()).filter(|&c| c > 0).unwrap_or(100)
}
