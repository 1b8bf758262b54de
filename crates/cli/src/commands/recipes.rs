//! `convnet recipes`: the recipes that have a name.

use convnet::train::{RECIPES, ShippedRecipe};

use super::table::{Column, table};
use crate::error::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet recipes                       names, and what each is for
  convnet recipes resnet > mine.toml    one of them as a file, to be changed
  convnet train resnet@small --data fashion-mnist --recipe mine.toml";

/// The arguments of `recipes`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Print this one, as a file that `train --recipe` takes
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

const COLUMNS: &[Column] = &[Column::left("recipe"), Column::left("for")];

/// Lists them, or prints one.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.name {
        Some(name) => output::emit(ShippedRecipe::find(name).ok_or_else(|| unknown(name))?.text),
        None => {
            let row = |shipped: &ShippedRecipe| vec![shipped.name.to_owned(), shipped.summary().to_owned()];
            output::emit(&table(COLUMNS, RECIPES.iter().map(row)))
        }
    }
}

/// What is told of a name that no recipe has.
pub(crate) fn unknown(name: &str) -> Failure {
    let names = RECIPES.map(|shipped| shipped.name).join(", ");
    Failure::usage(format!(
        "no recipe is called `{name}`, expected one of {names}, or a file that ends in .toml"
    ))
}
