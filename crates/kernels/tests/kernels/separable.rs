//! Linear maps along each axis, and elements in another order.

use convnet_kernels::{Rearrangement, Separable, Taps, rearrange, separable};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read};

/// A few taps for each output; sometimes the inputs as they are, or those from one on.
fn taps(random: &mut Random, inputs: usize) -> Taps {
    match random.below(4) {
        0 => Taps::identity(inputs),
        1 => {
            let first = random.below(inputs);
            Taps::new(inputs, (first..inputs).map(|i| vec![(i, 1.0)]))
        }
        _ => {
            let rows: Vec<Vec<(usize, f32)>> = (0..random.within(1..=6))
                .map(|_| (0..random.below(4)).map(|_| (random.below(inputs), random.float())).collect())
                .collect();
            Taps::new(inputs, rows)
        }
    }
}

/// The matrix, row by row: what single taps give.
fn matrix(taps: &Taps) -> Vec<Vec<f64>> {
    let one = |input: usize| -> Vec<f64> {
        let machine = convnet_kernels::Pool::new(1);
        let mut arena = convnet_kernels::Arena::new(taps.inputs() + taps.outputs());
        arena.as_mut_slice()[input] = 1.0;
        let views = [
            convnet_kernels::View::dense(0, 1, taps.inputs()),
            convnet_kernels::View::dense(taps.inputs(), 1, taps.outputs()),
        ];
        let map = Separable { channels: taps.clone(), rows: Taps::identity(1), columns: Taps::identity(1) };
        separable(&machine, convnet_kernels::Isa::PORTABLE, &mut arena, &map, views, false);
        arena.as_slice()[taps.inputs()..].iter().map(|&x| f64::from(x)).collect()
    };
    (0..taps.inputs()).map(one).collect()
}

#[test]
fn maps_along_axes_and_their_transposed() {
    let machine = Machine::new(60);
    let mut random = Random::new(12);
    for seed in 0..80 {
        let (images, height, width, channels) =
            (random.pick(&[1, 2, 3]), random.within(1..=6), random.within(1..=9), random.pick(&CHANNELS));
        let map = Separable {
            channels: taps(&mut random, channels),
            rows: taps(&mut random, height),
            columns: taps(&mut random, width),
        };
        let (rows, columns, out_channels) =
            (map.rows.outputs(), map.columns.outputs(), map.channels.outputs());
        let add = random.chance();
        let mut scene = Scene::new(3000 + seed);
        let x = scene.filled(images * height * width, channels);
        let dx = scene.filled(images * height * width, channels);
        let [y, dy] = [(); 2].map(|()| scene.filled(images * rows * columns, out_channels));
        let (by_channel, by_row, by_column) =
            (matrix(&map.channels), matrix(&map.rows), matrix(&map.columns));
        let (xs, dys) = (scene.read(x), scene.read(dy));
        let start = |old: Vec<f64>| if add { old } else { vec![0.0; old.len()] };
        let (mut ys, mut dxs) = (start(scene.read(y)), start(scene.read(dx)));
        for image in 0..images {
            for (r, by_row) in by_row.iter().enumerate() {
                for (c, by_column) in by_column.iter().enumerate() {
                    for (k, by_channel) in by_channel.iter().enumerate() {
                        let from = ((image * height + r) * width + c) * channels + k;
                        for (i, a) in by_row.iter().enumerate().filter(|(_, a)| **a != 0.0) {
                            for (j, b) in by_column.iter().enumerate().filter(|(_, b)| **b != 0.0) {
                                for (l, d) in by_channel.iter().enumerate() {
                                    let to = ((image * rows + i) * columns + j) * out_channels + l;
                                    ys[to] += a * b * d * xs[from];
                                    dxs[from] += a * b * d * dys[to];
                                }
                            }
                        }
                    }
                }
            }
        }
        let back = map.transposed();
        let kernels = |pool: &_, isa, arena: &mut _| {
            separable(pool, isa, arena, &map, [x, y], add);
            separable(pool, isa, arena, &back, [dy, dx], add);
            Vec::new()
        };
        machine.run(&scene, &[y, dx], kernels, |arena, _, isa| {
            let what = format_args!("{isa} {x:?} {y:?}");
            // Sums of a few products may cancel to a small part of these.
            assert_close(&read(arena, y), &ys, 3e-5, what);
            assert_close(&read(arena, dx), &dxs, 3e-5, what);
        });
    }
}

#[test]
#[should_panic(expected = "an input beyond 2")]
fn taps_beyond_the_inputs_are_refused() {
    Taps::new(2, [vec![(2, 1.0)]]);
}

#[test]
fn elements_in_another_order_and_back() {
    let machine = Machine::new(30);
    let mut random = Random::new(13);
    for seed in 0..40 {
        let (images, pixels, channels) =
            (random.pick(&[1, 2, 3]), random.within(1..=30), random.pick(&CHANNELS));
        let count = pixels * channels;
        // The elements dealt out in strides that share nothing with their number.
        let step = (1..).map(|i| 7 * i + 1).find(|step| gcd(*step, count) == 1).unwrap();
        let outputs = if random.chance() { [channels, pixels] } else { [1, count] };
        let order = Rearrangement::new([pixels, channels], outputs, |pixel, channel| {
            let from = (pixel * outputs[1] + channel) * step % count;
            (from / channels, from % channels)
        });
        let add = random.chance();
        let mut scene = Scene::new(4000 + seed);
        let [x, back] = [(); 2].map(|()| scene.filled(images * pixels, channels));
        let y = scene.filled(images * outputs[0], outputs[1]);
        let (xs, old) = (scene.read(x), scene.read(y));
        let ys: Vec<f64> = (0..old.len())
            .map(|i| xs[i / count * count + i % count * step % count] + if add { old[i] } else { 0.0 })
            .collect();
        let kernels = |pool: &_, _, arena: &mut _| {
            rearrange(pool, arena, &order, [x, y], add);
            rearrange(pool, arena, &order.inverse(), [y, back], false);
            Vec::new()
        };
        machine.run(&scene, &[y, back], kernels, |arena, _, isa| {
            let what = format_args!("{isa} {x:?} {y:?}");
            assert_close(&read(arena, y), &ys, 1e-6, what);
            if !add {
                assert_close(&read(arena, back), &xs, 0.0, what);
            }
        });
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[test]
#[should_panic(expected = "an element twice")]
fn an_order_has_every_element_once() {
    Rearrangement::new([1, 2], [1, 2], |_, _| (0, 0));
}
