//! The input's gradient of a convolution with few channels: products added to overlapping kernel rows.
//!
//! In NHWC a kernel row of a thin input is one run of floats. Each output position adds its gradient times a
//! kernel row's weights to that run; positions below one another never overlap, so that they form a tile.

use crate::ahead::Span;
use crate::arena::{Arena, Pointer, View};
use crate::geometry::{Geometry, product};
use crate::isa::Isa;
use crate::panels::Panels;
use crate::rectifier::Rectifier;
use crate::simd::{Simd, dispatch};
use crate::threads::Pool;
use crate::tile::{MAX_ROWS, ONE_TAP, Tile, multiply};
use crate::tuning::scatter::LEAST_TASK_IMAGES;

/// `input_gradient (+)=` the output's gradient times the transposed weights, by kernel row.
#[derive(Clone, Copy, Debug)]
pub struct Scatter<'a> {
    /// The forward convolution's walk, whose runs span whole kernel rows.
    pub geometry: &'a Geometry,
    /// Images.
    pub batch: usize,
    /// The gradient of the output.
    pub output_gradient: View,
    /// For each tap a packed matrix: output channels × run.
    pub weights: &'a [f32],
    /// The layout of one of them.
    pub panels: Panels,
    /// The gradient of the input, without gaps.
    pub input_gradient: View,
    /// Whether the products are added to what is there.
    pub accumulate: bool,
}

/// Runs a scattered product; each image is one task.
///
/// # Panics
/// If a view reaches beyond the arena, views overlap, or lengths do not match the geometry.
pub fn scatter(pool: &Pool, isa: Isa, arena: &mut Arena, call: &Scatter<'_>) {
    let Scatter { geometry, batch, output_gradient, panels, input_gradient, .. } = *call;
    arena.check(output_gradient);
    arena.check(input_gradient);
    input_gradient.assert_disjoint(output_gradient);
    geometry.check(batch, input_gradient, output_gradient);
    assert!(input_gradient.is_dense(), "{input_gradient:?} has gaps");
    assert!(geometry.step.0 > 0 && geometry.spread == (1, 1) && geometry.origin == (0, 0), "a forward walk");
    assert_eq!(geometry.grid, geometry.output, "a forward walk");
    assert_eq!(panels, Panels::new(isa, output_gradient.channels, geometry.run), "another product's layout");
    assert_eq!(
        call.weights.len(),
        product(&[geometry.taps.len(), panels.len()]),
        "length of the packed weights"
    );
    for tap in &geometry.taps {
        let last = (geometry.grid.0.max(1) - 1) * geometry.step.0;
        let inside = tap.dy >= 0 && tap.dx >= 0 && last + tap.dy.unsigned_abs() < geometry.input.0;
        let across = (geometry.grid.1.max(1) - 1) * geometry.step.1 + tap.dx.unsigned_abs() + geometry.span;
        assert!(inside && across <= geometry.input.1, "{tap:?} leaves the input");
    }
    let isa = isa.for_columns(panels.n);
    let pointer = arena.pointer();
    pool.ranges(batch, LEAST_TASK_IMAGES, &|images| {
        for image in images {
            // SAFETY: views, walk, panels and lengths were checked above; images are part of the batch, each of one
            // task, and nothing writes the output's gradient.
            unsafe { dispatch!(isa, scatter_image(call: &Scatter<'_>, pointer: Pointer, image: usize)) };
        }
    });
}

/// The products of one image.
///
/// # Safety
/// [`scatter`] has checked the call against the block of `arena`, and `image` is one of its batch. Meanwhile nothing
/// writes the output's gradient, and nothing else uses this image of the input's. The CPU has the instruction set.
#[inline(always)]
unsafe fn scatter_image<S: Simd>(call: &Scatter<'_>, arena: Pointer, image: usize) {
    let (geometry, panels) = (call.geometry, call.panels);
    let (grid, width) = (geometry.grid, geometry.input.1);
    let target = call.input_gradient;
    let image_floats = geometry.input.0 * width * target.channels;
    let start = target.offset + image * image_floats;
    if !call.accumulate {
        // SAFETY: the image lies in the checked view, which has no gaps, and is the caller's alone.
        unsafe { arena.slice_mut(start..start + image_floats) }.fill(0.0);
    }
    let tiles = grid.0.div_ceil(S::ROWS);
    for (t, tap) in geometry.taps.iter().enumerate() {
        for panel in 0..panels.count() {
            let columns = panels.columns(panel);
            let weights = call.weights[t * panels.len() + panels.start(panel)..].as_ptr();
            for x in 0..grid.1 {
                for i in 0..tiles {
                    let rows = i * grid.0 / tiles..(i + 1) * grid.0 / tiles;
                    let mut input = [std::ptr::null::<f32>(); MAX_ROWS];
                    let mut output = [std::ptr::null_mut::<f32>(); MAX_ROWS];
                    let mut addend = [std::ptr::null::<f32>(); MAX_ROWS];
                    for (m, y) in rows.clone().enumerate() {
                        let pixel = (image * grid.0 + y) * grid.1 + x;
                        let row = y * geometry.step.0 + tap.dy.unsigned_abs();
                        let column = x * geometry.step.1 + tap.dx.unsigned_abs();
                        // SAFETY: `scatter` has checked that the grid is the output's map, and that each tap's run
                        // stays in the input's map from every position of it on.
                        unsafe {
                            input[m] = arena.at(call.output_gradient.pixel(pixel).start);
                            output[m] = arena.at(start + (row * width + column) * target.channels);
                        }
                        addend[m] = output[m];
                    }
                    let tile = Tile {
                        input: input.as_ptr(),
                        pitch: rows.len(),
                        taps: 1,
                        order: ONE_TAP.as_ptr(),
                        run: panels.k,
                        weights,
                        beside: std::ptr::null(),
                        ahead: Span::at(weights),
                        bias: std::ptr::null(),
                        addend: addend.as_ptr(),
                        output: output.as_ptr(),
                        column: columns.start,
                        columns: columns.len(),
                        rows: rows.len(),
                        relu: Rectifier::None,
                    };
                    // SAFETY: inputs are pixels of `panels.k` channels, outputs runs of `panels.n` floats in
                    // different rows of the map, so that none overlaps another; the panel is cut from the tap's
                    // weights as `Panels` says.
                    unsafe { multiply::<S, f32>(tile) };
                }
            }
        }
    }
}
