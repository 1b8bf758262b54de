//! Convolutions of a grey image to a few channels: vectors lie along a row of pixels.
//!
//! With up to eight output channels a vector of channels, as in the indirect GEMM, is mostly empty, and each
//! multiply-add needs a number of its own from the image. Along the row both are dense: a vector of neighbouring
//! pixels is used for every channel.

use std::ops::Range;

use crate::arena::{Arena, Pointer};
use crate::geometry::{Geometry, Tap};
use crate::igemm::{Igemm, Weights};
use crate::isa::Isa;
use crate::moments::moments;
use crate::outer::Outer;
use crate::simd::{Simd, WIDEST_LANES, array, dispatch};
use crate::threads::Pool;
use crate::tuning::rows::{GRADIENT_TASKS, LEAST_TASK_PRODUCTS, MOST_CHANNELS, TILE_SHIFTS, TILE_VECTORS};

/// Whether products of `columns` columns go along rows of pixels: walks over images of one channel by whole kernel
/// rows, all taps inside, to a few channels.
pub fn along_rows(geometry: &Geometry, channels: usize, columns: usize) -> bool {
    let inside = |tap: &Tap| {
        usize::try_from(tap.dy).is_ok_and(|dy| dy <= geometry.input.0.saturating_sub(geometry.grid.0))
    };
    channels == 1
        && (1..=MOST_CHANNELS).contains(&columns)
        && geometry.span > 1
        && geometry.run == geometry.span
        && geometry.step == (1, 1)
        && geometry.spread == (1, 1)
        && geometry.origin == (0, 0)
        && geometry.output == geometry.grid
        && geometry.grid.0 <= geometry.input.0
        && geometry.taps.iter().all(inside)
}

/// The product of [`igemm`](crate::igemm()) for a call that goes [`along_rows`], without an addend, with nothing before it
/// and with weights in single precision; `statistics` as there.
///
/// # Panics
/// As [`igemm`](crate::igemm()), or if the call is another one.
pub fn rows_product(
    pool: &Pool,
    isa: Isa,
    arena: &mut Arena,
    call: &Igemm<'_>,
    statistics: Option<[&mut [f32]; 2]>,
) {
    let written = call.check(isa, arena, statistics.is_some());
    let Weights::Single(weights) = call.weights else { panic!("weights in half precision along rows") };
    assert!(call.addend.is_none() && call.before.is_none(), "rows add nothing and change nothing first");
    assert!(
        along_rows(call.geometry, call.input.channels, call.panels.n),
        "{:?} goes along rows",
        call.geometry
    );
    if written == 0 {
        statistics.into_iter().flatten().for_each(|vector| vector.fill(0.0));
        return;
    }
    // SAFETY: views, geometry, panels and lengths were checked above, and `along_rows` holds; there is no addend.
    unsafe { convolve(pool, isa, arena, (call, weights)) };
    if let Some(vectors) = statistics {
        moments(pool, isa, arena, call.out, vectors);
    }
}

