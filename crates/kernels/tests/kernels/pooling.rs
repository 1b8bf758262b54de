//! Pools over spans: strided, padded, clipped as ceil mode does, adaptive.

use convnet_kernels::{PoolWindow, avg_pool, avg_pool_backward, max_pool, max_pool_backward};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, elements, read};

/// A mean of at most 49 values, and a sum of at most as many gradients.
const TOLERANCE: f64 = 2e-6;

type Span = (usize, usize, usize);

/// Spans along one axis of `size`.
fn spans(random: &mut Random, size: usize) -> Vec<Span> {
    if random.below(4) == 0 {
        let outputs = random.within(1..=size + 2);
        return (0..outputs)
            .map(|i| (i * size / outputs, ((i + 1) * size).div_ceil(outputs)))
            .map(|(start, end)| (start, end, end - start))
            .collect();
    }
    let (kernel, stride) = (random.within(1..=7), random.within(1..=4));
    let (padding, ceil) = (random.below(kernel / 2 + 1), random.chance());
    let padded = size + 2 * padding;
    let room = padded.saturating_sub(kernel);
    let outputs = 1 + if ceil { room.div_ceil(stride) } else { room / stride };
    (0..outputs)
        .map(|i| (i * stride, (i * stride + kernel).min(padded)))
        .map(|(start, end)| {
            (start.saturating_sub(padding), end.saturating_sub(padding).min(size), end.saturating_sub(start))
        })
        .filter(|span| span.0 < span.1)
        .collect()
}

/// Numbers that are equal to the bit, zeros of either sign and NaN among them.
fn bits(values: &[f64]) -> Vec<u64> {
    values.iter().map(|x| x.to_bits()).collect()
}

struct Case {
    input: (usize, usize),
    rows: Vec<Span>,
    columns: Vec<Span>,
    batch: usize,
    channels: usize,
}

impl Case {
    fn random(random: &mut Random) -> Self {
        let input = (random.within(1..=9), random.within(1..=11));
        let (rows, columns) = (spans(random, input.0), spans(random, input.1));
        Self { input, rows, columns, batch: random.within(1..=3), channels: random.pick(&CHANNELS) }
    }

    fn window(&self) -> PoolWindow {
        PoolWindow::new(self.input, &self.rows, &self.columns)
    }

    fn shapes(&self) -> [(usize, usize); 2] {
        [
            (self.batch * self.input.0 * self.input.1, self.channels),
            (self.batch * self.rows.len() * self.columns.len(), self.channels),
        ]
    }

    /// Each output element, with the input elements of its window and what an average divides by.
    fn windows(&self) -> Vec<(Vec<usize>, f64)> {
        let mut windows = Vec::new();
        for image in 0..self.batch {
            for row in &self.rows {
                for column in &self.columns {
                    for c in 0..self.channels {
                        let elements = (row.0..row.1)
                            .flat_map(|y| (column.0..column.1).map(move |x| (y, x)))
                            .map(|(y, x)| (image * self.input.0 + y) * self.input.1 + x)
                            .map(|pixel| pixel * self.channels + c)
                            .collect();
                        windows.push((elements, (row.2 * column.2) as f64));
                    }
                }
            }
        }
        windows
    }
}

