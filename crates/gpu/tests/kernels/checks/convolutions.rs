//! Convolutions and products against plain loops.

use convnet_gpu::{Bytes, Conv, Epilogue, Format, Precision, Stem, Vector, View};
use convnet_gpu_emulation::each_product;

use super::case::{Case, round};
use super::{Machine, Report};

/// The error that a precision may have, relative to the RMS of the result.
fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 5e-5,
        Precision::Tf32 => 2e-2,
        Precision::Bf16 => 6e-2,
    }
}

/// Sizes: batch, input, channels, kernel, stride, padding, dilation, groups, and what lies around the channels of a pixel.
fn convolutions() -> Vec<(Conv, (usize, usize))> {
    let conv = |batch, side, channels, kernel, stride, padding| Conv {
        batch,
        input: (side, side),
        channels,
        kernel: (kernel, kernel),
        stride: (stride, stride),
        padding: (padding, padding),
        dilation: (1, 1),
        groups: 1,
    };
    vec![
        (conv(2, 9, (8, 16), 3, 1, 1), (0, 0)),
        (conv(2, 8, (16, 8), 1, 1, 0), (8, 8)),
        (conv(3, 9, (16, 24), 3, 2, 1), (0, 8)),
        (conv(2, 12, (1, 6), 5, 1, 2), (0, 0)),
        (conv(2, 14, (6, 16), 5, 1, 0), (0, 0)),
        (conv(2, 15, (3, 8), 7, 2, 3), (0, 0)),
        (conv(1, 7, (7, 9), 3, 1, 1), (1, 2)),
        (Conv { groups: 2, ..conv(2, 8, (16, 32), 3, 1, 1) }, (0, 0)),
        (Conv { dilation: (2, 2), ..conv(2, 10, (8, 8), 3, 1, 2) }, (0, 0)),
        (
            Conv {
                input: (5, 11),
                kernel: (1, 3),
                padding: (0, 1),
                stride: (1, 2),
                ..conv(2, 1, (8, 8), 1, 1, 0)
            },
            (0, 0),
        ),
    ]
}

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    for precision in [Precision::F32, Precision::Tf32, Precision::Bf16] {
        for (conv, gap) in convolutions() {
            for which in 0..5 {
                forward(machine, report, &conv, gap, precision, which);
            }
            for add in [false, true] {
                input_gradient(machine, report, &conv, gap, precision, add);
            }
            weight_gradient(machine, report, &conv, gap, precision);
        }
        for (rows, inner, outer, gap) in
            [(5, 24, 16, (0, 0)), (64, 400, 120, (0, 0)), (7, 84, 10, (0, 0)), (9, 16, 8, (8, 8))]
        {
            linear(machine, report, (rows, inner, outer, gap), precision);
        }
    }
}

