//! Element-wise operations and layouts.

use convnet_gpu::{Activation, Addend, Affine, Border, Clock, Dropout, Format, Vector, View};
use convnet_kernels::Mask;

use super::case::{Case, tolerance};
use super::{Machine, Report};

const FORMATS: [Format; 2] = [Format::F32, Format::Bf16];
/// Pixels, channels, and elements before and after the channels of each pixel.
const SHAPES: [(usize, usize, (usize, usize)); 7] = [
    (1, 1, (0, 0)),
    (7, 3, (0, 0)),
    (13, 6, (1, 2)),
    (5, 16, (0, 0)),
    (9, 24, (8, 16)),
    (3, 17, (4, 3)),
    (40, 64, (0, 0)),
];

fn zip(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
    a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect()
}

/// out = old + value, where it adds.
fn added(case: &Case, out: View, values: Vec<f64>, add: bool) -> Vec<f64> {
    if add { zip(&case.get(out), &values, |a, b| a + b) } else { values }
}

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    for format in FORMATS {
        for (pixels, channels, gap) in SHAPES {
            let name = |what: &str| format!("{what} {format:?} {pixels}x{channels} gap {gap:?}");
            simple(machine, report, (pixels, channels, gap), format, &name);
            activations(machine, report, (pixels, channels, gap), format, &name);
            affine(machine, report, (pixels, channels, gap), format, &name);
            dropout(machine, report, (pixels, channels, gap), format, &name);
        }
        layout(machine, report, format);
    }
    for [from, to] in [[Format::F32, Format::Bf16], [Format::Bf16, Format::F32]] {
        for (pixels, channels, gap) in SHAPES {
            for add in [false, true] {
                let mut case = Case::new(31);
                let (x, y) = (case.map(pixels, channels, from, gap), case.map(pixels, channels, to, (0, 0)));
                let values = added(&case, y, case.get(x), add);
                case.expect(y, values, tolerance(Format::Bf16));
                let mut list = case.list();
                list.transfer(x, y, add);
                case.run(machine, report, &format!("convert {from:?} {pixels}x{channels} {add}"), &list);
            }
        }
    }
}

type Shape = (usize, usize, (usize, usize));

fn simple(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): Shape,
    format: Format,
    name: &dyn Fn(&str) -> String,
) {
    let relu = |x: f64| x.max(0.0);
    for which in 0..8 {
        let mut case = Case::new(which);
        let (x, y) = (case.map(pixels, channels, format, (0, 0)), case.map(pixels, channels, format, gap));
        let z = case.map(pixels, channels, format, gap);
        let weight = case.floats(1);
        let (a, b) = (case.get(x), case.get(y));
        let mut list = case.list();
        let (out, values) = match which {
            0 => {
                list.copy(x, z);
                (z, a)
            }
            1 => {
                list.accumulate(x, z);
                (z, zip(&a, &case.get(z), |a, b| a + b))
            }
            2 | 3 => {
                list.add([x, y], z, which == 3);
                (z, zip(&a, &b, |a, b| if which == 3 { relu(a + b) } else { a + b }))
            }
            4 => {
                list.fill(z, 0.25);
                (z, vec![0.25; a.len()])
            }
            5 => {
                list.relu_backward(x, z);
                (z, zip(&a, &case.get(z), |y, dy| if y > 0.0 { dy } else { 0.0 }))
            }
            6 => {
                list.lerp(x, z, weight);
                let by = case.values(weight)[0];
                (z, zip(&a, &case.get(z), |x, average| average + (x - average) * by))
            }
            _ => {
                list.add([x, y], y, false);
                (y, zip(&a, &b, |a, b| a + b))
            }
        };
        case.expect(out, values, tolerance(format));
        case.run(
            machine,
            report,
            &name(
                ["copy", "accumulate", "add", "add relu", "fill", "mask", "lerp", "add in place"]
                    [which as usize],
            ),
            &list,
        );
    }
}

