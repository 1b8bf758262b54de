//! Batch normalization, sums by channel, softmax and loss.

use convnet_gpu::{Affine, Arithmetic, BatchNorm, BatchNormBackward, Format, Gradient, Maps, Vector, View};

use super::case::{Case, tolerance};
use super::{Machine, Report};

const SHAPES: [(usize, usize, (usize, usize)); 8] = [
    (2, 1, (0, 0)),
    (50, 3, (0, 0)),
    (300, 6, (1, 2)),
    (70, 16, (0, 0)),
    (90, 24, (8, 16)),
    (33, 17, (4, 3)),
    (2100, 64, (0, 0)),
    (40, 520, (0, 8)),
];

fn norm(case: &mut Case, channels: usize, running: bool) -> BatchNorm {
    let mut floats = || case.floats(channels);
    let [weight, bias, mean, variance, inverse, scale, shift] = [(); 7].map(|()| floats());
    let running = running.then(|| ([floats(), floats()], 0.1));
    BatchNorm { weight, bias, eps: 1e-5, mean, variance, inverse, scale, shift, running }
}

fn moments(values: &[f64], channels: usize) -> [Vec<f64>; 2] {
    let pixels = values.len() / channels;
    let mean: Vec<f64> = (0..channels)
        .map(|c| (0..pixels).map(|p| values[p * channels + c]).sum::<f64>() / pixels as f64)
        .collect();
    let square = |c: usize, p: usize| (values[p * channels + c] - mean[c]).powi(2);
    let variance =
        (0..channels).map(|c| (0..pixels).map(|p| square(c, p)).sum::<f64>() / pixels as f64).collect();
    [mean, variance]
}

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    for format in [Format::F32, Format::Bf16] {
        for (pixels, channels, gap) in SHAPES {
            let name = |what: &str| format!("{what} {format:?} {pixels}x{channels} gap {gap:?}");
            forward(machine, report, (pixels, channels, gap), format, &name);
            for which in 0..6 {
                backward(
                    machine,
                    report,
                    (pixels, channels, gap),
                    format,
                    which,
                    &name(&format!("norm backward {which}")),
                );
            }
            let mut case = Case::new(3);
            let view = case.map(pixels, channels, format, gap);
            let out = case.floats(channels);
            let values = case.get(view);
            let sums = (0..channels).map(|c| (0..pixels).map(|p| values[p * channels + c]).sum()).collect();
            case.expect_vector(out, sums, 1e-5 * (pixels as f64).sqrt());
            let mut list = case.list();
            list.column_sums(view, out);
            list.column_sums(view, out);
            case.run(machine, report, &name("column sums"), &list);
        }
        rows(machine, report, format);
    }
    loss(machine, report);
    shared_loss(machine, report);
    lost(machine, report);
}

fn forward(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): (usize, usize, (usize, usize)),
    format: Format,
    name: &dyn Fn(&str) -> String,
) {
    for which in 0..3 {
        let mut case = Case::new(7);
        let view = case.map(pixels, channels, format, gap);
        // A mean far from zero: sums of squares alone would lose the variance.
        let far: Vec<f64> =
            case.get(view).iter().map(|v| v + if format == Format::F32 { 100.0 } else { 3.0 }).collect();
        case.set(view, &far);
        let out = case.map(pixels, channels, format, (0, 0));
        let norm = norm(&mut case, channels, which == 0);
        let values = case.get(view);
        let [mean, variance] = moments(&values, channels);
        let statistics = 3e-5;
        case.expect_vector(norm.mean, mean.clone(), 1e-6);
        case.expect_vector(norm.variance, variance.clone(), statistics);
        let mut list = case.list();
        if which == 2 {
            list.moments(view, [norm.mean, norm.variance]);
            case.run(machine, report, &name("moments"), &list);
            continue;
        }
        let (weight, bias) = (case.values(norm.weight), case.values(norm.bias));
        let inverse: Vec<f64> = variance.iter().map(|v| 1.0 / (v + 1e-5).sqrt()).collect();
        let of = |f: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..channels).map(f).collect() };
        let steady = if pixels < 4 { 2e-3 } else { 5e-5 };
        case.expect_vector(norm.inverse, inverse.clone(), steady);
        case.expect_vector(norm.scale, of(&|c| weight[c] * inverse[c]), steady);
        case.expect_vector(norm.shift, of(&|c| bias[c] - mean[c] * weight[c] * inverse[c]), steady);
        if let Some(([running_mean, running_variance], _)) = norm.running {
            let (m, v) = (case.values(running_mean), case.values(running_variance));
            let unbiased = pixels as f64 / (pixels as f64 - 1.0);
            case.expect_vector(running_mean, of(&|c| 0.9 * m[c] + 0.1 * mean[c]), 1e-5);
            case.expect_vector(running_variance, of(&|c| 0.9 * v[c] + 0.1 * variance[c] * unbiased), 1e-5);
        }
        // Scale times a value near 100 loses what the difference keeps.
        let applied = (tolerance(format) + 1e-4).max(if pixels < 4 { 0.3 } else { 0.0 });
        let result = (0..values.len())
            .map(|i| (i, i % channels))
            .map(|(i, c)| ((values[i] - mean[c]) * inverse[c] * weight[c] + bias[c]).max(0.0))
            .collect();
        case.expect(out, result, applied);
        if which == 0 {
            list.batch_norm(view, &norm);
        } else {
            list.moments(view, [norm.mean, norm.variance]);
            list.normalization((pixels, channels), &norm);
        }
        let (scale, shift) = (norm.scale, norm.shift);
        list.affine(&Affine { input: view, scale, shift, addend: None, relu: true, out });
        case.run(machine, report, &name(&format!("batch norm {which}")), &list);
    }
}

