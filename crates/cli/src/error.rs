//! How a command fails: one paragraph on standard error and an exit code.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::style::ERROR;
use crate::wording::{Worded, worded};

/// A command that did not do its work.
///
/// Any error becomes a failure of the work (exit code 1) through `?`, in the command's words where it has some
/// ([`worded`]); [`Failure::usage`] is for arguments that cannot be meant (exit code 2).
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    error: Box<dyn Error + Send + Sync>,
    /// Whether its text is printed as it is.
    is_rendered: bool,
}

impl Failure {
    /// Wrong usage: exit code 2.
    pub(crate) fn usage(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code: 2, error: error.into(), is_rendered: false }
    }

    /// Work that failed: exit code 1.
    pub(crate) fn work(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { code: 1, error: error.into(), is_rendered: false }
    }

    /// Work that failed, told by a text that is printed as it is; nothing is printed where it is empty.
    pub(crate) fn rendered(text: String) -> Self {
        Self { is_rendered: true, ..Self::work(text) }
    }

    /// Prints the failure and gives the exit code; a reader that closed the pipe is no failure.
    pub(crate) fn report(&self) -> ExitCode {
        if self.is_broken_pipe() {
            return ExitCode::SUCCESS;
        }
        let mut stderr = anstream::stderr().lock();
        // Nothing is left to tell it to when standard error itself is closed.
        let _ = match self.is_rendered {
            true => write!(stderr, "{}", self.error),
            false => writeln!(stderr, "{ERROR}error:{ERROR:#} {}", highlighted(&self.message())),
        };
        ExitCode::from(self.code)
    }

    /// The error and its causes, each said once.
    fn message(&self) -> String {
        let mut text = self.error.to_string();
        let mut cause = self.error.source();
        while let Some(error) = cause {
            let part = error.to_string();
            if !text.contains(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        text
    }

    fn is_broken_pipe(&self) -> bool {
        let mut cause: Option<&(dyn Error + 'static)> = Some(self.error.as_ref());
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<io::Error>() {
                return error.kind() == io::ErrorKind::BrokenPipe;
            }
            cause = error.source();
        }
        false
    }
}

/// Colours the line that a network's error points at.
fn highlighted(message: &str) -> String {
    let lines = message.lines().map(|line| {
        if line.trim_start().starts_with('→') {
            format!("{ERROR}{line}{ERROR:#}")
        } else {
            line.to_string()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        match worded(&error) {
            Some(Worded { text, usage: true }) => Self::usage(text),
            Some(Worded { text, .. }) => Self::work(text),
            None => Self::work(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Outer(io::Error);

    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("cannot write `a.csv`")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn causes_follow_once() {
        let failure = Failure::from(Outer(io::Error::other("disk is full")));
        assert_eq!(failure.message(), "cannot write `a.csv`: disk is full");
        assert_eq!(failure.code, 1);
    }

    #[test]
    fn a_broken_pipe_is_found_behind_other_errors() {
        assert!(Failure::from(Outer(io::ErrorKind::BrokenPipe.into())).is_broken_pipe());
        assert!(!Failure::usage("no such column").is_broken_pipe());
    }
}