#[test]
fn max_pools_and_their_gradients_are_right() {
    let machine = Machine::new(200);
    let mut random = Random::new(21);
    let mut partitions = 0;
    for seed in 0..200 {
        let case = Case::random(&mut random);
        let (window, accumulate) = (case.window(), random.chance());
        assert_eq!(window.output(), (case.rows.len(), case.columns.len()));
        let mut scene = Scene::new(seed);
        let [input, out] = scene.pair(case.shapes());
        let [dx, dy] = scene.pair(case.shapes());
        scene.fill(input);
        // Few different values, so that equal ones meet in a window.
        for x in scene.values.iter_mut().filter(|x| !x.is_nan()) {
            *x = (*x * 4.0).round();
        }
        scene.fill(dy);
        if accumulate {
            scene.fill(dx);
        }
        let (x, gradient) = (scene.read(input), scene.read(dy));
        let mut expected = Vec::new();
        let mut expected_dx = if accumulate { scene.read(dx) } else { vec![0.0; x.len()] };
        for ((window, _), dy) in case.windows().iter().zip(&gradient) {
            let best = window.iter().fold(window[0], |best, &i| if x[i] > x[best] { i } else { best });
            expected.push(x[best]);
            expected_dx[best] += dy;
        }
        let run = |pool: &_, isa, arena: &mut _| {
            max_pool(pool, isa, arena, &window, [input, out], None);
            let plain = read(arena.as_slice(), out);
            arena.as_mut_slice().copy_from_slice(&scene.values);
            let mut argmax = vec![255; expected.len()];
            max_pool(pool, isa, arena, &window, [input, out], Some(&mut argmax));
            assert_eq!(bits(&plain), bits(&read(arena.as_slice(), out)), "with and without argmax");
            max_pool_backward(pool, isa, arena, &window, [dy, dx], &argmax, accumulate);
            Vec::new()
        };
        machine.run(&scene, &[out, dx], run, |arena, _, isa| {
            let what = format!("{isa} {window:?}");
            assert_eq!(read(arena, out), expected, "{what}");
            assert_close(&read(arena, dx), &expected_dx, TOLERANCE, &what);
        });
        // Windows that hold every element once have a backward pass of their own.
        let mut elements: Vec<usize> = case.windows().into_iter().flat_map(|(window, _)| window).collect();
        elements.sort_unstable();
        partitions += usize::from(elements.into_iter().eq(0..x.len()));
    }
    assert!(partitions >= 10, "{partitions} cases of windows that hold every element once");
}

#[test]
fn average_pools_and_their_gradients_are_right() {
    let machine = Machine::new(200);
    let mut random = Random::new(22);
    for seed in 0..200 {
        let case = Case::random(&mut random);
        let (window, accumulate) = (case.window(), random.chance());
        let mut scene = Scene::new(seed);
        let [input, out] = scene.pair(case.shapes());
        let [dx, dy] = scene.pair(case.shapes());
        scene.fill(input);
        scene.fill(dy);
        if accumulate {
            scene.fill(dx);
        }
        let (x, gradient) = (scene.read(input), scene.read(dy));
        let mut expected = Vec::new();
        let mut expected_dx = if accumulate { scene.read(dx) } else { vec![0.0; x.len()] };
        for ((window, divisor), dy) in case.windows().iter().zip(&gradient) {
            expected.push(window.iter().map(|&i| x[i]).sum::<f64>() / divisor);
            window.iter().for_each(|&i| expected_dx[i] += dy / divisor);
        }
        let run = |pool: &_, isa, arena: &mut _| {
            avg_pool(pool, isa, arena, &window, [input, out]);
            avg_pool_backward(pool, isa, arena, &window, [dy, dx], accumulate);
            Vec::new()
        };
        machine.run(&scene, &[out, dx], run, |arena, _, isa| {
            let what = format!("{isa} {window:?}");
            assert_close(&read(arena, out), &expected, TOLERANCE, &what);
            assert_close(&read(arena, dx), &expected_dx, TOLERANCE, &what);
        });
    }
}

/// Means of whole maps, or of most of them, that are summed in parts.
#[test]
fn means_of_large_maps_are_right() {
    let machine = Machine::new(20);
    let mut random = Random::new(24);
    for seed in 0..40 {
        let input = (random.within(2..=40), random.within(30..=50));
        let inside = |random: &mut Random, size: usize| match random.chance() {
            true => (0, size, size),
            false => (1, size - random.below(size / 2), size + 3),
        };
        let (rows, columns) = (vec![inside(&mut random, input.0)], vec![inside(&mut random, input.1)]);
        let case =
            Case { input, rows, columns, batch: random.below(4), channels: random.pick(&[33, 64, 101]) };
        let window = case.window();
        let mut scene = Scene::new(seed);
        let [input, out] = scene.pair(case.shapes());
        scene.fill(input);
        let x = scene.read(input);
        let mean =
            |(window, divisor): &(Vec<usize>, f64)| window.iter().map(|&i| x[i]).sum::<f64>() / divisor;
        let expected: Vec<f64> = case.windows().iter().map(mean).collect();
        let run = |pool: &_, isa, arena: &mut _| {
            avg_pool(pool, isa, arena, &window, [input, out]);
            Vec::new()
        };
        machine.run(&scene, &[out], run, |arena, _, isa| {
            assert_close(&read(arena, out), &expected, 2e-5, format!("{isa} {window:?}"));
        });
    }
}

