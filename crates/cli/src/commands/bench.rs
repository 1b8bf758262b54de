//! `convnet bench`: how fast a network runs or trains here.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use convnet::exec::{Engine, PlanStep, Session, StepTimes, TrainingStep};
use convnet::optim::{Optimizer, ParameterGroups};
use convnet::graph::Graph;
use convnet::io::WeightsFile;
use convnet::model;
use convnet::ops::{ParamKind, ParamSpec};
use convnet::state::{ReadError, TensorSource};
use serde::Serialize;

use super::trained;
use crate::args::{EngineArgs, SizeArgs, positive};
use crate::error::Failure;
use crate::output;

const EXAMPLES: &str = "\
Examples:
  convnet bench resnet18                       one image at a time
  convnet bench vgg16 resnet50 --batch 8       several networks
  convnet bench lenet --mode train --batch 64  a training step: forward, backward, update
  convnet bench googlenet --layers             where the time goes

Weights and images are random. The machine's own peak of multiply-adds is measured beside each figure, since \
a shared machine's speed swings: compare shares of the peak, or alternate two commands.

With --layers, `model` is what the model that chooses between them takes Winograd's algorithm to cost over the direct
kernel, for convolutions that it fits: below 1 it is chosen. While training, the kernels of the backward pass follow,
with the same figure.";

/// The arguments of `bench`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Names of networks, see `convnet list`, or .onnx files
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
    #[arg(long, value_name = "S", default_value_t = 3.0, help_heading = "Computation")]
    seconds: f64,

    /// Time, speed and kernel of each layer
    #[arg(long, help_heading = "Listing")]
    layers: bool,

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

/// One network's figures.
#[derive(Debug, Serialize)]
struct Report {
    model: String,
    mode: Mode,
    batch: usize,
    threads: usize,
    ms_median: f64,
    ms_min: f64,
    ms_max: f64,
    runs: usize,
    gflop: f64,
    gflops_peak: f64,
    peak_rss_bytes: Option<u64>,
    isa: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Layer>,
}

/// One step of the plan.
#[derive(Debug, Serialize)]
struct Layer {
    layers: String,
    kernel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    winograd_cost: Option<f64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    kernel_backward: String,
    output: Vec<usize>,
    ms: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms_backward: Option<f64>,
    gflops: f64,
    peak_share: f64,
    bytes: u64,
}

/// Times each network.
pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    if !(args.seconds >= 0.0 && args.seconds <= 3600.0) {
        return Err(Failure::usage("--seconds must be from 0 to 3600"));
    }
    for name in &args.models {
        let (graph, own) = model::network(name, &args.size.options())?;
        let report = measure(args, name, &graph, own)?;
        let text = if args.json { serde_json::to_string(&report)? } else { text(&report) };
        output::emit(&text)?;
    }
    Ok(())
}

/// The learning rate of timed steps: small enough that weights stay near what they were.
const RATE: f32 = 1e-6;

/// A network ready to run, in either mode.
enum Subject {
    Infer(Engine, Session),
    Train(Box<TrainingStep>, ParameterGroups),
}

fn measure(args: &Args, model: &str, graph: &Graph, own: Option<WeightsFile>) -> Result<Report, Failure> {
    let options = args.engine.options();
    let noise_weights;
    let loaded;
    let file = args.weights.as_ref().map(|path| model::weights_for(path, graph)).transpose()?;
    let weights: &dyn TensorSource = match file.or(own) {
        Some(file) => {
            loaded = trained::load(graph, file, false, args.size.classes.is_some())?;
            &loaded
        }
        None => {
            noise_weights = Noise::new(graph);
            &noise_weights
        }
    };
    let optimizer = Optimizer::Sgd { momentum: 0.9, nesterov: false, weight_decay: 0.0 };
    let mut subject = match args.mode {
        Mode::Infer => {
            let engine = Engine::compile(graph, weights, args.batch, &options)?;
            let session = engine.session()?;
            Subject::Infer(engine, session)
        }
        Mode::Train => {
            let training = TrainingStep::compile(graph, weights, args.batch, optimizer, 0, &options)?;
            let groups = training.uniform_groups();
            Subject::Train(Box::new(training), groups)
        }
    };
    let images = noise(args.batch * graph.input_shape().elements());
    let labels: Vec<u32> = (0..args.batch).map(|i| (i % graph.classes()) as u32).collect();
    let (threads, isa, plan) = match &subject {
        Subject::Infer(engine, _) => (engine.threads(), engine.isa(), engine.plan()),
        Subject::Train(training, _) => (training.threads(), training.isa(), training.plan()),
    };
    let mut once = || match &mut subject {
        Subject::Infer(_, session) => session.logits(&images).map(drop),
        Subject::Train(training, groups) => training.step(&images, &labels, groups, RATE).map(drop),
    };
    let mut times = Vec::new();
    let mut peak = convnet::exec::peak_gflops(isa, threads);
    once()?;
    once()?;
    let start = Instant::now();
    while times.len() < RUNS || (start.elapsed().as_secs_f64() < args.seconds && times.len() < MOST_RUNS) {
        let one = Instant::now();
        once()?;
        times.push(one.elapsed().as_secs_f64() * 1e3);
    }
    peak = peak.max(convnet::exec::peak_gflops(isa, threads));
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
        isa: isa.name(),
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
    peak: f64,
) -> Result<Vec<Layer>, Failure> {
    let mut times = StepTimes::new(plan.len());
    let (start, mut runs) = (Instant::now(), 0u32);
    while runs < 3 || (start.elapsed().as_secs_f64() < args.seconds && runs < 1000) {
        match subject {
            Subject::Infer(_, session) => session.profile(images, &mut times.forward)?,
            Subject::Train(training, groups) => {
                training.profile(images, labels, (groups, RATE), &mut times)?;
            }
        }
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
            let gflops = flop / (ms + backward.unwrap_or(0.0)) / 1e6;
            Layer {
                layers: step.layers.clone(),
                kernel: step.kernel.clone(),
                winograd_cost: step.winograd_cost,
                kernel_backward: step.backward.clone(),
                output: step.output.with_batch(args.batch),
                ms,
                ms_backward: backward,
                gflops,
                peak_share: gflops / peak,
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
            peak_share: 0.0,
            bytes: plan.iter().map(|step| step.weight_bytes).sum::<u64>() * 3,
        });
    }
    Ok(layers)
}

