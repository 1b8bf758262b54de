//! Functions of two maps with repeated axes, and extremes along axes.

use convnet_kernels::{
    Arithmetic, Maps, SideBackward, arithmetic, arithmetic_backward, extremum, extremum_backward,
};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read};

const TOLERANCE: f64 = 1e-6;

/// Images, rows, columns, channels.
type Sizes = [usize; 4];

/// For each element of a view of images, rows, columns and channels the element of another one, whose sizes are equal or 1.
fn places(small: Sizes, large: Sizes) -> Vec<usize> {
    let mut places = vec![0];
    for (own, size) in small.into_iter().zip(large) {
        let next = |&place: &usize| (0..size).map(move |i| place * own + if own == 1 { 0 } else { i });
        places = places.iter().flat_map(next).collect();
    }
    places
}

fn maps(scene: &mut Scene, [images, height, width, channels]: Sizes) -> Maps {
    Maps { view: scene.filled(images * height * width, channels), height, width }
}

/// Sizes of which each is the same or 1, but for the images.
fn narrowed(random: &mut Random, sizes: Sizes) -> Sizes {
    let mut narrow = sizes.map(|size| if random.below(3) == 0 { 1 } else { size });
    narrow[0] = sizes[0];
    narrow
}

fn drawn(random: &mut Random) -> Sizes {
    [random.pick(&[1, 2, 3]), random.pick(&[1, 2, 7]), random.pick(&[1, 3, 20]), random.pick(&CHANNELS)]
}

#[test]
fn functions_of_two_maps_and_their_gradients() {
    let kinds = [
        Arithmetic::Add,
        Arithmetic::Sub,
        Arithmetic::Mul,
        Arithmetic::Div,
        Arithmetic::Maximum,
        Arithmetic::Minimum,
        Arithmetic::Pow,
        Arithmetic::Less,
        Arithmetic::LessOrEqual,
        Arithmetic::Equal,
        Arithmetic::Mask,
    ];
    let machine = Machine::new(100);
    let mut random = Random::new(5);
    for seed in 0..250 {
        let kind = random.pick(&kinds);
        let sizes = drawn(&mut random);
        let shapes = match random.below(3) {
            0 => [sizes, sizes],
            1 => [sizes, narrowed(&mut random, sizes)],
            _ => [narrowed(&mut random, sizes), sizes],
        };
        let add = random.chance();
        let mut scene = Scene::new(900 + seed);
        let inputs = shapes.map(|shape| maps(&mut scene, shape));
        // Divisors stay away from 0, and what is raised to a power is positive.
        for i in crate::common::elements(inputs[1].view) {
            let x = scene.values[i];
            scene.values[i] = x.signum() * (0.25 + x.abs());
        }
        if kind == Arithmetic::Pow {
            for i in crate::common::elements(inputs[0].view) {
                scene.values[i] = 0.25 + scene.values[i].abs();
            }
        }
        // A few values, so that some are equal, and 0.
        if matches!(kind, Arithmetic::LessOrEqual | Arithmetic::Equal | Arithmetic::Mask) {
            for i in inputs.iter().flat_map(|input| crate::common::elements(input.view)) {
                scene.values[i] = (scene.values[i] * 2.0).trunc();
            }
        }
        let [out, dy] = [(); 2].map(|()| maps(&mut scene, sizes));
        let gradients = shapes.map(|shape| maps(&mut scene, shape).view);
        let [a, b] = inputs.map(|input| scene.read(input.view));
        let dys = scene.read(dy.view);
        let [of_a, of_b] = shapes.map(|shape| places(shape, sizes));
        let value = |a: f64, b: f64| match kind {
            Arithmetic::Add => a + b,
            Arithmetic::Sub => a - b,
            Arithmetic::Mul => a * b,
            Arithmetic::Div => a / b,
            Arithmetic::Maximum => a.max(b),
            Arithmetic::Minimum => a.min(b),
            Arithmetic::Pow => a.powf(b),
            Arithmetic::Less => f64::from(u8::from(a < b)),
            Arithmetic::LessOrEqual => f64::from(u8::from(a <= b)),
            Arithmetic::Equal => f64::from(u8::from(a == b)),
            Arithmetic::Mask => a * f64::from(u8::from(b != 0.0)),
        };
        let slopes = |a: f64, b: f64| match kind {
            Arithmetic::Add => [1.0, 1.0],
            Arithmetic::Sub => [1.0, -1.0],
            Arithmetic::Mul => [b, a],
            Arithmetic::Div => [1.0 / b, -a / (b * b)],
            Arithmetic::Maximum => [f64::from(u8::from(a > b)), f64::from(u8::from(a < b))],
            Arithmetic::Minimum => [f64::from(u8::from(a < b)), f64::from(u8::from(a > b))],
            Arithmetic::Pow => [b * a.powf(b - 1.0), a.powf(b) * a.ln()],
            Arithmetic::Less | Arithmetic::LessOrEqual | Arithmetic::Equal => [0.0, 0.0],
            Arithmetic::Mask => [f64::from(u8::from(b != 0.0)), 0.0],
        };
        let values: Vec<f64> = (0..dys.len()).map(|i| value(a[of_a[i]], b[of_b[i]])).collect();
        let mut sums =
            gradients.map(|view| if add { scene.read(view) } else { vec![0.0; view.pixels * view.channels] });
        for (i, dy) in dys.iter().enumerate() {
            let [by_a, by_b] = slopes(a[of_a[i]], b[of_b[i]]);
            sums[0][of_a[i]] += dy * by_a;
            sums[1][of_b[i]] += dy * by_b;
        }
        let kernels = |pool: &_, isa, arena: &mut _| {
            arithmetic(pool, isa, arena, kind, inputs, out);
            for (side, gradient) in gradients.into_iter().enumerate() {
                let call = SideBackward { inputs, output_gradient: dy, side, gradient, accumulate: add };
                arithmetic_backward(pool, isa, arena, kind, &call);
            }
            Vec::new()
        };
        let written = [out.view, gradients[0], gradients[1]];
        machine.run(&scene, &written, kernels, |arena, _, isa| {
            let what = format_args!("{isa} {kind:?} {shapes:?} of {sizes:?}");
            assert_close(&read(arena, out.view), &values, 2.0 * TOLERANCE, what);
            for (gradient, sums) in gradients.iter().zip(&sums) {
                assert_close(&read(arena, *gradient), sums, 10.0 * TOLERANCE, what);
            }
        });
    }
}

