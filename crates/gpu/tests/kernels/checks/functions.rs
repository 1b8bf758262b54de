//! Functions of one map and of two, and their gradients.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI};

use convnet_gpu::{Arithmetic, Format, Function, Maps, Precision, SideBackward, View};

use super::case::{Case, tolerance};
use super::{Machine, Report};

/// The error function by its series; from 6 on it is 1.
fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..300 {
        term *= 2.0 * x * x / (2.0 * f64::from(n) + 1.0);
        sum += term;
    }
    FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// The function's value at x, and its derivative.
fn at(function: Function, x: f64) -> [f64; 2] {
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    match function {
        Function::Silu => [x * sigmoid(x), sigmoid(x) * (1.0 + x * (1.0 - sigmoid(x)))],
        Function::Gelu { tanh: false } => {
            let normal = 0.5 * (1.0 + erf(x * FRAC_1_SQRT_2));
            [x * normal, normal + x * (-0.5 * x * x).exp() / (2.0 * PI).sqrt()]
        }
        Function::Gelu { tanh: true } => {
            let root = (2.0 / PI).sqrt();
            let t = (root * (x + 0.044_715 * x.powi(3))).tanh();
            let slope = root * (1.0 + 3.0 * 0.044_715 * x * x);
            [0.5 * x * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * slope]
        }
        Function::Hardswish if x < -3.0 => [0.0, 0.0],
        Function::Hardswish if x > 3.0 => [x, 1.0],
        Function::Hardswish => [x * (x + 3.0) / 6.0, x / 3.0 + 0.5],
        Function::Hardsigmoid { alpha, beta } => {
            let y = f64::from(alpha) * x + f64::from(beta);
            [y.clamp(0.0, 1.0), if y > 0.0 && y < 1.0 { alpha.into() } else { 0.0 }]
        }
        Function::Elu { scale, below, rate } => {
            let [scale, below, rate] = [scale, below, rate].map(f64::from);
            if x > 0.0 {
                [scale * x, scale]
            } else {
                [below * (rate * x).exp_m1(), below * rate * (rate * x).exp()]
            }
        }
        Function::Softplus { beta, threshold } if f64::from(beta) * x > f64::from(threshold) => [x, 1.0],
        Function::Softplus { beta, .. } => {
            let beta = f64::from(beta);
            [(beta * x).exp().ln_1p() / beta, sigmoid(beta * x)]
        }
        Function::Softsign => [x / (1.0 + x.abs()), (1.0 + x.abs()).powi(-2)],
        Function::Mish => {
            let t = x.exp().ln_1p().tanh();
            [x * t, t + x * sigmoid(x) * (1.0 - t * t)]
        }
        Function::Abs => [x.abs(), if x == 0.0 { 0.0 } else { x.signum() }],
        Function::Exp => [x.exp(), x.exp()],
        Function::Log => [x.ln(), 1.0 / x],
        Function::Sqrt => [x.sqrt(), 0.5 / x.sqrt()],
        Function::Reciprocal => [1.0 / x, -1.0 / (x * x)],
        Function::Erf => [erf(x), FRAC_2_SQRT_PI * (-x * x).exp()],
        Function::Scale { factor } => [f64::from(factor) * x, factor.into()],
        Function::Power { exponent } => {
            let exponent = f64::from(exponent);
            [x.powf(exponent), exponent * x.powf(exponent - 1.0)]
        }
    }
}

