//! Sums of columns: the gradient of a bias, of what a ReLU let through.

use crate::activation::{let_through, relu_backward};
use crate::arena::{Arena, Pointer, View};
use crate::elementwise::map_part;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::column_sums::{BLOCK_ROWS, LEAST_TASK_FLOATS, NARROW_FLOATS, STRIP_FLOATS, TASK_CHANNELS};

/// Sums of the columns of a view, the gradient of a bias: `sums[c] = Σ_p view[p][c]`. Where there is an `output` that a ReLU wrote, what
/// lies at places that it left at zero becomes zero first, as by [`relu_backward`].
///
/// Pixels are summed in blocks of a fixed size, which are added up in order; those of a narrow view without gaps several at a time.
///
/// # Panics
/// If a view reaches beyond the arena, the output is of another size or overlaps the view, or `sums` is shorter than its channels.
pub fn column_sums(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    (view, mut output): (View, Option<View>),
    sums: &mut [f32],
) {
    let channels = view.channels;
    let sums = &mut sums[..channels];
    arena.check_alike(view, output.as_slice());
    if let Some(output) = output {
        view.assert_disjoint(output);
    }
    sums.fill(0.0);
    if channels == 0 {
        return;
    }
    let together = if view.is_dense() { (NARROW_FLOATS / channels).max(1) } else { 1 };
    if let Some(spread) = output.take_if(|output| together > 1 && !output.is_dense()) {
        relu_backward(pool, isa, arena, spread, view);
    }
    let pointer = arena.pointer();
    // Rows of several pixels, and the pixels that are no whole row.
    let rows = view.pixels / together;
    if rows * together < view.pixels {
        let rest = |view: View| view.part(rows * together..view.pixels);
        // SAFETY: the views were checked above, alike and apart, and these are their last pixels.
        unsafe { sum_rows(isa, pointer, (rest(view), output.map(rest)), sums) };
    }
    let wide = |view: View| View {
        pixels: rows,
        channels: together * channels,
        stride: together * view.stride,
        ..view
    };
    let (view, output) = (wide(view), output.map(wide));
    let blocks = rows.div_ceil(BLOCK_ROWS);
    // Few blocks are shared by their columns.
    let tasks = pool.parts(rows * view.channels / LEAST_TASK_FLOATS);
    let groups = tasks.div_ceil(blocks.max(1)).min(view.channels.div_ceil(TASK_CHANNELS));
    let mut parts = vec![0.0; blocks * view.channels];
    let target = Pointer::of(&mut parts);
    pool.run(blocks * groups, &|task| {
        let (block, group) = (task / groups, task % groups);
        let [first, past] = [group, group + 1].map(|group| group * view.channels / groups);
        let pixels = block * BLOCK_ROWS..((block + 1) * BLOCK_ROWS).min(rows);
        let part = |view: View| view.part(pixels.clone()).slice(first, past - first);
        let columns = block * view.channels + first..block * view.channels + past;
        // SAFETY: the views were checked above, alike and apart; tasks have different rows or columns of them, and so of
        // the parts, which have a row of all columns for each block.
        unsafe { sum_rows(isa, pointer, (part(view), output.map(part)), target.slice_mut(columns)) };
    });
    let mut of_rows = vec![0.0; view.channels];
    for part in parts.chunks_exact(view.channels) {
        of_rows.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
    for part in of_rows.chunks_exact(channels) {
        sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += x);
    }
}

/// Adds up the pixels of a view, of which those that a ReLU did not let through become zeros first.
///
/// # Safety
/// The views, alike, lie in the block of `pointer` and share nothing; meanwhile nothing writes the output, and nothing else uses the
/// first.
unsafe fn sum_rows(isa: Isa, pointer: Pointer, (view, output): (View, Option<View>), sums: &mut [f32]) {
    let strip = (STRIP_FLOATS / view.channels.max(1)).max(1);
    for first in (0..view.pixels).step_by(strip) {
        let part = |view: View| view.part(first..(first + strip).min(view.pixels));
        if let Some(output) = output {
            // SAFETY: the caller has the views inside the block, alike and apart, the written one for itself.
            unsafe { map_part(isa, pointer, [part(output)], part(view), let_through) };
        }
        let rows = part(view);
        vectorized!(isa, |pointer: Pointer, rows: View, sums: &mut [f32]| {
            for pixel in 0..rows.pixels {
                // SAFETY: the caller of `sum_rows` has the view inside the block, and nothing writes it now.
                let row = unsafe { pointer.slice(rows.pixel(pixel)) };
                sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
            }
        }(pointer, rows, sums));
    }
}
