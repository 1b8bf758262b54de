//! `convnet diff`: what differs between two networks.

use convnet::graph::{Graph, NodeId};
use convnet::inspect::{self, Change, SettingChange, Summary, bytes, grouped, scaled};

use crate::args::SizeArgs;
use crate::error::Failure;
use crate::output::{self, ADDED, CHANGED, FAINT, REMOVED, STRONG};

const EXAMPLES: &str = "\
Examples:
  convnet diff vgg16 vgg16@torchvision     the tutorial's network and torchvision's
  convnet diff resnet18 resnet34           what sixteen more layers change
  convnet diff lenet lenet5@paper          then and now

Layers are paired so that as many as possible are equal: - is in the first network alone, + in the second \
alone, ~ in both with other settings.";

/// The arguments of `diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// The first network, see `convnet list`, or an .onnx or .py file
    #[arg(value_name = "MODEL")]
    first: String,

    /// The second network
    #[arg(value_name = "MODEL")]
    second: String,

    #[command(flatten)]
    size: SizeArgs,
}

/// Layers alike that are shown before and after a difference.
const CONTEXT: usize = 1;

/// Columns of a layer's class and settings.
const OPERATION: usize = 24;
/// Columns of a layer's output shape.
const SHAPE: usize = 11;

/// Prints the differences.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (first, second) = (args.size.build(&args.first)?, args.size.build(&args.second)?);
    let changes = inspect::diff(&first, &second);
    let mut text = totals(args, &Summary::new(&first, 1), &Summary::new(&second, 1));
    text.push('\n');
    text.push_str(&layers(&first, &second, &changes));
    text.push_str(&verdict(&changes));
    output::emit(&text)
}

/// A figure of both networks; with numbers where their ratio says something.
struct Figure {
    label: &'static str,
    before: String,
    after: String,
    numbers: Option<(u64, u64)>,
}

fn totals(args: &Args, first: &Summary, second: &Summary) -> String {
    let figure = |label, show: &dyn Fn(&Summary) -> String, number: Option<fn(&Summary) -> u64>| Figure {
        label,
        before: show(first),
        after: show(second),
        numbers: number.map(|number| (number(first), number(second))),
    };
    let figures = [
        Figure { label: "", before: args.first.clone(), after: args.second.clone(), numbers: None },
        figure("input", &|s| s.graph.input_shape().to_string(), None),
        figure("output", &|s| s.graph.node(s.graph.output()).shape.to_string(), None),
        figure("layers", &|s| grouped(s.layers.len() as u64), None),
        figure("parameters", &|s| grouped(s.params), Some(|s| s.params)),
        figure("MACs", &|s| scaled(s.macs), Some(|s| s.macs)),
        figure("peak memory", &|s| bytes(s.peak.bytes), Some(|s| s.peak.bytes)),
    ];
    let left = figures.iter().map(|f| f.before.chars().count()).max().unwrap_or(0);
    let right = figures.iter().map(|f| f.after.chars().count()).max().unwrap_or(0);
    figures.iter().map(|figure| total(figure, left, right)).collect()
}

fn total(figure: &Figure, left: usize, right: usize) -> String {
    let Figure { label, before, after, numbers } = figure;
    let (label, before) = (format!("{label:<13}"), format!("{before:<left$}    "));
    if figure.label.is_empty() {
        return format!("{label}{STRONG}{before}{after}{STRONG:#}\n");
    }
    if figure.before == *after {
        return format!("{FAINT}{label}{before}{after}{FAINT:#}\n");
    }
    let factor = numbers.map(|(a, b)| factor(a, b)).unwrap_or_default();
    if factor.is_empty() {
        return format!("{FAINT}{label}{FAINT:#}{before}{after}\n");
    }
    format!("{FAINT}{label}{FAINT:#}{before}{after:<right$}  {CHANGED}{factor}{CHANGED:#}\n")
}

