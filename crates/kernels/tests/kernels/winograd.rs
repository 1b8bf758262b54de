//! Winograd's minimal filtering against the sum over taps.

use convnet_kernels::{
    Arena, Filtering, Isa, Panels, Pool, View, Winograd, winograd, winograd_groups, winograd_groups_scratch,
    winograd_scratch, winograd_turned_weights, winograd_weights,
};

use crate::common::{
    CHANNELS, MOST_THREADS, Machine, Random, Scene, assert_close, assert_moments, read, rectified, rectifier,
};
use crate::refusal::refused;

/// The transforms multiply the error of the plain sum several times, the more the more points they have.
fn tolerance(filtering: Filtering) -> f64 {
    match filtering.points() {
        16 => 5e-6,
        36 => 2e-5,
        _ => 5e-5,
    }
}

/// Of the sizes of tiles that a kernel has, in turn.
fn any_filtering(kernel: usize, turn: u64) -> Filtering {
    Filtering::new(if kernel == 3 && turn.is_multiple_of(2) { 2 } else { 4 }, kernel)
}

/// Adds a convolution's products, the plain sum over taps and channels, to its output; weights are kernel element × input × output.
fn add_products(
    out: &mut [f64],
    x: &[f64],
    (kernel, padding): (usize, (usize, usize)),
    [input, output]: [(usize, usize); 2],
    (weights, (c, n)): (&[f32], (usize, usize)),
) {
    for (pixel, row) in out.chunks_exact_mut(n).enumerate() {
        let (image, y, x0) = (pixel / output.1 / output.0, pixel / output.1 % output.0, pixel % output.1);
        for tap in 0..kernel * kernel {
            let at =
                ((y + tap / kernel).wrapping_sub(padding.0), (x0 + tap % kernel).wrapping_sub(padding.1));
            if at.0 >= input.0 || at.1 >= input.1 {
                continue;
            }
            let values = &x[((image * input.0 + at.0) * input.1 + at.1) * c..][..c];
            for (k, value) in values.iter().enumerate() {
                let weights = &weights[(tap * c + k) * n..][..n];
                row.iter_mut().zip(weights).for_each(|(sum, w)| *sum += value * f64::from(*w));
            }
        }
    }
}

/// The same weights as the kernel takes them, and the layout of one of their matrices.
fn transformed(
    pool: &Pool,
    isa: Isa,
    filtering: Filtering,
    (c, n): (usize, usize),
    weights: &[f32],
) -> (Vec<f32>, Panels) {
    let kernel = filtering.kernel();
    let (layout, panels) = (Panels::new(isa, kernel * kernel * c, n), Panels::new(isa, c, n));
    let mut packed = vec![f32::NAN; layout.len()];
    layout.pack(&mut packed, |row, column| weights[row * n + column]);
    let mut transformed = vec![f32::NAN; filtering.points() * panels.len()];
    winograd_weights(pool, isa, filtering, (&packed, layout), (&mut transformed, panels));
    (transformed, panels)
}