/// Convolutions by kernels of ours.
pub(crate) fn thin(machine: &mut dyn Machine, report: &mut Report) {
    for format in [Format::F32, Format::Bf16] {
        let precision = if format == Format::F32 { Precision::F32 } else { Precision::Bf16 };
        for (conv, gap) in convolutions().into_iter().filter(|(conv, _)| conv.is_thin()) {
            for which in 0..2 {
                let mut case = Case::new(71);
                let (x, y) = maps(&mut case, &conv, gap, format);
                let w = case.vector(conv.weights(), format);
                let bias = case.floats(conv.channels.1);
                let (xs, ws, bs) = (case.get(x), case.values(w), case.values(bias));
                let all = which == 1;
                let mut values: Vec<f64> =
                    (0..y.pixels * y.channels).map(|i| if all { bs[i % y.channels] } else { 0.0 }).collect();
                each_product(&conv, &mut |o, i, k| values[o] += xs[i] * ws[k]);
                if all {
                    values.iter_mut().for_each(|v| *v = v.max(0.0));
                }
                case.expect(y, values, tolerance(precision));
                let mut list = case.list();
                list.thin_convolution(&conv, [x, y], w, all.then_some(bias), all);
                case.run(machine, report, &name("thin", &conv, precision), &list);

                let mut case = Case::new(72);
                let (dx, dy) = maps(&mut case, &conv, gap, format);
                let w = case.vector(conv.weights(), format);
                let (gs, ws) = (case.get(dy), case.values(w));
                let mut values = if all { case.get(dx) } else { vec![0.0; dx.pixels * dx.channels] };
                each_product(&conv, &mut |o, i, k| values[i] += gs[o] * ws[k]);
                case.expect(dx, values, tolerance(precision));
                let mut list = case.list();
                list.thin_input_gradient(&conv, (dy, None), dx, w, all);
                case.run(machine, report, &name("thin input gradient", &conv, precision), &list);

                let mut case = Case::new(73);
                let (x, dy) = maps(&mut case, &conv, gap, format);
                let w = case.vector(conv.weights(), format);
                let bias = case.floats(conv.channels.1);
                let (gs, xs) = (case.get(dy), case.get(x));
                let mut values = vec![0.0; conv.weights()];
                each_product(&conv, &mut |o, i, k| values[k] += gs[o] * xs[i]);
                case.expect_vector(w, values, tolerance(precision));
                if all {
                    let mut sums = vec![0.0; conv.channels.1];
                    gs.iter().enumerate().for_each(|(i, g)| sums[i % conv.channels.1] += g);
                    case.expect_vector(bias, sums, tolerance(precision));
                }
                let mut list = case.list();
                list.thin_weight_gradient(&conv, x, (dy, None), w, all.then_some(bias));
                case.run(machine, report, &name("thin weight gradient", &conv, precision), &list);
            }
        }
    }
}

/// Convolutions of few channels with the maxima of windows of 2 × 2 pixels.
pub(crate) fn pooled(machine: &mut dyn Machine, report: &mut Report) {
    for format in [Format::F32, Format::Bf16] {
        for (conv, gap) in convolutions().into_iter().filter(|(conv, _)| conv.is_thin()) {
            for flags in [[false; 2], [false, true], [true, false], [true; 2]] {
                pooled_one(machine, report, (&conv, gap, format), flags);
            }
        }
    }
}

/// Element `q` of the maxima, and the four of the convolution's output that it is of, row by row.
fn windows(conv: &Conv) -> Vec<[usize; 4]> {
    let ((rows, columns), channels) = (conv.output(), conv.channels.1);
    let element = |n: usize, y: usize, x: usize, c: usize| ((n * rows + y) * columns + x) * channels + c;
    let mut all = Vec::new();
    for (n, y) in (0..conv.batch).flat_map(|n| (0..rows / 2).map(move |y| (n, y))) {
        for (x, c) in (0..columns / 2).flat_map(|x| (0..channels).map(move |c| (x, c))) {
            all.push([0, 1, 2, 3].map(|place| element(n, 2 * y + place / 2, 2 * x + place % 2, c)));
        }
    }
    all
}

