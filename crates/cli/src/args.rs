//! Options that several subcommands share.

use std::str::FromStr;

use convnet::exec::Options;
use convnet::graph::Graph;
use convnet::model::{self, OpenOptions};

use crate::error::Failure;

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
}

impl SizeArgs {
    /// As the library takes them.
    pub(crate) fn options(&self) -> OpenOptions {
        let input = self.input.map(|ImageSize { channels, height, width }| [channels, height, width]);
        OpenOptions { input, classes: self.classes, ..OpenOptions::default() }
    }

    /// Builds a network for these sizes: the zoo's of that name, or an ONNX model's.
    ///
    /// # Errors
    /// Wrong usage for a name that is not in the zoo; failed work for a network that its input does not fit, or a file
    /// that cannot be one.
    pub(crate) fn build(&self, name: &str) -> Result<Graph, Failure> {
        Ok(model::network(name, &self.options())?.0)
    }
}

/// The number of threads.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ThreadsArg {
    /// Threads to compute with [default: all cores]
    #[arg(long, value_name = "N", value_parser = positive, help_heading = "Computation")]
    pub(crate) threads: Option<usize>,
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
}

impl EngineArgs {
    /// The engine's options.
    pub(crate) fn options(&self) -> Options {
        let threads = self.threads.threads.unwrap_or(0);
        Options { threads, exact: self.exact, half: self.f16_weights, ..Options::default() }
    }
}

/// The seed of everything drawn at random.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SeedArg {
    /// Seed of all random numbers: the same seed gives the same result
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Computation")]
    pub(crate) seed: u64,
}

/// The largest count that an option takes: more of anything does not fit any machine.
const MAX_COUNT: usize = 1 << 24;

/// A whole number from 1 to 2²⁴.
pub(crate) fn positive(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".into()),
        Ok(n) if n <= MAX_COUNT => Ok(n),
        Ok(_) => Err(format!("must be at most {MAX_COUNT}")),
        Err(_) => Err(format!("expected a whole number from 1 to {MAX_COUNT}")),
    }
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
    fn counts_start_at_one() {
        assert_eq!(positive("7"), Ok(7));
        assert!(positive("0").unwrap_err().contains("at least 1"));
        assert!(positive("99999999999").unwrap_err().contains("at most"));
        assert!(positive("many").is_err());
    }
}
