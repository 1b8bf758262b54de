//! Channels of several maps in turn.

use std::ops::Range;

use crate::arena::{Arena, Pointer, View};
use crate::geometry::product;
use crate::isa::Isa;
use crate::simd::vectorized;
use crate::threads::Pool;
use crate::tuning::elementwise::LEAST_TASK_FLOATS;

/// out = the first channel of each input, then the second of each, and so on: what a shuffle of channels (Zhang et al. 2017,
/// <https://arxiv.org/abs/1707.01083>) makes of the inputs side by side.
///
/// # Panics
/// If there is no input, sizes do not match, a view reaches beyond the arena, or the output overlaps an input.
pub fn interleave(pool: &Pool, isa: Isa, arena: &mut Arena, inputs: &[View], out: View) {
    arena.check(out);
    let Some(&first) = inputs.first() else { panic!("no map to interleave") };
    for &input in inputs {
        arena.check(input);
        input.assert_disjoint(out);
        assert_eq!((input.pixels, input.channels), (out.pixels, first.channels), "sizes of the maps");
    }
    assert_eq!(product(&[first.channels, inputs.len()]), out.channels, "channels of all maps");
    let pointer = arena.pointer();
    pool.ranges(out.pixels, LEAST_TASK_FLOATS / out.channels.max(1), &|pixels| {
        vectorized!(isa, |p: Pointer, pixels: Range<usize>, inputs: &[View], out: View| {
            for pixel in pixels {
                // SAFETY: the view is inside the arena and apart from the inputs; tasks have different pixels of it.
                let out = unsafe { p.slice_mut(out.pixel(pixel)) };
                // SAFETY: the inputs are inside the arena, and nothing writes them.
                let channels = |input: View| unsafe { p.slice(input.pixel(pixel)) };
                if let &[a, b] = inputs {
                    let (pairs, _) = out.as_chunks_mut::<2>();
                    for ((pair, &a), &b) in pairs.iter_mut().zip(channels(a)).zip(channels(b)) {
                        *pair = [a, b];
                    }
                } else {
                    for (i, &input) in inputs.iter().enumerate() {
                        let turns = out.iter_mut().skip(i).step_by(inputs.len());
                        turns.zip(channels(input)).for_each(|(out, &x)| *out = x);
                    }
                }
            }
        }(
            pointer, pixels, inputs, out
        ));
    });
}
