//! Options that several subcommands share.

use std::path::PathBuf;
use std::str::FromStr;

use convnet::exec::{self, Device, Options, Precision};
use convnet::graph::Graph;
use convnet::model::OpenOptions;

use crate::error::Failure;
use crate::models::{self, Lines};
use crate::output;

/// The size of an image: `3x224x224`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ImageSize {
    /// Channels.
    pub(crate) channels: usize,
    /// Rows.
    pub(crate) height: usize,
    /// Columns.
    pub(crate) width: usize,
}

/// The largest number of elements of one input image: 3 channels of some 9,000 × 9,000 pixels.
const MAX_ELEMENTS: usize = 1 << 28;

impl FromStr for ImageSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "expected CHANNELSxHEIGHTxWIDTH, for example 1x28x28 or 3x224x224".to_string();
        let parts: Vec<&str> = text.split(['x', 'X', '×']).collect();
        let &[channels, height, width] = parts.as_slice() else { return Err(wrong()) };
        let number = |part: &str| part.trim().parse::<usize>().map_err(|_| wrong());
        let size = Self { channels: number(channels)?, height: number(height)?, width: number(width)? };
        let elements = size.channels.checked_mul(size.height).and_then(|n| n.checked_mul(size.width));
        match elements {
            Some(0) => Err("channels, height and width must each be at least 1".into()),
            Some(n) if n <= MAX_ELEMENTS => Ok(size),
            _ => Err(format!("an image may have at most {MAX_ELEMENTS} values")),
        }
    }
}

/// The input size and the number of classes of a network.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SizeArgs {
    /// Size of an input image: channels, height, width [default: the network's own]
    #[arg(long, value_name = "CxHxW", help_heading = "Network")]
    pub(crate) input: Option<ImageSize>,

    /// Number of classes [default: the network's own]
    #[arg(long, value_name = "K", value_parser = positive, help_heading = "Network")]
    pub(crate) classes: Option<usize>,

    /// Output of an .onnx file that has several
    #[arg(long, value_name = "NAME", help_heading = "Network")]
    pub(crate) output_name: Option<String>,
}

impl SizeArgs {
    /// As the library takes them.
    pub(crate) fn options(&self) -> OpenOptions {
        let input = self.input.map(|ImageSize { channels, height, width }| [channels, height, width]);
        OpenOptions {
            input,
            classes: self.classes,
            output: self.output_name.clone(),
            ..OpenOptions::default()
        }
    }

    /// Builds a network for these sizes: the zoo's of that name, or an ONNX model's.
    ///
    /// # Errors
    /// Wrong usage for a name that is not in the zoo; failed work for a network that its input does not fit, or a file
    /// that cannot be one.
    pub(crate) fn build(&self, name: &str) -> Result<Graph, Failure> {
        Ok(self.build_with_lines(name)?.0)
    }

    /// The same, and where its layers stand if it is code: path → `net.py:12`.
    ///
    /// # Errors
    /// As [`SizeArgs::build`].
    pub(crate) fn build_with_lines(&self, name: &str) -> Result<(Graph, Lines), Failure> {
        let (graph, lines) = models::with_lines(name, &self.options())?;
        if let [first, ..] = graph.shared_weights() {
            output::note(&format!(
                "`{name}` reads weights twice ({} in all, `{}` as `{}` too): each counts once",
                graph.shared_weights().len(),
                first.first,
                first.name
            ));
        }
        Ok((graph, lines))
    }
}

/// The number of threads.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ThreadsArg {
    /// Threads to compute with [default: all cores]
    #[arg(long, value_name = "N", value_parser = threads, help_heading = "Computation")]
    threads: Option<usize>,
}

impl ThreadsArg {
    /// Whether a number was given.
    pub(crate) fn is_given(&self) -> bool {
        self.threads.is_some()
    }

    /// As the library takes it: 0 for all cores. More threads than cores are remarked.
    pub(crate) fn count(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        if let Some(threads) = self.threads.filter(|&threads| threads > cores) {
            let cores = output::counted(cores, "core");
            output::note(&format!(
                "{threads} threads on {cores}: threads without a core slow the others down"
            ));
        }
        self.threads.unwrap_or(0)
    }
}

/// The variable that names a device where `--device` does not.
const DEVICE_VARIABLE: &str = "CONVNET_DEVICE";