/// Functions, and whether they are of positive numbers alone.
const FUNCTIONS: [(Function, bool); 20] = [
    (Function::Silu, false),
    (Function::Gelu { tanh: false }, false),
    (Function::Gelu { tanh: true }, false),
    (Function::Hardswish, false),
    (Function::Hardsigmoid { alpha: 1.0 / 6.0, beta: 0.5 }, false),
    (Function::Hardsigmoid { alpha: -0.2, beta: 0.25 }, false),
    (Function::Elu { scale: 1.0, below: 1.0, rate: 1.0 }, false),
    (Function::Elu { scale: 1.05, below: 1.75, rate: 1.0 }, false),
    (Function::Elu { scale: 1.0, below: 1.0, rate: 2.0 }, false),
    (Function::Softplus { beta: 2.0, threshold: 5.0 }, false),
    (Function::Softsign, false),
    (Function::Mish, false),
    (Function::Abs, false),
    (Function::Exp, false),
    (Function::Log, true),
    (Function::Sqrt, true),
    (Function::Reciprocal, true),
    (Function::Erf, false),
    (Function::Scale { factor: -0.3 }, false),
    (Function::Power { exponent: 1.75 }, true),
];

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    for format in [Format::F32, Format::Bf16] {
        for (pixels, channels, gap) in [(7, 3, (0, 0)), (13, 6, (1, 2)), (9, 24, (8, 16)), (40, 64, (0, 0))] {
            for (function, positive) in FUNCTIONS {
                of_one(machine, report, (pixels, channels, gap), (function, positive), format);
            }
        }
        of_two(machine, report, format);
        products(machine, report, format);
        not_numbers(machine, report, format);
    }
    far_from_zero(machine, report);
}

fn of_one(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): (usize, usize, (usize, usize)),
    (function, positive): (Function, bool),
    format: Format,
) {
    let name = |what: &str| format!("{function:?}{what} {format:?} {pixels}x{channels} gap {gap:?}");
    let input = |case: &mut Case| {
        let x = case.map(pixels, channels, format, gap);
        let values = case.get(x).into_iter().map(|x| if positive { 0.2 + x.abs() } else { 7.0 * x });
        let values: Vec<f64> = values.collect();
        case.set(x, &values);
        x
    };
    let mut case = Case::new(3);
    let (x, y) = (input(&mut case), case.map(pixels, channels, format, (0, 0)));
    let values = case.get(x).into_iter().map(|x| at(function, x)[0]).collect();
    case.expect(y, values, tolerance(format));
    let mut list = case.list();
    list.function(function, [x, y]);
    case.run(machine, report, &name(""), &list);
    for add in [false, true] {
        let mut case = Case::new(4);
        let x = input(&mut case);
        let [dy, dx] = [(0, 0), gap].map(|gap| case.map(pixels, channels, format, gap));
        let old = case.get(dx);
        let of = |((x, dy), old): ((f64, f64), f64)| dy * at(function, x)[1] + if add { old } else { 0.0 };
        let values = case.get(x).into_iter().zip(case.get(dy)).zip(old).map(of).collect();
        case.expect(dx, values, tolerance(format));
        let mut list = case.list();
        list.function_backward(function, [x, dy, dx], add);
        case.run(machine, report, &name(&format!(" backward {add}")), &list);
    }
}

/// Where exponentials are nothing or beyond all numbers, functions and slopes are what they come near to.
fn far_from_zero(machine: &mut dyn Machine, report: &mut Report) {
    let bounded = |function: &Function| !matches!(function, Function::Exp);
    for (function, positive) in FUNCTIONS.into_iter().filter(|(function, _)| bounded(function)) {
        let far = if positive { [1e-3, 50.0, 90.0, 1e3] } else { [-120.0, -95.0, 95.0, 120.0] };
        for place in far {
            let mut case = Case::new(6);
            let [x, y, dy, dx] = [(); 4].map(|()| case.map(1, 1, Format::F32, (0, 0)));
            case.set(x, &[place]);
            case.set(dy, &[1.0]);
            // What is below the least numbers may be nothing.
            let [value, slope] = at(function, case.get(x)[0]).map(|v| if v.abs() < 1e-34 { 0.0 } else { v });
            let mut list = case.list();
            list.function(function, [x, y]);
            list.function_backward(function, [x, dy, dx], false);
            if value == 0.0 || slope == 0.0 {
                // Within a number that is nothing beside 1.
                case.set(y, &[1.0]);
                list.add([y, dy], y, false);
                list.add([dx, dy], dx, false);
            }
            let beside = if value == 0.0 || slope == 0.0 { 1.0 } else { 0.0 };
            case.expect(y, vec![value + beside], tolerance(Format::F32));
            case.expect(dx, vec![slope + beside], tolerance(Format::F32));
            case.run(machine, report, &format!("{function:?} at {place}"), &list);
        }
    }
    // Nothing of a gradient comes through where the slope is 0, however large it is.
    for (function, place) in [
        (Function::Hardswish, -5.0),
        (Function::Hardsigmoid { alpha: 1.0 / 6.0, beta: 0.5 }, 7.0),
        (Function::Abs, 0.0),
        (Function::Silu, f64::NEG_INFINITY),
    ] {
        let mut case = Case::new(8);
        let [x, y, dy, dx, one] = [(); 5].map(|()| case.map(1, 1, Format::F32, (0, 0)));
        case.set(x, &[place]);
        case.set(dy, &[if place.is_finite() { f64::INFINITY } else { 1.0 }]);
        case.set(one, &[1.0]);
        let mut list = case.list();
        list.function(function, [x, y]);
        list.function_backward(function, [x, dy, dx], false);
        list.add([dx, one], dx, false);
        case.expect(dx, vec![1.0], tolerance(Format::F32));
        let value = if place.is_finite() { at(function, place)[0] } else { 0.0 };
        list.add([y, one], y, false);
        case.expect(y, vec![value + 1.0], tolerance(Format::F32));
        case.run(machine, report, &format!("{function:?} at {place}, where it is level"), &list);
    }
}

