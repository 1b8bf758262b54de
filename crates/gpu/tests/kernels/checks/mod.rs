//! Operations compared with plain loops in double precision, on any machine that runs lists: the emulation on a CPU, or a
//! card.

pub(crate) mod by_channel;
mod case;
pub(crate) mod convolutions;
pub(crate) mod functions;
pub(crate) mod images;
pub(crate) mod layers;
pub(crate) mod lenet;
pub(crate) mod maps;
pub(crate) mod reductions;
pub(crate) mod separable;
pub(crate) mod small_linear;
pub(crate) mod tensors;
pub(crate) mod updates;

use convnet_gpu::List;

/// What runs lists.
pub(crate) trait Machine {
    /// Runs a list on a block and leaves what it holds then.
    fn run(&mut self, list: &List, memory: &mut [u8]) -> Result<(), String>;
}

/// Errors beyond what is allowed, by name; and how many comparisons were made.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) failures: Vec<String>,
    pub(crate) compared: usize,
}

impl Report {
    /// Prints what failed.
    pub(crate) fn print(&self, what: &str) {
        println!("{what}: {} comparisons, {} failures", self.compared, self.failures.len());
        for failure in self.failures.iter().take(40) {
            println!("  {failure}");
        }
    }
}
