//! Updates of flat parameters, and what changes from step to step.

use super::call::{Call, suffixed};
use super::elementwise::aligned;
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::{Format, Vector};

/// Where the numbers lie that change from step to step, so that a captured graph need not change: 32 bytes of memory.
///
/// In order: the seed, the steps begun and the step's key (64 bits each), the learning rate (single precision), and four
/// bytes that are not used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The first byte; 8 divides it.
    pub at: usize,
}

impl Clock {
    /// Bytes of memory.
    pub const BYTES: usize = 32;

    /// Its memory before the step after `steps`.
    pub fn bytes(seed: u64, steps: u64, rate: f32) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&steps.to_le_bytes());
        bytes[24..28].copy_from_slice(&rate.to_le_bytes());
        bytes
    }

    /// Where the step's key lies.
    pub fn key(self) -> usize {
        self.at + 16
    }

    /// Where the learning rate lies.
    pub fn rate(self) -> Vector {
        Vector::new(self.at + 24, 1)
    }
}

/// What an update reads and writes; all of one length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Parameters {
    /// The parameters, in single precision.
    pub values: Vector,
    /// Their gradients, in either format.
    pub gradients: Vector,
    /// The velocity, or the mean and the mean square of gradients; they start at zero.
    pub moments: [Option<Vector>; 2],
    /// The parameters in bf16, written on the way.
    pub low: Option<Vector>,
}

/// Stochastic gradient descent as PyTorch defines it: g += decay·p; v = momentum·v + g (v = g at first);
/// p −= lr·v, or p −= lr·(g + momentum·v) with Nesterov. The learning rate is the clock's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Share of the old velocity.
    pub momentum: f32,
    /// L2 penalty.
    pub weight_decay: f32,
    /// Whether the step looks ahead (Nesterov 1983).
    pub nesterov: bool,
}

/// Adam (Kingma and Ba 2015, algorithm 1), or AdamW with decoupled decay (Loshchilov and Hutter 2019). The learning rate
/// and the step's number are the clock's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Decay of the mean of gradients.
    pub beta1: f32,
    /// Decay of the mean of their squares.
    pub beta2: f32,
    /// Added to the root of the latter.
    pub eps: f32,
    /// L2 penalty, or decoupled decay.
    pub weight_decay: f32,
    /// Whether decay acts on the parameters and not through the gradient.
    pub decoupled: bool,
}

impl List {
    /// # Panics
    /// If the clock does not fit the block.
    pub(crate) fn check_clock(&self, clock: Clock) {
        self.check_floats(Vector::new(clock.at, Clock::BYTES / 4), Clock::BYTES / 4);
        assert!(clock.at.is_multiple_of(8), "{clock:?} at a multiple of 8");
    }

    /// A step begins: its key is mix(seed ^ mix(steps)), mix being SplitMix64's finalizer, and then steps += 1.
    ///
    /// # Panics
    /// If the clock does not fit the block.
    pub fn tick(&mut self, clock: Clock) {
        self.check_clock(clock);
        Call::grid(Family::Optimizer, "tick_f32", [1; 3], 32).raw(Argument::Memory(clock.at)).add(self);
    }

    /// Updates parameters by gradient descent.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, or a momentum has no velocity.
    pub fn sgd(&mut self, clock: Clock, sgd: Sgd, parameters: &Parameters) {
        let velocity = parameters.moments[0].filter(|_| sgd.momentum != 0.0);
        assert!(sgd.momentum == 0.0 || velocity.is_some(), "a velocity where there is momentum");
        self.update("sgd", clock, parameters, &[velocity])
            .float(sgd.momentum)
            .float(sgd.weight_decay)
            .flag(sgd.nesterov)
            .add(self);
    }

    /// Updates parameters by Adam.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, or a moment is missing.
    pub fn adam(&mut self, clock: Clock, adam: Adam, parameters: &Parameters) {
        assert!(parameters.moments.iter().all(Option::is_some), "two moments");
        self.update("adam", clock, parameters, &parameters.moments)
            .float(adam.beta1)
            .float(adam.beta2)
            .float(adam.eps)
            .float(adam.weight_decay)
            .flag(adam.decoupled)
            .add(self);
    }

    fn update(&self, name: &str, clock: Clock, parameters: &Parameters, moments: &[Option<Vector>]) -> Call {
        self.check_clock(clock);
        let Parameters { values, gradients, low, .. } = *parameters;
        let len = values.len;
        let floats: Vec<Vector> = [values].into_iter().chain(moments.iter().copied().flatten()).collect();
        for &vector in &floats {
            self.check_floats(vector, len);
        }
        self.check_vector(gradients, len);
        if let Some(low) = low {
            self.check_vector(low, len);
            assert_eq!(low.format, Format::Bf16, "a copy in bf16");
        }
        let written: Vec<Vector> = floats.iter().copied().chain(low).collect();
        for (i, a) in written.iter().enumerate() {
            for b in written[i + 1..].iter().chain([&gradients]) {
                a.view().assert_disjoint(b.view());
            }
        }
        let wide = len.is_multiple_of(8) && aligned(&written) && aligned(&[gradients]);
        let kernel = suffixed(name, gradients.format.name(), wide);
        let mut call = Call::walk(Family::Optimizer, &kernel, if wide { len / 8 } else { len })
            .raw(Argument::Memory(clock.at))
            .vector(values)
            .vector(gradients);
        for &moment in moments {
            call = call.maybe_vector(moment);
        }
        call.maybe_vector(low).int(len)
    }
}