fn activations(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): Shape,
    format: Format,
    name: &dyn Fn(&str) -> String,
) {
    let kinds = [
        Activation::Relu,
        Activation::LeakyRelu { slope: 0.1 },
        Activation::Hardtanh { min: -0.5, max: 0.25 },
        Activation::Sigmoid,
        Activation::Tanh,
    ];
    for kind in kinds {
        let f = |x: f64| match kind {
            Activation::Relu => x.max(0.0),
            Activation::LeakyRelu { slope } => {
                if x < 0.0 {
                    f64::from(slope) * x
                } else {
                    x
                }
            }
            Activation::Hardtanh { min, max } => x.clamp(f64::from(min), f64::from(max)),
            Activation::Sigmoid => 1.0 / (1.0 + (-x).exp()),
            Activation::Tanh => x.tanh(),
        };
        let slope = |y: f64| match kind {
            Activation::Relu => f64::from(u8::from(y > 0.0)),
            Activation::LeakyRelu { slope } => {
                if y > 0.0 {
                    1.0
                } else {
                    f64::from(slope)
                }
            }
            Activation::Hardtanh { min, max } => {
                f64::from(u8::from(y > f64::from(min) && y < f64::from(max)))
            }
            Activation::Sigmoid => y * (1.0 - y),
            Activation::Tanh => 1.0 - y * y,
        };
        let mut case = Case::new(3);
        let (x, y) = (case.map(pixels, channels, format, gap), case.map(pixels, channels, format, (0, 0)));
        let mut list = case.list();
        list.activation(kind, x, y);
        let values = case.get(x).into_iter().map(f).collect();
        case.expect(y, values, tolerance(format));
        case.run(machine, report, &name(&format!("{kind:?}")), &list);
        for add in [false, true] {
            let mut case = Case::new(4);
            let map = |case: &mut Case, gap| case.map(pixels, channels, format, gap);
            let [y, dy, dx] = [map(&mut case, gap), map(&mut case, (0, 0)), map(&mut case, gap)];
            let mut list = case.list();
            list.activation_backward(kind, [y, dy, dx], add);
            let values = zip(&case.get(y), &case.get(dy), |y, dy| dy * slope(y));
            let values = added(&case, dx, values, add);
            case.expect(dx, values, tolerance(format));
            case.run(machine, report, &name(&format!("{kind:?} backward {add}")), &list);
        }
    }
}

fn affine(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): Shape,
    format: Format,
    name: &dyn Fn(&str) -> String,
) {
    for which in 0..6 {
        let mut case = Case::new(5 + which);
        let [x, z] = [(); 2].map(|()| case.map(pixels, channels, format, gap));
        let out = case.map(pixels, channels, format, (0, 0));
        let vectors: [Vector; 4] = [(); 4].map(|()| case.floats(channels));
        let [scale, shift, scale2, shift2] = vectors.map(|vector| case.values(vector));
        let relu = which % 2 == 1;
        let addend = match which / 2 {
            0 => None,
            1 => Some(Addend { view: z, affine: None }),
            _ => Some(Addend { view: z, affine: Some([vectors[2], vectors[3]]) }),
        };
        let (a, b) = (case.get(x), case.get(z));
        let values = (0..a.len())
            .map(|i| {
                let c = i % channels;
                let other = match which / 2 {
                    0 => 0.0,
                    1 => b[i],
                    _ => b[i] * scale2[c] + shift2[c],
                };
                let v = a[i] * scale[c] + shift[c] + other;
                if relu { v.max(0.0) } else { v }
            })
            .collect();
        case.expect(out, values, tolerance(format));
        let mut list = case.list();
        list.affine(&Affine { input: x, scale: vectors[0], shift: vectors[1], addend, relu, out });
        case.run(machine, report, &name(&format!("affine {which}")), &list);

        let mut case = Case::new(60 + which);
        let [y, z] = [(); 2].map(|()| case.map(pixels, channels, format, gap));
        let vector = case.floats(channels);
        let (bias, add) = (which % 3 != 0, which >= 3);
        let values = (0..pixels * channels)
            .map(|i| {
                let mut v = case.get(y)[i];
                v += if bias { case.values(vector)[i % channels] } else { 0.0 };
                v += if add { case.get(z)[i] } else { 0.0 };
                if which % 2 == 0 { v.max(0.0) } else { v }
            })
            .collect();
        case.expect(y, values, tolerance(format));
        let mut list = case.list();
        list.bias(y, bias.then_some(vector), add.then_some(z), which % 2 == 0);
        case.run(machine, report, &name(&format!("bias {which}")), &list);
    }
    for add in [false, true] {
        let mut case = Case::new(12);
        let (dy, dx) = (case.map(pixels, channels, format, gap), case.map(pixels, channels, format, (0, 0)));
        let scale = case.floats(channels);
        let factors = case.values(scale);
        let values = case.get(dy).iter().enumerate().map(|(i, v)| v * factors[i % channels]).collect();
        let values = added(&case, dx, values, add);
        case.expect(dx, values, tolerance(format));
        let mut list = case.list();
        list.affine_backward([dy, dx], scale, add);
        case.run(machine, report, &name("affine backward"), &list);
    }
}

