//! The `convnet` command: the only part that parses arguments, prints and exits.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod error;
mod models;
mod output;
mod style;
mod waiting;
mod wording;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

use commands::Command;

const EXAMPLES: &str = "\
Examples:
  convnet list                              the networks, and what each one taught
  convnet show googlenet --depth 1          layers, shapes, parameters, MACs, memory
  convnet show resnet18 --input 3x64x64     … for images of another size
  convnet diff vgg16 vgg16@torchvision      what differs between two networks
  convnet draw resnet50 -o resnet50.html    a drawing whose blocks fold and unfold

Exit status: 0 done, 1 the work failed, 2 wrong usage.
Colours are off where NO_COLOR is set or the output is not a terminal.";

/// The classic convolutional networks, LeNet to DenseNet: define, show, train, check and run them.
#[derive(Debug, Parser)]
#[command(name = "convnet", version, after_help = EXAMPLES, styles = style::HELP_STYLES)]
#[command(disable_help_subcommand = true, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

/// The arguments, with a negative number behind an option joined to it (`--lr=-1`): the option tells its range then,
/// and the number is not taken for an option of its own.
fn joined(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut joined: Vec<OsString> = Vec::new();
    let mut options = true;
    for argument in arguments {
        let option = joined.last_mut().filter(|last| {
            let last = last.to_string_lossy();
            options && last.len() > 2 && last.starts_with("--") && !last.contains('=')
        });
        match option {
            Some(option) if is_negative(&argument.to_string_lossy()) => {
                option.push("=");
                option.push(argument);
            }
            _ => {
                options &= argument != "--";
                joined.push(argument);
            }
        }
    }
    joined
}

/// Whether a text is a negative number, or starts like one (`-1x28x28`).
fn is_negative(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or("");
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') || digits.parse::<f64>().is_ok()
}

fn main() -> ExitCode {
    match Cli::parse_from(joined(std::env::args_os())).command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn negative_numbers_are_values() {
        let told = |arguments: &str| {
            let parts = joined(arguments.split_whitespace().map(OsString::from));
            parts.into_iter().map(|part| part.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(told("train lenet --lr -1e-3 --flip"), "train lenet --lr=-1e-3 --flip");
        assert_eq!(told("a --input -1x2x3 --lr -inf --seed -.5"), "a --input=-1x2x3 --lr=-inf --seed=-.5");
        for same in ["a --lr --epochs 3", "a --lr=1 -2", "a -1", "a -- --lr -1", "a --lr -h", "a --lr -i"] {
            assert_eq!(told(same), same);
        }
    }
}