fn backward(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): (usize, usize, (usize, usize)),
    format: Format,
    which: u64,
    name: &str,
) {
    let mut case = Case::new(11 + which);
    let map = |case: &mut Case, gap| case.map(pixels, channels, format, gap);
    let [x, first] = [map(&mut case, gap), map(&mut case, (0, 0))];
    let [second, output, masked, dx] = [(); 4].map(|()| map(&mut case, gap));
    let norm = norm(&mut case, channels, false);
    let [weight_gradient, bias_gradient] = [(); 2].map(|()| case.floats(channels));
    // Consistent statistics: those of x.
    let xs = case.get(x);
    let [mean, variance] = moments(&xs, channels);
    let eps = if pixels < 4 { 0.5 } else { 1e-5 };
    let inverse: Vec<f64> = variance.iter().map(|v| 1.0 / (v + eps).sqrt()).collect();
    let (weight, bias) = (case.values(norm.weight), case.values(norm.bias));
    let row = |vector: Vector| View::dense(vector.at, 1, vector.len, vector.format);
    let of = |f: &dyn Fn(usize) -> f64| -> Vec<f64> { (0..channels).map(f).collect() };
    case.set(row(norm.mean), &mean);
    case.set(row(norm.inverse), &inverse);
    case.set(row(norm.scale), &of(&|c| weight[c] * inverse[c]));
    case.set(row(norm.shift), &of(&|c| bias[c] - mean[c] * weight[c] * inverse[c]));
    let (scale, shift) = (case.values(norm.scale), case.values(norm.shift));
    let add = which % 2 == 1;
    let (gradient, g): (Gradient, Vec<f64>) = match which {
        0 => (Gradient::Plain(first), case.get(first)),
        1 => {
            let passes = |i: usize| xs[i] * scale[i % channels] + shift[i % channels] > 0.0;
            let g =
                case.get(first).iter().enumerate().map(|(i, g)| if passes(i) { *g } else { 0.0 }).collect();
            (Gradient::Inside(first), g)
        }
        _ => {
            let two = which != 2;
            let with = which != 4;
            let target = if which == 5 { first } else { masked };
            let (a, b, y) = (case.get(first), case.get(second), case.get(output));
            let g: Vec<f64> = (0..a.len())
                .map(|i| if with && y[i] <= 0.0 { 0.0 } else { a[i] + if two { b[i] } else { 0.0 } })
                .collect();
            case.expect(target, g.clone(), tolerance(format));
            let (second, output) = (two.then_some(second), with.then_some(output));
            (Gradient::Join { first, second, output, masked: target }, g)
        }
    };
    let count = pixels as f64;
    let sum = of(&|c| (0..pixels).map(|p| g[p * channels + c]).sum());
    let product = of(&|c| {
        (0..pixels).map(|p| g[p * channels + c] * (xs[p * channels + c] - mean[c]) * inverse[c]).sum()
    });
    let sums = 2e-5 * count.sqrt();
    case.expect_vector(bias_gradient, sum.clone(), sums);
    case.expect_vector(weight_gradient, product.clone(), sums);
    let values: Vec<f64> = (0..xs.len())
        .map(|i| {
            let c = i % channels;
            let hat = (xs[i] - mean[c]) * inverse[c];
            weight[c] * inverse[c] * (g[i] - sum[c] / count - hat * product[c] / count)
        })
        .collect();
    let wanted = which != 3;
    if wanted {
        let values: Vec<f64> =
            if add { case.get(dx).iter().zip(&values).map(|(a, b)| a + b).collect() } else { values };
        case.expect(dx, values, 3.0 * tolerance(format));
    }
    let mut list = case.list();
    list.batch_norm_backward(&BatchNormBackward {
        input: x,
        gradient,
        norm,
        weight_gradient,
        bias_gradient,
        input_gradient: wanted.then_some((dx, add)),
    });
    case.run(machine, report, name, &list);
}

