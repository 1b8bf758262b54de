//! Layers with a number for each channel: normalization of each image over its pixels and groups of channels, factors.

use convnet_gpu::{Factors, Format, GroupNorm, GroupNormBackward, Groups, View};

use super::case::{Case, tolerance};
use super::{Machine, Report};

const EPS: f32 = 1e-3;

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    // More channels than there are counters for sums by channel.
    let wide = (1, 65_540, (0, 0));
    group_norm(machine, report, wide, Groups { pixels: 1, groups: 4 }, Format::F32);
    factors(machine, report, wide, (false, false), Format::F32);
    for format in [Format::F32, Format::Bf16] {
        // LayerNorm; groups; InstanceNorm; all of an image.
        for (shape, groups) in [
            ((1, 1, (0, 0)), (1, 1)),
            ((7, 3, (0, 0)), (1, 1)),
            ((70, 64, (0, 0)), (1, 1)),
            ((3, 200, (4, 3)), (1, 1)),
            ((14, 6, (1, 2)), (7, 3)),
            ((9, 24, (8, 16)), (3, 4)),
            ((24, 6, (0, 0)), (12, 6)),
            ((600, 16, (0, 0)), (200, 1)),
        ] {
            group_norm(machine, report, shape, Groups { pixels: groups.0, groups: groups.1 }, format);
            for (shared, below) in [(false, false), (false, true), (true, true)] {
                factors(machine, report, shape, (shared, below), format);
            }
        }
    }
}

type Shape = (usize, usize, (usize, usize));

fn add_to(values: &mut [f64], old: &[f64]) {
    values.iter_mut().zip(old).for_each(|(value, old)| *value += old);
}

/// The group of an element.
fn group_of(i: usize, channels: usize, groups: Groups) -> usize {
    let (p, c) = (i / channels, i % channels);
    p / groups.pixels * groups.groups + c / (channels / groups.groups)
}

/// Mean and 1/√(var + eps) of each group.
fn stats_of(x: &[f64], channels: usize, groups: Groups) -> Vec<f64> {
    let count = x.len() / channels / groups.pixels * groups.groups;
    let of = |group: usize| {
        let own: Vec<f64> =
            (0..x.len()).filter(|&i| group_of(i, channels, groups) == group).map(|i| x[i]).collect();
        let mean = own.iter().sum::<f64>() / own.len() as f64;
        let variance = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / own.len() as f64;
        [mean, 1.0 / (variance + f64::from(EPS)).sqrt()]
    };
    (0..count).flat_map(of).collect()
}

