//! `convnet show`: the layers of a network and what they cost.

mod export;

use convnet::exec::Options;
use convnet::inspect::{self, Column, Summary, TableOptions, Trace};

use crate::args::{SeedArg, SizeArgs, ThreadsArg, positive};
use crate::error::Failure;
use crate::models;
use crate::output::{self, FAINT};

const EXAMPLES: &str = "\
Examples:
  convnet show lenet                           every layer
  convnet show model.onnx                      any ONNX file of a classic network
  convnet show densenet121 --depth 1           blocks alone
  convnet show vgg16 --columns params,share    where the parameters are
  convnet show alexnet --format torch          what PyTorch would print
  convnet show resnet50 --format pytorch > resnet50.py
  convnet show resnet50 --format json | jq .macs

Parameters are weights and biases. A MAC is a multiply-accumulate of Conv2d or Linear, for one image. \
Memory is float32: of each layer's output for the batch. The field is the side of the square of input pixels \
that one output can see, not cut at the image's edge.";

/// The arguments of `show`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Name of a network, see `convnet list`, or an .onnx or .py file
    #[arg(value_name = "MODEL")]
    model: String,

    #[command(flatten)]
    size: SizeArgs,

    /// Run it: random weights, a random input, the shapes of the tensors that come out, and the result
    #[arg(long, help_heading = "Computation")]
    run: bool,

    #[command(flatten)]
    seed: SeedArg,

    #[command(flatten)]
    threads: ThreadsArg,

    /// Images in a batch: what memory is counted for
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive, help_heading = "Network")]
    batch: usize,

    /// Levels of blocks to open [default: as many as keep a table under 64 rows; all in other formats]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Listing")]
    depth: Option<usize>,

    /// Columns after the name, separated by commas: operation, output, field, stride, center, intensity,
    /// memory, macs, params, share
    #[arg(long, value_name = "COLUMNS", value_delimiter = ',', help_heading = "Listing")]
    columns: Option<Vec<Column>>,

    /// How to print it
    #[arg(long, value_enum, default_value_t = Format::Table, help_heading = "Listing")]
    format: Format,
}

/// The formats of `show`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A table as wide as the terminal
    Table,
    /// The lines that the tutorial's showModel prints
    Torch,
    /// One object with all figures
    Json,
    /// A line a layer, with a heading
    Csv,
    /// A table for a README
    Markdown,
    /// A .py file that PyTorch runs, with the same names of weights
    Pytorch,
}

/// The most that `--run` keeps: all tensors of a run are alive until they are listed.
const LARGEST_RUN: u64 = 8 << 30;

/// Prints the network.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if args.run && matches!(args.format, Format::Csv | Format::Markdown | Format::Pytorch) {
        return Err(Failure::usage("--run goes with --format table, torch or json, which show its result"));
    }
    let graph = args.size.build(&args.model)?;
    let summary = Summary::new(&graph, args.batch);
    if args.run && summary.activation_bytes > LARGEST_RUN {
        let (needs, limit) = (inspect::bytes(summary.activation_bytes), inspect::bytes(LARGEST_RUN));
        return Err(Failure::work(format!(
            "--run would keep {needs} of activations, more than {limit}: take a smaller --batch or --input"
        )));
    }
    let trial = args.run.then(|| {
        let seed = args.seed.seed;
        output::note(&format!("random weights and a random input, seed {seed}, in inference mode"));
        let options = Options { threads: args.threads.count(), ..Options::default() };
        inspect::trace(&graph, args.batch, seed, &options)
    });
    let trial = trial.transpose()?;
    let text = match args.format {
        Format::Table => {
            let columns = args.columns.clone();
            let palette = output::palette();
            let options = TableOptions { width: output::width(), columns, depth: args.depth, palette };
            let remark = output::wrapped(models::remark(&args.model), output::width());
            let remark: String = remark.iter().map(|line| format!("{FAINT}{line}{FAINT:#}\n")).collect();
            inspect::table(&summary, &options) + &remark + &result(trial.as_ref())
        }
        Format::Torch => torch(&summary, trial.as_ref()),
        Format::Json => export::json(&args.model, &summary, args.depth, trial.as_ref())?,
        Format::Csv => export::csv(&summary, args.depth),
        Format::Markdown => inspect::markdown(&summary, args.columns.as_deref(), args.depth),
        Format::Pytorch => {
            convnet_pytorch::write(&graph).map_err(|error| Failure::work(error.to_string()))?
        }
    };
    output::emit(&text)
}

/// The listing of shapes: of the tensors of a run, or inferred ones.
fn torch(summary: &Summary, trial: Option<&Trace>) -> String {
    let Some(trial) = trial else { return inspect::torch_listing(&summary.graph, summary.batch) };
    let lines = inspect::torch_lines(&summary.graph);
    let listing: String = lines.iter().map(|line| line.text(&trial.dims[line.node.index()]) + "\n").collect();
    listing + &result(Some(trial))
}

fn result(trial: Option<&Trace>) -> String {
    trial.map_or(String::new(), |trial| inspect::tensor_text(&trial.output.shape, &trial.output.data) + "\n")
}
