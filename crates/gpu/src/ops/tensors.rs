//! Updates by a look at a whole tensor: LARS and LAMB by its norms, Muon by its singular values.

use super::call::Call;
use super::optimizer::{Clock, Parameters, Sgd};
use crate::dnn::Precision;
use crate::kernels::Family;
use crate::linear::Matrix;
use crate::list::{Argument, List};
use crate::view::{Format, Vector, View};

/// Threads of a block, and the most blocks of a sum.
const THREADS: usize = 256;
const BLOCKS: usize = 264;
/// Bytes of a line.
const LINE: usize = 256;

/// SGD at a rate by the norms of a tensor and of its gradient (You, Gitman and Ginsburg 2017): the gradient and its penalty are
/// multiplied with coefficient·‖p‖ / (‖g‖ + decay·‖p‖ + eps), or with 1 where a norm is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lars {
    /// What is done with the product.
    pub sgd: Sgd,
    /// What the ratio of norms is multiplied with.
    pub coefficient: f32,
    /// Added to the norms below.
    pub eps: f32,
    /// Whether the step goes at the clock's rate at most (LARC).
    pub clip: bool,
    /// Whether the rate goes by the norms at all.
    pub adapt: bool,
}

/// Adam at a rate by the ratio of the norms of a tensor and of its step (You et al. 2020, algorithm 2). The learning rate and the
/// step's number are the clock's. Keeps the mean and the mean square.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lamb {
    /// Decays of the mean of gradients and of their squares.
    pub betas: [f32; 2],
    /// 1 − each of them.
    pub taken: [f32; 2],
    /// Added to the root of the mean square.
    pub eps: f32,
    /// What of the parameters is added to the step.
    pub weight_decay: f32,
    /// Whether the rate goes by the norms.
    pub adapt: bool,
    /// Whether the ratio is at most 1.
    pub clip: bool,
    /// The sum of the squares of all gradients ([`List::squares`]), and the norm that they are brought down to together.
    pub limit: Option<(usize, f32)>,
}

/// Momentum made orthogonal (Jordan 2024), as PyTorch's `Muon`: v += taken·(g − v); the step is v, or g + momentum·(v − g) with
/// Nesterov, made orthogonal by Newton–Schulz iterations; p −= lr·(decay·p + scale·step). The learning rate is the clock's.
/// Keeps v.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// Share of the old velocity.
    pub momentum: f32,
    /// 1 − momentum.
    pub taken: f32,
    /// Whether the step looks ahead.
    pub nesterov: bool,
    /// Decoupled decay.
    pub weight_decay: f32,
    /// Iterations, each x ← a·x + b·x³ + c·x⁵ of the singular values.
    pub steps: usize,
    /// The polynomial.
    pub coefficients: [f32; 3],
    /// The least norm that the matrix is divided by.
    pub eps: f32,
    /// What the rate is multiplied with.
    pub scale: f32,
}

/// Room for Muon: a number, two matrices of the tensor's size and two squares of its shorter side, each at a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MuonRoom {
    /// The first byte; 256 divides it.
    pub at: usize,
}

impl MuonRoom {
    /// Bytes for a matrix of so many rows and columns; `None` if they cannot be counted.
    pub fn bytes(rows: usize, columns: usize) -> Option<usize> {
        let line = |floats: usize| floats.checked_mul(4)?.checked_next_multiple_of(LINE);
        let side = rows.min(columns);
        let both = line(rows.checked_mul(columns)?)?.checked_add(line(side.checked_mul(side)?)?)?;
        both.checked_mul(2)?.checked_add(LINE)
    }

    /// The number, both matrices, both squares.
    fn parts(self, rows: usize, columns: usize) -> (Vector, [View; 2], [View; 2]) {
        let side = rows.min(columns);
        let [matrix, square] =
            [rows * columns, side * side].map(|floats| (4 * floats).next_multiple_of(LINE));
        let first = self.at + LINE;
        let dense = |at, rows, columns| View::dense(at, rows, columns, Format::F32);
        let squares = first + 2 * matrix;
        (
            Vector::new(self.at, 1),
            [dense(first, rows, columns), dense(first + matrix, rows, columns)],
            [dense(squares, side, side), dense(squares + square, side, side)],
        )
    }
}