/// A device that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DeviceChoice {
    /// A GPU where there is one that can be used, or the CPU.
    Auto,
    /// A GPU: the first one, or one for each of several processes.
    Gpu,
    /// This one.
    One(Device),
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "auto" => Ok(Self::Auto),
            "gpu" => Ok(Self::Gpu),
            _ => name
                .parse()
                .map(Self::One)
                .map_err(|_| format!("there is no device `{name}`, expected auto, cpu, gpu or gpu:N")),
        }
    }
}

/// Where a network is computed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeviceArgs {
    /// Device: auto (a GPU where one can be used), cpu, gpu or gpu:N [default: CONVNET_DEVICE, or cpu]
    #[arg(long, value_name = "DEVICE", help_heading = "Computation")]
    pub(crate) device: Option<DeviceChoice>,

    /// How a GPU computes products, and what it keeps activations in [default: tf32 to train, fp32 otherwise]
    #[arg(long, value_name = "NAME", value_parser = Precision::NAMES, help_heading = "Computation")]
    pub(crate) precision: Option<String>,
}

impl DeviceArgs {
    /// Puts device and precision into options; tells in a line which card and libraries are used.
    ///
    /// # Errors
    /// Wrong usage for a variable that names no device, or a precision that the CPU does not have; failed work for a GPU
    /// that is not there or lacks a library.
    pub(crate) fn apply(&self, options: Options, default: Precision) -> Result<Options, Failure> {
        self.apply_at(options, default, 0)
    }

    /// The same for one of several processes of this host, from 0: they take its GPUs in turn, unless one is named.
    ///
    /// # Errors
    /// As [`DeviceArgs::apply`].
    pub(crate) fn apply_at(
        &self,
        options: Options,
        default: Precision,
        place: usize,
    ) -> Result<Options, Failure> {
        let choice = match (self.device, std::env::var(DEVICE_VARIABLE)) {
            (Some(choice), _) => choice,
            (None, Ok(name)) if !name.is_empty() => {
                name.parse().map_err(|error| Failure::usage(format!("{DEVICE_VARIABLE}: {error}")))?
            }
            (None, _) => DeviceChoice::One(Device::Cpu),
        };
        let named: Option<Precision> = self.precision.as_deref().map(str::parse).transpose()?;
        let precision = named.unwrap_or(default);
        let on = |index: usize, card: &str| {
            output::note(&format!("{card}; {precision}"));
            Ok(Options { device: Device::Gpu(index), precision, ..options })
        };
        let next = || match place {
            0 => Ok(0),
            place => exec::count_gpus().map(|count| place % count.max(1)),
        };
        match choice {
            DeviceChoice::One(Device::Gpu(index)) => on(index, &exec::describe_gpu(index)?),
            DeviceChoice::Gpu => {
                let index = next()?;
                on(index, &exec::describe_gpu(index)?)
            }
            DeviceChoice::Auto => match next().and_then(|index| Ok((index, exec::describe_gpu(index)?))) {
                Ok((index, card)) => on(index, &card),
                Err(error) => {
                    output::note(&format!("on the CPU: {error}"));
                    Ok(options)
                }
            },
            DeviceChoice::One(_) => match named {
                Some(precision) if precision != Precision::F32 => {
                    Err(Failure::usage(format!("--precision {precision} is a GPU's; add --device gpu")))
                }
                _ => Ok(options),
            },
        }
    }
}

/// How an engine computes.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct EngineArgs {
    /// Keep to direct convolutions: Winograd's are faster and err a little more
    #[arg(long, help_heading = "Computation")]
    pub(crate) exact: bool,

    /// Keep weights that wait for memory (Linear, and at batch 1 direct convolutions) in half precision
    #[arg(long, help_heading = "Computation")]
    pub(crate) f16_weights: bool,

    #[command(flatten)]
    pub(crate) threads: ThreadsArg,

    #[command(flatten)]
    pub(crate) device: DeviceArgs,
}

impl EngineArgs {
    /// The engine's options, a GPU's precision being `precision` where none is named.
    ///
    /// # Errors
    /// As [`DeviceArgs::apply`].
    pub(crate) fn options(&self, precision: Precision) -> Result<Options, Failure> {
        self.device.apply(self.computing(self.threads.count()), precision)
    }

    /// The same for threads that need no cores.
    ///
    /// # Errors
    /// As [`DeviceArgs::apply`].
    pub(crate) fn rehearsing(&self, precision: Precision) -> Result<Options, Failure> {
        let options = self.computing(self.threads.threads.unwrap_or(0));
        self.device.apply(Options { rehearse: true, ..options }, precision)
    }

    fn computing(&self, threads: usize) -> Options {
        Options { threads, exact: self.exact, half: self.f16_weights, ..Options::default() }
    }
}

