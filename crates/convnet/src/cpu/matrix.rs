//! Between the state dict's tensors and the engine's packed ones.

use std::cmp::Ordering;
use std::sync::Mutex;

use convnet_kernels::{Isa, MuonMatrix, Panels, Pool, f16, saturating_f16};

use crate::plan::CompileError;
use crate::state::TensorSource;

/// The packed weight of a Conv2d (a matrix a group, or one of all small groups) or a Linear.
///
/// A tensor's row is an output channel and holds its inputs channel by channel, each with its `spots` (kernel
/// elements, or the pixels of a flattened map); the matrix has a column for it, spot by spot.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Matrix {
    /// The layout of one group.
    pub(super) panels: Panels,
    pub(super) groups: usize,
    spots: usize,
    isa: Isa,
}

impl Matrix {
    /// Of a convolution with `k` weights an output channel, and so many input and output channels in each of `groups`.
    pub(super) fn conv(isa: Isa, (k, (channels, out), groups): (usize, (usize, usize), usize)) -> Self {
        Self { panels: Panels::new(isa, k, out), groups, spots: k / channels, isa }
    }

    /// Of a Linear; `order` is the C, H, W of a map that it reads in NHWC order.
    pub(super) fn linear(
        isa: Isa,
        features: usize,
        out: usize,
        order: Option<(usize, usize, usize)>,
    ) -> Self {
        let spots = order.map_or(1, |(_, height, width)| height * width);
        Self { panels: Panels::new(isa, features, out), groups: 1, spots, isa }
    }

    /// As Muon takes it.
    pub(super) fn layout(&self) -> MuonMatrix {
        MuonMatrix { panels: self.panels, groups: self.groups }
    }

    /// Floats of all groups.
    pub(super) fn len(&self) -> usize {
        self.groups * self.panels.len()
    }

    /// The packed matrix of one group.
    pub(super) fn group(&self, g: usize) -> std::ops::Range<usize> {
        g * self.panels.len()..(g + 1) * self.panels.len()
    }

    /// The layout of so many rows of it.
    pub(super) fn rows(&self, rows: usize) -> Panels {
        Panels::new(self.isa, rows, self.panels.n)
    }

    /// The layout of a group's transposed weights: `blocks` blocks of its output channels, `run` columns.
    pub(super) fn transposed(&self, blocks: usize, run: usize) -> Panels {
        Panels::new(self.isa, blocks * self.panels.n, run)
    }

    /// Packs a tensor, each output channel scaled by `scale` where given. It is read a panel's rows at a time,
    /// so that no copy of the whole is made.
    pub(super) fn pack<T: Packed>(
        &self,
        pool: &Pool,
        (source, name): (&dyn TensorSource, &str),
        packed: &mut [T],
        scale: Option<&[f32]>,
    ) -> Result<(), CompileError> {
        let (k, count) = (self.panels.k, self.panels.count());
        let mut rest = packed;
        let mut parts = Vec::with_capacity(self.groups * count);
        for panel in (0..self.groups).flat_map(|_| 0..count) {
            let (part, tail) = rest.split_at_mut(k * self.panels.width(panel));
            parts.push(Mutex::new(part));
            rest = tail;
        }
        let failure = Mutex::new(None);
        let largest = Mutex::new(0.0f32);
        pool.run(parts.len(), &|i| {
            let columns = self.panels.columns(i % count);
            let first = i / count * self.panels.n + columns.start;
            let mut rows = vec![0.0; columns.len() * k];
            if let Err(error) = source.read(name, first * k, &mut rows) {
                let error = CompileError::Read { name: name.to_owned(), reason: error.to_string() };
                *lock(&failure) = Some(error);
                return;
            }
            if let Some(scale) = scale {
                for (row, factor) in rows.chunks_exact_mut(k).zip(&scale[first..]) {
                    row.iter_mut().for_each(|x| *x *= factor);
                }
            }
            if !rows.iter().all(|&x| T::holds(x)) {
                let mut largest = lock(&largest);
                *largest = rows.iter().copied().filter(|x| !x.is_nan()).fold(*largest, farther);
            }
            self.transpose(&rows, self.panels.width(i % count), &mut lock(&parts[i]));
        });
        if let Some(error) = lock(&failure).take() {
            return Err(error);
        }
        let largest = *lock(&largest);
        if T::holds(largest) {
            return Ok(());
        }
        let (name, scaled) = (name.to_owned(), scale.is_some());
        Err(CompileError::HalfRange { name, largest: largest.to_string(), scaled })
    }

    /// Rows of a tensor as the columns of a panel.
    fn transpose<T: Packed>(&self, rows: &[f32], width: usize, panel: &mut [T]) {
        let (k, spots) = (self.panels.k, self.spots);
        let channels = k / spots;
        for at in 0..k {
            let (channel, spot) = (at / spots, at % spots);
            let target = &mut panel[(spot * channels + channel) * width..][..width];
            let mut column = rows[at..].iter().step_by(k);
            target.fill_with(|| T::new(column.next().copied().unwrap_or(0.0)));
        }
    }

    /// Packs a tensor in memory; what lies between the columns stays.
    pub(super) fn arrange(&self, tensor: &[f32], packed: &mut [f32]) {
        for (g, group) in tensor.chunks_exact(self.panels.n * self.panels.k).enumerate() {
            let part = &mut packed[self.group(g)];
            self.each(|at, of_tensor| part[at] = group[of_tensor]);
        }
    }

    /// The tensor of a packed matrix.
    pub(super) fn unpack(&self, packed: &[f32], tensor: &mut [f32]) {
        for (g, group) in tensor.chunks_exact_mut(self.panels.n * self.panels.k).enumerate() {
            let part = &packed[self.group(g)];
            self.each(|at, of_tensor| group[of_tensor] = part[at]);
        }
    }

    /// The places of each of a group's weights: in the packed matrix and in the tensor. In the order of the matrix's rows,
    /// so that both sides are gone through in lines of the cache.
    fn each(&self, mut of: impl FnMut(usize, usize)) {
        let (k, spots) = (self.panels.k, self.spots);
        let channels = k / spots;
        for panel in 0..self.panels.count() {
            let (columns, width, start) =
                (self.panels.columns(panel), self.panels.width(panel), self.panels.start(panel));
            for (channel, spot) in (0..channels).flat_map(|c| (0..spots).map(move |s| (c, s))) {
                let (row, at) = (start + (spot * channels + channel) * width, channel * spots + spot);
                columns.clone().enumerate().for_each(|(i, column)| of(row + i, column * k + at));
            }
        }
    }
}

/// Of two numbers the one farther from 0, the positive one of two as far: the same in any order.
fn farther(a: f32, b: f32) -> f32 {
    match b.abs().total_cmp(&a.abs()) {
        Ordering::Greater => b,
        Ordering::Equal => a.max(b),
        Ordering::Less => a,
    }
}

/// A number that weights are packed in.
pub(super) trait Packed: Send {
    /// The nearest number.
    fn new(value: f32) -> Self;

    /// Whether a weight is within its range, or no number, which it stays.
    fn holds(value: f32) -> bool;
}

impl Packed for f32 {
    fn new(value: f32) -> Self {
        value
    }

    fn holds(_: f32) -> bool {
        true
    }
}

impl Packed for f16 {
    fn new(value: f32) -> Self {
        saturating_f16(value)
    }

    /// What is rounded to the largest half is no loss.
    fn holds(value: f32) -> bool {
        value.is_nan() || f16::from_f32(value).is_finite()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