#[test]
fn equal_elements_share_the_gradient_and_nan_stays() {
    let machine = Machine::new(1);
    let mut scene = Scene::new(1);
    let views = [(); 5].map(|()| Maps { view: scene.dense(1, 3), height: 1, width: 1 });
    let [a, b, out, dy, dx] = views;
    let nan = f32::NAN;
    for (maps, values) in [(a, [1.0, nan, 2.0]), (b, [1.0, 1.0, nan]), (dy, [8.0, 1.0, 1.0])] {
        scene.values[maps.view.offset..][..3].copy_from_slice(&values);
    }
    let run = |pool: &_, isa, arena: &mut _| {
        arithmetic(pool, isa, arena, Arithmetic::Maximum, [a, b], out);
        let (kind, inputs, gradient) = (Arithmetic::Minimum, [a, b], dx.view);
        let call = SideBackward { inputs, output_gradient: dy, side: 0, gradient, accumulate: false };
        arithmetic_backward(pool, isa, arena, kind, &call);
        Vec::new()
    };
    machine.run(&scene, &[out.view, dx.view], run, |arena, _, isa| {
        let values = read(arena, out.view);
        assert!(values[0] == 1.0 && values[1].is_nan() && values[2].is_nan(), "{isa}: {values:?}");
        assert_eq!(read(arena, dx.view)[0], 4.0, "{isa}");
    });
}

#[test]
fn extremes_along_axes_and_their_gradients() {
    let machine = Machine::new(40);
    let mut random = Random::new(8);
    for seed in 0..60 {
        let sizes = drawn(&mut random);
        let reduced = narrowed(&mut random, sizes);
        let (sign, add) = (random.pick(&[1.0f32, -1.0]), random.chance());
        let mut scene = Scene::new(1900 + seed);
        let input = maps(&mut scene, sizes);
        // A few values, so that some are equal.
        for i in crate::common::elements(input.view) {
            scene.values[i] = (scene.values[i] * 4.0).round();
        }
        let [out, dy] = [(); 2].map(|()| maps(&mut scene, reduced));
        let gradient = maps(&mut scene, sizes).view;
        let (x, dys) = (scene.read(input.view), scene.read(dy.view));
        let place = places(reduced, sizes);
        let mut best = vec![f64::NEG_INFINITY; dys.len()];
        (0..x.len()).for_each(|i| best[place[i]] = best[place[i]].max(f64::from(sign) * x[i]));
        let values: Vec<f64> = best.iter().map(|best| f64::from(sign) * best).collect();
        let mut shares = vec![0.0; dys.len()];
        (0..x.len()).filter(|&i| x[i] == values[place[i]]).for_each(|i| shares[place[i]] += 1.0);
        let old = scene.read(gradient);
        let slopes: Vec<f64> = (0..x.len())
            .map(|i| {
                let share = if x[i] == values[place[i]] { dys[place[i]] / shares[place[i]] } else { 0.0 };
                share + if add { old[i] } else { 0.0 }
            })
            .collect();
        let kernels = |pool: &_, _, arena: &mut _| {
            extremum(pool, arena, sign, [input, out]);
            extremum_backward(pool, arena, [input, out, dy], gradient, add);
            Vec::new()
        };
        machine.run(&scene, &[out.view, gradient], kernels, |arena, _, isa| {
            let what = format_args!("{isa} {sign} {reduced:?} of {sizes:?}");
            assert_close(&read(arena, out.view), &values, 0.0, what);
            assert_close(&read(arena, gradient), &slopes, TOLERANCE, what);
        });
    }
}
