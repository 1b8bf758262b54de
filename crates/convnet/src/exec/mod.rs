//! Running networks: [`Engine`] compiles one for inference, [`Session`] is one caller's memory, [`TrainingStep`] trains,
//! [`Probe`] looks inside.
//!
//! A graph is planned (fused stages, places in one arena by their lifetimes), and a [`Device`] binds the plan to its
//! kernels. An engine is shared: its weights exist once, however many threads run it.
//!
//! ```
//! use convnet::exec::{Engine, Options};
//! use convnet::{state, zoo};
//!
//! let net = zoo::lenet().build()?;
//! let engine = Engine::compile(&net, &state::initialize(&net, 0), 8, &Options::default())?;
//! let images = vec![0.5; 2 * net.input_shape().elements()];
//! let output = engine.run(&images)?;
//! assert_eq!(output.shape(), [2, 10]);
//! let best = &output.top(3)[0];
//! assert!(best[0].score >= best[1].score);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod engine;
mod error;
mod images;
mod output;
mod probe;
mod target;
mod training;

#[cfg(test)]
mod bands_tests;
#[cfg(test)]
pub(crate) mod freezing_tests;
#[cfg(test)]
mod loss_tests;
#[cfg(test)]
mod optimizer_tests;
#[cfg(test)]
pub(crate) mod oracle_tests;
#[cfg(test)]
pub(crate) mod probe_tests;
#[cfg(test)]
mod tests;

pub use convnet_kernels::{Binary, Clock, Criterion, CrossEntropy, Isa, Reading, Rehearsed, Teacher};
pub use engine::{Engine, Session};
pub use error::RunError;
pub use images::Images;
pub use output::{Output, Scored, top};
pub use probe::{Looked, Probe};
pub use target::Target;
pub use training::{Ema, Savings, TrainingStep};

pub use crate::gpu::{Ahead, Sent};
pub use crate::options::{Device, Options, Precision, ReluGradient};
pub use crate::plan::{CompileError, PlanStep, StepReport, StepTimes};

/// The machine's own peak of multiply-adds with an instruction set on so many threads (0: one per core), in
/// GFLOP/s: measured for some 50 ms, what a kernel's speed is compared with; 0 where so many threads cannot be started.
pub fn peak_gflops(isa: Isa, threads: usize) -> f64 {
    convnet_kernels::Pool::try_new(threads).map_or(0.0, |pool| convnet_kernels::peak(&pool, isa))
}

/// What GPU number `index` is and what it is used through: the card, the driver and each library, with versions and
/// places.
///
/// # Errors
/// If there is no such GPU, no driver, or a library is missing: the error says which, and the way out.
pub fn describe_gpu(index: usize) -> Result<String, CompileError> {
    crate::gpu::describe(index)
}

/// How many GPUs there are.
///
/// # Errors
/// If there is no driver, or it does not start.
pub fn count_gpus() -> Result<usize, CompileError> {
    crate::gpu::count()
}
