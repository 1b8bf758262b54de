//! Updates of flat parameters, and what changes from step to step.

use super::call::{Call, suffixed};
use super::elementwise::aligned;
use crate::kernels::Family;
use crate::list::{Argument, List};
use crate::view::{Format, Vector};

/// Where the numbers lie that change from step to step, so that a captured graph need not change: 40 bytes of memory.
///
/// In order: the seed, the steps begun and the step's key (64 bits each), the learning rate and the product of NAdam's momenta up
/// to the step (single precision), the number of the first image in its batch (64 bits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// The first byte; 8 divides it.
    pub at: usize,
}

impl Clock {
    /// Bytes of memory.
    pub const BYTES: usize = 40;

    /// Its memory for whole batches: the learning rate, and the product of momenta, which NAdam alone reads. Updates read `steps` as
    /// their own number, from 1; it is one less before a [tick](List::tick).
    pub fn bytes(seed: u64, steps: u64, [rate, product]: [f32; 2]) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        bytes[8..16].copy_from_slice(&steps.to_le_bytes());
        bytes[24..28].copy_from_slice(&rate.to_le_bytes());
        bytes[28..32].copy_from_slice(&product.to_le_bytes());
        bytes
    }

    /// Sets the step's key, and the number of the first image, in its memory.
    pub fn begin(bytes: &mut [u8; Self::BYTES], key: u64, first: u64) {
        bytes[16..24].copy_from_slice(&key.to_le_bytes());
        bytes[32..].copy_from_slice(&first.to_le_bytes());
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
    /// What the rule keeps of earlier gradients: zeros before the first update, but for a sum of squares that begins at more.
    pub moments: [Option<Vector>; 3],
    /// The parameters in bf16, written on the way.
    pub low: Option<Vector>,
}

/// Stochastic gradient descent as PyTorch defines it: g += decay·p; v = momentum·v + taken·g (v = g at first);
/// p −= lr·v, or p −= lr·(g + momentum·v) with Nesterov. The learning rate and the step's number are the clock's. Keeps v, where
/// there is momentum.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Share of the old velocity.
    pub momentum: f32,
    /// What of the gradient the velocity takes in: 1 − dampening.
    pub taken: f32,
    /// L2 penalty.
    pub weight_decay: f32,
    /// Whether the step looks ahead (Nesterov 1983).
    pub nesterov: bool,
}

/// Adam (Kingma and Ba 2015, algorithm 1), or AdamW with decoupled decay (Loshchilov and Hutter 2019). The learning rate
/// and the step's number are the clock's. Keeps the mean and the mean square, and with AMSGrad (Reddi, Kale and Kumar 2018) the
/// largest mean square so far, which divides then.
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

/// Adam with Nesterov's momentum (Dozat 2016) as PyTorch defines it. The learning rate, the step's number and the product of
/// momenta are the clock's. Keeps the mean and the mean square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Nadam {
    /// Decays of the mean of gradients and of their squares.
    pub betas: [f32; 2],
    /// 1 − each of them.
    pub taken: [f32; 2],
    /// Added to the root of the mean square.
    pub eps: f32,
    /// L2 penalty, or decoupled decay.
    pub weight_decay: f32,
    /// How fast the momentum of a step, β₁·(1 − ½·0.96^(step·decay)), comes near β₁.
    pub momentum_decay: f32,
    /// Whether decay acts on the parameters and not through the gradient.
    pub decoupled: bool,
}

/// RMSprop (Hinton 2012) as PyTorch defines it. The learning rate is the clock's. Keeps the mean square, the mean where it is
/// centered (Graves 2013), and the velocity where there is momentum: in this order, each at its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Decay of the means.
    pub alpha: f32,
    /// 1 − alpha.
    pub taken: f32,
    /// Added to the root.
    pub eps: f32,
    /// L2 penalty.
    pub weight_decay: f32,
    /// Share of the old velocity.
    pub momentum: f32,
}

/// Adagrad (Duchi, Hazan and Singer 2011) as PyTorch defines it. The learning rate and the step's number are the clock's. Keeps the
/// sum of squares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adagrad {
    /// The rate of a step is lr / (1 + (step − 1)·decay).
    pub lr_decay: f32,
    /// Added to the root.
    pub eps: f32,
    /// L2 penalty.
    pub weight_decay: f32,
}