#[test]
fn convolutions_of_any_size_and_padding_are_right() {
    let machine = Machine::new(200);
    let mut random = Random::new(81);
    for seed in 0..200 {
        let kernel = if random.chance() { 3 } else { 5 };
        let filtering = any_filtering(kernel, seed);
        let padding = (random.below(kernel), random.below(kernel));
        let size = |random: &mut Random, padding: usize| {
            random.within(kernel.saturating_sub(2 * padding).max(1)..=21)
        };
        let input_size = (size(&mut random, padding.0), size(&mut random, padding.1));
        let output_size =
            (input_size.0 + 2 * padding.0 + 1 - kernel, input_size.1 + 2 * padding.1 + 1 - kernel);
        let (c, n, batch) = (random.pick(&CHANNELS), random.pick(&CHANNELS), random.within(1..=3));
        let (bias, addend, relu) = (random.chance(), random.below(3), rectifier(&mut random));
        let measured = random.chance();
        let mut scene = Scene::new(seed);
        let pixels = (batch * input_size.0 * input_size.1, batch * output_size.0 * output_size.1);
        let [input, out] = scene.pair([(pixels.0, c), (pixels.1, n)]);
        scene.fill(input);
        let addend = match addend {
            0 => None,
            1 => Some(scene.fill(out)),
            _ => Some(scene.filled(pixels.1, n)),
        };
        let weights = scene.random.floats(kernel * kernel * c * n);
        let bias = bias.then(|| scene.random.floats(n));
        let scratch = machine.scratch(&mut scene, |isa| {
            winograd_scratch(MOST_THREADS, batch, filtering, output_size, Panels::new(isa, c, n))
        });

        let x = scene.read(input);
        let mut expected = addend.map_or_else(|| vec![0.0; pixels.1 * n], |view| scene.read(view));
        add_products(&mut expected, &x, (kernel, padding), [input_size, output_size], (&weights, (c, n)));
        for row in expected.chunks_exact_mut(n) {
            for (i, sum) in row.iter_mut().enumerate() {
                *sum += bias.as_ref().map_or(0.0, |bias| f64::from(bias[i]));
                *sum = rectified(relu, *sum);
            }
        }
        let run = |pool: &_, isa, arena: &mut _| {
            let (transformed, panels) = transformed(pool, isa, filtering, (c, n), &weights);
            let call = Winograd {
                filtering,
                batch,
                input,
                input_size,
                padding,
                weights: &transformed,
                panels,
                bias: bias.as_deref(),
                addend,
                relu,
                out,
                output_size,
                scratch: scratch.offset,
            };
            let mut moments = vec![f32::NAN; if measured { 2 * n } else { 0 }];
            let vectors = measured.then(|| moments.split_at_mut(n).into());
            winograd(pool, isa, arena, &call, vectors);
            // What is left in the scratch may depend on the number of threads.
            arena.as_mut_slice()[scratch.offset..][..scratch.channels].fill(0.0);
            moments
        };
        machine.run(&scene, &[out, scratch], run, |arena, moments, isa| {
            let what = format!("{isa} {filtering:?} {input_size:?} padding {padding:?}, {c} to {n}");
            assert_close(&read(arena, out), &expected, tolerance(filtering), &what);
            if measured {
                assert_moments(arena, out, moments, what);
            }
        });
    }
}

/// Channels enough for several sums of products on eight points, few and many outputs, statistics.
#[test]
fn products_of_many_channels_are_right() {
    let machine = Machine::new(7);
    let (large, small) = (Filtering::new(4, 5), Filtering::new(2, 3));
    let sizes = [
        (large, 130, 70),
        (large, 200, 19),
        (large, 64, 33),
        (large, 129, 16),
        (small, 130, 70),
        (small, 33, 19),
        // Weights that threads share.
        (small, 410, 408),
    ];
    for (seed, (filtering, c, n)) in sizes.into_iter().enumerate() {
        // Tiles enough for blocks of their own of one thread and of two, and of F(4×4, 5×5) not of more.
        let (kernel, size, batch) = (filtering.kernel(), (9, 10), 8);
        let padding = (kernel / 2, kernel / 2);
        let mut scene = Scene::new(8000 + seed as u64);
        let pixels = batch * size.0 * size.1;
        let (input, out) = (scene.filled(pixels, c), scene.any(pixels, n));
        let weights = scene.random.floats(kernel * kernel * c * n);
        let scratch = machine.scratch(&mut scene, |isa| {
            winograd_scratch(MOST_THREADS, batch, filtering, size, Panels::new(isa, c, n))
        });
        let x = scene.read(input);
        let mut expected = vec![0.0; pixels * n];
        add_products(&mut expected, &x, (kernel, padding), [size; 2], (&weights, (c, n)));
        let run = |pool: &_, isa, arena: &mut _| {
            let (transformed, panels) = transformed(pool, isa, filtering, (c, n), &weights);
            let call = Winograd {
                filtering,
                batch,
                input,
                input_size: size,
                padding,
                weights: &transformed,
                panels,
                bias: None,
                addend: None,
                relu: false.into(),
                out,
                output_size: size,
                scratch: scratch.offset,
            };
            let mut moments = vec![f32::NAN; 2 * n];
            winograd(pool, isa, arena, &call, Some(moments.split_at_mut(n).into()));
            arena.as_mut_slice()[scratch.offset..][..scratch.channels].fill(0.0);
            moments
        };
        machine.run(&scene, &[out, scratch], run, |arena, moments, isa| {
            let what = format!("{isa} {filtering:?} {c} to {n}");
            assert_close(&read(arena, out), &expected, tolerance(filtering), &what);
            assert_moments(arena, out, moments, what);
        });
    }
}

