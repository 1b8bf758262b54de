//! Calls that would leave the arena, or let two tasks write one float, panic before they touch memory.

use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};

use convnet_kernels::{
    Arena, BatchNorm, BatchNormBackward, Before, Binary, Border, Comparison, Criterion, CrossEntropy,
    Filtering, Geometry, Group, Grouped, GroupedGradient, Igemm, Isa, LocalResponse, Mask, Outer, Panels,
    Pool, PoolWindow, Reading, Rectifier, Tap, Targets, Teacher, View, Weights, Winograd, WinogradGradient,
    accumulate, activation_backward, add, affine, avg_pool, batch_norm, batch_norm_backward, column_sums,
    compare, copy, cross_entropy, dropout, fill, flat, flatten, from_nchw, from_nchw_padded, grouped,
    grouped_gradient, grouped_taps, igemm, local_response, local_response_backward, max_pool,
    max_pool_backward, moments, outer, outer_scratch, pad, pad_backward, softmax, softmax_backward, to_nchw,
    transpose, winograd, winograd_gradient,
};

/// 2³² of anything, whose square wraps to zero.
const HALF: usize = 1 << 32;

/// Asserts that the call panics by a check: the arithmetic checks of a debug build don't count, since they
/// are absent from a release build.
pub(crate) fn refused(what: &str, call: impl FnOnce()) {
    let panic = catch_unwind(AssertUnwindSafe(call)).expect_err(what);
    let message = panic.downcast_ref::<String>().cloned();
    let message = message.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).expect(what);
    assert!(!message.starts_with("attempt to"), "{what}: {message}");
}

/// Asserts that the call is refused on every instruction set, with one thread and with three.
pub(crate) fn refused_everywhere(what: &str, call: impl Fn(&Pool, Isa, &mut Arena)) {
    for isa in Isa::available() {
        for threads in [1, 3] {
            refused(what, || call(&Pool::new(threads), isa, &mut Arena::new(64)));
        }
    }
}

/// Views that don't lie in an arena of 64 floats.
pub(crate) fn outside() -> Vec<View> {
    let view = |offset, pixels, channels, stride| View { offset, pixels, channels, stride };
    vec![
        view(61, 2, 2, 2),
        view(0, 33, 2, 2),
        view(0, 2, 2, 63),
        view(usize::MAX, 2, 2, 2),
        view(usize::MAX - 1, 1, 2, 2),
        view(0, 2, 2, usize::MAX),
        view(4, 2, 2, usize::MAX - 1),
        view(0, usize::MAX, 2, 2),
        view(0, 1 << 63, 2, 2),
        view(0, 2, 2, 1),
        view(0, 2, 2, 0),
        view(65, 1, 0, 0),
        view(0, 2, 0, 65),
    ]
}

#[test]
fn views_beyond_the_arena_are_refused() {
    for bad in outside() {
        let good = View::dense(0, bad.pixels.min(2), bad.channels.min(2));
        let what = format!("{bad:?}");
        refused_everywhere(&what, |p, isa, a| copy(p, isa, a, bad, View { offset: 8, ..good }));
        refused_everywhere(&what, |p, isa, a| fill(p, isa, a, bad, 1.0));
        refused_everywhere(&what, |p, isa, a| accumulate(p, isa, a, good, bad));
        refused_everywhere(&what, |p, isa, a| add(p, isa, a, [bad, bad], bad, true));
        refused_everywhere(&what, |p, isa, a| softmax(p, isa, a, [bad, good]));
        refused_everywhere(&what, |p, isa, a| dropout(p, isa, a, Mask::new(0, 0.5, 1), [good, bad], false));
        refused_everywhere(&what, |p, isa, a| affine(p, isa, a, [good, bad], [&[1.0; 2]; 2], false));
        refused_everywhere(&what, |p, isa, a| column_sums(p, isa, a, (bad, None), &mut [0.0; 2]));
        refused_everywhere(&what, |p, isa, a| column_sums(p, isa, a, (good, Some(bad)), &mut [0.0; 2]));
        refused_everywhere(&what, |p, isa, a| to_nchw(p, isa, a, bad, 1, &mut [0.0; 4]));
        refused_everywhere(&what, |p, isa, a| from_nchw(p, isa, a, &[0.0; 4], 1, bad));
        let border = Border { top: 0, bottom: 0, left: 0, right: 0 };
        refused_everywhere(&what, |p, isa, a| from_nchw_padded(p, isa, a, &[0.0; 4], (1, 1), border, bad));
        let lrn = LocalResponse { size: 3, alpha: 1.0, beta: 0.75, k: 1.0 };
        refused_everywhere(&what, |p, isa, a| local_response(p, isa, a, lrn, [bad, good]));
        refused_everywhere(&what, |p, isa, a| {
            local_response_backward(p, isa, a, lrn, [good, bad, good], false);
        });
        refused_everywhere(&what, |_, _, a| softmax_backward(a, [bad; 3], false));
        refused_everywhere(&what, |_, _, a| {
            cross_entropy(a, [bad, good], Targets::Classes(&[0; 2]), None, 1.0, false);
        });
        let criterion = Criterion::Binary(Binary::default());
        let (targets, teacher) = (Targets::Classes(&[0; 2]), None);
        let comparison =
            Comparison { targets, sample_weights: None, criterion: &criterion, teacher, whole: None };
        refused_everywhere(&what, |_, _, a| {
            compare(a, [bad, good], comparison, 1.0, false);
        });
        refused_everywhere(&what, |_, _, a| flatten(a, 1, [bad, good]));
    }
}

