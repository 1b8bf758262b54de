//! `convnet bench`: how fast a network runs or trains here.

mod noise;
mod report;
mod scaling;
mod subject;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use convnet::exec::{Clock, Device, Options, PlanStep, Precision, StepTimes};
use convnet::graph::Graph;
use convnet::io::WeightsFile;
use convnet::model::{self, OpenOptions};
use convnet::state::TensorSource;
use serde::Serialize;

use self::noise::{Noise, noise};
use self::report::{Layer, Rehearsal, Report};
use self::subject::Subject;
use super::joined::Joined;
use super::trained;
use crate::args::{EngineArgs, SizeArgs, number, positive};
use crate::error::Failure;
use crate::{models, output};

const EXAMPLES: &str = "\
Examples:
  convnet bench resnet18                       one image at a time
  convnet bench vgg16 resnet50 --batch 8       several networks
  convnet bench lenet --mode train --batch 64  a training step: forward, backward, update
  convnet bench googlenet --layers             where the time goes
  mpirun -n 2 convnet bench resnet18 --mode train --batch 16 --threads 1
                                               how much faster two processes train it than one
  convnet bench resnet18 --threads 16 --rehearse --layers
                                               where sixteen cores would wait for one another
  convnet bench resnet18 --plan                what would run, by which kernel and where in memory

Weights and images are random. The machine's own peak of multiply-adds is measured beside each figure, since \
a shared machine's speed swings: compare shares of the peak, or alternate two commands.

With --layers, `model` is what the model that chooses between them takes Winograd's algorithm to cost over the direct
kernel, for convolutions that it fits: below 1 it is chosen. While training, the kernels of the backward pass follow,
with the same figure.";

/// The arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Names of networks, see `convnet list`, or .onnx or .py files
    #[arg(value_name = "MODEL", required = true)]
    models: Vec<String>,

    /// What is timed
    #[arg(long, value_enum, default_value_t = Mode::Infer, help_heading = "Computation")]
    mode: Mode,

    /// Images at a time
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = positive, help_heading = "Computation")]
    batch: usize,

    #[command(flatten)]
    size: SizeArgs,

    #[command(flatten)]
    engine: EngineArgs,

    /// Weights to time it with [default: those of the .onnx file, or random ones]
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    weights: Option<PathBuf>,

    /// Least time to measure each network for, in seconds
    #[arg(long, value_name = "S", default_value_t = 3.0, value_parser = number, help_heading = "Computation")]
    seconds: f64,

    /// Do all the work on one thread, cut as for --threads N, and tell what N threads would gain at most: what is left of it are
    /// parts of unequal size and what no thread shares. Memory, caches and waiting are left out
    #[arg(long, requires = "threads", help_heading = "Computation")]
    rehearse: bool,

    /// Time, speed and kernel of each layer
    #[arg(long, help_heading = "Listing")]
    layers: bool,

    /// What would run, in which order, by which kernel and where in memory, instead of times
    #[arg(long, conflicts_with_all = ["layers", "json"], help_heading = "Listing")]
    plan: bool,

    /// One JSON object a network, on a line each
    #[arg(long, help_heading = "Listing")]
    json: bool,
}

/// What is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    /// A forward pass
    Infer,
    /// Forward, loss, backward and an update by SGD with momentum 0.9
    Train,
}

/// The fewest runs that give a median.
const RUNS: usize = 7;
/// The most runs: more add nothing to the median.
const MOST_RUNS: usize = 5000;

/// Times each network; under mpirun, how much faster several processes train it.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if !(args.seconds >= 0.0 && args.seconds <= 3600.0) {
        return Err(Failure::usage("--seconds must be from 0 to 3600"));
    }
    if let Some(joined) = Joined::join()? {
        return joined.run(|joined| scaling::run(args, joined));
    }
    let precision = if args.mode == Mode::Train { Precision::Tf32 } else { Precision::F32 };
    let options =
        if args.rehearse { args.engine.rehearsing(precision)? } else { args.engine.options(precision)? };
    if args.rehearse && options.device != Device::Cpu {
        return Err(Failure::usage("--rehearse is for the CPU's threads: give --device cpu"));
    }
    // A name that means nothing is told before the first network has taken its seconds.
    let mut networks = Vec::new();
    for name in &args.models {
        networks.push((name, models::network(name, &args.size.options())?));
    }
    for (name, (graph, own)) in networks {
        let subject = compile(args, &graph, own, &options)?;
        if args.plan {
            output::emit(&format!("{name}: {}", subject.plan_text().trim_end()))?;
            continue;
        }
        let report = measure(args, (name, &graph), subject, &options)?;
        let text = if args.json { serde_json::to_string(&report)? } else { report::text(&report) };
        output::emit(&text)?;
    }
    Ok(())
}

/// Compiles the network with the weights that were given, its own, or random ones.
fn compile(
    args: &Args,
    graph: &Graph,
    own: Option<WeightsFile>,
    options: &Options,
) -> Result<Subject, Failure> {
    let noise_weights;
    let loaded;
    let file = args.weights.as_ref().map(|path| model::weights_file(path, Some(graph))).transpose()?;
    let weights: &dyn TensorSource = match file.or(own) {
        Some(file) => {
            loaded = trained::load(graph, file, &OpenOptions::default())?;
            &loaded
        }
        None => {
            noise_weights = Noise::new(graph);
            &noise_weights
        }
    };
    Subject::new(args.mode, (graph, weights), args.batch, options)
}

