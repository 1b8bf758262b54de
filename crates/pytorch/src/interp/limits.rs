//! What a file may cost: steps, memory, depth.

use super::{Interp, Result};

/// Limits, and what was used of them.
pub(crate) struct Limits {
    /// Statements and expressions that may still be evaluated.
    pub(crate) steps: u64,
    /// Elements of lists, characters of strings and the like that may still be made.
    pub(crate) elements: u64,
    /// Modules that may still be made.
    pub(crate) modules: u32,
    /// How deep calls may nest.
    pub(crate) depth: usize,
}

/// Steps of a whole file: some seconds.
pub(crate) const MOST_STEPS: u64 = 20_000_000;

/// Modules of a whole file: the largest networks have some thousands.
const MOST_MODULES: u32 = 100_000;

/// What a value that holds others counts beside its elements: such values may lie in one another, and are dropped one within
/// the other on the stack.
const HOLDER: usize = 24;

impl Default for Limits {
    fn default() -> Self {
        Self { steps: MOST_STEPS, elements: 20_000_000, modules: MOST_MODULES, depth: 1000 }
    }
}

impl Interp {
    /// Counts one step.
    ///
    /// # Errors
    /// When all are used.
    pub(crate) fn step(&mut self) -> Result<()> {
        match self.limits.steps.checked_sub(1) {
            Some(left) => {
                self.limits.steps = left;
                Ok(())
            }
            None => Err(self.fatal(
                "RuntimeError",
                "this takes too long: the limit of 20 million steps is reached",
                "is it a loop without end, or does a count have some zeros too many?",
            )),
        }
    }

    /// Counts a module before it is made.
    ///
    /// # Errors
    /// When there would be too many.
    pub(crate) fn count_module(&mut self) -> Result<()> {
        match self.limits.modules.checked_sub(1) {
            Some(left) => {
                self.limits.modules = left;
                Ok(())
            }
            None => Err(self.fatal(
                "MemoryError",
                "more than 100 000 layers are made",
                "is it a loop without end, or does a count have some zeros too many?",
            )),
        }
    }

    /// Counts a value that holds others: a list, an object, a function with its scope.
    ///
    /// # Errors
    /// As [`Interp::charge`].
    pub(crate) fn charge_holder(&mut self) -> Result<()> {
        self.charge(HOLDER)
    }

    /// Counts elements or characters before they are made.
    ///
    /// # Errors
    /// When there would be too many.
    pub(crate) fn charge(&mut self, elements: usize) -> Result<()> {
        match self.limits.elements.checked_sub(elements as u64) {
            Some(left) => {
                self.limits.elements = left;
                Ok(())
            }
            None => Err(self.fatal(
                "MemoryError",
                "this takes too much memory: the limit of 20 million elements is reached",
                "make the list, or the string, smaller",
            )),
        }
    }
}
