//! Conversions between layouts, borders, packed matrices.

use convnet_kernels::{
    Border, Isa, Panels, Pool, flatten, flatten_backward, from_nchw, from_nchw_padded, pad, pad_backward,
    to_nchw, transpose,
};

use crate::common::{CHANNELS, Machine, Random, Scene, read, wide};

#[test]
fn images_survive_the_way_in_and_out() {
    let machine = Machine::new(40);
    let mut random = Random::new(51);
    for seed in 0..60 {
        let (batch, map, channels) =
            (random.below(4), random.pick(&[1, 4, 35, 1200]), random.pick(&CHANNELS));
        let mut scene = Scene::new(seed);
        let view = scene.any(batch * map, channels);
        let images = scene.random.floats(batch * map * channels);
        let run = |pool: &_, isa: Isa, arena: &mut _| {
            from_nchw(pool, isa, arena, &images, map, view);
            let mut back = vec![f32::NAN; images.len()];
            to_nchw(pool, isa, arena, view, map, &mut back);
            assert_eq!(back, images, "{isa} {view:?}");
            back
        };
        machine.run(&scene, &[view], run, |arena, _, _| {
            let values = read(arena, view);
            for (i, x) in images.iter().enumerate() {
                let (at, c, image) = (i % map, i / map % channels, i / map / channels);
                assert_eq!(values[(image * map + at) * channels + c], f64::from(*x));
            }
        });
    }
}

#[test]
fn images_get_their_border_on_the_way_in() {
    let machine = Machine::new(30);
    let mut random = Random::new(53);
    for seed in 0..60 {
        let size = (random.within(1..=20), random.within(1..=40));
        let [top, bottom, left, right] = [(); 4].map(|()| random.below(4));
        let border = Border { top, bottom, left, right };
        let (batch, channels) = (random.below(4), random.pick(&CHANNELS));
        let padded = batch * (size.0 + top + bottom) * (size.1 + left + right);
        let mut scene = Scene::new(seed);
        let maps = scene.any(batch * size.0 * size.1, channels);
        let [expected, out] = [scene.any(padded, channels), scene.any(padded, channels)];
        let images = scene.random.floats(batch * size.0 * size.1 * channels);
        let run = |pool: &_, isa: Isa, arena: &mut _| {
            from_nchw(pool, isa, arena, &images, size.0 * size.1, maps);
            pad(pool, arena, [maps, expected], size, border, 0.0);
            from_nchw_padded(pool, isa, arena, &images, size, border, out);
            Vec::new()
        };
        machine.run(&scene, &[maps, expected, out], run, |arena, _, _| {
            assert_eq!(read(arena, out), read(arena, expected), "{size:?} {border:?} {out:?}");
        });
    }
}

#[test]
fn borders_hold_their_value_and_the_middle_goes_both_ways() {
    let machine = Machine::new(50);
    let mut random = Random::new(52);
    for seed in 0..60 {
        let (height, width) = (random.within(1..=7), random.within(1..=7));
        let [top, bottom, left, right] = [(); 4].map(|()| random.below(4));
        let border = Border { top, bottom, left, right };
        let value = random.pick(&[0.0, -1.5, f32::NEG_INFINITY]);
        let (batch, channels) = (random.below(4), random.pick(&CHANNELS));
        let (tall, wide) = (height + top + bottom, width + left + right);
        let accumulate = random.chance();
        let mut scene = Scene::new(seed);
        let input = scene.filled(batch * height * width, channels);
        let out = scene.any(batch * tall * wide, channels);
        let gradient = scene.filled(batch * tall * wide, channels);
        let target = scene.any(batch * height * width, channels);
        if accumulate {
            scene.fill(target);
        }
        let (x, dy, old) = (scene.read(input), scene.read(gradient), scene.read(target));
        let run = |pool: &_, _, arena: &mut _| {
            pad(pool, arena, [input, out], (height, width), border, value);
            pad_backward(pool, arena, [gradient, target], (height, width), border, accumulate);
            Vec::new()
        };
        machine.run(&scene, &[out, target], run, |arena, _, _| {
            let dx = read(arena, target);
            for (i, found) in read(arena, out).into_iter().enumerate() {
                let (pixel, c) = (i / channels, i % channels);
                let (image, y, column) = (pixel / wide / tall, pixel / wide % tall, pixel % wide);
                if (top..top + height).contains(&y) && (left..left + width).contains(&column) {
                    let at = ((image * height + y - top) * width + column - left) * channels + c;
                    assert_eq!(found, x[at], "{input:?} row {y} column {column}");
                    let sum = if accumulate { old[at] as f32 + dy[i] as f32 } else { dy[i] as f32 };
                    assert_eq!(dx[at], f64::from(sum));
                } else {
                    assert_eq!(found, f64::from(value), "{input:?} row {y} column {column}");
                }
            }
        });
    }
}