fn group_norm(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): Shape,
    groups: Groups,
    format: Format,
) {
    let name = |what: &str| format!("{groups:?}{what} {format:?} {pixels}x{channels} gap {gap:?}");
    let count = pixels / groups.pixels * groups.groups;
    let stats_view = |at: usize| View::dense(at, 1, 2 * count, Format::F32);
    for kept in [false, true] {
        let mut case = Case::new(3);
        let (x, y) = (case.map(pixels, channels, format, gap), case.map(pixels, channels, format, (0, 0)));
        let [weight, bias] = [(); 2].map(|()| case.floats(channels));
        let stats = case.floats(2 * count);
        let (w, b, read) = (case.values(weight), case.values(bias), case.get(x));
        let known = stats_of(&read, channels, groups);
        let of = |(i, x): (usize, &f64)| {
            let at = 2 * group_of(i, channels, groups);
            (x - known[at]) * known[at + 1] * w[i % channels] + b[i % channels]
        };
        case.expect(y, read.iter().enumerate().map(of).collect(), tolerance(format));
        if kept {
            case.expect(stats_view(stats.at), known.clone(), tolerance(Format::F32));
        }
        let mut list = case.list();
        let stats = kept.then_some(stats);
        list.group_norm(&GroupNorm { groups, weight, bias, eps: EPS, stats }, [x, y]);
        case.run(machine, report, &name(&format!(" {kept}")), &list);
    }
    for write in [None, Some(false), Some(true)] {
        let mut case = Case::new(5);
        let [x, dy, dx] = [gap, (0, 0), gap].map(|gap| case.map(pixels, channels, format, gap));
        let [weight, weight_gradient, bias_gradient] = [(); 3].map(|()| case.floats(channels));
        let stats = case.floats(2 * count);
        let (w, read, g) = (case.values(weight), case.get(x), case.get(dy));
        case.set(stats_view(stats.at), &stats_of(&read, channels, groups));
        let known = case.values(stats);
        let size = (read.len() / count) as f64;
        let at = |i: usize| group_of(i, channels, groups);
        let normalized: Vec<f64> =
            read.iter().enumerate().map(|(i, x)| (x - known[2 * at(i)]) * known[2 * at(i) + 1]).collect();
        let scaled: Vec<f64> = g.iter().enumerate().map(|(i, g)| g * w[i % channels]).collect();
        let (mut averages, mut products) = (vec![0.0; count], vec![0.0; count]);
        let (mut by_weight, mut by_bias) = (vec![0.0; channels], vec![0.0; channels]);
        for i in 0..read.len() {
            averages[at(i)] += scaled[i] / size;
            products[at(i)] += scaled[i] * normalized[i] / size;
            by_weight[i % channels] += g[i] * normalized[i];
            by_bias[i % channels] += g[i];
        }
        let of =
            |i: usize| known[2 * at(i) + 1] * (scaled[i] - averages[at(i)] - normalized[i] * products[at(i)]);
        let mut by_input: Vec<f64> = (0..read.len()).map(of).collect();
        let vector = |at: usize| View::dense(at, 1, channels, Format::F32);
        case.expect(vector(weight_gradient.at), by_weight, tolerance(format));
        case.expect(vector(bias_gradient.at), by_bias, tolerance(format));
        if let Some(add) = write {
            if add {
                add_to(&mut by_input, &case.get(dx));
            }
            case.expect(dx, by_input, tolerance(format));
        }
        let mut list = case.list();
        list.group_norm_backward(&GroupNormBackward {
            input: x,
            output_gradient: dy,
            groups,
            weight,
            stats,
            weight_gradient,
            bias_gradient,
            input_gradient: write.map(|add| (dx, add)),
        });
        case.run(machine, report, &name(&format!(" backward {write:?}")), &list);
    }
}

fn factors(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): Shape,
    (shared, below): (bool, bool),
    format: Format,
) {
    let name =
        |what: &str| format!("factors {shared} {below}{what} {format:?} {pixels}x{channels} gap {gap:?}");
    let factor = |factors: &[f64], i: usize, x: f64| {
        if below && x > 0.0 { 1.0 } else { factors[if shared { 0 } else { i % channels }] }
    };
    let mut case = Case::new(7);
    let (x, y) = (case.map(pixels, channels, format, gap), case.map(pixels, channels, format, (0, 0)));
    let values = case.floats(if shared { 1 } else { channels });
    let (read, f) = (case.get(x), case.values(values));
    case.expect(y, read.iter().enumerate().map(|(i, &x)| x * factor(&f, i, x)).collect(), tolerance(format));
    let mut list = case.list();
    list.factors(Factors { values, below }, [x, y]);
    case.run(machine, report, &name(""), &list);
    for add in [false, true] {
        let mut case = Case::new(8);
        let [x, dy, dx] = [gap, (0, 0), gap].map(|gap| case.map(pixels, channels, format, gap));
        let values = case.floats(if shared { 1 } else { channels });
        let sums = case.floats(channels);
        let (read, g, f) = (case.get(x), case.get(dy), case.values(values));
        let mut by_input: Vec<f64> = (0..read.len()).map(|i| g[i] * factor(&f, i, read[i])).collect();
        if add {
            add_to(&mut by_input, &case.get(dx));
        }
        let mut by_factor = vec![0.0; channels];
        for (i, (x, g)) in read.iter().zip(&g).enumerate().filter(|(_, (x, _))| !below || **x <= 0.0) {
            by_factor[i % channels] += x * g;
        }
        case.expect(dx, by_input, tolerance(format));
        case.expect(View::dense(sums.at, 1, channels, Format::F32), by_factor, tolerance(format));
        let mut list = case.list();
        list.factors_backward(Factors { values, below }, [x, dy, dx], add);
        list.factor_sums([x, dy], below, sums);
        case.run(machine, report, &name(&format!(" backward {add}")), &list);
    }
}