fn pooled_one(
    machine: &mut dyn Machine,
    report: &mut Report,
    (conv, gap, format): (&Conv, (usize, usize), Format),
    [relu, adds]: [bool; 2],
) {
    let precision = if format == Format::F32 { Precision::F32 } else { Precision::Bf16 };
    let windows = windows(conv);
    let channels = conv.channels.1;
    if windows.is_empty() {
        return;
    }
    let what = |what: &str| format!("{} {relu} {adds}", name(what, conv, precision));
    let mut case = Case::new(74);
    let x = maps(&mut case, conv, gap, format).0;
    let y = case.map(windows.len() / channels, channels, format, gap);
    let (w, bias) = (case.vector(conv.weights(), format), case.floats(channels));
    if adds && !relu {
        // Outputs that are all alike: the first of four is the largest.
        case.set(w.rows(w.len), &vec![0.0; w.len]);
    }
    let (xs, ws, bs) = (case.get(x), case.values(w), case.values(bias));
    let (rows, columns) = conv.output();
    let count = conv.batch * rows * columns * channels;
    let mut sums: Vec<f64> = (0..count).map(|i| if adds { bs[i % channels] } else { 0.0 }).collect();
    each_product(conv, &mut |o, i, k| sums[o] += xs[i] * ws[k]);
    let largest = |places: &[usize; 4]| {
        let (mut place, mut best) = (0, sums[places[0]]);
        for (i, &at) in places.iter().enumerate() {
            if sums[at] > best {
                (place, best) = (i, sums[at]);
            }
        }
        (place, best)
    };
    let found: Vec<(usize, f64)> = windows.iter().map(largest).collect();
    case.expect(
        y,
        found.iter().map(|&(_, best)| if relu { best.max(0.0) } else { best }).collect(),
        tolerance(precision),
    );
    let codes = Bytes { at: case.room(windows.len()), len: windows.len() };
    let told = found.iter().map(|&(place, best)| if relu && best <= 0.0 { 255 } else { place as u8 });
    let told: Vec<u8> = told.collect();
    case.expect_bytes(codes.at, told.clone());
    let mut list = case.list();
    list.thin_pooled(conv, ([x, y], Some(codes)), w, adds.then_some(bias), relu);
    case.run(machine, report, &what("thin pooled"), &list);

    // The gradient of each window goes to the place that its code tells.
    let spread = |gs: &[f64]| {
        let mut all = vec![0.0; count];
        for ((places, &code), g) in windows.iter().zip(&told).zip(gs) {
            places.get(usize::from(code)).into_iter().for_each(|&at| all[at] = *g);
        }
        all
    };
    let mut case = Case::new(75);
    let dx = maps(&mut case, conv, gap, format).0;
    let dy = case.map(windows.len() / channels, channels, format, gap);
    let (w, codes) =
        (case.vector(conv.weights(), format), Bytes { at: case.room(told.len()), len: told.len() });
    case.put(codes.at, &told);
    let (gs, ws) = (spread(&case.get(dy)), case.values(w));
    let mut values = if adds { case.get(dx) } else { vec![0.0; dx.pixels * dx.channels] };
    each_product(conv, &mut |o, i, k| values[i] += gs[o] * ws[k]);
    case.expect(dx, values, tolerance(precision));
    let mut list = case.list();
    list.thin_input_gradient(conv, (dy, Some(codes)), dx, w, adds);
    case.run(machine, report, &what("thin pooled input gradient"), &list);

    let mut case = Case::new(76);
    let x = maps(&mut case, conv, gap, format).0;
    let dy = case.map(windows.len() / channels, channels, format, gap);
    let (w, codes) =
        (case.vector(conv.weights(), format), Bytes { at: case.room(told.len()), len: told.len() });
    case.put(codes.at, &told);
    let bias = case.floats(channels);
    let (gs, xs) = (spread(&case.get(dy)), case.get(x));
    let (mut values, mut sums) = (vec![0.0; conv.weights()], vec![0.0; channels]);
    each_product(conv, &mut |o, i, k| values[k] += gs[o] * xs[i]);
    gs.iter().enumerate().for_each(|(i, g)| sums[i % channels] += g);
    case.expect_vector(w, values, tolerance(precision));
    case.expect_vector(bias, sums, tolerance(precision));
    let mut list = case.list();
    list.thin_weight_gradient(conv, x, (dy, Some(codes)), w, Some(bias));
    case.run(machine, report, &what("thin pooled weight gradient"), &list);
}

