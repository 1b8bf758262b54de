//! Local response normalization, forward and backward.

use convnet_kernels::{LocalResponse, local_response, local_response_backward};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read};

/// A root, a power and a division for each element.
const POWER_TOLERANCE: f64 = 5e-6;

fn base(norm: &LocalResponse, x: &[f64], c: usize) -> f64 {
    let window = c.saturating_sub(norm.size / 2)..(c + norm.size.div_ceil(2)).min(x.len());
    let sum: f64 = x[window].iter().map(|x| x * x).sum();
    f64::from(norm.k) + f64::from(norm.alpha) / norm.size as f64 * sum
}

#[test]
fn local_response_norms_and_their_gradients_are_right() {
    let machine = Machine::new(80);
    let mut random = Random::new(33);
    for seed in 0..80 {
        let (pixels, channels) = (random.within(1..=150), random.pick(&CHANNELS));
        let norm = LocalResponse {
            size: random.within(1..=7),
            alpha: random.pick(&[1e-4, 0.5, 2.0]),
            beta: random.pick(&[0.75, 0.5, 1.3]),
            k: random.pick(&[1.0, 2.0]),
        };
        let accumulate = random.chance();
        let mut scene = Scene::new(seed);
        let [input, out] = scene.pair([(pixels, channels); 2]);
        let [dy, dx] = scene.pair([(pixels, channels); 2]);
        scene.fill(input);
        scene.fill(dy);
        if accumulate {
            scene.fill(dx);
        }
        let (x, gradient) = (scene.read(input), scene.read(dy));
        let mut expected = Vec::new();
        let mut expected_dx = if accumulate { scene.read(dx) } else { vec![0.0; x.len()] };
        let beta = f64::from(norm.beta);
        for ((x, dy), dx) in
            x.chunks(channels).zip(gradient.chunks(channels)).zip(expected_dx.chunks_mut(channels))
        {
            for j in 0..channels {
                let base = base(&norm, x, j);
                expected.push(x[j] * base.powf(-beta));
                dx[j] += dy[j] * base.powf(-beta);
                // ∂y_j/∂x_i through the base, for each i in the window of j.
                let window = j.saturating_sub(norm.size / 2)..(j + norm.size.div_ceil(2)).min(channels);
                for i in window {
                    let slope = 2.0 * f64::from(norm.alpha) / norm.size as f64 * x[i];
                    dx[i] -= dy[j] * x[j] * beta * base.powf(-beta - 1.0) * slope;
                }
            }
        }
        let run = |pool: &_, isa, arena: &mut _| {
            local_response(pool, isa, arena, norm, [input, out]);
            local_response_backward(pool, isa, arena, norm, [input, dy, dx], accumulate);
            Vec::new()
        };
        machine.run(&scene, &[out, dx], run, |arena, _, isa| {
            let what = format!("{isa} {norm:?} {channels}");
            assert_close(&read(arena, out), &expected, POWER_TOLERANCE, &what);
            assert_close(&read(arena, dx), &expected_dx, POWER_TOLERANCE, &what);
        });
    }
}
