//! The `convnet` command: the only part that parses arguments, prints and exits.

#![forbid(unsafe_code)]

mod args;
mod commands;
mod error;
mod output;
mod style;
mod wording;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};

use commands::Command;

const EXAMPLES: &str = "\
Examples:
  convnet list                              the networks, and what each one taught
  convnet show googlenet --depth 1          layers, shapes, parameters, MACs, memory
  convnet show resnet18 --input 3x64x64     … for images of another size
  convnet diff vgg16 vgg16@torchvision      what differs between two networks

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

/// The arguments; a negative number is the value of the option before it, which tells its range.
fn parse() -> Cli {
    let command = Cli::command().mut_subcommands(|command| command.allow_negative_numbers(true));
    Cli::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

fn main() -> ExitCode {
    match parse().command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