/// The finalizer of SplitMix64.
fn mix(key: u64) -> u64 {
    let key = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let key = (key ^ (key >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let key = (key ^ (key >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    key ^ (key >> 31)
}

fn dropout(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): Shape,
    format: Format,
    name: &dyn Fn(&str) -> String,
) {
    for group in [1, channels] {
        let mut case = Case::new(17);
        let (x, y) = (case.map(pixels, channels, format, gap), case.map(pixels, channels, format, (0, 0)));
        let clock = Clock { at: case.room(Clock::BYTES) };
        let (seed, steps, layer) = (41, 6, 0x1234_5678_9abc_def0);
        let mut before = Clock::bytes(seed, steps, [0.5, 1.0]);
        Clock::begin(&mut before, 0, 3);
        case.put(clock.at, &before);
        let key = mix(seed ^ mix(steps));
        // The CPU's own mask, of images from the fourth on.
        let mask = Mask::new(mix(key ^ layer), 0.3, group).starting_at(3 * channels);
        let values = case.get(x).iter().enumerate().map(|(i, v)| v * f64::from(mask.scale(i))).collect();
        case.expect(y, values, tolerance(format));
        let mut after = Clock::bytes(seed, steps + 1, [0.5, 1.0]);
        Clock::begin(&mut after, key, 3);
        case.expect_bytes(clock.at, after.to_vec());
        let mut list = case.list();
        list.tick(clock);
        list.dropout(Dropout { clock, layer, p: 0.3, group, image: channels }, [x, y], false);
        case.run(machine, report, &name(&format!("dropout {group}")), &list);
    }
}

fn layout(machine: &mut dyn Machine, report: &mut Report, format: Format) {
    for (batch, map, channels, gap) in
        [(2, 35, 3, (0, 1)), (3, 33, 70, (2, 0)), (1, 1, 16, (0, 0)), (2, 64, 8, (0, 0))]
    {
        for other in FORMATS {
            for add in [false, true] {
                let mut case = Case::new(2);
                let maps = case.map(batch * map, channels, format, gap);
                let vectors = case.map(batch, channels * map, other, (0, 3));
                let transposed = |vectors: &[f64]| -> Vec<f64> {
                    (0..batch * map * channels)
                        .map(|i| {
                            let (p, c) = (i / channels, i % channels);
                            vectors[(p / map * channels + c) * map + p % map]
                        })
                        .collect()
                };
                let mut list = case.list();
                list.unflatten(map, [vectors, maps], add);
                let values = transposed(&case.get(vectors));
                let values = added(&case, maps, values, add);
                case.expect(maps, values, tolerance(if other == Format::F32 { format } else { other }));
                case.run(
                    machine,
                    report,
                    &format!("unflatten {batch}x{map}x{channels} {other:?}-{format:?} {add}"),
                    &list,
                );
            }
            let mut case = Case::new(2);
            let maps = case.map(batch * map, channels, format, gap);
            let vectors = case.map(batch, channels * map, other, (0, 3));
            let from = case.get(maps);
            let values = (0..batch * map * channels)
                .map(|i| {
                    let (n, c, p) = (i / (map * channels), i / map % channels, i % map);
                    from[(n * map + p) * channels + c]
                })
                .collect();
            case.expect(vectors, values, tolerance(if other == Format::F32 { format } else { other }));
            let mut list = case.list();
            list.flatten(map, [maps, vectors]);
            case.run(
                machine,
                report,
                &format!("flatten {batch}x{map}x{channels} {format:?}-{other:?}"),
                &list,
            );
        }
    }
    for (channels, gap) in [(3, (0, 0)), (16, (8, 0)), (8, (0, 0))] {
        let (batch, height, width) = (2, 4, 3);
        let border = Border { top: 1, bottom: 2, left: 0, right: 3 };
        let (tall, wide) = (7, 6);
        let mut case = Case::new(8);
        let (x, y) = (
            case.map(batch * height * width, channels, format, gap),
            case.map(batch * tall * wide, channels, format, (0, 0)),
        );
        let inside = |o: usize| -> Option<usize> {
            let (n, h, w) = (o / (tall * wide), o / wide % tall, o % wide);
            let (h, w) = (h.checked_sub(border.top)?, w.checked_sub(border.left)?);
            (h < height && w < width).then(|| (n * height + h) * width + w)
        };
        let from = case.get(x);
        let values = (0..batch * tall * wide * channels)
            .map(|i| inside(i / channels).map_or(-0.5, |p| from[p * channels + i % channels]))
            .collect();
        case.expect(y, values, tolerance(format));
        let mut list = case.list();
        list.pad([x, y], (height, width), border, -0.5);
        case.run(machine, report, &format!("pad {format:?} {channels}"), &list);
        for add in [false, true] {
            let mut case = Case::new(9);
            let (dx, dy) = (
                case.map(batch * height * width, channels, format, gap),
                case.map(batch * tall * wide, channels, format, (0, 0)),
            );
            let mut values = vec![0.0; batch * height * width * channels];
            for o in 0..batch * tall * wide {
                if let Some(p) = inside(o) {
                    for c in 0..channels {
                        values[p * channels + c] = case.get(dy)[o * channels + c];
                    }
                }
            }
            let values = added(&case, dx, values, add);
            case.expect(dx, values, tolerance(format));
            let mut list = case.list();
            list.pad_backward([dy, dx], (height, width), border, add);
            case.run(machine, report, &format!("pad backward {format:?} {channels} {add}"), &list);
        }
    }
}