fn text(report: &Report) -> String {
    let mode = if report.mode == Mode::Train { "training step" } else { "inference" };
    let speed = report.gflop / report.ms_min * 1e3;
    let mut text = format!(
        "{}: {mode}, batch {}, {} threads, {}: {:.3} ms least, {:.3} median, {:.3} most of {} runs; {:.1} images/s, \
         {:.0} GFLOP/s, {:.0}% of the {:.0} GFLOP/s peak",
        report.model,
        report.batch,
        report.threads,
        report.isa,
        report.ms_min,
        report.ms_median,
        report.ms_max,
        report.runs,
        report.batch as f64 / report.ms_min * 1e3,
        speed,
        100.0 * speed / report.gflops_peak,
        report.gflops_peak,
    );
    if let Some(rss) = report.peak_rss_bytes {
        let _ = write!(text, "; {:.0} MB at most", rss as f64 / 1e6);
    }
    if report.layers.is_empty() {
        return text;
    }
    let width = report.layers.iter().map(|l| l.layers.chars().count()).max().unwrap_or(0).min(44);
    let _ = write!(
        text,
        "\n{:>10} {:>10} {:>8} {:>6} {:>9} {:>7} {:>6}  {:<width$}  kernel",
        "ms", "backward", "GFLOP/s", "peak", "MB", "GB/s", "model", "layers"
    );
    for layer in &report.layers {
        let name: String = layer.layers.chars().take(width).collect();
        let backward = layer.ms_backward.map_or(String::new(), |ms| format!("{ms:.3}"));
        let cost = layer.winograd_cost.map_or(String::new(), |cost| format!("{cost:.2}"));
        let kernels = match layer.kernel_backward.as_str() {
            "" => layer.kernel.clone(),
            backward => format!("{}; {backward}", layer.kernel),
        };
        let _ = write!(
            text,
            "\n{:>10.3} {backward:>10} {:>8.1} {:>5.0}% {:>9.2} {:>7.1} {cost:>6}  {name:<width$}  {kernels}",
            layer.ms,
            layer.gflops,
            100.0 * layer.peak_share,
            layer.bytes as f64 / 1e6,
            layer.bytes as f64 / 1e6 / layer.ms.max(1e-6),
        );
    }
    text
}

/// Reproducible values in ±1.
fn noise(len: usize) -> Vec<f32> {
    (0..len).map(noise_at).collect()
}

/// A value in ±1 that depends on its index alone, by the finalizer of MurmurHash3 (Appleby 2011).
fn noise_at(index: usize) -> f32 {
    let mut hash = index as u32;
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 13)).wrapping_mul(0xC2B2_AE35);
    ((hash ^ (hash >> 16)) >> 8) as f32 / 8_388_608.0 - 1.0
}

/// Random weights that are made as they are read, so that the memory measured is the engine's own.
struct Noise(BTreeMap<String, ParamSpec>);

impl Noise {
    fn new(graph: &Graph) -> Self {
        Self(graph.parameters().into_iter().map(|spec| (spec.name.clone(), spec)).collect())
    }
}

impl TensorSource for Noise {
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        self.0.get(name).map(|spec| spec.shape.clone())
    }

    fn read(&self, name: &str, first: usize, out: &mut [f32]) -> Result<(), ReadError> {
        let spec = self.0.get(name).ok_or_else(|| ReadError::Missing { name: name.to_owned() })?;
        match spec.kind {
            ParamKind::NormWeight | ParamKind::RunningVar | ParamKind::Scale => out.fill(1.0),
            ParamKind::NormBias
            | ParamKind::RunningMean
            | ParamKind::Shift
            | ParamKind::ConvBias
            | ParamKind::LinearBias => {
                out.fill(0.0);
            }
            ParamKind::ConvWeight | ParamKind::LinearWeight => {
                // He's rule, so that activations neither die out nor overflow.
                let fan: usize = spec.shape[1..].iter().product();
                let scale = (6.0 / fan.max(1) as f32).sqrt();
                out.iter_mut().enumerate().for_each(|(i, x)| *x = scale * noise_at(first + i));
            }
        }
        Ok(())
    }
}

/// The most memory that this process has held, where the system tells it (Linux).
fn peak_rss() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? * 1024)
}
