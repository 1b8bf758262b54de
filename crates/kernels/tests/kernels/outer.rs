//! Gradients of weights.

use convnet_kernels::{Geometry, Isa, Outer, Panels, Tap, along_rows, outer, outer_scratch, rows_gradient};
use proptest::prelude::*;

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close};
use crate::igemm::{Axis, TOLERANCE, arbitrary, convolution, grey, left, output_pixel};

/// Runs an outer product and compares it with the sum over all positions.
fn check(machine: &Machine, geometry: &Geometry, batch: usize, [channels, n]: [usize; 2], seed: u64) {
    let mut scene = Scene::new(seed);
    let shapes = [
        (batch * geometry.input.0 * geometry.input.1, channels),
        (batch * geometry.output.0 * geometry.output.1, n),
    ];
    let [input, dy] = if geometry.span == 1 {
        scene.pair(shapes)
    } else {
        [scene.dense(shapes[0].0, channels), scene.any(shapes[1].0, n)]
    };
    scene.fill(input);
    scene.fill(dy);
    let (values, gradient) = (scene.read(input), scene.read(dy));
    let mut expected = vec![0.0; geometry.k() * n];
    for position in 0..geometry.positions(batch) {
        let dy = &gradient[output_pixel(geometry, position) * n..][..n];
        for (k, row) in expected.chunks_exact_mut(n.max(1)).enumerate() {
            let x = left(geometry, &values, channels, position, k);
            row.iter_mut().zip(dy).for_each(|(sum, dy)| *sum += x * dy);
        }
    }
    let along = along_rows(geometry, channels, n);
    let run = |pool: &_, isa, arena: &mut _| {
        let panels = Panels::new(isa, geometry.k(), n);
        let mut packed = vec![f32::NAN; panels.len()];
        let call = Outer { geometry, batch, input, output_gradient: dy, panels };
        if along {
            rows_gradient(pool, isa, arena, &call, &mut packed);
        } else {
            let mut scratch = vec![f32::NAN; outer_scratch(geometry, batch, panels)];
            outer(pool, isa, arena, &call, &mut packed, &mut scratch);
        }
        packed
    };
    machine.run(&scene, &[], run, |_, packed, isa| {
        let what = format_args!("{isa} {geometry:?} batch {batch}, {channels} to {n}");
        let panels = Panels::new(isa, geometry.k(), n);
        let elements = (0..geometry.k()).flat_map(|k| (0..n).map(move |column| (k, column)));
        let actual: Vec<f64> = elements.map(|(k, c)| f64::from(packed[panels.index(k, c)])).collect();
        assert_close(&actual, &expected, TOLERANCE, what);
        let mut rest = packed.to_vec();
        (0..geometry.k()).for_each(|k| (0..n).for_each(|c| rest[panels.index(k, c)] = 0.0));
        assert!(rest.iter().all(|&x| x == 0.0), "{what}: columns beyond N are not zero");
    });
}

#[test]
fn every_pair_of_channel_counts_is_right() {
    let machine = Machine::new(256);
    for (i, &k) in CHANNELS.iter().enumerate() {
        for (j, &n) in CHANNELS.iter().enumerate() {
            let batch = 1 + (i * 7 + j * 5) % 29;
            check(&machine, &Geometry::rows(k), batch, [k, n], (i * 16 + j) as u64);
        }
    }
}

#[test]
fn convolutions_of_any_stride_padding_and_dilation_are_right() {
    let machine = Machine::new(150);
    let mut random = Random::new(11);
    for seed in 0..150 {
        let (channels, n) = (random.pick(&CHANNELS), random.pick(&CHANNELS));
        let axes = [Axis::random(&mut random, 9), Axis::random(&mut random, 11)];
        check(&machine, &convolution(axes, channels), random.within(1..=3), [channels, n], seed);
    }
}

#[test]
fn grey_images_to_a_few_channels_are_right() {
    let machine = Machine::new(120);
    let mut random = Random::new(12);
    let mut along = 0;
    for seed in 0..120 {
        let geometry = grey(&mut random);
        let (batch, n) = (random.within(1..=40), random.within(1..=9));
        along += usize::from(along_rows(&geometry, 1, n));
        check(&machine, &geometry, batch, [1, n], seed);
    }
    assert!(along >= 90, "{along} cases along rows");
}

/// Both operands exceed what one pass reads, so that later passes add to the first one's sums.
#[test]
fn maps_beyond_the_cache_are_summed_over_all_passes() {
    let machine = Machine::new(1);
    let taps = vec![Tap { dy: -1, dx: 1 }, Tap { dy: 1, dx: 0 }];
    let geometry = Geometry { taps, ..Geometry::pointwise((41, 60), 48) };
    check(&machine, &geometry, 2, [48, 65], 0);
}

/// Many positions of few channels are summed in parts, of which each may be cut in passes and has rows of several images.
#[test]
fn many_positions_are_summed_in_parts() {
    let machine = Machine::new(4);
    let taps = vec![Tap { dy: -1, dx: 1 }, Tap { dy: 1, dx: 0 }];
    let few = |map, channels| Geometry { taps: taps.clone(), ..Geometry::pointwise(map, channels) };
    for (geometry, batch, n) in [
        (few((7, 9), 3), 5, 5),
        (Geometry::pointwise((13, 6), 20), 7, 17),
        (few((41, 60), 33), 3, 34),
        (Geometry::pointwise((1, 50), 2), 3, 1),
    ] {
        for isa in Isa::available() {
            let panels = Panels::new(isa, geometry.k(), n);
            assert!(outer_scratch(&geometry, batch, panels) > 0, "{isa} {geometry:?}: one part");
        }
        check(&machine, &geometry, batch, [geometry.run, n], n as u64);
    }
}

#[test]
fn fewer_images_take_no_more_scratch() {
    let panels = Panels::new(Isa::PORTABLE, 24, 12);
    let mut before = 0;
    for batch in 0..40 {
        let scratch = outer_scratch(&Geometry::pointwise((3, 5), 24), batch, panels);
        assert!(before <= scratch, "batch {batch}");
        before = scratch;
    }
    assert_eq!(before, 3 * panels.len(), "four parts at most");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_geometry_is_right(seed in any::<u64>(), batch in 1usize..4, c in 0usize..16, n in 0usize..16) {
        let geometry = arbitrary(&mut Random::new(seed), CHANNELS[c]);
        check(&Machine::new(usize::from(geometry.k() > 0)), &geometry, batch, [CHANNELS[c], CHANNELS[n]], seed);
    }
}

#[test]
fn nothing_to_sum_gives_zeros() {
    let machine = Machine::new(4);
    let no_taps = Geometry { taps: Vec::new(), ..Geometry::pointwise((3, 5), 4) };
    let no_rows = Geometry { grid: (0, 5), ..Geometry::pointwise((3, 5), 4) };
    let no_columns = Geometry { grid: (3, 0), ..Geometry::pointwise((3, 5), 4) };
    let outside = Geometry { taps: vec![Tap { dy: 3, dx: 0 }, Tap { dy: 0, dx: -5 }], ..no_taps.clone() };
    for geometry in [no_taps, no_rows, no_columns, outside] {
        check(&machine, &geometry, 2, [4, 9], 1);
    }
    check(&machine, &Geometry::rows(4), 0, [4, 9], 2);
    check(&machine, &Geometry::rows(4), 3, [4, 0], 3);
}
