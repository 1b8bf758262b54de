//! How a network is computed: on which device, by which instruction set, with how many threads.

use std::fmt;
use std::str::FromStr;

use convnet_kernels::Isa;

use crate::plan::CompileError;

/// The devices that a plan can be bound to: a closed set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Device {
    /// This machine's processor.
    #[default]
    Cpu,
    /// NVIDIA's GPU of this number, from 0.
    Gpu(usize),
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Gpu(index) => write!(f, "gpu:{index}"),
        }
    }
}

impl FromStr for Device {
    type Err = CompileError;

    fn from_str(name: &str) -> Result<Self, CompileError> {
        let number = |name: &str| name.strip_prefix("gpu:")?.parse().ok();
        match name {
            "cpu" => Ok(Self::Cpu),
            "gpu" => Ok(Self::Gpu(0)),
            _ => number(name).map(Self::Gpu).ok_or_else(|| CompileError::Device { found: name.to_owned() }),
        }
    }
}

/// What passes back through a ReLU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReluGradient {
    /// The gradient, where the output is positive.
    #[default]
    Plain,
    /// The gradient, where the output and itself are positive: guided backpropagation (Springenberg et al. 2014,
    /// <https://arxiv.org/abs/1412.6806>). No derivative any more, but a picture of what speaks for a class.
    Guided,
}

/// How a GPU computes products, of convolutions and of Linear layers, and what it keeps activations in. All else is in single
/// precision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// Single precision, without shortcuts.
    #[default]
    F32,
    /// Single precision in memory; factors are rounded to 10 bits of mantissa, sums are not.
    Tf32,
    /// Activations, their gradients and factors in 16 bits, with 7 of mantissa; sums in single precision, and so are weights as they
    /// are learned and kept.
    Bf16,
}

impl Precision {
    /// Their names.
    pub const NAMES: [&str; 3] = ["fp32", "tf32", "bf16"];
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "fp32",
            Self::Tf32 => "tf32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = CompileError;

    fn from_str(name: &str) -> Result<Self, CompileError> {
        match name {
            "fp32" => Ok(Self::F32),
            "tf32" => Ok(Self::Tf32),
            "bf16" => Ok(Self::Bf16),
            _ => Err(CompileError::Precision { found: name.to_owned() }),
        }
    }
}

/// How to compute.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// The device.
    pub device: Device,
    /// How a GPU computes products; the CPU computes in single precision.
    pub precision: Precision,
    /// Threads; 0 means one per core.
    pub threads: usize,
    /// Whether all is done on one thread, cut as for `threads`, and timed as if they had shared it (see
    /// [`Clock`](convnet_kernels::Clock)): what so many cores could gain, found on fewer. Results have the same bits.
    pub rehearse: bool,
    /// Bytes of the machine's memory that a network may take, each by itself; `None` means all that is available.
    pub memory: Option<usize>,
    /// Instruction set; `None` means the best that the machine has, or the one that the environment variable
    /// `CONVNET_ISA` names.
    pub isa: Option<Isa>,
    /// Whether convolutions keep to direct kernels: Winograd's are faster and err a little more.
    pub exact: bool,
    /// Whether an engine runs once or twice, so that weights are prepared no further than that repays.
    pub once: bool,
    /// Whether inference keeps the weights of Linear, and at batch 1 those of direct convolutions, in half
    /// precision: half the memory traffic, which is what they wait for, and some 3 digits of the weights.
    pub half: bool,
}

impl Options {
    /// What makes the bits of a result: the instruction set, or a GPU's precision (`gpu tf32`).
    ///
    /// # Errors
    /// As [`Options::isa`].
    pub fn machine(&self) -> Result<String, CompileError> {
        match self.device {
            Device::Cpu => Ok(self.isa()?.name().to_owned()),
            Device::Gpu(_) => Ok(format!("gpu {}", self.precision)),
        }
    }

    /// The instruction set to use.
    ///
    /// # Errors
    /// If `CONVNET_ISA` names one that this machine does not have.
    pub fn isa(&self) -> Result<Isa, CompileError> {
        if let Some(isa) = self.isa {
            return Ok(isa);
        }
        match std::env::var("CONVNET_ISA") {
            Ok(name) if !name.is_empty() => Isa::named(&name).ok_or_else(|| CompileError::Isa {
                found: name,
                available: Isa::available().iter().map(|i| i.name()).collect::<Vec<_>>().join(", "),
            }),
            _ => Ok(Isa::best()),
        }
    }
}