impl List {
    fn flat_sums(&mut self, kernel: &str, len: usize, sums: usize) -> (Call, [Argument; 2]) {
        let blocks = len.div_ceil(4 * THREADS).clamp(1, BLOCKS);
        self.reserve(8 * blocks * sums);
        let call = Call::grid(Family::Tensors, kernel, [blocks, 1, 1], THREADS as u32);
        (call, [Argument::Scratch(0), Argument::Counters])
    }

    /// out (+)= Σ x², a number of double precision at a byte that 8 divides.
    ///
    /// # Panics
    /// If they do not fit the block.
    pub fn squares(&mut self, values: Vector, out: usize, accumulate: bool) {
        self.check_floats(values, 1);
        self.check_double(out);
        let (call, [part, counters]) = self.flat_sums("squares_f32", values.len, 1);
        call.vector(values)
            .int(values.len)
            .raw(part)
            .raw(counters)
            .raw(Argument::Memory(out))
            .flag(accumulate)
            .add(self);
    }

    fn check_double(&self, at: usize) {
        self.check_floats(Vector::new(at, 2), 2);
        assert!(at.is_multiple_of(8), "a number of double precision at {at}, which 8 divides");
    }

    /// Updates one tensor by LARS; `trust` is room for its ratio.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, gradients are not in single precision, or a momentum has no velocity.
    pub fn lars(&mut self, clock: Clock, lars: Lars, parameters: &Parameters, trust: Vector) {
        let Lars { sgd, coefficient, eps, clip, adapt } = lars;
        if !adapt {
            return self.sgd(clock, sgd, parameters);
        }
        self.check_tensor(clock, parameters, trust);
        let Parameters { values, gradients, .. } = *parameters;
        let (call, [part, counters]) = self.flat_sums("lars_trust_f32", values.len, 2);
        call.raw(Argument::Memory(clock.at))
            .vector(values)
            .vector(gradients)
            .int(values.len)
            .raw(part)
            .raw(counters)
            .vector(trust)
            .float(coefficient)
            .float(sgd.weight_decay)
            .float(eps)
            .flag(clip)
            .add(self);
        self.trusted_sgd(clock, sgd, parameters, Some(trust));
    }

    /// Updates one tensor by LAMB; `rate` is room for its rate.
    ///
    /// # Panics
    /// If ranges do not fit the block and one another, gradients are not in single precision, or one of the first two moments is
    /// missing.
    pub fn lamb(&mut self, clock: Clock, lamb: Lamb, parameters: &Parameters, rate: Vector) {
        self.check_tensor(clock, parameters, rate);
        let Parameters { values, gradients, moments, .. } = *parameters;
        let [Some(first), Some(second), _] = moments else { panic!("two moments") };
        let (call, [part, counters]) = self.flat_sums("lamb_take_f32", values.len, 2);
        let (squares, limit) = match lamb.limit {
            Some((at, limit)) => {
                self.check_double(at);
                (Argument::Memory(at), limit)
            }
            None => (Argument::Null, 0.0),
        };
        call.raw(Argument::Memory(clock.at))
            .vector(values)
            .vector(gradients)
            .vector(first)
            .vector(second)
            .int(values.len)
            .raw(part)
            .raw(counters)
            .vector(rate)
            .raw(squares)
            .float(limit)
            .float(lamb.betas[0])
            .float(lamb.betas[1])
            .float(lamb.taken[0])
            .float(lamb.taken[1])
            .float(lamb.eps)
            .float(lamb.weight_decay)
            .flag(lamb.adapt)
            .flag(lamb.clip)
            .add(self);
        Call::walk(Family::Tensors, "lamb_move_f32", values.len)
            .raw(Argument::Memory(clock.at))
            .vector(values)
            .vector(first)
            .vector(second)
            .int(values.len)
            .vector(rate)
            .float(lamb.taken[0])
            .float(lamb.taken[1])
            .float(lamb.eps)
            .float(lamb.weight_decay)
            .add(self);
    }