#[test]
fn groups_are_convolutions_of_their_own() {
    let machine = Machine::new(60);
    let mut random = Random::new(82);
    for seed in 0..60 {
        let (kernel, groups) = (random.pick(&[3, 5]), random.pick(&[1, 2, 3, 7]));
        let filtering = any_filtering(kernel, seed);
        let (k, n, batch) =
            (random.pick(&[1, 5, 16, 70]), random.pick(&[1, 6, 16, 35]), random.within(1..=3));
        // Up to 300 tiles, which are several blocks.
        let size = (random.within(kernel..=30), random.within(kernel..=40));
        let padding = (random.below(kernel), kernel / 2);
        let output_size = (size.0 + 2 * padding.0 + 1 - kernel, size.1 + 2 * padding.1 + 1 - kernel);
        let pixels = (batch * size.0 * size.1, batch * output_size.0 * output_size.1);
        let mut scene = Scene::new(7000 + seed);
        let [input, out] = scene.pair([(pixels.0, groups * k), (pixels.1, groups * n)]);
        scene.fill(input);
        let by_group = scene.any(pixels.1, groups * n);
        let addend = random.chance().then(|| scene.filled(pixels.1, groups * n));
        let bias = random.chance().then(|| scene.random.floats(groups * n));
        let relu = rectifier(&mut random);
        let scratch = machine.scratch(&mut scene, |isa| {
            let panels = Panels::new(isa, k, n);
            let each = winograd_scratch(MOST_THREADS, batch, filtering, output_size, panels);
            each.max(winograd_groups_scratch(MOST_THREADS, batch, filtering, output_size, panels))
        });
        let run = |pool: &_, isa, arena: &mut _| {
            let panels = Panels::new(isa, k, n);
            let floats = filtering.points() * panels.len();
            let weights = Random::new(seed).floats(groups * floats);
            let whole = Winograd {
                filtering,
                batch,
                input,
                input_size: size,
                padding,
                weights: &weights,
                panels,
                bias: bias.as_deref(),
                addend,
                relu,
                out,
                output_size,
                scratch: scratch.offset,
            };
            winograd_groups(pool, isa, arena, &whole, groups);
            for g in 0..groups {
                let part = |view: View| view.slice(g * n, n);
                let call = Winograd {
                    input: input.slice(g * k, k),
                    weights: &weights[g * floats..][..floats],
                    bias: bias.as_ref().map(|bias| &bias[g * n..][..n]),
                    addend: addend.map(part),
                    out: part(by_group),
                    ..whole
                };
                winograd(pool, isa, arena, &call, None);
            }
            arena.as_mut_slice()[scratch.offset..][..scratch.channels].fill(0.0);
            Vec::new()
        };
        machine.run(&scene, &[out, by_group, scratch], run, |arena, _, isa| {
            let what =
                format_args!("{isa} {groups} groups of {k} to {n}, {filtering:?} {size:?} {padding:?}");
            assert_close(&read(arena, out), &read(arena, by_group), 0.0, what);
        });
    }
}

#[test]
fn groups_that_do_not_fit_are_refused() {
    let panels = Panels::new(Isa::PORTABLE, 2, 3);
    let filtering = Filtering::new(4, 3);
    let floats = filtering.points() * panels.len();
    let weights = vec![0.5; 2 * floats];
    let call = Winograd {
        filtering,
        batch: 1,
        input: View::dense(0, 16, 4),
        input_size: (4, 4),
        padding: (1, 1),
        weights: &weights,
        panels,
        bias: None,
        addend: None,
        relu: false.into(),
        out: View::dense(64, 16, 6),
        output_size: (4, 4),
        scratch: 160,
    };
    let run = |call: &Winograd<'_>, groups: usize| {
        winograd_groups(&Pool::new(2), Isa::PORTABLE, &mut Arena::new(20_000), call, groups);
    };
    run(&call, 2);
    for groups in [0, 1, 3] {
        refused(&format!("{groups} groups"), || run(&call, groups));
    }
    let others = [
        Winograd { filtering: Filtering::new(6, 3), ..call },
        Winograd { filtering: Filtering::new(2, 5), ..call },
        Winograd { weights: &weights[1..], ..call },
        Winograd { bias: Some(&weights[..5]), ..call },
        Winograd { scratch: 19_000, ..call },
        Winograd { scratch: 0, ..call },
        Winograd { out: View::dense(32, 16, 6), ..call },
        Winograd { addend: Some(View::dense(67, 16, 6)), ..call },
        Winograd { input: View::dense(19_990, 16, 4), ..call },
    ];
    for (i, call) in others.iter().enumerate() {
        refused(&format!("call {i}"), || run(call, 2));
    }
}

