//! A bar on standard error for work that takes long.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output::counted;

/// Work of known length. It shows itself once it has taken a second, where standard error is a terminal.
pub(crate) struct Waiting {
    started: Instant,
    length: usize,
    one: &'static str,
    bar: std::cell::OnceCell<ProgressBar>,
}

/// Work that is shorter shows no bar.
const PATIENCE: Duration = Duration::from_secs(1);

impl Waiting {
    /// Work on so many things, `one` of which has that name.
    pub(crate) fn of(length: usize, one: &'static str) -> Self {
        Self { started: Instant::now(), length, one, bar: std::cell::OnceCell::new() }
    }

    /// So many are done.
    pub(crate) fn done(&self, done: usize) {
        if self.started.elapsed() < PATIENCE || !std::io::stderr().is_terminal() {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let bar = ProgressBar::new(self.length as u64);
            let style = ProgressStyle::with_template("{bar:28.cyan/black} {pos} of {msg}, {eta} left");
            match style {
                Ok(style) => bar.with_style(style.progress_chars("━━─")),
                Err(_) => bar,
            }
            .with_message(counted(self.length, self.one))
        });
        bar.set_position(done as u64);
    }
}

impl Waiting {
    /// Tells something meanwhile.
    pub(crate) fn aside(&self, tell: impl FnOnce()) {
        match self.bar.get() {
            Some(bar) => bar.suspend(tell),
            None => tell(),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}
