//! First convolutions of images as they are given: what the indirect GEMM gives of a copy, to the bit; others are refused.

use convnet_kernels::{
    Arena, Bands, Border, Expansion, Geometry, Group, Grouped, Igemm, Isa, Panels, Pointwise, Pool,
    Rectifier, Stem, Tap, View, Weights, bands, bands_scratch, from_nchw_padded, grouped, igemm, stem,
    stem_suits,
};

use crate::common::{
    CHANNELS, MOST_THREADS, Machine, Random, Scene, assert_close, elements, packed, read, rectified,
    rectifier,
};
use crate::grouped::groups;
use crate::igemm::{Axis, TOLERANCE, convolution, left};
use crate::refusal::{outside, refused, refused_everywhere};

/// A first convolution of images with a border, one that suits, to a map of at most so many rows and columns.
fn geometry(random: &mut Random, channels: usize, largest: (usize, usize)) -> (Geometry, Border) {
    let step = (random.within(1..=3), random.pick(&[1, 2, 4]));
    let (tall, wide, dilation) = (random.within(1..=5), random.within(2..=7), random.within(1..=2));
    let grid = (random.within(largest.0.div_ceil(2)..=largest.0), random.within(6..=largest.1));
    // Kernel rows may begin further to the right, and come in any order.
    let shift = random.below(2);
    // A last row and column may be left over.
    let reach = ((grid.0 - 1) * step.0 + (tall - 1) * dilation + 1, (grid.1 - 1) * step.1 + wide + shift);
    let input = (reach.0 + random.below(step.0), reach.1 + random.below(step.1));
    let mut border = |size: usize| {
        let before = random.below(4).min(size - 1);
        (before, random.below(4).min(size - 1 - before))
    };
    let ((top, bottom), (left, right)) = (border(input.0), border(input.1));
    let mut taps: Vec<Tap> =
        (0..tall).map(|k| Tap { dy: (k * dilation) as isize, dx: (k % 2 * shift) as isize }).collect();
    taps.rotate_left(shift * tall / 2);
    let geometry =
        Geometry { input, grid, step, taps, span: wide, output: grid, ..Geometry::rows(wide * channels) };
    assert!(stem_suits(&geometry, channels), "{geometry:?}");
    (geometry, Border { top, bottom, left, right })
}

#[test]
fn images_as_they_are_given_give_what_a_copy_of_them_gives() {
    let machine = Machine::new(100);
    let mut random = Random::new(251);
    for seed in 0..140 {
        let channels = random.within(1..=4);
        let (geometry, border) = geometry(&mut random, channels, (9, 43));
        let Border { top, bottom, left: before, right: behind } = border;
        let (tall, wide) = geometry.input;
        let (batch, n) = (random.below(4), random.pick(&CHANNELS));
        let positions = geometry.positions(batch);
        let mut scene = Scene::new(seed);
        let copy = scene.dense(batch * tall * wide, channels);
        let [expected, out] = [(); 2].map(|()| scene.any(positions, n));
        let images = scene.random.floats(batch * channels * (tall - top - bottom) * (wide - before - behind));
        let k = geometry.k();
        let weights = scene.random.floats(k * n);
        let bias = scene.random.chance().then(|| scene.random.floats(n));
        let relu = rectifier(&mut scene.random);
        let case = format!("{geometry:?} {border:?}, {batch} of {channels}, {n}, {relu:?}");
        let run = |pool: &_, isa: Isa, arena: &mut _| {
            let (panels, packed) = packed(isa, &weights, (k, n));
            let size = (tall - top - bottom, wide - before - behind);
            from_nchw_padded(pool, isa, arena, &images, size, border, copy);
            let call = Igemm {
                geometry: &geometry,
                batch,
                input: copy,
                weights: Weights::Single(&packed),
                panels,
                bias: bias.as_deref(),
                addend: None,
                before: None,
                relu,
                out: expected,
            };
            igemm(pool, isa, arena, &call, None);
            let call = Stem {
                geometry: &geometry,
                border,
                batch,
                channels,
                images: &images,
                weights: &packed,
                panels,
                bias: bias.as_deref(),
                relu,
            };
            stem(pool, isa, arena, &call, out);
            Vec::new()
        };
        machine.run(&scene, &[copy, expected, out], run, |arena, _, isa| {
            let of = |view: View| elements(view).map(|i| arena[i].to_bits()).collect::<Vec<_>>();
            assert_eq!(of(out), of(expected), "{isa} {case}");
            let copy = read(arena, copy);
            let sum = |i: usize| {
                let products = (0..k)
                    .map(|k| left(&geometry, &copy, channels, i / n, k) * f64::from(weights[k * n + i % n]));
                rectified(
                    relu,
                    products.sum::<f64>() + bias.as_ref().map_or(0.0, |bias| f64::from(bias[i % n])),
                )
            };
            let plain: Vec<f64> = (0..positions * n).map(sum).collect();
            assert_close(&read(arena, out), &plain, TOLERANCE, format_args!("{isa} {case}"));
        });
    }
}