#[test]
fn outputs_that_share_floats_with_inputs_are_refused() {
    let wide = View::dense(0, 4, 8);
    for (a, b) in [
        (View::dense(0, 2, 4), View::dense(7, 2, 4)),
        (wide.slice(0, 5), wide.slice(4, 4)),
        (wide.slice(0, 4), View { offset: 12, pixels: 4, channels: 4, stride: 9 }),
        (
            View { offset: 6, pixels: 4, channels: 4, stride: 8 },
            View { offset: 8, pixels: 4, channels: 4, stride: 8 },
        ),
    ] {
        let what = format!("{a:?} and {b:?}");
        for (a, b) in [(a, b), (b, a)] {
            refused_everywhere(&what, |p, isa, arena| copy(p, isa, arena, a, b));
            refused_everywhere(&what, |p, isa, arena| softmax(p, isa, arena, [a, b]));
            refused_everywhere(&what, |_, _, arena| softmax_backward(arena, [a, a, b], false));
            refused_everywhere(&what, |p, isa, arena| affine(p, isa, arena, [a, b], [&[1.0; 8]; 2], false));
            let kind = convnet_kernels::Activation::Tanh;
            refused_everywhere(&what, |p, isa, arena| {
                activation_backward(p, isa, arena, kind, [a, a, b], true);
            });
        }
    }
}

#[test]
fn slices_of_more_channels_than_there_are_are_refused() {
    let view = View::dense(0, 2, 8);
    for (from, channels) in [(0, 9), (9, 0), (8, 1), (usize::MAX, 1), (1, usize::MAX)] {
        refused(&format!("{channels} from {from}"), || assert!(view.slice(from, channels).pixels > 0));
    }
    assert_eq!(view.slice(8, 0).channels, 0);
}

/// Runs both products of a geometry over views with a pixel of `channels` for each of the maps' pixels.
fn product(geometry: &Geometry, batch: usize, [input, out]: [View; 2]) {
    let machine = Isa::available();
    for isa in machine {
        for n in [1, 3] {
            let pool = Pool::new(n);
            let run = |which: bool| {
                refused(&format!("{geometry:?}"), || {
                    let mut arena = Arena::new(256);
                    let panels = Panels::new(isa, geometry.k(), out.channels);
                    let mut weights = vec![0.0; panels.len().min(1 << 16)];
                    if which {
                        let call = Igemm {
                            geometry,
                            batch,
                            input,
                            weights: Weights::Single(&weights),
                            panels,
                            bias: None,
                            addend: None,
                            before: None,
                            relu: false.into(),
                            out,
                        };
                        igemm(&pool, isa, &mut arena, &call, None);
                    } else {
                        let call = Outer { geometry, batch, input, output_gradient: out, panels };
                        outer(&pool, isa, &mut arena, &call, &mut weights, &mut [0.0; 1 << 12]);
                    }
                });
            };
            run(true);
            run(false);
        }
    }
}