/// Runs the product of a call that goes [`along_rows`], without an addend.
///
/// # Safety
/// The call goes [`along_rows`], and [`Igemm::check`] has checked it against the arena: views, geometry, panels and lengths;
/// the weights are its own.
unsafe fn convolve(pool: &Pool, isa: Isa, arena: &mut Arena, (call, weights): (&Igemm<'_>, &[f32])) {
    let pointer = arena.pointer();
    let rows = call.batch * call.geometry.grid.0;
    let least = LEAST_TASK_PRODUCTS.div_ceil((call.panels.k * call.panels.n * call.geometry.grid.1).max(1));
    pool.ranges(rows, least, &|rows| {
        // SAFETY: the caller has checked the call; `ranges` gives rows of the grid, each to one task, and nothing
        // writes the input.
        unsafe {
            dispatch!(isa, rows_of(call: &Igemm<'_>, pointer: Pointer, weights: &[f32], rows: Range<usize>));
        }
    });
}

/// Some rows of the grid over all images.
///
/// # Safety
/// The call goes [`along_rows`] and was checked against the block of `arena`, as [`convolve`] has it; `weights` are
/// its weights, `rows` are rows of the grid of the batch. Meanwhile nothing writes the input, and nothing else uses
/// these rows of the output. The CPU has the instruction set.
#[inline(always)]
unsafe fn rows_of<S: Simd>(call: &Igemm<'_>, arena: Pointer, weights: &[f32], rows: Range<usize>) {
    let (height, width) = call.geometry.grid;
    for row in rows {
        let place = (row / height, row % height);
        for x in (0..width).step_by(TILE_VECTORS * S::LANES) {
            let count = (width - x).min(TILE_VECTORS * S::LANES);
            // SAFETY: the caller has checked the call and gives rows of its own; the `count` pixels from `x` on lie
            // in the row, and take as many vectors as the tile has.
            unsafe {
                if count == TILE_VECTORS * S::LANES {
                    pick::<S, TILE_VECTORS, true>(call, arena, weights, place, x, count);
                } else if count > S::LANES {
                    pick::<S, TILE_VECTORS, false>(call, arena, weights, place, x, count);
                } else {
                    pick::<S, 1, false>(call, arena, weights, place, x, count);
                }
            }
        }
    }
}

/// Chooses the tile by its channels.
///
/// # Safety
/// The call goes [`along_rows`] and was checked against the block of `arena`, as [`convolve`] has it; `weights` are
/// its weights. `count` pixels of the grid lie in the row from (image, row) `place` and column `x` on; they take `NV`
/// vectors, all of them with `FULL`. Meanwhile nothing writes the input, and nothing else uses these pixels of the
/// output. The CPU has the instruction set.
#[inline(always)]
unsafe fn pick<S: Simd, const NV: usize, const FULL: bool>(
    call: &Igemm<'_>,
    arena: Pointer,
    weights: &[f32],
    place: (usize, usize),
    x: usize,
    count: usize,
) {
    macro_rules! channels {
        ($($n:literal)*) => {
            match call.panels.n {
                // SAFETY: the caller has checked the call, and gives `count` pixels of a row; the panels have this
                // many columns.
                $($n => unsafe { tile::<S, $n, NV, FULL>(call, arena, weights, place, x, count) },)*
                n => unreachable!("tiles have at most {MOST_CHANNELS} channels, not {n}"),
            }
        };
    }
    channels!(1 2 3 4 5 6 7 8);
}

/// `count` pixels of a row, all channels.
///
/// # Safety
/// The call goes [`along_rows`] to `N` channels and was checked against the block of `arena`, as [`convolve`] has it;
/// `weights` are its weights. `count` pixels of the grid lie in the row from (image, y) and column `x` on; they take
/// `NV` vectors, all of them with `FULL`. Meanwhile nothing writes the input, and nothing else uses these pixels of
/// the output. The CPU has the instruction set.
#[inline(always)]
unsafe fn tile<S: Simd, const N: usize, const NV: usize, const FULL: bool>(
    call: &Igemm<'_>,
    arena: Pointer,
    weights: &[f32],
    (image, y): (usize, usize),
    x: usize,
    count: usize,
) {
    let geometry = call.geometry;
    let lanes = array![0; NV, |v| (count - v * S::LANES).min(S::LANES)];
    let first = ((image * geometry.input.0 + y) * geometry.input.1 + x) as isize;
    // SAFETY: `along_rows` has every tap of the row's pixels inside the image, `count` pixels of each are read; the
    // output's pixels lie in its view, which was checked; there are taps · run rows of weights, all in one panel, and
    // N biases.
    unsafe {
        let mut sums = [[S::splat(0.0); NV]; N];
        if let Some(bias) = call.bias {
            for n in 0..N {
                sums[n] = [S::splat(*bias.as_ptr().add(n)); NV];
            }
        }
        let (mut weight, width) = (weights.as_ptr(), call.panels.width(0));
        for tap in &geometry.taps {
            let at = first + tap.dy * geometry.input.1 as isize + tap.dx;
            let pixels = arena.at(call.input.offset + at as usize).cast_const();
            for i in 0..geometry.run {
                let mut values = [S::splat(0.0); NV];
                for v in 0..NV {
                    let p = pixels.add(i + v * S::LANES);
                    values[v] = if FULL { S::load(p) } else { S::load_first(p, lanes[v]) };
                }
                for n in 0..N {
                    let factor = S::splat(*weight.add(n));
                    for v in 0..NV {
                        sums[n][v] = S::fma(factor, values[v], sums[n][v]);
                    }
                }
                weight = weight.add(width);
            }
        }
        // In this order NaN stays NaN.
        let [floor, ceiling] = call.relu.bounds();
        let (floor, ceiling) = (S::splat(floor), S::splat(ceiling));
        let mut block = [0.0f32; MOST_CHANNELS * TILE_VECTORS * WIDEST_LANES];
        for n in 0..N {
            for v in 0..NV {
                S::store(
                    block.as_mut_ptr().add((n * NV + v) * S::LANES),
                    S::min(ceiling, S::max(floor, sums[n][v])),
                );
            }
        }
        call.relu.finish::<S>(&mut block[..N * NV * S::LANES]);
        let pixel = (image * geometry.grid.0 + y) * geometry.grid.1 + x;
        let mut out = arena.at(call.out.offset + pixel * call.out.stride);
        for i in 0..count {
            for n in 0..N {
                *out.add(n) = *block.as_ptr().add(n * NV * S::LANES + i);
            }
            out = out.wrapping_add(call.out.stride);
        }
    }
}

/// The weight gradient of [`outer`](crate::outer()) for a call that goes [`along_rows`].
///
/// # Panics
/// As [`outer`](crate::outer()), or if the call does not go along rows.
pub fn rows_gradient(pool: &Pool, isa: Isa, arena: &mut Arena, call: &Outer<'_>, gradient: &mut [f32]) {
    let products = call.check(isa, arena, gradient);
    assert!(
        along_rows(call.geometry, call.input.channels, call.panels.n),
        "{:?} goes along rows",
        call.geometry
    );
    if products == 0 {
        gradient.fill(0.0);
        return;
    }
    // SAFETY: views, geometry, panels and the gradient's length were checked above, and `along_rows` holds.
    unsafe { sum_rows(pool, isa, arena, call, gradient) };
}

/// Writes the weight gradient of a call that goes [`along_rows`], in the layout of the weights; columns beyond N get zero.
///
/// # Safety
/// The call goes [`along_rows`], and [`Outer::check`] has checked it against the arena: views, geometry, panels and the
/// gradient's length.
unsafe fn sum_rows(pool: &Pool, isa: Isa, arena: &mut Arena, call: &Outer<'_>, gradient: &mut [f32]) {
    let (k, n) = (call.panels.k, call.panels.n);
    let tasks = call.batch.min(GRADIENT_TASKS);
    let mut partial = vec![0.0f32; tasks * k * n];
    let (pointer, target) = (arena.pointer(), Pointer::of(&mut partial));
    pool.run(tasks, &|task| {
        let images = task * call.batch / tasks..(task + 1) * call.batch / tasks;
        // SAFETY: the caller has checked the call, and the images are part of the batch; each task has its own part
        // of the sums, which have room for all of them; nothing writes the views.
        unsafe {
            let sums = target.slice_mut(task * k * n..(task + 1) * k * n);
            dispatch!(isa, images_of(call: &Outer<'_>, pointer: Pointer, images: Range<usize>, sums: &mut [f32]));
        }
    });
    let width = call.panels.width(0);
    for (row, out) in gradient.chunks_exact_mut(width).enumerate() {
        out.fill(0.0);
        for sums in partial.chunks_exact(k * n) {
            out.iter_mut().zip(&sums[row * n..][..n]).for_each(|(out, sum)| *out += sum);
        }
    }
}

/// The sums of some images, `sums[row of weights][channel]`.
///
/// # Safety
/// The call goes [`along_rows`] and was checked against the block of `arena`, as [`sum_rows`] has it; `images` are images of
/// its batch, whose views nothing writes meanwhile. The CPU has the instruction set.
#[inline(always)]
unsafe fn images_of<S: Simd>(call: &Outer<'_>, arena: Pointer, images: Range<usize>, sums: &mut [f32]) {
    let geometry = call.geometry;
    let (n, (height, width)) = (call.panels.n, geometry.grid);
    let vectors = width.div_ceil(S::LANES);
    // A row of the output's gradient channel by channel, whole vectors with zeros at the end.
    let mut planes = vec![0.0f32; height * n * vectors * S::LANES];
    // A vector for each sum, whose lanes are added at the end.
    let mut lanes = vec![0.0f32; sums.len() * S::LANES];
    let most = (2 * S::ROWS / n).clamp(1, TILE_SHIFTS);
    let groups = geometry.run.div_ceil(most);
    for image in images {
        for row in 0..height {
            let pixel = (image * height + row) * width;
            for c in 0..n {
                // SAFETY: the row's `width` pixels have channel `c` in the output's gradient, whose view was checked;
                // the plane has room for whole vectors of them.
                unsafe {
                    let mut from =
                        arena.at(call.output_gradient.offset + pixel * call.output_gradient.stride + c);
                    let to = planes.as_mut_ptr().add((row * n + c) * vectors * S::LANES);
                    for x in 0..width {
                        *to.add(x) = *from;
                        from = from.wrapping_add(call.output_gradient.stride);
                    }
                }
            }
        }
        for (t, tap) in geometry.taps.iter().enumerate() {
            for g in 0..groups {
                let shifts = g * geometry.run / groups..(g + 1) * geometry.run / groups;
                let first = (image * geometry.input.0 * geometry.input.1) as isize
                    + tap.dy * geometry.input.1 as isize
                    + tap.dx
                    + shifts.start as isize;
                let part = &mut lanes[(t * geometry.run + shifts.start) * n * S::LANES..]
                    [..shifts.len() * n * S::LANES];
                // SAFETY: `along_rows` has the tap's rows, and its pixels up to the last displacement, inside the
                // image, whose view was checked; planes and sums are as long as the kernel asks for.
                unsafe {
                    let pixels = arena.at(call.input.offset + first as usize).cast_const();
                    pick_shifts::<S>(pixels, geometry, &planes, part, (n, shifts.len()));
                }
            }
        }
    }
    for (sum, lanes) in sums.iter_mut().zip(lanes.chunks_exact(S::LANES)) {
        *sum = lanes.iter().sum();
    }
}

/// Chooses the kernel by channels and displacements.
///
/// # Safety
/// From `pixels` on, in rows of `geometry.input.1` floats, `geometry.grid.0` rows of `geometry.grid.1` + `shifts` − 1
/// floats are valid to read, and nothing writes them meanwhile. `planes` hold `n` planes of each row, in whole
/// vectors, `sums` a vector for each displacement and channel. The CPU has the instruction set.
#[inline(always)]
unsafe fn pick_shifts<S: Simd>(
    pixels: *const f32,
    geometry: &Geometry,
    planes: &[f32],
    sums: &mut [f32],
    (n, shifts): (usize, usize),
) {
    macro_rules! pick {
        ($($n:literal)*) => {
            match (n, shifts) {
                $(
                    // SAFETY: the caller gives pixels, planes and sums for this many channels and displacements.
                    ($n, 1) => unsafe { products::<S, $n, 1>(pixels, geometry, planes, sums) },
                    // SAFETY: the caller gives pixels, planes and sums for this many channels and displacements.
                    ($n, 2) => unsafe { products::<S, $n, 2>(pixels, geometry, planes, sums) },
                    // SAFETY: the caller gives pixels, planes and sums for this many channels and displacements.
                    ($n, 3) => unsafe { products::<S, $n, 3>(pixels, geometry, planes, sums) },
                    // SAFETY: the caller gives pixels, planes and sums for this many channels and displacements.
                    ($n, 4) => unsafe { products::<S, $n, 4>(pixels, geometry, planes, sums) },
                )*
                _ => unreachable!("{n} channels and {shifts} displacements"),
            }
        };
    }
    pick!(1 2 3 4 5 6 7 8);
}

/// Adds the products of an image's rows, displaced by 0 to `I` − 1 pixels, with the planes of N channels.
///
/// # Safety
/// From `pixels` on, in rows of `geometry.input.1` floats, `geometry.grid.0` rows of `geometry.grid.1` + `I` − 1
/// floats are valid to read, and nothing writes them meanwhile. `planes` hold `N` planes of each row, in whole
/// vectors, `sums` a vector for each displacement and channel. The CPU has the instruction set.
#[inline(always)]
unsafe fn products<S: Simd, const N: usize, const I: usize>(
    pixels: *const f32,
    geometry: &Geometry,
    planes: &[f32],
    sums: &mut [f32],
) {
    let (height, width) = geometry.grid;
    let vectors = width.div_ceil(S::LANES);
    // SAFETY: of each row `width` pixels are read from each displacement on, which the caller has; its planes hold
    // whole vectors, its sums a vector for each displacement and channel.
    unsafe {
        let target = sums.as_mut_ptr();
        let mut acc = [[S::splat(0.0); N]; I];
        for i in 0..I {
            for n in 0..N {
                acc[i][n] = S::load(target.add((i * N + n) * S::LANES));
            }
        }
        for row in 0..height {
            let pixels = pixels.add(row * geometry.input.1);
            let plane = planes.as_ptr().add(row * N * vectors * S::LANES);
            for v in 0..vectors {
                let count = (width - v * S::LANES).min(S::LANES);
                let factors = array![S::splat(0.0); N, |n| S::load(plane.add((n * vectors + v) * S::LANES))];
                for i in 0..I {
                    let p = pixels.add(v * S::LANES + i);
                    let x = S::load_first(p, count);
                    for n in 0..N {
                        acc[i][n] = S::fma(x, factors[n], acc[i][n]);
                    }
                }
            }
        }
        for i in 0..I {
            for n in 0..N {
                S::store(target.add((i * N + n) * S::LANES), acc[i][n]);
            }
        }
    }
}