#[test]
fn flattening_orders_features_as_channels_of_maps() {
    let machine = Machine::new(45);
    let mut random = Random::new(53);
    for seed in 0..60 {
        let (batch, map, channels) = (random.below(4), random.within(1..=9), random.pick(&CHANNELS));
        let accumulate = random.chance();
        let mut scene = Scene::new(seed);
        let (maps, vectors) = (scene.filled(batch * map, channels), scene.any(batch, map * channels));
        let (gradient, target) = (scene.filled(batch, map * channels), scene.any(batch * map, channels));
        if accumulate {
            scene.fill(target);
        }
        let old = scene.read(target);
        let (x, dy) = (scene.read(maps), scene.read(gradient));
        let run = |_: &_, _, arena: &mut _| {
            flatten(arena, map, [maps, vectors]);
            flatten_backward(arena, map, [gradient, target], accumulate);
            Vec::new()
        };
        machine.run(&scene, &[vectors, target], run, |arena, _, _| {
            let (y, dx) = (read(arena, vectors), read(arena, target));
            for image in 0..batch {
                for c in 0..channels {
                    for at in 0..map {
                        let pixel = (image * map + at) * channels + c;
                        let feature = image * map * channels + c * map + at;
                        assert_eq!(y[feature], x[pixel]);
                        let sum = if accumulate {
                            old[pixel] as f32 + dy[feature] as f32
                        } else {
                            dy[feature] as f32
                        };
                        assert_eq!(dx[pixel], f64::from(sum));
                    }
                }
            }
        });
    }
}

#[test]
fn packed_matrices_hold_each_element_once_and_zeros_elsewhere() {
    for isa in Isa::available() {
        for k in [0, 1, 3, 10] {
            for n in [0].into_iter().chain(CHANNELS) {
                let panels = Panels::new(isa, k, n);
                assert_eq!(panels.is_empty(), k * n == 0);
                let mut packed = vec![f32::NAN; panels.len()];
                panels.pack(&mut packed, |row, column| (row * n + column + 1) as f32);
                for row in 0..k {
                    for column in 0..n {
                        let x = std::mem::take(&mut packed[panels.index(row, column)]);
                        assert_eq!(x, (row * n + column + 1) as f32, "{isa} {panels:?} {row} {column}");
                    }
                }
                assert!(packed.iter().all(|&x| x == 0.0), "{isa} {panels:?}");
            }
        }
    }
}

#[test]
fn transposed_blocks_are_the_blocks_transposed() {
    let mut random = Random::new(54);
    let pools = [1, 2, 3].map(Pool::new);
    for isa in Isa::available() {
        for _ in 0..60 {
            let (run, n, count) = (random.pick(&CHANNELS), random.pick(&CHANNELS), random.within(1..=5));
            let blocks: Vec<usize> = (0..random.below(6)).map(|_| random.below(count)).collect();
            let from = Panels::new(isa, count * run, n);
            let mut source = vec![f32::NAN; from.len()];
            from.pack(&mut source, |row, column| (row * n + column + 1) as f32);
            let to = Panels::new(isa, blocks.len() * n, run);
            for pool in &pools {
                let mut target = vec![f32::NAN; to.len()];
                transpose(pool, isa, (&source, from), run, &blocks, (&mut target, to));
                for (i, block) in blocks.iter().enumerate() {
                    for row in 0..n {
                        for c in 0..run {
                            let x = std::mem::take(&mut target[to.index(i * n + row, c)]);
                            assert_eq!(x, source[from.index(block * run + c, row)], "{isa} {blocks:?}");
                        }
                    }
                }
                assert!(wide(&target).iter().all(|&x| x == 0.0), "{isa}: padding of {to:?}");
            }
        }
    }
}
