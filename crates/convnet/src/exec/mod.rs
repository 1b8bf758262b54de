//! Running graphs on the CPU: inference with [`Engine`], training with [`Learner`].
//!
//! A graph becomes stages (fused layers), values get places in one arena by their lifetimes, and each stage
//! calls a kernel. Activations are NHWC inside; images and results are NCHW at the edges.

mod algorithm;
mod backward;
mod conv;
mod convolve;
mod engine;
mod error;
mod forward;
mod learner;
mod lifetime;
mod lower;
mod memory;
mod profile;
mod statistics;
mod storage;
mod weights;

#[cfg(test)]
mod oracle_tests;
#[cfg(test)]
mod tests;

pub use convnet_kernels::Isa;
pub use engine::Engine;
pub use error::ExecError;
pub use learner::{Learner, Optimizer, StepReport};
pub use profile::{PlanStep, StepTimes};

/// The machine's own peak of multiply-adds with an instruction set on so many threads (0: one per core), in
/// GFLOP/s: measured for some 50 ms, what a kernel's speed is compared with.
pub fn peak_gflops(isa: Isa, threads: usize) -> f64 {
    convnet_kernels::peak(&convnet_kernels::Pool::new(threads), isa)
}

/// How to run.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// Threads; 0 means one per core.
    pub threads: usize,
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
    /// The instruction set to use.
    ///
    /// # Errors
    /// If `CONVNET_ISA` names one that this machine does not have.
    pub fn isa(&self) -> Result<Isa, ExecError> {
        if let Some(isa) = self.isa {
            return Ok(isa);
        }
        match std::env::var("CONVNET_ISA") {
            Ok(name) if !name.is_empty() => Isa::named(&name).ok_or_else(|| ExecError::Isa {
                found: name,
                available: Isa::available().iter().map(|i| i.name()).collect::<Vec<_>>().join(", "),
            }),
            _ => Ok(Isa::best()),
        }
    }
}