#[test]
fn geometries_that_leave_their_maps_are_refused() {
    let (input, out) = (View::dense(0, 12, 2), View::dense(100, 12, 2));
    let good = Geometry::pointwise((3, 4), 2);
    let views = [input, out];
    let with = |change: &dyn Fn(&mut Geometry)| {
        let mut geometry = good.clone();
        change(&mut geometry);
        product(&geometry, 1, views);
    };
    with(&|g| g.grid = (4, 4));
    with(&|g| g.grid = (3, 5));
    with(&|g| g.origin = (1, 0));
    with(&|g| g.origin = (usize::MAX, 0));
    with(&|g| g.spread = (0, 1));
    with(&|g| g.spread = (1, 0));
    with(&|g| g.spread = (2, 1));
    with(&|g| g.spread = (1 << 63, 1));
    with(&|g| (g.grid, g.spread, g.origin) = ((2, 4), (usize::MAX, 1), (1, 0)));
    with(&|g| g.output = (HALF, HALF));
    with(&|g| g.input = (HALF, HALF));
    with(&|g| g.input = (HALF + 1, HALF));
    with(&|g| g.input = (2, 4));
    with(&|g| g.run = 3);
    with(&|g| g.run = usize::MAX);
    with(&|g| g.step = (usize::MAX, 1));
    with(&|g| g.step = (1, 1 << 62));
    with(&|g| g.span = 0);
    with(&|g| (g.taps, g.run) = (vec![Tap { dy: 0, dx: 0 }; 16], 1 << 60));
    // Runs of several pixels.
    with(&|g| (g.span, g.run, g.grid) = (2, 4, (3, 4)));
    with(&|g| (g.span, g.run, g.grid) = (2, 5, (3, 3)));
    with(&|g| (g.span, g.run, g.grid, g.taps) = (2, 4, (3, 3), vec![Tap { dy: 0, dx: 1 }]));
    with(&|g| (g.span, g.run, g.grid, g.taps) = (2, 4, (3, 3), vec![Tap { dy: 0, dx: -1 }]));
    with(&|g| (g.span, g.run, g.grid, g.step) = (2, 4, (3, 3), (1, 2)));
    with(&|g| (g.span, g.run, g.grid) = (usize::MAX, 4, (3, 3)));
    with(&|g| (g.span, g.run, g.grid) = (1 << 63, 4, (3, 3)));
    // Strided pixels have no runs.
    let geometry = Geometry { span: 2, run: 4, grid: (3, 3), ..good.clone() };
    product(&geometry, 1, [View { stride: 3, ..input }, out]);
    // Batches that wrap to the right number of pixels.
    product(
        &Geometry { output: (1, 2), grid: (1, 1), ..Geometry::pointwise((1, 2), 2) },
        (1 << 63) + 1,
        [View::dense(0, 2, 2), View::dense(8, 2, 2)],
    );
    product(&good, 2, views);
}

#[test]
fn taps_far_outside_read_zeros() {
    let far = [isize::MAX, isize::MIN, -3, 3, isize::MAX - 1, isize::MIN + 1];
    let taps = far.iter().flat_map(|&dy| far.iter().map(move |&dx| Tap { dy, dx })).collect();
    let geometry = Geometry { taps, ..Geometry::pointwise((3, 3), 2) };
    for isa in Isa::available() {
        let panels = Panels::new(isa, geometry.k(), 3);
        let (mut arena, pool) = (Arena::new(64), Pool::new(2));
        arena.as_mut_slice().fill(f32::NAN);
        let mut weights = vec![1.0; panels.len()];
        let (input, out) = (View::dense(0, 9, 2), View::dense(20, 9, 3));
        let call = Igemm {
            geometry: &geometry,
            batch: 1,
            input,
            weights: Weights::Single(&weights),
            panels,
            bias: None,
            addend: None,
            before: None,
            relu: false.into(),
            out,
        };
        igemm(&pool, isa, &mut arena, &call, None);
        assert!(arena.as_slice()[20..47].iter().all(|&x| x == 0.0), "{isa}");
        let call = Outer { geometry: &geometry, batch: 1, input, output_gradient: out, panels };
        outer(&pool, isa, &mut arena, &call, &mut weights, &mut []);
        assert!(weights.iter().all(|&x| x == 0.0), "{isa}");
    }
}