    /// Updates a matrix of so many rows, one after another, by Muon.
    ///
    /// # Panics
    /// If ranges or the room do not fit the block and one another, gradients are not in single precision, or there is no velocity.
    pub fn muon(&mut self, clock: Clock, muon: Muon, parameters: &Parameters, rows: usize, room: MuonRoom) {
        let Parameters { values, gradients, moments, .. } = *parameters;
        let Some(velocity) = moments[0] else { panic!("a velocity") };
        assert!(rows > 0 && values.len.is_multiple_of(rows), "{values:?} of {rows} rows");
        let columns = values.len / rows;
        let bytes = MuonRoom::bytes(rows, columns).expect("a room that fits memory");
        assert!(room.at.is_multiple_of(LINE), "{room:?} at a line");
        self.check_tensor(clock, parameters, Vector::new(room.at, bytes / 4));
        self.check_floats(Vector::new(room.at, bytes / 4), bytes / 4);
        let (number, [mut matrix, mut next], [gram, square]) = room.parts(rows, columns);
        let len = values.len;
        let (call, [part, counters]) = self.flat_sums("muon_take_f32", len, 1);
        call.vector(gradients)
            .vector(velocity)
            .raw(Argument::Memory(matrix.at))
            .int(len)
            .raw(part)
            .raw(counters)
            .vector(number)
            .float(muon.momentum)
            .float(muon.taken)
            .flag(muon.nesterov)
            .float(muon.eps)
            .add(self);
        Call::walk(Family::Tensors, "scale_f32", len)
            .raw(Argument::Memory(matrix.at))
            .int(len)
            .vector(number)
            .add(self);
        let side = rows.min(columns);
        let [a, b, c] = muon.coefficients;
        for _ in 0..muon.steps {
            let x = Matrix::of(matrix);
            let factors = if rows <= columns { [x, x.transpose()] } else { [x.transpose(), x] };
            self.product(Precision::F32, (side, side, rows.max(columns)), factors, gram);
            let factor = Matrix::of(gram);
            self.product(Precision::F32, (side, side, side), [factor, factor], square);
            Call::walk(Family::Tensors, "polynomial_f32", side * side)
                .raw(Argument::Memory(gram.at))
                .raw(Argument::Memory(square.at))
                .int(side)
                .float(a)
                .float(b)
                .float(c)
                .add(self);
            let factor = Matrix::of(square);
            let factors = if rows <= columns { [factor, x] } else { [x, factor] };
            self.product(Precision::F32, (rows, columns, side), factors, next);
            std::mem::swap(&mut matrix, &mut next);
        }
        Call::walk(Family::Tensors, "muon_move_f32", len)
            .raw(Argument::Memory(clock.at))
            .vector(values)
            .raw(Argument::Memory(matrix.at))
            .int(len)
            .float(muon.scale)
            .float(muon.weight_decay)
            .add(self);
    }

    /// # Panics
    /// If something does not fit the block and the rest.
    fn check_tensor(&self, clock: Clock, parameters: &Parameters, number: Vector) {
        self.check_clock(clock);
        self.check_floats(number, 1);
        let Parameters { values, gradients, moments, low } = *parameters;
        assert!(low.is_none(), "no copy in bf16");
        assert_eq!(gradients.format, Format::F32, "gradients in single precision");
        let all: Vec<Vector> = [values, gradients].into_iter().chain(moments.into_iter().flatten()).collect();
        for (i, vector) in all.iter().enumerate() {
            self.check_floats(*vector, values.len);
            for other in &all[..i] {
                vector.view().assert_disjoint(other.view());
            }
            vector.view().assert_disjoint(number.view());
        }
    }
}