/// A convolution along an axis of a map of that size.
fn axis(random: &mut Random, size: usize) -> Axis {
    loop {
        let axis = Axis { size, ..Axis::random(random, 9) };
        if axis.fits() {
            return axis;
        }
    }
}

#[test]
fn in_bands_with_what_reads_it_the_bits_are_those_of_one_after_the_other() {
    let machine = Machine::new(60);
    let mut random = Random::new(252);
    for seed in 0..100 {
        let channels = random.within(1..=4);
        // Some maps that are larger than a band.
        let large = seed % 5 == 0;
        let (first, border) = geometry(&mut random, channels, if large { (45, 43) } else { (9, 43) });
        let (group, groups) = groups(&mut random);
        let groups = if large { groups * 4 } else { groups };
        let [wide, narrow] = [groups * group.inputs, groups * group.outputs];
        let middle = convolution([first.grid.0, first.grid.1].map(|size| axis(&mut random, size)), wide);
        let (batch, projects) = (random.within(1..=3), random.chance());
        let last = if projects { random.pick(&CHANNELS) } else { narrow };
        let mut scene = Scene::new(seed);
        let maps = [(first.positions(batch), wide), (middle.positions(batch), narrow)];
        let [wide_map, narrow_map] = maps.map(|(pixels, channels)| scene.dense(pixels, channels));
        let out = scene.any(middle.positions(batch), last);
        let floats = bands_scratch(MOST_THREADS, &middle, Some(wide), projects.then_some(narrow));
        let scratch = scene.dense(1, floats);
        let Border { top, bottom, left, right } = border;
        let pixels = (first.input.0 - top - bottom) * (first.input.1 - left - right);
        let images = scene.random.floats(batch * channels * pixels);
        let sizes = [(first.k(), wide), (middle.taps.len() * group.inputs, narrow), (narrow, last)];
        let weights = sizes.map(|(k, n)| scene.random.floats(k * n));
        let biases = sizes.map(|(_, n)| scene.random.floats(n));
        let rectifiers = sizes.map(|_| rectifier(&mut scene.random));
        let fits =
            |isa: Isa| group.fits(isa, narrow) && [wide, last].iter().all(|&n| isa.is_alike_for([n, narrow]));
        let run = |pool: &Pool, isa: Isa, arena: &mut Arena| {
            if !fits(isa) {
                return Vec::new();
            }
            let [first_weights, middle_weights, last_weights] =
                [0, 1, 2].map(|i| packed(isa, &weights[i], sizes[i]));
            let call = Stem {
                geometry: &first,
                border,
                batch,
                channels,
                images: &images,
                weights: &first_weights.1,
                panels: first_weights.0,
                bias: Some(&biases[0]),
                relu: rectifiers[0],
            };
            let written = if projects { narrow_map } else { out };
            let convolution = Grouped {
                geometry: &middle,
                group,
                batch,
                input: wide_map,
                weights: &middle_weights.1,
                panels: middle_weights.0,
                bias: Some(&biases[1]),
                addend: None,
                relu: rectifiers[1],
                out: written,
            };
            let projection = Pointwise {
                weights: &last_weights.1,
                panels: last_weights.0,
                bias: Some(&biases[2]),
                relu: rectifiers[2],
            };
            let mut other = scene.arena();
            stem(pool, isa, &mut other, &call, wide_map);
            grouped(pool, isa, &mut other, &convolution, None);
            if projects {
                let product = Igemm {
                    geometry: &Geometry::pointwise(middle.grid, narrow),
                    batch,
                    input: narrow_map,
                    weights: Weights::Single(projection.weights),
                    panels: projection.panels,
                    bias: projection.bias,
                    addend: None,
                    before: None,
                    relu: projection.relu,
                    out,
                };
                igemm(pool, isa, &mut other, &product, None);
            }
            let together = Bands {
                expansion: Some(Expansion::Stem(call)),
                grouped: Grouped { input: View::dense(0, 0, 0), out, ..convolution },
                projection: projects.then_some(projection),
                scratch: scratch.offset,
            };
            bands(pool, isa, arena, &together);
            let of = |arena: &Arena| elements(out).map(|i| arena.as_slice()[i].to_bits()).collect::<Vec<_>>();
            assert_eq!(of(arena), of(&other), "{isa} {first:?} {border:?} {middle:?}");
            let scratch = scratch.offset..scratch.offset + floats;
            // What lies in the scratch depends on the threads.
            arena.as_mut_slice()[scratch.clone()].copy_from_slice(&scene.values[scratch]);
            elements(out).map(|i| arena.as_slice()[i]).collect()
        };
        machine.run(&scene, &[out], run, |_, _, _| ());
    }
}

