//! Muon: momentum, made orthogonal (Jordan 2024).

use std::ops::Range;

use super::orthogonal::{OrthogonalRoom, orthogonalize};
use super::rules::rest;
use crate::arena::Pointer;
use crate::geometry::product;
use crate::isa::Isa;
use crate::panels::Panels;
use crate::threads::Pool;

/// Muon as PyTorch defines it, in float32: v += (1 − momentum)·(g − v); the step is v, or g + momentum·(v − g) with Nesterov,
/// made orthogonal as a matrix of outputs × inputs; p = (1 − lr·decay)·p − lr·scale·step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// Learning rate.
    pub lr: f32,
    /// Decoupled decay.
    pub weight_decay: f32,
    /// Decay of the velocity.
    pub momentum: f32,
    /// Whether the step looks ahead.
    pub nesterov: bool,
    /// Iterations.
    pub steps: usize,
    /// The least norm that the matrix is divided by.
    pub eps: f32,
    /// What the rate of this matrix is multiplied with.
    pub scale: f32,
}

/// How the weights of a layer lie: packed matrices of inputs × outputs, one for each group of channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MuonMatrix {
    /// The layout of a group.
    pub panels: Panels,
    /// Groups.
    pub groups: usize,
}

impl MuonMatrix {
    /// Rows and columns as [`orthogonalize`] takes them: at least as many rows as columns, and whether rows are inputs.
    fn size(&self) -> (usize, usize, bool) {
        let (inputs, outputs) = (self.panels.k, product(&[self.groups, self.panels.n]));
        (inputs.max(outputs), inputs.min(outputs), inputs >= outputs)
    }

    /// The floats of an [`OrthogonalRoom`] for it; `None` if their number overflows.
    pub fn room(&self, isa: Isa) -> Option<[usize; 2]> {
        let outputs = self.groups.checked_mul(self.panels.n)?;
        let (inputs, outputs) = (self.panels.k.max(outputs), self.panels.k.min(outputs));
        OrthogonalRoom::floats(isa, inputs, outputs)
    }

    /// Calls `task` for each panel of each group: where its floats lie, how wide its rows are, and its outputs.
    fn panels(&self, pool: &Pool, task: &(dyn Fn(Range<usize>, usize, Range<usize>) + Sync)) {
        let Self { panels, groups } = *self;
        pool.run(groups * panels.count(), &|i| {
            let (group, panel) = (i / panels.count(), i % panels.count());
            let (columns, width) = (panels.columns(panel), panels.width(panel));
            let start = group * panels.len() + panels.start(panel);
            let outputs = group * panels.n + columns.start..group * panels.n + columns.end;
            task(start..start + panels.k * width, width, outputs);
        });
    }
}

/// Where the elements of a packed row lie in the matrix.
#[derive(Clone, Copy)]
struct Dense {
    matrix: Pointer,
    columns: usize,
    /// Whether rows are inputs.
    upright: bool,
}

impl Dense {
    /// The place of an input's weight of an output.
    fn at(self, input: usize, output: usize) -> usize {
        if self.upright { input * self.columns + output } else { output * self.columns + input }
    }

    /// # Safety
    /// The matrix has this input and output, and nothing else uses their element meanwhile.
    unsafe fn element(self, input: usize, output: usize) -> *mut f32 {
        // SAFETY: the element is inside the matrix, as the caller has it.
        unsafe { self.matrix.at(self.at(input, output)) }
    }
}

/// Updates the weights of a layer and their velocity in place.
///
/// # Panics
/// If lengths do not match the layout, or the room is too small.
pub fn muon(
    pool: &Pool,
    isa: Isa,
    (muon, layout): (Muon, MuonMatrix),
    room: &mut OrthogonalRoom,
    [parameters, velocity]: [&mut [f32]; 2],
    gradients: &[f32],
) {
    let len = product(&[layout.groups, layout.panels.len()]);
    assert_eq!([parameters.len(), velocity.len(), gradients.len()], [len; 3], "packed weights");
    let (rows, columns, upright) = layout.size();
    assert!(product(&[rows, columns]) <= room.matrices.len(), "room for {rows} × {columns}");
    let dense = Dense { matrix: room.matrices.pointer(), columns, upright };
    let (p, v) = (Pointer::of(parameters), Pointer::of(velocity));
    let taken = rest(muon.momentum);
    layout.panels(pool, &|part, width, outputs| {
        // SAFETY: the parts of panels share nothing, and lie in the packed weights, whose length was checked.
        let v = unsafe { v.slice_mut(part.clone()) };
        let lines = v.chunks_exact_mut(width).zip(gradients[part].chunks_exact(width));
        for (input, (v, g)) in lines.enumerate() {
            for ((output, v), g) in outputs.clone().zip(v).zip(g) {
                *v += taken * (g - *v);
                let step = if muon.nesterov { g + muon.momentum * (*v - g) } else { *v };
                // SAFETY: the matrix has an element for each input and output, and panels have different outputs.
                unsafe { *dense.element(input, output) = step };
            }
        }
    });
    orthogonalize(pool, isa, room, (rows, columns), (muon.steps, muon.eps));
    let dense = Dense { matrix: room.matrices.pointer(), columns, upright };
    // Not 1 less it: a factor near 1 is rounded by more than the decay is.
    let decay = muon.lr * muon.weight_decay;
    let rate = muon.lr * muon.scale;
    layout.panels(pool, &|part, width, outputs| {
        // SAFETY: the parts of panels share nothing, and lie in the packed weights, whose length was checked.
        let p = unsafe { p.slice_mut(part) };
        for (input, p) in p.chunks_exact_mut(width).enumerate() {
            for (output, p) in outputs.clone().zip(p) {
                // SAFETY: the matrix has an element for each input and output, and nothing writes it.
                let step = unsafe { *dense.element(input, output) };
                *p -= decay * *p + rate * step;
            }
        }
    });
}
