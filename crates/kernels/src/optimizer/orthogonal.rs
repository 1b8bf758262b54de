//! The nearest orthogonal matrix, nearly: Newton–Schulz iterations on the kernels of convolutions.

use crate::arena::{Arena, View};
use crate::flat;
use crate::geometry::{Geometry, product};
use crate::igemm::{Igemm, Weights, igemm};
use crate::isa::Isa;
use crate::outer::{Outer, most_scratch, outer};
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::threads::Pool;

/// The polynomial of an iteration, a·x + b·x³ + c·x⁵: steep at 0, and within 0.7 … 1.2 after five of them (Jordan 2024,
/// "Muon: An optimizer for hidden layers in neural networks").
pub const NEWTON_SCHULZ: [f32; 3] = [3.4445, -4.7750, 2.0315];

/// Room for the matrices of [`orthogonalize`]: the matrix at the start of `matrices`, `rows × columns` row by row.
#[derive(Debug)]
pub struct OrthogonalRoom {
    /// The matrix, what an iteration makes of it, and two squares.
    pub matrices: Arena,
    /// A square as the right operand of a product, and room for the sums of its parts.
    pub packed: Arena,
}

impl OrthogonalRoom {
    /// The floats of both that matrices of up to `rows × columns` need; `None` if their number overflows.
    pub fn floats(isa: Isa, rows: usize, columns: usize) -> Option<[usize; 2]> {
        let square = columns.checked_mul(columns)?;
        let both = rows.checked_mul(columns)?.checked_add(square)?.checked_mul(2)?;
        // The widest panels: `Panels` panics where the number overflows, which the square of wider columns tells.
        columns.checked_add(64)?.checked_mul(columns)?;
        let sums = most_scratch(rows.checked_mul(columns)?.checked_mul(2)?);
        Some([both, Panels::new(isa, columns, columns).len().checked_add(sums)?])
    }
}

/// The largest divisor of a number of rows at which the rows are cut: a whole block of them.
fn width_of(rows: usize) -> usize {
    const LONGEST: usize = 128;
    (1..=rows.min(LONGEST)).rev().find(|width| rows.is_multiple_of(*width)).unwrap_or(1)
}

/// Makes the matrix `rows × columns` at the start of the room orthogonal, nearly: of its singular values all come near 1,
/// by `steps` iterations from the matrix over its norm, or over `eps` if that is less. It is fastest where there are at least
/// as many rows as columns. The result is at the start of the room.
///
/// # Panics
/// If the room is too small.
pub fn orthogonalize(
    pool: &Pool,
    isa: Isa,
    room: &mut OrthogonalRoom,
    (rows, columns): (usize, usize),
    (steps, eps): (usize, f32),
) {
    let len = product(&[rows, columns]);
    let panels = Panels::new(isa, columns, columns);
    let (packed, sums) = room.packed.as_mut_slice().split_at_mut(panels.len());
    let arena = &mut room.matrices;
    let mut matrix = View::dense(0, rows, columns);
    let mut next = View::dense(len, rows, columns);
    let gram = View::dense(2 * len, columns, columns);
    let square = View::dense(2 * len + columns * columns, columns, columns);
    let norm = flat::sum_of_squares(pool, isa, &arena.as_slice()[..len]).sqrt();
    let factor = (1.0 / norm.max(f64::from(eps))) as f32;
    flat::scale(pool, isa, &mut arena.as_mut_slice()[..len], factor);
    let width = width_of(rows);
    let walk = Geometry::pointwise((rows / width, width), columns);
    let [a, b, c] = NEWTON_SCHULZ;
    for _ in 0..steps {
        // gram = Xᵀ·X
        let call = Outer { geometry: &walk, batch: 1, input: matrix, output_gradient: matrix, panels };
        outer(pool, isa, arena, &call, packed, sums);
        unpack(packed, panels, &mut arena.as_mut_slice()[gram.offset..][..columns * columns]);
        // square = gram²
        let plain = Geometry::rows(columns);
        multiply(pool, isa, arena, (&plain, columns), (gram, packed, square));
        // X = X·(a + b·gram + c·gram²)
        let values = &arena.as_slice()[gram.offset..];
        let (gram, square) = values.split_at(columns * columns);
        panels.pack(packed, |row, column| {
            let at = row * columns + column;
            b * gram[at] + c * square[at] + if row == column { a } else { 0.0 }
        });
        multiply(pool, isa, arena, (&walk, 1), (matrix, packed, next));
        std::mem::swap(&mut matrix, &mut next);
    }
    if matrix.offset > 0 {
        arena.as_mut_slice().copy_within(len..2 * len, 0);
    }
}

/// out = left · packed, both with the packed matrix's columns.
fn multiply(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    (geometry, batch): (&Geometry, usize),
    (left, packed, out): (View, &[f32], View),
) {
    let call = Igemm {
        geometry,
        batch,
        input: left,
        weights: Weights::Single(packed),
        panels: Panels::new(isa, left.channels, out.channels),
        bias: None,
        addend: None,
        before: None,
        relu: Rectifier::None,
        out,
    };
    igemm(pool, isa, arena, &call, None);
}

/// A packed matrix row by row.
fn unpack(packed: &[f32], panels: Panels, rows: &mut [f32]) {
    for panel in 0..panels.count() {
        let (columns, width) = (panels.columns(panel), panels.width(panel));
        let part = &packed[panels.start(panel)..][..panels.k * width];
        for (row, values) in rows.chunks_exact_mut(panels.n).zip(part.chunks_exact(width)) {
            row[columns.clone()].copy_from_slice(&values[..columns.len()]);
        }
    }
}
