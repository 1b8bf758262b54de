//! `convnet list`: the networks of the zoo.

use convnet::inspect::{grouped, scaled};
use convnet::zoo::{self, Entry};
use serde::Serialize;

use crate::error::Failure;
use crate::output::{self, FAINT, STRONG};

const EXAMPLES: &str = "\
Examples:
  convnet list                          the networks by family
  convnet list --json | jq '.[].name'   their names

A bare name is the tutorial's network, @torchvision is torchvision's with its parameter names, @timm and \
@cadene are those of the packages timm and pretrainedmodels, @paper is the paper's where it differs, and @small is the family's idea at the size of images of 28 to 64 pixels.";

/// The arguments of `list`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Print one array of objects
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Listed {
    name: &'static str,
    aliases: &'static [&'static str],
    family: &'static str,
    variant: String,
    year: u16,
    title: &'static str,
    authors: &'static str,
    paper: &'static str,
    venue: &'static str,
    arxiv: Option<&'static str>,
    input: [usize; 3],
    classes: usize,
    params: u64,
    macs: u64,
    taught: &'static str,
    /// How it differs from what it is named after; empty if it does not.
    note: &'static str,
}

/// The widest that prose is set.
const LINE: usize = 90;

/// Prints the networks.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let listed = zoo::entries().iter().map(describe).collect::<Result<Vec<Listed>, Failure>>()?;
    if args.json {
        return output::emit(&serde_json::to_string_pretty(&listed)?);
    }
    output::emit(&table(&listed, output::width()))
}

fn describe(entry: &'static Entry) -> Result<Listed, Failure> {
    let summary = entry.model().build()?.summary();
    Ok(Listed {
        name: entry.name,
        aliases: entry.aliases,
        family: entry.family,
        variant: entry.variant.to_string(),
        year: entry.year,
        title: entry.title,
        authors: entry.paper.authors,
        paper: entry.paper.title,
        venue: entry.paper.venue,
        arxiv: entry.paper.arxiv,
        input: entry.input,
        classes: entry.classes,
        params: summary.params,
        macs: summary.macs,
        taught: entry.taught,
        note: entry.note,
    })
}

/// A paragraph a family, in the order of the zoo: what it taught, then its networks.
fn table(listed: &[Listed], width: usize) -> String {
    let names = listed.iter().map(|one| one.name.chars().count()).max().unwrap_or(0);
    let mut text = format!(
        "{FAINT}{:names$}  year  {:>11}  {:>7}  {:>11}  {:>6}{FAINT:#}\n",
        "network", "input", "classes", "params", "macs"
    );
    let mut family = "";
    for one in listed {
        if one.family != family {
            family = one.family;
            text.push_str(&format!("\n{STRONG}{family}{STRONG:#}\n"));
            for line in output::wrapped(one.taught, width.min(LINE)) {
                text.push_str(&format!("{FAINT}{line}{FAINT:#}\n"));
            }
        }
        let [channels, height, columns] = one.input;
        let input = format!("{channels}×{height}×{columns}");
        let (name, year, classes) = (one.name, one.year, one.classes);
        let (params, macs) = (grouped(one.params), scaled(one.macs));
        text.push_str(&format!(
            "{name:names$}  {year}  {input:>11}  {classes:>7}  {params:>11}  {macs:>6}\n"
        ));
    }
    text
}
