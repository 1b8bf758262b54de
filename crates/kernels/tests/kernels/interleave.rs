//! Channels of several maps in turn.

use convnet_kernels::{Arena, Pool, View, interleave};

use crate::common::{CHANNELS, Machine, Random, Scene, assert_close, read};
use crate::refusal::{outside, refused_everywhere};

#[test]
fn channels_take_turns() {
    let machine = Machine::new(24);
    let mut random = Random::new(14);
    for seed in 0..40 {
        let (count, pixels) = (random.within(1..=4), random.pick(&[0, 1, 3, 40, 777]));
        let channels = random.pick(&CHANNELS);
        let mut scene = Scene::new(5000 + seed);
        let inputs: Vec<View> = (0..count).map(|_| scene.filled(pixels, channels)).collect();
        let out = scene.any(pixels, count * channels);
        let values: Vec<Vec<f64>> = inputs.iter().map(|&input| scene.read(input)).collect();
        let expected: Vec<f64> =
            (0..pixels * channels).flat_map(|i| values.iter().map(move |map| map[i])).collect();
        let run = |pool: &_, isa, arena: &mut _| {
            interleave(pool, isa, arena, &inputs, out);
            Vec::new()
        };
        machine.run(&scene, &[out], run, |arena, _, isa| {
            assert_close(&read(arena, out), &expected, 0.0, format_args!("{isa} {inputs:?} {out:?}"));
        });
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    let [a, b, out] = [View::dense(0, 2, 3), View::dense(8, 2, 3), View::dense(16, 2, 6)];
    let mut arena = Arena::new(64);
    interleave(&Pool::new(1), convnet_kernels::Isa::PORTABLE, &mut arena, &[a, b], out);
    for bad in outside() {
        refused_everywhere(&format!("{bad:?} read"), |p, isa, arena| {
            interleave(p, isa, arena, &[a, bad], out);
        });
        refused_everywhere(&format!("{bad:?} written"), |p, isa, arena| {
            interleave(p, isa, arena, &[a, b], bad);
        });
    }
    let wide = View { channels: 4, stride: 4, ..b };
    let tall = View { pixels: 3, ..b };
    for inputs in
        [&[][..], &[a], &[a, b, b], &[a, wide], &[a, tall], &[a, out], &[a, View { offset: 15, ..b }]]
    {
        refused_everywhere(&format!("{inputs:?}"), |p, isa, arena| interleave(p, isa, arena, inputs, out));
    }
}
