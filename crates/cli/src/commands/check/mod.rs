//! `convnet check`: what is wrong with a PyTorch file that defines a network.

mod told;
mod watch;

use std::path::PathBuf;

use convnet_pytorch::{Checked, ReadOptions};

use crate::args::ImageSize;
use crate::error::Failure;
use crate::models::Python;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet check net.py                       the network of a file, or all that it has
  convnet check net.py:ResNet18              one of them
  convnet check 'net.py:resnet(depth=20)'    what a call returns
  convnet check net.py --input 3x64x64       with images of another size
  convnet check net.py --watch               again whenever it, or a file that it imports, is written
  convnet check net.py --format json         for editors: lines from 0, columns in UTF-16 code units

Python is not needed: the file is read, nothing is run but its own definitions, within limits. With --watch and \
--format json each check is one line.

Exit status: 0 no error, 1 errors, 2 wrong usage.";

/// The arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A .py file; after a colon the class, function, variable or call that gives the network
    #[arg(value_name = "FILE.py[:ENTRY]")]
    file: String,

    /// Size of an input image: channels, height, width [default: what the file tells]
    #[arg(long, value_name = "CxHxW", help_heading = "Network")]
    input: Option<ImageSize>,

    /// Check again whenever the file, or one that it imports, is written, until Ctrl-C
    #[arg(long)]
    watch: bool,

    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// The formats of `check`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One object, for editors
    Json,
}

/// A file, and what is checked of it.
struct Subject {
    path: PathBuf,
    options: ReadOptions,
}

/// All that was found in a file.
struct Findings {
    /// What was found of each network, with its entry where that is known.
    checks: Vec<(Option<String>, Checked)>,
    /// Whether the file has several networks and none was named; `checks` has each of them then.
    are_all: bool,
}

/// Checks the file, once or until Ctrl-C.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let subject = Subject::parse(&args.file, args.input)?;
    if args.watch {
        return watch::run(&subject, args.format);
    }
    let findings = Findings::of(&subject);
    match args.format {
        Format::Json => {
            output::emit(&serde_json::to_string_pretty(&told::document(&subject, &findings))?)?;
            if findings.has_errors() { Err(Failure::rendered(String::new())) } else { Ok(()) }
        }
        Format::Text => {
            let (summary, messages) = (told::summary(&subject, &findings), told::messages(&findings));
            if !summary.is_empty() {
                output::emit(&summary)?;
            }
            if findings.has_errors() {
                return Err(Failure::rendered(messages));
            }
            output::tell(&messages);
            Ok(())
        }
    }
}

impl Subject {
    /// A file and an entry: `net.py:resnet(depth=20)`.
    ///
    /// # Errors
    /// Wrong usage for what is no `.py` file, or for an empty entry.
    fn parse(text: &str, input: Option<ImageSize>) -> Result<Self, Failure> {
        let Some(python) = Python::named(text) else {
            return Err(Failure::usage(format!(
                "`{text}` is no .py file, expected FILE.py or FILE.py:ENTRY"
            )));
        };
        if text.ends_with(".py:") {
            let path = python.path.display();
            return Err(Failure::usage(format!(
                "`{text}` names nothing behind its colon, expected {path} or {path}:ENTRY"
            )));
        }
        let input = input.map(|ImageSize { channels, height, width }| [channels, height, width]);
        let options = python.options(input);
        Ok(Self { path: python.path, options })
    }
}

impl Findings {
    /// Checks what was named; else each network of the file.
    fn of(subject: &Subject) -> Self {
        let checked = convnet_pytorch::check(&subject.path, &subject.options);
        let is_open = subject.options.entry.is_none()
            && checked.report.diagnostics.iter().any(|one| one.code == "entry");
        let entries = if is_open { convnet_pytorch::entries(&subject.path) } else { Ok(Vec::new()) };
        let entries = entries.unwrap_or_default();
        if entries.len() < 2 {
            return Self { checks: vec![(subject.options.entry.clone(), checked)], are_all: false };
        }
        let each = |entry: String| {
            let options = ReadOptions { entry: Some(entry.clone()), ..subject.options.clone() };
            (Some(entry), convnet_pytorch::check(&subject.path, &options))
        };
        Self { checks: entries.into_iter().map(each).collect(), are_all: true }
    }

    fn has_errors(&self) -> bool {
        self.checks.iter().any(|(_, checked)| checked.report.has_errors())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(String, Option<String>), String> {
        let subject = Subject::parse(text, None).map_err(|failure| format!("{failure:?}"))?;
        Ok((subject.path.display().to_string(), subject.options.entry))
    }

    #[test]
    fn files_and_entries() {
        let some = |path: &str, entry: &str| Ok((path.to_owned(), Some(entry.to_owned())));
        assert_eq!(parsed("a/net.py"), Ok(("a/net.py".to_owned(), None)));
        assert_eq!(parsed("net.py:Net"), some("net.py", "Net"));
        assert_eq!(parsed("net.py: vgg(cfg={'a': 1})"), some("net.py", "vgg(cfg={'a': 1})"));
        assert_eq!(parsed("C:\\net.py:Net"), some("C:\\net.py", "Net"));
        assert_eq!(parsed("a.py.py:f('x.py:')"), some("a.py.py", "f('x.py:')"));
    }

    #[test]
    fn what_is_no_file_of_code_is_wrong_usage() {
        for text in ["lenet", "net.onnx", "", "net", "net.py2", "net.pyc:Net"] {
            assert!(parsed(text).unwrap_err().contains("is no .py file"), "{text}");
        }
        assert!(parsed("net.py:").unwrap_err().contains("names nothing behind its colon"));
    }
}
