//! `convnet new`: a network's file to start from.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

use convnet::zoo;

use crate::error::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet new digits                  digits.py, with the layers of LeNet
  convnet new photos --like resnet18  photos.py, with those of ResNet-18

The file is PyTorch's own kind of code, with comments. A file that is there already is left as it is.";

/// The arguments of `new`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// What the network is called; the file is NAME.py
    #[arg(value_name = "NAME")]
    name: PathBuf,

    /// Network to take the layers of, see `convnet list`
    #[arg(long, value_name = "MODEL", default_value = "lenet")]
    like: String,
}

/// Writes the file.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let path = match args.name.extension() {
        Some(extension) if extension == "py" => args.name.clone(),
        _ => args.name.with_added_extension("py"),
    };
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(Failure::usage(format!(
            "`{}` is no name for a network's file: letters, digits and underscores are",
            args.name.display()
        )));
    }
    let graph = zoo::find(&args.like)?.model().build()?;
    let text = convnet_pytorch::start(&graph, &name)?;
    let shown = path.display();
    let mut file = OpenOptions::new().write(true).create_new(true).open(&path).map_err(|error| {
        Failure::work(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{shown} is there already; give another name, or move it away")
            }
            _ => format!("{shown}: {error}"),
        })
    })?;
    file.write_all(text.as_bytes()).map_err(|error| Failure::work(format!("{shown}: {error}")))?;
    output::emit(&format!("{shown} has the layers of {}; `python {shown}` runs it\n", graph.name()))
}