/// A stem over blocks of pixels against the convolution that it stands for.
pub(crate) fn stem(machine: &mut dyn Machine, report: &mut Report) {
    for precision in [Precision::F32, Precision::Bf16] {
        for (side, kernel, padding) in [(12, 7, 3), (11, 3, 1), (9, 5, 2)] {
            let conv = Conv {
                batch: 2,
                input: (side, side + 1),
                channels: (3, 8),
                kernel: (kernel, kernel),
                stride: (2, 2),
                padding: (padding, padding),
                dilation: (1, 1),
                groups: 1,
            };
            let stem = Stem::of(conv, 8).expect("a stem");
            let format = precision.format();
            let mut case = Case::new(81);
            let images = case.floats(conv.batch * side * (side + 1) * 3);
            let (blocks, y) = maps(&mut case, &stem.blocks, (0, 0), format);
            let dy = maps(&mut case, &conv, (0, 0), format).1;
            let [w, dw] = [(); 2].map(|()| case.vector(stem.blocks.weights(), format));
            let plane = side * (side + 1);
            let from = case.values(images);
            let xs: Vec<f64> = (0..from.len())
                .map(|i| (i / 3 / plane, i / 3 % plane, i % 3))
                .map(|(n, p, c)| round(from[(n * 3 + c) * plane + p], format))
                .collect();
            let mut ws = vec![0.0; stem.blocks.weights()];
            let kernel: Vec<f64> = (0..conv.weights()).map(|_| round(case.number(), format)).collect();
            kernel.iter().enumerate().for_each(|(i, v)| ws[stem.place(i)] = *v);
            case.set(w.rows(w.len), &ws);
            let gs = case.get(dy);
            let (mut values, mut gradient) = (vec![0.0; y.pixels * y.channels], vec![0.0; ws.len()]);
            each_product(&conv, &mut |o, i, k| {
                values[o] += xs[i] * kernel[k];
                gradient[stem.place(k)] += xs[i] * gs[o];
            });
            case.expect(y, values, tolerance(precision));
            case.expect_vector(dw, gradient, tolerance(precision));
            case.ignore(blocks.at, blocks.bytes());
            let mut list = case.list();
            list.pack_stem(&stem, images, blocks);
            list.convolution(&stem.blocks, precision, [blocks, y], w, Epilogue::default());
            list.convolution_weight_gradient(&stem.blocks, precision, [blocks, dy], dw);
            list.clear_stem(&stem, dw);
            case.run(machine, report, &name("stem", &conv, precision), &list);
        }
    }
}

fn maps(case: &mut Case, conv: &Conv, gap: (usize, usize), format: Format) -> (View, View) {
    let (height, width) = conv.output();
    (
        case.map(conv.batch * conv.input.0 * conv.input.1, conv.channels.0, format, gap),
        case.map(conv.batch * height * width, conv.channels.1, format, gap),
    )
}

fn name(what: &str, conv: &Conv, precision: Precision) -> String {
    format!(
        "{what} {} {}x{:?}x{:?} k{:?} s{:?} g{}",
        precision.name(),
        conv.batch,
        conv.input,
        conv.channels,
        conv.kernel,
        conv.stride,
        conv.groups
    )
}

fn forward(
    machine: &mut dyn Machine,
    report: &mut Report,
    conv: &Conv,
    gap: (usize, usize),
    precision: Precision,
    which: usize,
) {
    let format = precision.format();
    let mut case = Case::new(41 + which as u64);
    let (x, y) = maps(&mut case, conv, gap, format);
    let other = maps(&mut case, conv, gap, format).1;
    let w = case.vector(conv.weights(), format);
    let bias = case.floats(conv.channels.1);
    let (xs, ws, bs) = (case.get(x), case.values(w), case.values(bias));
    let addend = match which {
        3 => Some(other),
        4 => Some(y),
        _ => None,
    };
    let mut values = addend.map_or_else(|| vec![0.0; y.pixels * y.channels], |view| case.get(view));
    each_product(conv, &mut |o, i, k| values[o] += xs[i] * ws[k]);
    let (biased, relu) = (which == 1 || which == 2 || which == 4, which >= 2);
    for (i, v) in values.iter_mut().enumerate() {
        *v += if biased { bs[i % conv.channels.1] } else { 0.0 };
        *v = if relu { v.max(0.0) } else { *v };
    }
    case.expect(y, values, tolerance(precision));
    let mut list = case.list();
    let epilogue = Epilogue { bias: biased.then_some(bias), addend, relu };
    list.convolution(conv, precision, [x, y], w, epilogue);
    case.run(machine, report, &name(&format!("conv {which}"), conv, precision), &list);
}