fn rows(machine: &mut dyn Machine, report: &mut Report, format: Format) {
    for (pixels, channels, gap) in [(1, 1, (0, 0)), (5, 10, (1, 2)), (3, 1000, (0, 0)), (9, 33, (3, 0))] {
        for logarithm in [false, true] {
            let mut case = Case::new(13);
            let (x, y) =
                (case.map(pixels, channels, format, gap), case.map(pixels, channels, format, (0, 0)));
            let wide: Vec<f64> = case.get(x).iter().map(|v| v * 8.0).collect();
            case.set(x, &wide);
            let values = case.get(x);
            let result = values
                .chunks(channels)
                .flat_map(|row| {
                    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = row.iter().map(|v| (v - most).exp()).sum();
                    row.iter()
                        .map(|v| if logarithm { v - most - sum.ln() } else { (v - most).exp() / sum })
                        .collect::<Vec<_>>()
                })
                .collect();
            case.expect(y, result, tolerance(format).max(if channels == 1 { 1.0 } else { 0.0 }) * 4.0);
            let mut list = case.list();
            if logarithm {
                list.log_softmax([x, y]);
            } else {
                list.softmax([x, y]);
            }
            case.run(machine, report, &format!("softmax {logarithm} {format:?} {pixels}x{channels}"), &list);
            for add in [false, true] {
                let mut case = Case::new(14);
                let map = |case: &mut Case, gap| case.map(pixels, channels, format, gap);
                let [y, dy, dx] = [map(&mut case, gap), map(&mut case, (0, 0)), map(&mut case, gap)];
                let (ys, gs, old) = (case.get(y), case.get(dy), case.get(dx));
                let result = (0..ys.len())
                    .map(|i| {
                        let row = i / channels * channels..(i / channels + 1) * channels;
                        let v = if logarithm {
                            gs[i] - ys[i].exp() * row.map(|j| gs[j]).sum::<f64>()
                        } else {
                            ys[i] * (gs[i] - row.map(|j| gs[j] * ys[j]).sum::<f64>())
                        };
                        v + if add { old[i] } else { 0.0 }
                    })
                    .collect();
                case.expect(dx, result, tolerance(format));
                let mut list = case.list();
                let views = [y, dy, dx];
                if logarithm {
                    list.log_softmax_backward(views, add);
                } else {
                    list.softmax_backward(views, add);
                }
                case.run(
                    machine,
                    report,
                    &format!("softmax backward {logarithm} {format:?} {pixels}x{channels}"),
                    &list,
                );
            }
        }
    }
}

fn loss(machine: &mut dyn Machine, report: &mut Report) {
    for (format, to) in
        [(Format::F32, Format::F32), (Format::F32, Format::Bf16), (Format::Bf16, Format::Bf16)]
    {
        for (rows, classes, gap) in [(1, 2, (0, 0)), (7, 10, (0, 1)), (130, 33, (1, 0)), (3, 1000, (0, 0))] {
            for gradient in [None, Some(false), Some(true)] {
                let mut case = Case::new(rows as u64);
                let logits = case.map(rows, classes, format, gap);
                let dx = case.map(rows, classes, to, (0, 0));
                let labels: Vec<u32> =
                    (0..rows).map(|_| ((case.number() + 1.0) / 2.0 * classes as f64) as u32).collect();
                let mut x: Vec<f64> = case.get(logits).iter().map(|v| (v * 24.0).round() / 8.0).collect();
                // Of equals the first counts.
                x[labels[0] as usize] = 4.0;
                x[classes - 1] = 4.0;
                case.set(logits, &x);
                let words = case.words(&labels);
                let (loss, correct) = (case.floats(1), case.words(&[77]));
                let (mut total, mut right, weight) = (0.0, 0u32, 0.4f32);
                let mut values = Vec::new();
                for (row, &label) in x.chunks(classes).zip(&labels) {
                    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = row.iter().map(|v| (v - most).exp()).sum();
                    total += most + sum.ln() - row[label as usize];
                    right += u32::from(row.iter().position(|&v| v == most) == Some(label as usize));
                    for (c, v) in row.iter().enumerate() {
                        let hot = f64::from(u8::from(c == label as usize));
                        values.push(f64::from(weight) / rows as f64 * ((v - most).exp() / sum - hot));
                    }
                }
                case.expect_vector(loss, vec![total / rows as f64], 1e-5);
                case.expect_bytes(correct.at, right.to_le_bytes().to_vec());
                if let Some(add) = gradient {
                    let old = case.get(dx);
                    let values =
                        values.iter().zip(old).map(|(v, old)| v + if add { old } else { 0.0 }).collect();
                    case.expect(dx, values, tolerance(to));
                }
                let mut list = case.list();
                let target = gradient.map(|add| (dx, add));
                list.cross_entropy(logits, words, target, weight, (loss, correct));
                case.run(
                    machine,
                    report,
                    &format!("cross entropy {format:?}-{to:?} {rows}x{classes} {gradient:?}"),
                    &list,
                );
            }
        }
    }
}