const ARITHMETIC: [Arithmetic; 11] = [
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

/// f(a, b), and what it changes by with each of them.
fn at_two(function: Arithmetic, a: f64, b: f64) -> [f64; 3] {
    let flag = |is: bool| f64::from(u8::from(is));
    let share = |first: bool| if a == b { 0.5 } else { flag(first) };
    match function {
        Arithmetic::Add => [a + b, 1.0, 1.0],
        Arithmetic::Sub => [a - b, 1.0, -1.0],
        Arithmetic::Mul => [a * b, b, a],
        Arithmetic::Div => [a / b, 1.0 / b, -a / (b * b)],
        Arithmetic::Maximum => [a.max(b), share(a > b), share(b > a)],
        Arithmetic::Minimum => [a.min(b), share(a < b), share(b < a)],
        Arithmetic::Pow => [a.powf(b), b * a.powf(b - 1.0), a.powf(b) * a.ln()],
        Arithmetic::Less => [flag(a < b), 0.0, 0.0],
        Arithmetic::LessOrEqual => [flag(a <= b), 0.0, 0.0],
        Arithmetic::Equal => [flag(a == b), 0.0, 0.0],
        Arithmetic::Mask if b == 0.0 => [0.0; 3],
        Arithmetic::Mask => [a, 1.0, 0.0],
    }
}

/// Rows, columns and channels of two inputs.
type Sizes = [[usize; 3]; 2];

/// Values of few kinds, so that some are equal and some 0; positive where `function` wants them so.
fn few(case: &mut Case, view: View, function: Arithmetic) {
    let positive = matches!(function, Arithmetic::Div | Arithmetic::Pow);
    let values: Vec<f64> = case
        .get(view)
        .into_iter()
        .map(|x| if positive { 0.5 + (x.abs() * 8.0).floor() / 4.0 } else { (x * 4.0).floor() / 4.0 })
        .collect();
    case.set(view, &values);
}

fn of_two(machine: &mut dyn Machine, report: &mut Report, format: Format) {
    let sizes: [Sizes; 10] = [
        // Sums by blocks.
        [[7, 9, 40], [1, 1, 40]],
        [[1, 6, 5], [37, 6, 5]],
        [[3, 4, 16], [3, 4, 16]],
        [[3, 4, 16], [1, 1, 16]],
        [[1, 1, 8], [5, 3, 8]],
        [[1, 4, 3], [3, 1, 3]],
        [[4, 5, 16], [4, 5, 1]],
        [[2, 1, 1], [2, 6, 24]],
        [[1, 1, 7], [1, 1, 1]],
        [[2, 3, 5], [2, 3, 5]],
    ];
    for (number, inputs) in sizes.into_iter().enumerate() {
        for function in ARITHMETIC {
            for gap in [(0, 0), (8, 8), (1, 2)] {
                let at = (number, inputs, gap);
                forward_of_two(machine, report, at, function, format);
                for side in [0, 1] {
                    backward_of_two(machine, report, at, (function, side), format);
                }
            }
        }
    }
}

const BATCH: usize = 2;

/// Two inputs and a map of their output's size.
fn three(
    case: &mut Case,
    inputs: Sizes,
    gap: (usize, usize),
    function: Arithmetic,
    format: Format,
) -> [Maps; 3] {
    let [a, b] = inputs;
    let whole = [0, 1, 2].map(|i| a[i].max(b[i]));
    // The second one alone may forbid vectors.
    let [a, b, out] = [(a, gap), (b, (gap.1, gap.0)), (whole, (0, gap.0 + gap.1))].map(
        |([height, width, channels], gap)| Maps {
            view: case.map(BATCH * height * width, channels, format, gap),
            height,
            width,
        },
    );
    few(case, a.view, function);
    few(case, b.view, function);
    [a, b, out]
}

/// For each element of the output the elements of both inputs that it is of, by their numbers.
fn pairs([a, b, out]: [Maps; 3]) -> Vec<[usize; 2]> {
    let channels = out.view.channels;
    (0..out.view.pixels * channels)
        .map(|i| {
            let (c, p) = (i % channels, i / channels);
            let (x, y, n) = (p % out.width, p / out.width % out.height, p / out.width / out.height);
            [a, b].map(|own| {
                let along = |size: usize, at: usize| if size == 1 { 0 } else { at };
                let pixel = (n * own.height + along(own.height, y)) * own.width + along(own.width, x);
                pixel * own.view.channels + along(own.view.channels, c)
            })
        })
        .collect()
}

fn forward_of_two(
    machine: &mut dyn Machine,
    report: &mut Report,
    (number, inputs, gap): (usize, Sizes, (usize, usize)),
    function: Arithmetic,
    format: Format,
) {
    let mut case = Case::new(20 + number as u64);
    let maps = three(&mut case, inputs, gap, function, format);
    let [a, b, out] = maps;
    let (x, y) = (case.get(a.view), case.get(b.view));
    let values = pairs(maps).into_iter().map(|[i, j]| at_two(function, x[i], y[j])[0]).collect();
    case.expect(out.view, values, tolerance(format));
    let mut list = case.list();
    list.arithmetic(function, [a, b], out);
    case.run(machine, report, &format!("{function:?} {inputs:?} {format:?} gap {gap:?}"), &list);
}

fn backward_of_two(
    machine: &mut dyn Machine,
    report: &mut Report,
    (number, inputs, gap): (usize, Sizes, (usize, usize)),
    (function, side): (Arithmetic, usize),
    format: Format,
) {
    for accumulate in [false, true] {
        let mut case = Case::new(40 + number as u64);
        let maps = three(&mut case, inputs, gap, function, format);
        let [a, b, output_gradient] = maps;
        let own = [a, b][side].view;
        let gradient = case.map(own.pixels, own.channels, format, gap);
        let (x, y, dy) = (case.get(a.view), case.get(b.view), case.get(output_gradient.view));
        let mut values = if accumulate { case.get(gradient) } else { vec![0.0; own.pixels * own.channels] };
        for (pair, dy) in pairs(maps).into_iter().zip(dy) {
            values[pair[side]] += dy * at_two(function, x[pair[0]], y[pair[1]])[1 + side];
        }
        case.expect(gradient, values, tolerance(format));
        let mut list = case.list();
        let call = SideBackward { inputs: [a, b], output_gradient, side, gradient, accumulate };
        list.arithmetic_backward(function, &call);
        let name = format!("{function:?} backward {side} {accumulate} {inputs:?} {format:?} gap {gap:?}");
        case.run(machine, report, &name, &list);
    }
}

/// Products of the pixels of two maps that stand in the same column, and their gradients.
fn products(machine: &mut dyn Machine, report: &mut Report, format: Format) {
    let precision = match format {
        Format::F32 => Precision::F32,
        Format::Bf16 => Precision::Bf16,
    };
    for ((depth, m, n, g), gap) in [
        ((5, 3, 4, 2), (0, 0)),
        ((16, 1, 7, 3), (1, 2)),
        ((33, 6, 6, 1), (8, 8)),
        ((7, 49, 1, 5), (2, 1)),
        ((1, 37, 50, 1), (0, 0)),
    ] {
        let maps = |case: &mut Case| {
            [(m, depth), (n, depth), (m, n)].map(|(height, channels)| Maps {
                view: case.map(BATCH * height * g, channels, format, gap),
                height,
                width: g,
            })
        };
        // Calls f with the elements of the output, of a and of b of each product.
        let each = |f: &mut dyn FnMut(usize, usize, usize)| {
            for image in 0..BATCH {
                for (row, other) in (0..m).flat_map(|row| (0..n).map(move |other| (row, other))) {
                    for (column, k) in (0..g).flat_map(|column| (0..depth).map(move |k| (column, k))) {
                        let a = (image * m + row) * g + column;
                        let b = (image * n + other) * g + column;
                        f(a * n + other, a * depth + k, b * depth + k);
                    }
                }
            }
        };
        let mut case = Case::new(11);
        let [a, b, out] = maps(&mut case);
        let (x, y) = (case.get(a.view), case.get(b.view));
        let mut values = vec![0.0; BATCH * m * g * n];
        each(&mut |o, i, j| values[o] += x[i] * y[j]);
        case.expect(out.view, values, tolerance(format));
        let mut list = case.list();
        list.pixel_products(precision, [a, b, out]);
        let name = format!("products of pixels {depth} {m} {n} {g} {format:?}");
        case.run(machine, report, &name, &list);
        for (side, accumulate) in [(0, false), (0, true), (1, false), (1, true)] {
            let mut case = Case::new(12);
            let [a, b, output_gradient] = maps(&mut case);
            let own = [a, b][side].view;
            let gradient = case.map(own.pixels, own.channels, format, gap);
            let (x, y, dy) = (case.get(a.view), case.get(b.view), case.get(output_gradient.view));
            let mut values = if accumulate { case.get(gradient) } else { vec![0.0; own.pixels * depth] };
            each(&mut |o, i, j| {
                if side == 0 {
                    values[i] += dy[o] * y[j];
                } else {
                    values[j] += dy[o] * x[i];
                }
            });
            case.expect(gradient, values, tolerance(format));
            let mut list = case.list();
            let call = SideBackward { inputs: [a, b], output_gradient, side, gradient, accumulate };
            list.pixel_products_backward(precision, &call);
            case.run(machine, report, &format!("{name} backward {side} {accumulate}"), &list);
        }
    }
}

/// Which of two values is no number decides whether the result is one: it is compared with itself.
fn not_numbers(machine: &mut dyn Machine, report: &mut Report, format: Format) {
    let nan = f64::NAN;
    let cases = [
        (Arithmetic::Maximum, [nan, 1.0, nan, 2.0], [1.0, nan, nan, 1.0], [0.0, 0.0, 0.0, 1.0]),
        (Arithmetic::Minimum, [nan, 1.0, nan, 2.0], [1.0, nan, nan, 1.0], [0.0, 0.0, 0.0, 1.0]),
        (Arithmetic::Mask, [nan, f64::INFINITY, nan, 2.0], [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0]),
    ];
    for (function, a, b, expected) in cases {
        let mut case = Case::new(16);
        let maps = [(); 4].map(|()| Maps { view: case.map(1, 4, format, (0, 0)), height: 1, width: 1 });
        let [x, y, out, same] = maps;
        case.set(x.view, &a);
        case.set(y.view, &b);
        case.ignore(out.view.at, 4 * format.size());
        case.expect(same.view, expected.to_vec(), tolerance(format));
        let mut list = case.list();
        list.arithmetic(function, [x, y], out);
        list.arithmetic(Arithmetic::Equal, [out, out], same);
        case.run(machine, report, &format!("{function:?} of what is no number {format:?}"), &list);
    }
    for (sign, row) in [(1.0, [nan, 1.0, 2.0]), (1.0, [1.0, nan, 2.0]), (-1.0, [1.0, 2.0, nan])] {
        let mut case = Case::new(17);
        let maps = [3, 1, 1].map(|n| Maps { view: case.map(1, n, format, (0, 0)), height: 1, width: 1 });
        let [x, out, same] = maps;
        case.set(x.view, &row);
        case.ignore(out.view.at, format.size());
        case.expect(same.view, vec![0.0], tolerance(format));
        let mut list = case.list();
        list.extremum(sign, [x, out]);
        list.arithmetic(Arithmetic::Equal, [out, out], same);
        case.run(machine, report, &format!("an extreme of {row:?} {format:?}"), &list);
    }
}
