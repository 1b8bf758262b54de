//! `convnet script`: runs a PyTorch file's own statements.

use std::path::PathBuf;

use crate::error::Failure;
use crate::models;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet script net.py              runs the file; `print` prints as PyTorch does
  convnet script net.py --seed 7     with other random numbers

Neither Python nor PyTorch is needed. Shapes are computed as the statements run, numbers when they are looked at, by \
convnet's engine. What the file needs of other packages is left out, and told.";

/// The arguments of `script`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// A .py file
    #[arg(value_name = "FILE.py")]
    file: PathBuf,

    /// Seed of random tensors and weights
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
}

/// Runs the file.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.file.extension().is_none_or(|ending| ending != "py") {
        return Err(Failure::usage(format!("`{}` is no .py file", args.file.display())));
    }
    // A reader that closed the pipe ends nothing but the printing.
    match convnet_pytorch::script(&args.file, args.seed, output::print) {
        Ok(notes) => {
            for note in notes {
                output::note(&format!("{}: {note}", args.file.display()));
            }
            Ok(())
        }
        Err(report) => Err(Failure::rendered(models::rendered(&report))),
    }
}