#[test]
fn first_convolutions_that_do_not_fit_what_reads_them_are_refused() {
    let taps = vec![Tap { dy: 0, dx: 0 }];
    let first = Geometry { input: (1, 7), grid: (1, 6), taps, span: 2, output: (1, 6), ..Geometry::rows(2) };
    let wider = Geometry { input: (1, 8), grid: (1, 7), output: (1, 7), ..first.clone() };
    for isa in Isa::available() {
        let run = |geometry: &Geometry, images: usize, batch: usize, n: usize| {
            let (panels, one) = (Panels::new(isa, 2, n), Panels::new(isa, 1, 4));
            let (weights, row, images) = (vec![0.5; panels.len()], vec![0.5; one.len()], vec![1.0; images]);
            let call = Stem {
                geometry,
                border: Border::NONE,
                batch,
                channels: 1,
                images: &images,
                weights: &weights,
                panels,
                bias: None,
                relu: Rectifier::None,
            };
            let grouped = Grouped {
                geometry: &Geometry::pointwise((1, 6), 4),
                group: Group::DEPTHWISE,
                batch: 1,
                input: View::dense(0, 0, 0),
                weights: &row,
                panels: one,
                bias: None,
                addend: None,
                relu: Rectifier::None,
                out: View::dense(0, 6, 4),
            };
            let expansion = Some(Expansion::Stem(call));
            let call = Bands { expansion, grouped, projection: None, scratch: 24 };
            bands(&Pool::new(1), isa, &mut Arena::new(2048), &call);
        };
        run(&first, 7, 1, 4);
        refused("too few images", || run(&first, 6, 1, 4));
        refused("another batch", || run(&first, 14, 2, 4));
        refused("another map", || run(&wider, 8, 1, 4));
        refused("other channels", || run(&first, 7, 1, 5));
    }
}

/// What a first convolution is given: floats of images, a layout of weights, an output, biases, and rows of the border.
#[derive(Clone, Copy)]
struct Given {
    images: usize,
    panels: Panels,
    out: View,
    biases: usize,
    above: usize,
    below: usize,
}

