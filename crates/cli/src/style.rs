//! Colours.

use anstyle::{AnsiColor, Style};
use clap::builder::styling::Styles;
use convnet::inspect::Palette;

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

/// The colours of tables; [`emit`](crate::output::emit) takes them out where they are not wanted.
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