#[test]
fn operands_of_other_sizes_are_refused() {
    let geometry = Geometry::rows(2);
    let (input, out) = (View::dense(0, 3, 2), View::dense(16, 3, 5));
    type Change = fn(&mut Igemm<'_>);
    let changes: [Change; 13] = [
        |c| {
            if let Weights::Single(weights) = c.weights {
                c.weights = Weights::Single(&weights[1..]);
            }
        },
        |c| c.weights = Weights::Half(&[]),
        |c| c.bias = Some(&[0.0; 4]),
        |c| c.addend = Some(View { pixels: 2, ..c.out }),
        |c| c.addend = Some(View { offset: 17, ..c.out }),
        |c| c.addend = Some(View { offset: 60, ..c.out }),
        |c| c.out = View { offset: 2, ..c.out },
        |c| c.panels.k = 1,
        |c| c.panels.n = 1 << 62,
        |c| c.before = Some(Before::Factors(View::dense(40, 2, 2))),
        |c| c.before = Some(Before::Factors(View::dense(40, 3, 1))),
        |c| c.before = Some(Before::Factors(View::dense(60, 3, 2))),
        |c| c.before = Some(Before::Factors(c.out.slice(0, 2))),
    ];
    for (i, change) in changes.iter().enumerate() {
        refused_everywhere(&format!("change {i}"), |pool, isa, arena| {
            let panels = Panels::new(isa, 2, 5);
            let weights = vec![0.0; panels.len()];
            let mut call = Igemm {
                geometry: &geometry,
                batch: 3,
                input,
                weights: Weights::Single(&weights),
                panels,
                bias: None,
                addend: None,
                before: None,
                relu: false.into(),
                out,
            };
            change(&mut call);
            igemm(pool, isa, arena, &call, None);
        });
    }
    refused_everywhere("a short gradient", |pool, isa, arena| {
        let panels = Panels::new(isa, 2, 5);
        let call = Outer { geometry: &geometry, batch: 3, input, output_gradient: out, panels };
        outer(pool, isa, arena, &call, &mut vec![0.0; panels.len() - 1], &mut [0.0; 1 << 12]);
    });
    refused_everywhere("no room for the sums of parts", |pool, isa, _| {
        let geometry = Geometry::pointwise((1000, 1), 1);
        let [input, output_gradient] = [0, 1000].map(|offset| View::dense(offset, 1000, 1));
        let panels = Panels::new(isa, 1, 1);
        let call = Outer { geometry: &geometry, batch: 1, input, output_gradient, panels };
        let mut scratch = vec![0.0; outer_scratch(&geometry, 1, panels) - 1];
        outer(pool, isa, &mut Arena::new(2000), &call, &mut vec![0.0; panels.len()], &mut scratch);
    });
    refused_everywhere("weights of another instruction set's layout", |pool, isa, arena| {
        let other = Isa::available().into_iter().find(|o| *o != isa);
        let panels = other.map_or(Panels::new(isa, 3, 5), |other| Panels::new(other, 2, 5));
        let weights = vec![0.0; panels.len()];
        let call = Igemm {
            geometry: &geometry,
            batch: 3,
            input,
            weights: Weights::Single(&weights),
            panels,
            bias: None,
            addend: None,
            before: None,
            relu: false.into(),
            out,
        };
        igemm(pool, isa, arena, &call, None);
    });
}

#[test]
fn packed_matrices_that_wrap_are_refused() {
    for isa in Isa::available() {
        for (k, n) in [(1 << 62, 4), (HALF, HALF), (1, usize::MAX), (usize::MAX, 2)] {
            refused("length", || assert!(!Panels::new(isa, k, n).is_empty()));
        }
        let pool = Pool::new(2);
        let (from, to) = (Panels::new(isa, 4, 3), Panels::new(isa, 3, 2));
        let source = vec![0.0; from.len()];
        for (run, blocks) in [(2, [2]), (2, [usize::MAX]), (4, [0]), (0, [0]), (usize::MAX, [1])] {
            refused("blocks", || {
                transpose(&pool, isa, (&source, from), run, &blocks, (&mut vec![0.0; to.len()], to));
            });
        }
        let (from, to) = (Panels::new(isa, 4, 1 << 62), Panels::new(isa, 1 << 62, 4));
        refused("wrapped", || transpose(&pool, isa, (&[], from), 4, &[0], (&mut [], to)));
    }
}

#[test]
fn windows_that_leave_their_map_are_refused() {
    for (rows, size) in [
        (vec![(0, 0, 1)], 4),
        (vec![(0, 5, 1)], 4),
        (vec![(0, 2, 0)], 4),
        (vec![(2, 1, 1)], 4),
        (vec![(1, 2, 1), (0, 3, 1)], 4),
        (vec![(0, 3, 1), (1, 2, 1)], 4),
        (vec![(0, 1, 1)], 0),
    ] {
        refused(&format!("{rows:?}"), || assert!(PoolWindow::new((size, 4), &rows, &[(0, 1, 1)]).area() > 0));
        refused(&format!("{rows:?}"), || assert!(PoolWindow::new((4, size), &[(0, 1, 1)], &rows).area() > 0));
    }
    let window = |height: usize, width: usize| {
        PoolWindow::new((height, width), &[(height - 1, height, 1)], &[(0, 1, 1)])
    };
    for (height, width) in [((1 << 63) + 1, 2), (HALF, HALF), (1 << 62, 4)] {
        refused("a map that wraps", || assert!(window(height, width).area() > 0));
    }
    for (window, pixels) in [(window(3, 2), 4), (window(3, 2), 12), (window(3, 2), 7)] {
        let (input, out) = (View::dense(0, pixels, 2), View::dense(40, pixels / 2, 2));
        let what = format!("{window:?}");
        refused_everywhere(&what, |p, isa, a| max_pool(p, isa, a, &window, [input, out], None));
        refused_everywhere(&what, |p, isa, a| avg_pool(p, isa, a, &window, [input, out]));
    }
    let large = PoolWindow::new((16, 17), &[(0, 16, 1)], &[(0, 17, 1)]);
    let (input, out) = (View::dense(0, 272, 0), View::dense(0, 1, 0));
    refused_everywhere("257 places", |p, isa, a| max_pool(p, isa, a, &large, [input, out], Some(&mut [])));
    refused_everywhere("257 places", |p, isa, a| {
        max_pool_backward(p, isa, a, &large, [out, input], &[], false);
    });
    let small = PoolWindow::new((1, 2), &[(0, 1, 1)], &[(0, 2, 2)]);
    let (input, out) = (View::dense(0, 2, 3), View::dense(8, 1, 3));
    refused_everywhere("argmax", |p, isa, a| max_pool(p, isa, a, &small, [input, out], Some(&mut [0; 2])));
    refused_everywhere("argmax", |p, isa, a| {
        max_pool_backward(p, isa, a, &small, [out, input], &[0; 4], false);
    });
}

#[test]
fn layouts_that_do_not_fit_are_refused() {
    let view = View::dense(0, 6, 2);
    for (map, len) in [(4, 12), (0, 12), (3, 11), (3, 13)] {
        let what = format!("maps of {map}, {len} floats");
        refused_everywhere(&what, |p, isa, a| from_nchw(p, isa, a, &vec![0.0; len], map, view));
        refused_everywhere(&what, |p, isa, a| to_nchw(p, isa, a, view, map, &mut vec![0.0; len]));
    }
    let border = Border { top: 1, bottom: 0, left: 0, right: 1 };
    for (size, len) in [((1, 1), 2), ((1, 2), 3), ((1, 2), 5), ((0, 0), 1), ((usize::MAX, 2), 4)] {
        let what = format!("images of {size:?} with a border, {len} floats");
        refused_everywhere(&what, |p, isa, a| {
            from_nchw_padded(p, isa, a, &vec![0.0; len], size, border, view);
        });
    }
    let out = View::dense(20, 6, 2);
    for (map, border) in [
        ((2, 3), (1, 0)),
        ((2, 3), (1 << 63, 0)),
        ((2, 3), (0, 1 << 63)),
        ((2, 3), (HALF / 2, HALF / 2)),
        ((HALF, HALF), (0, 0)),
        (((1 << 63) + 3, 2), (0, 0)),
        ((0, 3), (0, 0)),
        ((4, 3), (0, 0)),
    ] {
        let (rows, columns) = border;
        let border = Border { top: rows, bottom: rows, left: columns, right: columns };
        let what = format!("{map:?} {border:?}");
        refused_everywhere(&what, |p, _, a| pad(p, a, [view, out], map, border, 0.0));
        refused_everywhere(&what, |p, _, a| pad_backward(p, a, [out, view], map, border, false));
    }
    for (map, vectors) in
        [(3, View::dense(20, 2, 5)), (2, View::dense(20, 2, 6)), (1 << 63, View::dense(20, 2, 0)), (3, view)]
    {
        refused_everywhere(&format!("{map} {vectors:?}"), |_, _, a| flatten(a, map, [view, vectors]));
    }
}

#[test]
fn labels_masks_and_vectors_out_of_range_are_refused() {
    let (x, y) = (View::dense(0, 2, 3), View::dense(8, 2, 3));
    for labels in [&[0, 3][..], &[u32::MAX, 0], &[0], &[0, 1, 2]] {
        refused_everywhere(&format!("{labels:?}"), |_, _, a| {
            cross_entropy(a, [x, y], Targets::Classes(labels), None, 1.0, false);
        });
    }
    for shares in [&[0.5; 5][..], &[0.5; 7], &[-0.5; 6], &[f32::NAN; 6], &[f32::INFINITY; 6]] {
        refused_everywhere(&format!("{shares:?}"), |_, _, a| {
            cross_entropy(a, [x, y], Targets::Distributions(shares), None, 1.0, false);
        });
    }
    for weights in [&[1.0][..], &[1.0; 3], &[1.0, -1.0], &[f32::NAN, 1.0], &[1.0, f32::INFINITY]] {
        refused_everywhere(&format!("{weights:?}"), |_, _, a| {
            cross_entropy(a, [x, y], Targets::Classes(&[0, 1]), Some(weights), 1.0, false);
        });
    }
    let (classes, short) = (Targets::Classes(&[0, 1]), Some(vec![1.0; 2]));
    let cross = |smoothing, class_weights, gamma| {
        Criterion::CrossEntropy(CrossEntropy { smoothing, class_weights, gamma })
    };
    let teacher = |logits, alpha, temperature| {
        Some(Teacher { logits, alpha, reading: Reading::Softmax { temperature } })
    };
    for (criterion, teacher) in [
        (cross(1.1, None, 0.0), None),
        (cross(0.0, None, -1.0), None),
        (cross(0.0, short.clone(), 0.0), None),
        (cross(0.0, Some(vec![f32::NAN; 3]), 0.0), None),
        (Criterion::Binary(Binary { positive_weights: short, ..Binary::default() }), None),
        (Criterion::Binary(Binary { alpha: Some(1.5), ..Binary::default() }), None),
        (Criterion::Binary(Binary { threshold: Some(f32::NAN), ..Binary::default() }), None),
        (Criterion::default(), teacher(&[0.0; 5], 0.5, 1.0)),
        (Criterion::default(), teacher(&[0.0; 6], 1.5, 1.0)),
        (Criterion::default(), teacher(&[0.0; 6], 0.5, 0.0)),
    ] {
        let comparison = Comparison {
            targets: classes,
            sample_weights: None,
            criterion: &criterion,
            teacher,
            whole: None,
        };
        refused_everywhere(&format!("{comparison:?}"), |_, _, a| {
            compare(a, [x, y], comparison, 1.0, false);
        });
    }
    for (p, group) in [(0.5, 0), (1.0, 1), (-0.1, 1), (f32::NAN, 1), (f32::INFINITY, 1)] {
        refused(&format!("p {p}, group {group}"), || assert!(Mask::new(0, p, group).scale(0) >= 0.0));
    }
    let short = [1.0f32; 2];
    refused_everywhere("short scale", |p, isa, a| affine(p, isa, a, [x, y], [&short, &[0.0; 3]], false));
    refused_everywhere("short sums", |p, isa, a| column_sums(p, isa, a, (x, None), &mut [0.0; 2]));
    refused_everywhere("sums of itself", |p, isa, a| column_sums(p, isa, a, (x, Some(x)), &mut [0.0; 3]));
    let other = View { pixels: y.pixels - 1, ..y };
    refused_everywhere("another size", |p, isa, a| column_sums(p, isa, a, (x, Some(other)), &mut [0.0; 3]));
    refused_everywhere("short moments", |p, isa, a| moments(p, isa, a, x, [&mut [0.0; 3], &mut [0.0; 2]]));
    let backward = |target, vectors: [&[f32]; 5], gradients: [usize; 2]| {
        refused_everywhere("a short vector or an overlap", |p, isa, a| {
            let [weight, mean, inverse, scale, shift] = vectors;
            let call = BatchNormBackward {
                input: x,
                output_gradient: y,
                input_gradient: target,
                weight,
                mean,
                inverse,
                scale,
                shift,
                relu: true,
                count: x.pixels as f64,
            };
            let mut gradients = gradients.map(|len| vec![0.0; len]);
            batch_norm_backward(p, isa, a, &call, gradients.each_mut().map(Vec::as_mut_slice), None);
        });
    };
    backward(Some((View { offset: 9, ..y }, false)), [&[1.0; 3]; 5], [3; 2]);
    for which in 0..7 {
        let length = |i: usize| vec![1.0f32; if i == which { 2 } else { 3 }];
        refused_everywhere("a short vector", |p, isa, a| {
            let (mean, variance) = (&length(2), &length(3));
            let norm = BatchNorm { weight: &length(0), bias: &length(1), eps: 1e-5, mean, variance };
            let vectors = [&mut length(4)[..], &mut length(5)[..], &mut length(6)[..]];
            batch_norm(p, isa, a, norm, [x, y], vectors, false);
        });
        let vectors = [0, 1, 2, 3, 4].map(length);
        backward(None, vectors.each_ref().map(Vec::as_slice), [length(5).len(), length(6).len()]);
    }
}

#[test]
fn winograd_over_maps_that_wrap_or_sizes_that_it_has_not_is_refused() {
    let (input, output) = (View::dense(0, 12, 1), View::dense(12, 12, 1));
    let wrapped = ((1 << 63) + 3, 2);
    for (outputs, kernel) in [(4, 4), (6, 5), (3, 3), (4, usize::MAX), (usize::MAX, 3), (0, 0)] {
        refused(&format!("{outputs} {kernel}"), || {
            black_box(Filtering::new(outputs, kernel));
        });
    }
    for isa in Isa::available() {
        for (input_size, output_size) in [((3, 2), wrapped), (wrapped, (3, 2))] {
            let filtering = Filtering::new(4, 3);
            let panels = Panels::new(isa, 1, 1);
            let weights = vec![0.0; 36 * panels.len()];
            refused(&format!("{input_size:?} {output_size:?}"), || {
                let call = Winograd {
                    filtering,
                    batch: 2,
                    input,
                    input_size,
                    padding: (1, 1),
                    weights: &weights,
                    panels,
                    bias: None,
                    addend: None,
                    relu: false.into(),
                    out: output,
                    output_size,
                    scratch: 24,
                };
                winograd(&Pool::new(2), isa, &mut Arena::new(1 << 20), &call, None);
            });
            refused(&format!("gradient: {input_size:?} {output_size:?}"), || {
                let call = WinogradGradient {
                    filtering,
                    batch: 2,
                    input,
                    input_size,
                    padding: (1, 1),
                    output_gradient: output,
                    output_size,
                    panels,
                    scratch: 24,
                };
                let layout = Panels::new(isa, 9, 1);
                let (mut products, mut gradient) = (weights.clone(), vec![0.0; layout.len()]);
                let mut arena = Arena::new(1 << 20);
                let target = (&mut gradient[..], layout);
                winograd_gradient(&Pool::new(2), isa, &mut arena, &call, &mut products, target);
            });
        }
    }
}

#[test]
fn flat_buffers_of_other_lengths_and_limits_are_refused() {
    for len in [0, 4, 6] {
        refused_everywhere("add", |p, isa, _| flat::add(p, isa, &mut [0.0; 5], &vec![0.0; len]));
        refused_everywhere("lerp", |p, isa, _| flat::lerp(p, isa, &mut [0.0; 5], &vec![0.0; len], 0.5));
    }
    for limit in [-1.0, f32::NAN] {
        refused_everywhere("clamp", |p, isa, _| flat::clamp(p, isa, &mut [0.0; 5], limit));
    }
}

#[test]
fn an_arena_over_too_little_memory_is_refused() {
    for (bytes, floats) in [(8, 3), (8, usize::MAX), (1, 1)] {
        let memory = memmap2::MmapMut::map_anon(bytes).unwrap();
        refused("over", || drop(Arena::over(memory, floats)));
    }
    assert_eq!(Arena::over(memmap2::MmapMut::map_anon(8).unwrap(), 2).as_slice(), [0.0; 2]);
}

#[test]
fn an_arena_beyond_the_address_space_is_refused() {
    for len in [usize::MAX, usize::MAX / 4, isize::MAX as usize / 4 + 1] {
        refused("length", || assert!(Arena::new(len).is_empty()));
        let error = Arena::try_new(len).expect_err("more than the address space");
        assert_eq!(error.bytes(), len.saturating_mul(4));
        assert_eq!(error.to_string(), format!("no memory for an arena of {} bytes", error.bytes()));
        assert!(std::error::Error::source(&error).is_some(), "{error:?}");
    }
    // Within the address space, but more than any machine has.
    assert_eq!(Arena::try_new(1 << 60).expect_err("4 EiB").bytes(), 1 << 62);
    assert_eq!(Arena::try_new(5).expect("20 bytes").as_slice(), [0.0; 5]);
}

/// A panic whose payload panics when dropped must not let the call return while tasks still run.
#[test]
fn a_pool_survives_panics_of_every_task_and_calls_within_calls() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                std::panic::panic_any("dropped");
            }
        }
    }
    let pool = Pool::new(3);
    let barrier = std::sync::Barrier::new(3);
    let result = catch_unwind(AssertUnwindSafe(|| {
        pool.run(3, &|_| {
            barrier.wait();
            std::panic::panic_any(Bomb);
        });
    }));
    std::mem::forget(result.expect_err("a panic"));
    let count = std::sync::atomic::AtomicUsize::new(0);
    pool.run(8, &|_| {
        pool.run(8, &|_| {
            count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        });
    });
    assert_eq!(count.into_inner(), 64);
}