/// How many times as much the second is.
fn factor(before: u64, after: u64) -> String {
    if before == after || before == 0 {
        return String::new();
    }
    let times = after as f64 / before as f64;
    if (0.995..1.005).contains(&times) { "≈".into() } else { format!("× {times:.2}") }
}

fn layers(first: &Graph, second: &Graph, changes: &[Change]) -> String {
    let differs: Vec<bool> = changes.iter().map(|c| !matches!(c, Change::Same(..))).collect();
    let near = |i: usize| {
        let (from, to) = (i.saturating_sub(CONTEXT), (i + CONTEXT + 1).min(differs.len()));
        differs[from..to].contains(&true)
    };
    let paths = changes.iter().map(|change| match change {
        Change::Same(a, b) | Change::Changed(a, b, _) => {
            first.node(*a).path.chars().count().max(second.node(*b).path.chars().count())
        }
        Change::Removed(a) => first.node(*a).path.chars().count(),
        Change::Added(b) => second.node(*b).path.chars().count(),
    });
    let width = paths.max().unwrap_or(0);
    let mut text = String::new();
    let mut alike = 0;
    for (i, change) in changes.iter().enumerate() {
        if !near(i) {
            alike += 1;
            continue;
        }
        text.push_str(&skipped(alike));
        alike = 0;
        text.push_str(&line(first, second, change, width));
    }
    text + &skipped(alike)
}

fn skipped(alike: usize) -> String {
    match alike {
        0 => String::new(),
        1 => format!("{FAINT}  … 1 layer alike{FAINT:#}\n"),
        n => format!("{FAINT}  … {n} layers alike{FAINT:#}\n"),
    }
}

fn line(first: &Graph, second: &Graph, change: &Change, width: usize) -> String {
    match change {
        Change::Same(_, b) => format!("{FAINT}  {}{FAINT:#}\n", layer(second, *b, width)),
        Change::Removed(a) => format!("{REMOVED}- {}{REMOVED:#}\n", layer(first, *a, width)),
        Change::Added(b) => format!("{ADDED}+ {}{ADDED:#}\n", layer(second, *b, width)),
        Change::Changed(_, b, settings) => {
            let settings: Vec<String> = settings.iter().map(setting).collect();
            let layer = layer(second, *b, width);
            let place = width + OPERATION + SHAPE + 3;
            format!("{CHANGED}~ {layer:<place$}{CHANGED:#}  {}\n", settings.join(", "))
        }
    }
}

fn layer(graph: &Graph, id: NodeId, width: usize) -> String {
    let node = graph.node(id);
    let settings = node.op.settings(&graph.input_shapes(id));
    let operation = format!("{} {settings}", node.op.name());
    format!("{:<width$}  {:<OPERATION$} {}", node.path, operation.trim_end(), node.shape)
}

fn setting(setting: &SettingChange) -> String {
    let SettingChange { name, before, after } = setting;
    match (before, after) {
        (Some(before), Some(after)) => {
            format!("{name} {REMOVED}{before}{REMOVED:#} → {ADDED}{after}{ADDED:#}")
        }
        (Some(before), None) => format!("{REMOVED}without {name} {before}{REMOVED:#}"),
        (None, after) => format!("{ADDED}with {name} {}{ADDED:#}", after.as_deref().unwrap_or_default()),
    }
}

fn verdict(changes: &[Change]) -> String {
    let count = |is: fn(&Change) -> bool| changes.iter().filter(|c| is(c)).count();
    let same = count(|c| matches!(c, Change::Same(..)));
    if same == changes.len() {
        return format!("no difference: the same {same} layers with the same settings and parameters\n");
    }
    format!(
        "\n{same} alike, {} changed, {} removed, {} added\n",
        count(|c| matches!(c, Change::Changed(..))),
        count(|c| matches!(c, Change::Removed(_))),
        count(|c| matches!(c, Change::Added(_)))
    )
}