/// 16 × 16 is the largest window whose places fit a byte.
#[test]
fn the_largest_window_has_an_argmax() {
    let machine = Machine::new(1);
    let case = Case {
        input: (17, 18),
        rows: vec![(0, 16, 1), (1, 17, 1)],
        columns: vec![(2, 18, 1)],
        batch: 2,
        channels: 3,
    };
    let window = case.window();
    assert_eq!(window.area(), 256);
    let mut scene = Scene::new(5);
    let [input, out] = scene.pair(case.shapes());
    scene.fill(input);
    // The very last element is the largest.
    let last = input.offset + (input.pixels - 1) * input.stride;
    scene.values[last] = 2.0;
    let run = |pool: &_, isa, arena: &mut _| {
        let mut argmax = vec![0; out.pixels * out.channels];
        max_pool(pool, isa, arena, &window, [input, out], Some(&mut argmax));
        assert_eq!(argmax[(out.pixels - 1) * out.channels], 255);
        Vec::new()
    };
    machine.run(&scene, &[out], run, |arena, _, _| {
        assert_eq!(arena[out.offset + (out.pixels - 1) * out.stride], 2.0);
    });
}

#[test]
fn pools_of_nothing_write_nothing() {
    let machine = Machine::new(2);
    for (rows, columns, batch) in [
        (vec![], vec![(0, 2, 2)], 2),
        (vec![(0, 2, 2)], vec![], 2),
        (vec![(0, 2, 2), (0, 2, 2), (1, 2, 1)], vec![], 2),
        (vec![(0, 2, 2)], vec![(0, 2, 2)], 0),
    ] {
        let case = Case { input: (2, 2), rows, columns, batch, channels: 3 };
        let window = case.window();
        let mut scene = Scene::new(1);
        let [input, out] = case.shapes().map(|(pixels, channels)| scene.dense(pixels, channels));
        scene.fill(input);
        let run = |pool: &_, isa, arena: &mut _| {
            max_pool(pool, isa, arena, &window, [input, out], None);
            avg_pool(pool, isa, arena, &window, [input, out]);
            max_pool_backward(pool, isa, arena, &window, [out, input], &[], false);
            Vec::new()
        };
        machine.run(&scene, &[input], run, |arena, _, _| {
            assert!(read(arena, input).iter().all(|&x| x == 0.0), "no window has a gradient");
        });
    }
}

/// The last NaN of a window is its maximum, as in PyTorch, and gets its gradient.
#[test]
fn a_nan_is_the_maximum() {
    let machine = Machine::new(100);
    let mut random = Random::new(23);
    for seed in 0..100 {
        let case = Case::random(&mut random);
        let window = case.window();
        let mut scene = Scene::new(seed);
        let [input, out] = scene.pair(case.shapes());
        let [dx, dy] = scene.pair(case.shapes());
        scene.fill(input);
        scene.fill(dy);
        for at in elements(input) {
            if random.below(4) == 0 {
                scene.values[at] = f32::NAN;
            }
        }
        let (x, gradient) = (scene.read(input), scene.read(dy));
        let mut expected = Vec::new();
        let mut expected_dx = vec![0.0; x.len()];
        for ((window, _), dy) in case.windows().iter().zip(&gradient) {
            let larger = |i: usize, best: usize| x[i].is_nan() || x[i] > x[best];
            let best = window.iter().fold(window[0], |best, &i| if larger(i, best) { i } else { best });
            expected.push(x[best]);
            expected_dx[best] += dy;
        }
        let run = |pool: &_, isa, arena: &mut _| {
            max_pool(pool, isa, arena, &window, [input, out], None);
            let plain = read(arena.as_slice(), out);
            arena.as_mut_slice().copy_from_slice(&scene.values);
            let mut argmax = vec![255; expected.len()];
            max_pool(pool, isa, arena, &window, [input, out], Some(&mut argmax));
            assert_eq!(bits(&plain), bits(&read(arena.as_slice(), out)), "with and without argmax");
            max_pool_backward(pool, isa, arena, &window, [dy, dx], &argmax, false);
            Vec::new()
        };
        machine.run(&scene, &[out, dx], run, |arena, _, isa| {
            let what = format!("{isa} {window:?}");
            for (found, expected) in read(arena, out).into_iter().zip(&expected) {
                assert!(found == *expected || (found.is_nan() && expected.is_nan()), "{what}: {found}");
            }
            assert_close(&read(arena, dx), &expected_dx, TOLERANCE, &what);
        });
    }
}