fn measure(
    args: &Args,
    (model, graph): (&str, &Graph),
    mut subject: Subject,
    options: &Options,
) -> Result<Report, Failure> {
    let images = noise(args.batch * graph.input_shape().elements());
    let labels: Vec<u32> = (0..args.batch).map(|i| (i % graph.classes()) as u32).collect();
    let (threads, isa, plan) = (subject.threads(), subject.isa(), subject.plan());
    let clock = subject.clock();
    let rehearsed = || clock.as_ref().and_then(Clock::rehearsed);
    let mut once = || subject.run(&images, &labels);
    let mut times = Vec::new();
    let mut rehearsal: Option<Rehearsal> = None;
    // The peak of a GPU, or of threads that are not there, is not measured.
    let is_real = options.device == Device::Cpu && !args.rehearse;
    let measured = || is_real.then(|| convnet::exec::peak_gflops(isa, threads));
    let mut peak = measured();
    once()?;
    once()?;
    let start = Instant::now();
    while times.len() < RUNS || (start.elapsed().as_secs_f64() < args.seconds && times.len() < MOST_RUNS) {
        let (one, before) = (Instant::now(), rehearsed());
        once()?;
        let alone = one.elapsed().as_secs_f64() * 1e3;
        let run =
            before.zip(rehearsed()).map(|(before, after)| Rehearsal::new(alone, before, after, threads));
        times.push(run.map_or(alone, |run| run.ms));
        rehearsal = rehearsal.into_iter().chain(run).min_by(|a, b| a.ms.total_cmp(&b.ms));
    }
    peak = peak.zip(measured()).map(|(a, b)| a.max(b));
    let device_ms = subject.device_time(args.batch, times.len().min(200))?;
    times.sort_by(f64::total_cmp);
    // A backward pass computes two products of the forward's size: by the input and by the weights.
    let passes = if args.mode == Mode::Train { 3.0 } else { 1.0 };
    let macs: u64 = plan.iter().map(|step| step.macs).sum();
    let mut report = Report {
        model: model.into(),
        mode: args.mode,
        batch: args.batch,
        threads,
        ms_median: times[times.len() / 2],
        ms_min: times[0],
        ms_max: times[times.len() - 1],
        runs: times.len(),
        gflop: passes * 2e-9 * macs as f64 * args.batch as f64,
        gflops_peak: peak,
        peak_rss_bytes: peak_rss(),
        isa: options.machine()?,
        device_ms,
        rehearsal,
        layers: Vec::new(),
    };
    if args.layers {
        report.layers = layers(args, &mut subject, &plan, (&images, &labels), peak)?;
    }
    Ok(report)
}

/// The mean time of each step of the plan over a few runs.
fn layers(
    args: &Args,
    subject: &mut Subject,
    plan: &[PlanStep],
    (images, labels): (&[f32], &[u32]),
    peak: Option<f64>,
) -> Result<Vec<Layer>, Failure> {
    let mut times = StepTimes::new(plan.len());
    let (start, mut runs) = (Instant::now(), 0u32);
    while runs < 3 || (start.elapsed().as_secs_f64() < args.seconds && runs < 1000) {
        subject.profile(images, labels, &mut times)?;
        runs += 1;
    }
    let mean = |time: Duration| time.as_secs_f64() * 1e3 / f64::from(runs);
    let mut layers: Vec<Layer> = plan
        .iter()
        .enumerate()
        .map(|(i, step)| {
            let backward = times.backward.get(i).copied().map(mean);
            let ms = mean(times.forward[i]);
            let passes = if backward.is_some() { 3.0 } else { 1.0 };
            let flop = passes * 2.0 * step.macs as f64 * args.batch as f64;
            // What another step does on its way takes no time.
            let gflops = flop / (ms + backward.unwrap_or(0.0)).max(1e-6) / 1e6;
            Layer {
                layers: step.layers.clone(),
                kernel: step.kernel.clone(),
                winograd_cost: step.winograd_cost,
                kernel_backward: step.backward.clone(),
                output: step.output.with_batch(args.batch),
                ms,
                ms_backward: backward,
                gflops,
                peak_share: peak.map(|peak| gflops / peak),
                bytes: step.weight_bytes + step.activation_bytes * args.batch as u64,
            }
        })
        .collect();
    if args.mode == Mode::Train {
        layers.push(Layer {
            layers: "update".into(),
            kernel: "sgd".into(),
            winograd_cost: None,
            kernel_backward: String::new(),
            output: Vec::new(),
            ms: mean(times.update),
            ms_backward: None,
            gflops: 0.0,
            peak_share: peak.map(|_| 0.0),
            bytes: plan.iter().map(|step| step.weight_bytes).sum::<u64>() * 3,
        });
    }
    Ok(layers)
}

/// The most memory that this process has held, where the system tells it (Linux).
fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