/// Cross-entropy with weighted shares of the classes, some of which are 0 where a logit is far down.
fn shared_loss(machine: &mut dyn Machine, report: &mut Report) {
    for (format, to) in
        [(Format::F32, Format::F32), (Format::F32, Format::Bf16), (Format::Bf16, Format::Bf16)]
    {
        for (rows, classes, gap) in [(1, 2, (0, 0)), (7, 10, (0, 1)), (130, 33, (1, 0)), (3, 1000, (0, 0))] {
            for gradient in [None, Some(false), Some(true)] {
                let mut case = Case::new(rows as u64 + 3);
                let logits = case.map(rows, classes, format, gap);
                let dx = case.map(rows, classes, to, (0, 0));
                let mut x: Vec<f64> = case.get(logits).iter().map(|v| (v * 24.0).round() / 8.0).collect();
                x[0] = f64::NEG_INFINITY;
                case.set(logits, &x);
                let shares = case.floats(rows * classes);
                let mut t: Vec<f64> = case.values(shares).iter().map(|v| v.max(0.0) / rows as f64).collect();
                t[0] = 0.0;
                case.set(View::dense(shares.at, rows, classes, Format::F32), &t);
                let t = case.values(shares);
                let labels: Vec<u32> = (0..rows).map(|row| (row * 7 % classes) as u32).collect();
                let words = case.words(&labels);
                let (loss, correct) = (case.floats(1), case.words(&[77]));
                let (mut total, mut right, weight) = (0.0, 0u32, 0.4f32);
                let mut values = Vec::new();
                for ((row, t), &label) in x.chunks(classes).zip(t.chunks(classes)).zip(&labels) {
                    let most = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                    let sum: f64 = row.iter().map(|v| (v - most).exp()).sum();
                    let of = |(v, t): (&f64, &f64)| if *t > 0.0 { t * (most + sum.ln() - v) } else { 0.0 };
                    total += row.iter().zip(t).map(of).sum::<f64>();
                    right += u32::from(row.iter().position(|&v| v == most) == Some(label as usize));
                    let all: f64 = t.iter().sum();
                    let slope = |(v, t): (&f64, &f64)| f64::from(weight) * ((v - most).exp() / sum * all - t);
                    values.extend(row.iter().zip(t).map(slope));
                }
                case.expect_vector(loss, vec![total], 1e-5);
                case.expect_bytes(correct.at, right.to_le_bytes().to_vec());
                if let Some(add) = gradient {
                    let old = case.get(dx);
                    let sum = |(v, old): (&f64, f64)| v + if add { old } else { 0.0 };
                    case.expect(dx, values.iter().zip(old).map(sum).collect(), tolerance(to));
                }
                let mut list = case.list();
                let target = gradient.map(|add| (dx, add));
                list.shared_cross_entropy(logits, (shares, words), target, weight, (loss, correct));
                let name = format!("shared cross entropy {format:?}-{to:?} {rows}x{classes} {gradient:?}");
                case.run(machine, report, &name, &list);
            }
        }
    }
}

/// The loss of a row that counts nothing and is no number is none: it is compared with itself.
fn lost(machine: &mut dyn Machine, report: &mut Report) {
    let mut case = Case::new(2);
    let logits = case.map(2, 3, Format::F32, (0, 0));
    case.set(logits, &[1.0, 2.0, 3.0, f64::NAN, 1.0, 2.0]);
    let shares = case.floats(6);
    case.set(View::dense(shares.at, 2, 3, Format::F32), &[0.0, 0.5, 0.5, 0.0, 0.0, 0.0]);
    let (labels, correct) = (case.words(&[2, 0]), case.words(&[77]));
    let (loss, same) = (case.floats(1), case.map(1, 1, Format::F32, (0, 0)));
    case.ignore(loss.at, 4);
    case.expect_bytes(correct.at, 1u32.to_le_bytes().to_vec());
    case.expect(same, vec![0.0], tolerance(Format::F32));
    let mut list = case.list();
    list.shared_cross_entropy(logits, (shares, labels), None, 1.0, (loss, correct));
    let loss = Maps { view: View::dense(loss.at, 1, 1, Format::F32), height: 1, width: 1 };
    list.arithmetic(Arithmetic::Equal, [loss, loss], Maps { view: same, height: 1, width: 1 });
    case.run(machine, report, "a row that is no number", &list);
}
