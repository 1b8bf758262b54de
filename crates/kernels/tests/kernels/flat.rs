//! Vector operations over flat buffers, against plain loops.

use convnet_kernels::flat::{Addends, Reader};
use convnet_kernels::{Isa, Pool, flat};

use crate::common::{Machine, Random, Scene};

/// Lengths around vectors, blocks and the least task.
const LENGTHS: [usize; 12] = [0, 1, 7, 17, 31, 4095, 4096, 4097, 16_383, 16_384, 70_001, 200_000];

/// Runs an operation everywhere on a random target and source; the result is the plain loop's to the bit.
fn check(operation: impl Fn(&Pool, Isa, &mut [f32], &[f32]), plain: impl Fn(f32, f32) -> f32) {
    let machine = Machine::new(11);
    for (seed, len) in (0..).zip(LENGTHS) {
        let mut random = Random::new(seed);
        let (mut target, source) = (random.floats(len), random.floats(len));
        if let Some(last) = target.last_mut() {
            *last = f32::NAN;
        }
        let expected: Vec<u32> = target.iter().zip(&source).map(|(t, s)| plain(*t, *s).to_bits()).collect();
        let run = |pool: &Pool, isa, _: &mut _| {
            let mut target = target.clone();
            operation(pool, isa, &mut target, &source);
            target
        };
        machine.run(&Scene::new(seed), &[], run, |_, found, isa| {
            let found: Vec<u32> = found.iter().map(|x| x.to_bits()).collect();
            assert!(found == expected, "{isa}, {len} floats");
        });
    }
}

#[test]
fn add_is_a_plain_sum() {
    check(flat::add, |t, s| t + s);
}

#[test]
fn scale_is_a_plain_product() {
    for factor in [0.0, -1.5, 0.1] {
        check(|pool, isa, target, _| flat::scale(pool, isa, target, factor), |t, _| t * factor);
    }
}

#[test]
fn clamp_keeps_what_is_within_and_nan() {
    for limit in [0.0, 0.3, f32::INFINITY] {
        check(
            |pool, isa, target, _| flat::clamp(pool, isa, target, limit),
            |t, _| {
                if t > limit {
                    limit
                } else if t < -limit {
                    -limit
                } else {
                    t
                }
            },
        );
    }
}

#[test]
fn lerp_goes_a_part_of_the_way() {
    for weight in [0.0, 0.001, 0.5] {
        check(
            |pool, isa, target, source| flat::lerp(pool, isa, target, source, weight),
            |t, s| t + (s - t) * weight,
        );
    }
}

#[test]
fn sums_of_squares_are_right_and_the_same_everywhere() {
    for (seed, len) in (0..).zip(LENGTHS) {
        let source = Random::new(seed).floats(len);
        let expected: f64 = source.iter().map(|&x| f64::from(x).powi(2)).sum();
        let found: Vec<f64> = Isa::available()
            .into_iter()
            .flat_map(|isa| [1, 2, 3].map(|threads| flat::sum_of_squares(&Pool::new(threads), isa, &source)))
            .collect();
        assert!(found.iter().all(|sum| sum.to_bits() == found[0].to_bits()), "{len} floats: {found:?}");
        assert!((found[0] - expected).abs() <= 1e-12 * expected, "{len} floats: {}, {expected}", found[0]);
    }
    // Beyond the range of float32.
    assert_eq!(flat::sum_of_squares(&Pool::new(1), Isa::best(), &[3e38, 0.0]), f64::from(3e38f32).powi(2));
}

#[test]
fn floats_that_lie_elsewhere_are_added_in_their_order() {
    for (before, after) in [(0, 0), (0, 1), (1, 0), (2, 3)] {
        check(
            |pool, isa, target, source| {
                // The source at several scales, so that another order gives other bits.
                let scaled = |i: usize| {
                    move |start: usize, to: &mut [f32]| {
                        let source = &source[start..][..to.len()];
                        to.iter_mut().zip(source).for_each(|(t, s)| *t = s * 3.0f32.powi(i as i32));
                    }
                };
                let all: Vec<_> = (0..before + after).map(scaled).collect();
                let all: Vec<Reader<'_>> = all.iter().map(|reader| reader as Reader<'_>).collect();
                let (before, after) = all.split_at(before);
                flat::add_in_order(pool, isa, target, Addends { before, after });
            },
            |t, s| {
                let scaled = |i: usize| s * 3.0f32.powi(i as i32);
                let first = (0..before).map(scaled).reduce(|sum, x| sum + x);
                let sum = first.map_or(t, |sum| sum + t);
                (before..before + after).map(scaled).fold(sum, |sum, x| sum + x)
            },
        );
    }
}

#[test]
fn floats_that_lie_elsewhere_are_read() {
    check(
        |pool, _, target, source| {
            flat::read(pool, target, &|start, to| to.copy_from_slice(&source[start..][..to.len()]));
        },
        |_, s| s,
    );
}