#[test]
fn groups_that_do_not_fit_their_maps_weights_or_vectors_are_refused() {
    let (input, out) = (View::dense(0, 6, 4), View::dense(24, 6, 4));
    let good = Geometry::pointwise((2, 3), 4);
    let pair = Group { inputs: 2, outputs: 2 };
    let run = |what: &str, geometry: &Geometry, group: Group, [input, out]: [View; 2], rows: usize| {
        refused_everywhere(what, |pool, isa, arena| {
            let panels = Panels::new(isa, rows, out.channels);
            let (weights, bias, addend) = (&vec![0.0; panels.len()][..], None, None);
            let (batch, relu) = (1, Rectifier::None);
            let call = Grouped { geometry, group, batch, input, weights, panels, bias, addend, relu, out };
            grouped(pool, isa, arena, &call, None);
        });
        refused_everywhere(what, |pool, isa, arena| {
            let panels = Panels::new(isa, rows, out.channels);
            let call = GroupedGradient { geometry, group, batch: 1, input, output_gradient: out, panels };
            grouped_gradient(pool, isa, arena, &call, &mut vec![0.0; panels.len()]);
        });
    };
    for bad in outside() {
        run("an input outside", &good, Group::DEPTHWISE, [bad, out], 1);
        run("an output outside", &good, Group::DEPTHWISE, [input, bad], 1);
    }
    run("weights of another kernel", &good, Group::DEPTHWISE, [input, out], 2);
    run("weights of one input of two", &good, pair, [input, out], 1);
    run("no input", &good, Group { inputs: 0, outputs: 1 }, [input, out], 0);
    run("no output", &good, Group { inputs: 0, outputs: 0 }, [input, out], 0);
    run("more inputs than outputs", &good, Group { inputs: 2, outputs: 1 }, [input, out], 2);
    run(
        "a group in two vectors",
        &good,
        Group { inputs: 1, outputs: 3 },
        [input, View { channels: 3, ..out }],
        1,
    );
    run("fewer outputs than groups", &good, Group::DEPTHWISE, [input, View { channels: 2, ..out }], 1);
    run("a part of a pixel", &Geometry { run: 2, ..good.clone() }, Group::DEPTHWISE, [input, out], 1);
    run("several pixels", &Geometry { span: 2, ..good.clone() }, Group::DEPTHWISE, [input, out], 1);
    run(
        "a grid beyond the map",
        &Geometry { grid: (3, 3), ..good.clone() },
        Group::DEPTHWISE,
        [input, out],
        1,
    );

    let call = |isa| Grouped {
        geometry: &good,
        group: Group::DEPTHWISE,
        batch: 1,
        input,
        weights: &[0.0; 16],
        panels: Panels::new(isa, 1, 4),
        bias: None,
        addend: None,
        relu: false.into(),
        out,
    };
    let weights = |isa| &[0.0; 16][..Panels::new(isa, 1, 4).len()];
    refused_everywhere("weights of another length", |pool, isa, arena| {
        grouped(pool, isa, arena, &Grouped { weights: &weights(isa)[1..], ..call(isa) }, None);
    });
    refused_everywhere("an output over the input", |pool, isa, arena| {
        let out = View { offset: 20, ..out };
        grouped(pool, isa, arena, &Grouped { weights: weights(isa), out, ..call(isa) }, None);
    });
    refused_everywhere("a bias of fewer channels", |pool, isa, arena| {
        grouped(
            pool,
            isa,
            arena,
            &Grouped { weights: weights(isa), bias: Some(&[0.0; 3]), ..call(isa) },
            None,
        );
    });
    let part = Geometry { grid: (1, 3), ..good.clone() };
    refused_everywhere("statistics of a part", |pool, isa, arena| {
        let (mut mean, mut variance) = ([0.0; 4], [0.0; 4]);
        let call = Grouped { geometry: &part, weights: weights(isa), ..call(isa) };
        grouped(pool, isa, arena, &call, Some([&mut mean, &mut variance]));
    });
}

#[test]
fn taps_that_a_layout_has_not_are_refused() {
    let isa = Isa::best();
    let (pair, from) = (Group { inputs: 2, outputs: 2 }, Panels::new(isa, 9 * 2, 4));
    let run = |what: &str, group: Group, taps: &[usize], to: Panels, missing: usize| {
        refused(what, || {
            let (weights, mut target) = (vec![0.0; from.len() - missing], vec![0.0; to.len()]);
            grouped_taps(group, (&weights, from), taps, (&mut target, to));
        });
    };
    let to = Panels::new(isa, 2 * 2, 4);
    run("no such tap", pair, &[0, 9], to, 0);
    run("more taps than rows", pair, &[0, 1, 2], to, 0);
    run("fewer weights", pair, &[0, 1], to, 1);
    run("other columns", pair, &[0, 1], Panels::new(isa, 2 * 2, 6), 0);
    run("groups that change their width", Group { inputs: 1, outputs: 2 }, &[0, 1], to, 0);
}