#[test]
fn other_convolutions_are_no_stems() {
    let taps = vec![Tap { dy: 0, dx: 0 }, Tap { dy: 1, dx: 0 }];
    let good = Geometry {
        input: (3, 13),
        grid: (2, 6),
        step: (1, 2),
        taps,
        span: 3,
        output: (2, 6),
        ..Geometry::rows(6)
    };
    assert!(stem_suits(&good, 2));
    let beyond = vec![Tap { dy: 0, dx: 0 }, Tap { dy: 2, dx: 0 }];
    let above = vec![Tap { dy: -1, dx: 0 }];
    let far = vec![Tap { dy: 4000, dx: 0 }];
    let right = vec![Tap { dy: 0, dx: 1 }];
    let left = vec![Tap { dy: 0, dx: -1 }];
    for (geometry, channels) in [
        (good.clone(), 3),
        (Geometry { taps: Vec::new(), ..good.clone() }, 2),
        (Geometry { taps: right, ..good.clone() }, 2),
        (Geometry { taps: left, ..good.clone() }, 2),
        (Geometry { input: (3, 12), ..good.clone() }, 2),
        (Geometry { run: 15, ..good.clone() }, 5),
        (Geometry { span: 1, run: 2, ..good.clone() }, 2),
        (Geometry { step: (1, 3), input: (3, 20), ..good.clone() }, 2),
        (Geometry { step: (usize::MAX, 2), ..good.clone() }, 2),
        (Geometry { grid: (2, 5), output: (2, 5), ..good.clone() }, 2),
        (Geometry { output: (3, 6), ..good.clone() }, 2),
        (Geometry { output: (4, 12), spread: (2, 2), ..good.clone() }, 2),
        (Geometry { taps: beyond, ..good.clone() }, 2),
        (Geometry { taps: above, ..good.clone() }, 2),
        (Geometry { taps: far, input: (4002, 13), ..good.clone() }, 2),
        (Geometry { run: 0, span: usize::MAX, ..good.clone() }, 2),
    ] {
        assert!(!stem_suits(&geometry, channels), "{geometry:?} of {channels} channels");
        let what = format!("{geometry:?}");
        refused_everywhere(&what, |p, isa, a| {
            let panels = Panels::new(isa, geometry.k(), 1);
            let weights = vec![1.0; panels.len()];
            let out = View::dense(0, geometry.output.0 * geometry.output.1, 1);
            let border = Border::NONE;
            let images = vec![1.0; channels * geometry.input.0 * geometry.input.1];
            let call = Stem {
                geometry: &geometry,
                border,
                batch: 1,
                channels,
                images: &images,
                weights: &weights,
                panels,
                bias: None,
                relu: Rectifier::None,
            };
            stem(p, isa, a, &call, out);
        });
    }
    // One that suits, of one image of 2 channels, 1 × 12 pixels with a border.
    let right = |isa| Given {
        images: 24,
        panels: Panels::new(isa, 12, 3),
        out: View::dense(2, 12, 3),
        biases: 3,
        above: 2,
        below: 0,
    };
    let changes: [fn(Isa, Given) -> Given; 8] = [
        |_, right| Given { images: 23, ..right },
        |isa, right| Given { panels: Panels::new(isa, 11, 3), ..right },
        |isa, right| Given { panels: Panels::new(isa, 12, 2), ..right },
        |_, right| Given { out: View::dense(2, 11, 3), ..right },
        |_, right| Given { out: View::dense(29, 12, 3), ..right },
        |_, right| Given { biases: 2, ..right },
        |_, right| Given { above: 3, ..right },
        |_, right| Given { below: usize::MAX, ..right },
    ];
    let run = |p: &_, isa: Isa, a: &mut _, given: Given| {
        let Given { images, panels, out, biases, above, below } = given;
        let (images, weights, bias) = (vec![1.0; images], vec![1.0; panels.len()], vec![0.5; biases]);
        let call = Stem {
            geometry: &good,
            border: Border { top: above, bottom: below, left: 1, right: 0 },
            batch: 1,
            channels: 2,
            images: &images,
            weights: &weights,
            panels,
            bias: Some(&bias),
            relu: Rectifier::None,
        };
        stem(p, isa, a, &call, out);
    };
    for isa in Isa::available() {
        run(&Pool::new(2), isa, &mut Arena::new(64), right(isa));
    }
    for (i, change) in changes.iter().enumerate() {
        refused_everywhere(&format!("change {i}"), |p, isa, a| run(p, isa, a, change(isa, right(isa))));
    }
    for view in outside() {
        refused_everywhere(&format!("{view:?}"), |p, isa, a| {
            run(p, isa, a, Given { out: view, ..right(isa) });
        });
    }
}