#[test]
fn weights_for_tiles_of_another_side_are_refused() {
    let panels = Panels::new(Isa::PORTABLE, 2, 3);
    for filtering in [Filtering::new(6, 3), Filtering::new(2, 5)] {
        let from = Panels::new(Isa::PORTABLE, filtering.kernel().pow(2) * 2, 3);
        let source = vec![0.5; from.len()];
        let mut target = vec![0.0; filtering.points() * panels.len()];
        refused(&format!("{filtering:?}"), || {
            winograd_weights(&Pool::new(1), Isa::PORTABLE, filtering, (&source, from), (&mut target, panels));
        });
    }
}

#[test]
fn turned_weights_are_those_of_kernels_transposed_and_back_to_front() {
    let mut random = Random::new(83);
    let pools = [1, 2, 3].map(Pool::new);
    // Narrow vectors on either side, panels that are partly full, several tasks a panel.
    let mut channels = vec![(8, 33), (33, 8), (8, 8), (65, 17), (17, 65), (1, 1)];
    channels.extend((0..20).map(|_| (random.pick(&CHANNELS), random.pick(&CHANNELS))));
    for isa in Isa::available() {
        for (turn, &(c, n)) in channels.iter().enumerate() {
            for filtering in [(2, 3), (4, 3), (4, 5)].map(|(outputs, kernel)| Filtering::new(outputs, kernel))
            {
                let kernel = filtering.kernel();
                let weights = random.floats(kernel * kernel * c * n);
                let from = Panels::new(isa, kernel * kernel * c, n);
                let mut packed = vec![f32::NAN; from.len()];
                from.pack(&mut packed, |row, column| weights[row * n + column]);
                let turned: Vec<f32> = (0..kernel * kernel * n * c)
                    .map(|i| {
                        let (element, row, column) = (i / c / n, i / c % n, i % c);
                        weights[((kernel * kernel - 1 - element) * c + column) * n + row]
                    })
                    .collect();
                let pool = &pools[turn % pools.len()];
                let (expected, to) = transformed(pool, isa, filtering, (n, c), &turned);
                let mut target = vec![f32::NAN; expected.len()];
                winograd_turned_weights(pool, isa, filtering, (&packed, from), (&mut target, to));
                assert_eq!(target, expected, "{isa} {filtering:?} {c} to {n}");
            }
        }
    }
}

#[test]
fn turned_weights_of_other_sizes_are_refused() {
    let (from, to) = (Panels::new(Isa::PORTABLE, 9 * 2, 3), Panels::new(Isa::PORTABLE, 3, 2));
    let turn = |filtering: Filtering, source: usize, target: usize, [from, to]: [Panels; 2]| {
        let (source, mut target) = (vec![0.5; source], vec![0.0; target]);
        winograd_turned_weights(&Pool::new(1), Isa::PORTABLE, filtering, (&source, from), (&mut target, to));
    };
    let (small, lengths) = (Filtering::new(2, 3), (from.len(), 16 * to.len()));
    turn(small, lengths.0, lengths.1, [from, to]);
    for (what, filtering, source, target, layouts) in [
        ("other tiles", Filtering::new(6, 3), lengths.0, 64 * to.len(), [from, to]),
        ("few kernels", small, lengths.0 - 1, lengths.1, [from, to]),
        ("little room", small, lengths.0, lengths.1 - 1, [from, to]),
        (
            "not transposed",
            small,
            lengths.0,
            16 * Panels::new(Isa::PORTABLE, 2, 3).len(),
            [from, Panels::new(Isa::PORTABLE, 2, 3)],
        ),
        (
            "more taps",
            small,
            Panels::new(Isa::PORTABLE, 25 * 2, 3).len(),
            lengths.1,
            [Panels::new(Isa::PORTABLE, 25 * 2, 3), to],
        ),
    ] {
        refused(what, || turn(filtering, source, target, layouts));
    }
    for isa in Isa::available() {
        let (wide, narrow) = (Panels::new(isa, 9 * 20, 30), Panels::new(Isa::PORTABLE, 9 * 20, 30));
        if wide != narrow {
            let to = Panels::new(Isa::PORTABLE, 30, 20);
            refused(&format!("{isa}"), || turn(small, wide.len(), 16 * to.len(), [wide, to]));
        }
    }
}