fn input_gradient(
    machine: &mut dyn Machine,
    report: &mut Report,
    conv: &Conv,
    gap: (usize, usize),
    precision: Precision,
    add: bool,
) {
    let mut case = Case::new(51);
    let (dx, dy) = maps(&mut case, conv, gap, precision.format());
    let w = case.vector(conv.weights(), precision.format());
    let (gs, ws) = (case.get(dy), case.values(w));
    let mut values = if add { case.get(dx) } else { vec![0.0; dx.pixels * dx.channels] };
    each_product(conv, &mut |o, i, k| values[i] += gs[o] * ws[k]);
    case.expect(dx, values, tolerance(precision));
    let mut list = case.list();
    list.convolution_input_gradient(conv, precision, [dy, dx], w, add);
    case.run(machine, report, &name(&format!("conv input gradient {add}"), conv, precision), &list);
}

fn weight_gradient(
    machine: &mut dyn Machine,
    report: &mut Report,
    conv: &Conv,
    gap: (usize, usize),
    precision: Precision,
) {
    let mut case = Case::new(52);
    let (x, dy) = maps(&mut case, conv, gap, precision.format());
    let w = case.vector(conv.weights(), precision.format());
    let (gs, xs) = (case.get(dy), case.get(x));
    let mut values = vec![0.0; conv.weights()];
    each_product(conv, &mut |o, i, k| values[k] += gs[o] * xs[i]);
    case.expect_vector(w, values, tolerance(precision));
    let mut list = case.list();
    list.convolution_weight_gradient(conv, precision, [x, dy], w);
    case.run(machine, report, &name("conv weight gradient", conv, precision), &list);
}

fn linear(
    machine: &mut dyn Machine,
    report: &mut Report,
    (rows, inner, outer, gap): (usize, usize, usize, (usize, usize)),
    precision: Precision,
) {
    let format = precision.format();
    let operands = |case: &mut Case| -> (View, View, Vector) {
        (
            case.map(rows, inner, format, gap),
            case.map(rows, outer, format, gap),
            case.vector(inner * outer, format),
        )
    };
    let each = |f: &mut dyn FnMut(usize, usize, usize)| {
        for r in 0..rows {
            for o in 0..outer {
                for i in 0..inner {
                    f(r * outer + o, r * inner + i, o * inner + i);
                }
            }
        }
    };
    let name = |what: &str| format!("linear {what} {} {rows}x{inner}x{outer}", precision.name());
    for full in [false, true] {
        let mut case = Case::new(61);
        let (x, mut y, w) = operands(&mut case);
        if !full {
            y = case.map(rows, outer, Format::F32, gap);
        }
        let bias = case.floats(outer);
        let (xs, ws, bs) = (case.get(x), case.values(w), case.values(bias));
        let mut values: Vec<f64> =
            (0..rows * outer).map(|i| if full { bs[i % outer] } else { 0.0 }).collect();
        each(&mut |o, i, k| values[o] += xs[i] * ws[k]);
        if full {
            values.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        case.expect(y, values, tolerance(precision));
        let mut list = case.list();
        list.linear(precision, [x, y], w, full.then_some(bias), full);
        case.run(machine, report, &name("forward"), &list);
        let mut case = Case::new(62);
        let (dx, dy, w) = operands(&mut case);
        let (gs, ws) = (case.get(dy), case.values(w));
        let mut values = if full { case.get(dx) } else { vec![0.0; rows * inner] };
        each(&mut |o, i, k| values[i] += gs[o] * ws[k]);
        case.expect(dx, values, tolerance(precision));
        let mut list = case.list();
        list.linear_input_gradient(precision, [dy, dx], w, full);
        case.run(machine, report, &name("input gradient"), &list);
        let mut case = Case::new(63);
        let (x, dy, mut dw) = operands(&mut case);
        if !full {
            dw = case.floats(inner * outer);
        }
        let (gs, xs) = (case.get(dy), case.get(x));
        let mut values = vec![0.0; inner * outer];
        each(&mut |o, i, k| values[k] += gs[o] * xs[i]);
        case.expect_vector(dw, values, tolerance(precision));
        let mut list = case.list();
        list.linear_weight_gradient(precision, [x, dy], dw);
        case.run(machine, report, &name("weight gradient"), &list);
    }
}