/// Lion (Chen et al. 2023): the sign of a mean of gradients. The learning rate is the clock's. Keeps the mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lion {
    /// What of the mean the step takes beside the gradient, and the decay of the mean that is kept.
    pub betas: [f32; 2],
    /// 1 − each of them.
    pub taken: [f32; 2],
    /// Decoupled decay.
    pub weight_decay: f32,
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
        self.trusted_sgd(clock, sgd, parameters, None);
    }

    /// The same of gradients and penalties that are multiplied with a number that was checked.
    pub(super) fn trusted_sgd(
        &mut self,
        clock: Clock,
        sgd: Sgd,
        parameters: &Parameters,
        trust: Option<Vector>,
    ) {
        let velocity = parameters.moments[0].filter(|_| sgd.momentum != 0.0);
        assert!(sgd.momentum == 0.0 || velocity.is_some(), "a velocity where there is momentum");
        self.update("sgd", clock, parameters, &[velocity])
            .maybe_vector(trust)
            .float(sgd.momentum)
            .float(sgd.taken)
            .float(sgd.weight_decay)
            .flag(sgd.nesterov)
            .add(self);
    }

    /// Updates parameters by Adam, with AMSGrad where there is a third moment.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, or one of the first two moments is missing.
    pub fn adam(&mut self, clock: Clock, adam: Adam, parameters: &Parameters) {
        assert!(parameters.moments[..2].iter().all(Option::is_some), "two moments");
        self.update("adam", clock, parameters, &parameters.moments)
            .float(adam.beta1)
            .float(adam.beta2)
            .float(adam.eps)
            .float(adam.weight_decay)
            .flag(adam.decoupled)
            .add(self);
    }

    /// Updates parameters by NAdam.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, or one of the first two moments is missing.
    pub fn nadam(&mut self, clock: Clock, nadam: Nadam, parameters: &Parameters) {
        let moments = &parameters.moments[..2];
        assert!(moments.iter().all(Option::is_some), "two moments");
        self.update("nadam", clock, parameters, moments)
            .float(nadam.betas[0])
            .float(nadam.betas[1])
            .float(nadam.taken[0])
            .float(nadam.taken[1])
            .float(nadam.eps)
            .float(nadam.weight_decay)
            .float(nadam.momentum_decay)
            .flag(nadam.decoupled)
            .add(self);
    }

    /// Updates parameters by RMSprop: centered where there is a second moment, with momentum where there is a third.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, if the first moment is missing, or the third where there is momentum, or
    /// there where there is none.
    pub fn rmsprop(&mut self, clock: Clock, rmsprop: RmsProp, parameters: &Parameters) {
        let [square, _, velocity] = parameters.moments;
        assert!(square.is_some(), "a mean square");
        assert_eq!(velocity.is_some(), rmsprop.momentum != 0.0, "a velocity where there is momentum");
        self.update("rmsprop", clock, parameters, &parameters.moments)
            .float(rmsprop.alpha)
            .float(rmsprop.taken)
            .float(rmsprop.eps)
            .float(rmsprop.weight_decay)
            .float(rmsprop.momentum)
            .add(self);
    }

    /// Updates parameters by Adagrad.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, or the first moment is missing.
    pub fn adagrad(&mut self, clock: Clock, adagrad: Adagrad, parameters: &Parameters) {
        assert!(parameters.moments[0].is_some(), "a sum of squares");
        self.update("adagrad", clock, parameters, &parameters.moments[..1])
            .float(adagrad.lr_decay)
            .float(adagrad.eps)
            .float(adagrad.weight_decay)
            .add(self);
    }

    /// Updates parameters by Lion.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, or the first moment is missing.
    pub fn lion(&mut self, clock: Clock, lion: Lion, parameters: &Parameters) {
        assert!(parameters.moments[0].is_some(), "a mean");
        self.update("lion", clock, parameters, &parameters.moments[..1])
            .float(lion.betas[0])
            .float(lion.betas[1])
            .float(lion.taken[0])
            .float(lion.taken[1])
            .float(lion.weight_decay)
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