/// The seed of everything drawn at random.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SeedArg {
    /// Seed of all random numbers: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = whole, help_heading = "Computation")]
    pub(crate) seed: u64,
}

/// The path of a picture that is written as SVG or PNG, by its ending.
pub(crate) fn picture(text: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(text);
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    match ending.as_deref() {
        Some("svg" | "png") => Ok(path),
        _ => Err("expected a file that ends in .svg or .png".to_owned()),
    }
}

/// The largest count that an option takes: more of anything does not fit any machine.
const MAX_COUNT: usize = 1 << 24;

/// A whole number from 1 to 2²⁴.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(n) if n <= MAX_COUNT => Ok(n),
        Ok(_) => Err(format!("must be at most {MAX_COUNT}")),
        Err(_) if is_number(text) && text.starts_with('-') => Err("must be at least 1".into()),
        Err(_) => Err(format!("expected a whole number from 1 to {MAX_COUNT}")),
    }
}

/// The most threads: no machine has more cores, and each takes memory.
const MAX_THREADS: usize = 1024;

/// A number of threads.
fn threads(text: &str) -> Result<usize, String> {
    match positive(text)? {
        n if n <= MAX_THREADS => Ok(n),
        _ => Err(format!("must be at most {MAX_THREADS}")),
    }
}

/// A whole number from 0 that a recipe can hold.
pub(crate) fn whole(text: &str) -> Result<u64, String> {
    match text.parse() {
        Ok(n) if n <= i64::MAX as u64 => Ok(n),
        Ok(_) => Err(format!("must be at most {}", i64::MAX)),
        Err(_) if is_number(text) && text.starts_with('-') => Err("must be at least 0".into()),
        Err(_) => Err(format!("expected a whole number from 0 to {}", i64::MAX)),
    }
}

/// A number of any sign and size; its range is told where it is used.
pub(crate) fn number(text: &str) -> Result<f64, String> {
    text.parse().map_err(|_| "expected a number, for example 0.05 or 1e-3".to_owned())
}

fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_sizes() {
        let size = |text: &str| text.parse::<ImageSize>();
        assert_eq!(size("3x224x96"), Ok(ImageSize { channels: 3, height: 224, width: 96 }));
        assert!(size("5x5").unwrap_err().contains("CHANNELSxHEIGHTxWIDTH"));
        assert!(size("1x-5x5").unwrap_err().contains("CHANNELSxHEIGHTxWIDTH"));
        assert!(size("1x0x5").unwrap_err().contains("at least 1"));
        assert!(size("99999999999x99999999999x3").unwrap_err().contains("at most"));
    }

    #[test]
    fn devices() {
        let device = |text: &str| text.parse::<DeviceChoice>();
        assert_eq!(device("auto"), Ok(DeviceChoice::Auto));
        assert_eq!(device("cpu"), Ok(DeviceChoice::One(Device::Cpu)));
        assert_eq!(device("gpu"), Ok(DeviceChoice::Gpu));
        assert_eq!(device("gpu:3"), Ok(DeviceChoice::One(Device::Gpu(3))));
        for wrong in ["", "gpu:", "gpu:x", "gpu:-1", "GPU", "cuda"] {
            assert!(device(wrong).unwrap_err().contains("expected auto, cpu, gpu or gpu:N"), "{wrong}");
        }
    }

    #[test]
    fn counts_start_at_one() {
        assert_eq!(positive("7"), Ok(7));
        assert!(positive("0").unwrap_err().contains("at least 1"));
        assert!(positive("99999999999").unwrap_err().contains("at most"));
        assert!(positive("many").is_err());
        for below in ["-3", "-1.5", "-99999999999999999999999"] {
            assert_eq!(positive(below), Err("must be at least 1".into()), "{below}");
        }
        assert!(positive("1.5").unwrap_err().contains("whole number"));
        assert_eq!(threads("1024"), Ok(1024));
        assert_eq!(threads("1025"), Err("must be at most 1024".into()));
    }

    #[test]
    fn whole_numbers_start_at_zero() {
        assert_eq!(whole("0"), Ok(0));
        assert_eq!(whole("-1"), Err("must be at least 0".into()));
        assert_eq!(whole("18446744073709551615"), Err("must be at most 9223372036854775807".into()));
        assert!(whole("7.5").unwrap_err().contains("whole number"));
        assert_eq!(number("-1e-3"), Ok(-0.001));
        assert!(number("--epochs").unwrap_err().contains("expected a number"));
    }
}
