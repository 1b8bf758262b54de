//! Linear maps along the axes of images, and elements in another order.

use convnet_gpu::{self as gpu, Format, Order, Separable, Taps, View};

use super::case::{Case, tolerance};
use super::{Machine, Report};

const BATCH: usize = 2;

type Rows = Vec<Vec<(usize, f32)>>;

/// Elements of an axis in their order, from one on.
fn part(first: usize, count: usize) -> Rows {
    (first..first + count).map(|i| vec![(i, 1.0)]).collect()
}

/// Means of windows of two elements that share one, and an element that is made of none.
fn means(size: usize) -> Rows {
    let mut rows: Rows = (0..size - 1).map(|i| vec![(i, 0.5), (i + 1, 0.5)]).collect();
    rows.push(Vec::new());
    rows
}

/// Elements in any order, some more than once.
fn picked(size: usize) -> Rows {
    (0..size + 3).map(|i| vec![((5 * i + 1) % size, 1.0)]).collect()
}

/// Where the images lie, and what each axis of an output is made of: channels, rows, columns.
struct Maps {
    name: &'static str,
    sizes: [usize; 3],
    axes: [Rows; 3],
}

fn maps() -> Vec<Maps> {
    let whole = |size: usize| part(0, size);
    let map = |name, sizes, axes| Maps { name, sizes, axes };
    vec![
        map("part of channels", [24, 3, 4], [part(8, 8), whole(3), whole(4)]),
        map("part of rows", [16, 5, 4], [whole(16), part(1, 3), whole(4)]),
        map("means", [8, 4, 5], [whole(8), means(4), means(5)]),
        map(
            "sum of all",
            [16, 3, 5],
            [whole(16), vec![(0..3).map(|i| (i, 1.0)).collect()], vec![(0..5).map(|i| (i, 0.2)).collect()]],
        ),
        map("channels mixed", [6, 3, 2], [means(6), whole(3), picked(2)]),
        map(
            "shuffle",
            [12, 2, 3],
            [(0..12).map(|i| vec![(i % 3 * 4 + i / 3, 1.0)]).collect(), whole(2), whole(3)],
        ),
        map("picks", [3, 4, 7], [whole(3), picked(4), picked(7)]),
    ]
}

/// Sums of the elements of an axis with other weights, of parts of it, and one of none.
fn windows(size: usize) -> Rows {
    let sum = |from: usize, to: usize| (from..to).map(|i| (i, 0.25 + (i % 7) as f32 * 0.125)).collect();
    vec![sum(0, size - size / 4), sum(size / 3, size), Vec::new()]
}

/// Those whose outputs are made of so many inputs that threads share them.
fn sums() -> Vec<Maps> {
    let whole = |size: usize| part(0, size);
    let all = |size: usize| vec![(0..size).map(|i| (i, 1.0 / size as f32)).collect::<Vec<_>>()];
    let map = |name, sizes, axes| Maps { name, sizes, axes };
    vec![
        map("means of large maps", [5, 61, 67], [whole(5), all(61), all(67)]),
        map("means of large maps by vectors", [16, 41, 43], [whole(16), all(41), all(43)]),
        map("means of many channels", [160, 9, 11], [whole(160), all(9), all(11)]),
        map("means of columns", [70, 65, 3], [whole(70), all(65), whole(3)]),
        map("means over channels", [203, 3, 5], [all(203), whole(3), whole(5)]),
        map("means over all", [37, 25, 9], [all(37), all(25), all(9)]),
        map("large windows", [24, 41, 17], [whole(24), windows(41), windows(17)]),
        map("large windows of channels", [90, 4, 5], [windows(90), windows(4), all(5)]),
    ]
}

/// The map of an image's elements, pixel by pixel, in double precision; of images one after the other.
fn apply(axes: &[Rows; 3], [channels, height, width]: [usize; 3], x: &[f64]) -> Vec<f64> {
    let mut y = Vec::new();
    for image in x.chunks_exact(channels * height * width) {
        for row in &axes[1] {
            for column in &axes[2] {
                for channel in &axes[0] {
                    let mut sum = 0.0;
                    for &(r, a) in row {
                        for &(q, b) in column {
                            for &(c, d) in channel {
                                sum += f64::from(a)
                                    * f64::from(b)
                                    * f64::from(d)
                                    * image[(r * width + q) * channels + c];
                            }
                        }
                    }
                    y.push(sum);
                }
            }
        }
    }
    y
}

fn transposed(rows: &Rows, inputs: usize) -> Rows {
    let mut back = vec![Vec::new(); inputs];
    for (output, row) in rows.iter().enumerate() {
        row.iter().for_each(|&(input, weight)| back[input].push((output, weight)));
    }
    back
}

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    for format in [Format::F32, Format::Bf16] {
        for Maps { name, sizes, axes } in maps().into_iter().chain(sums()) {
            let taps = |i: usize| Taps::new(sizes[i], axes[i].clone());
            let map = Separable { channels: taps(0), rows: taps(1), columns: taps(2) };
            let outputs = [0, 1, 2].map(|i| axes[i].len());
            let back = [0, 1, 2].map(|i| transposed(&axes[i], sizes[i]));
            for gap in [(0, 0), (8, 8), (1, 2)] {
                for add in [false, true] {
                    let run = (&map, (sizes, outputs), &axes);
                    one(machine, report, run, (gap, add, format), &format!("{name} forward"));
                    let run = (&map.transposed(), (outputs, sizes), &back);
                    one(machine, report, run, (gap, add, format), &format!("{name} backward"));
                }
            }
        }
        for gap in [(0, 0), (8, 8), (1, 2)] {
            repeat(machine, report, gap, format);
            for sizes in [[1, 1, 1], [6, 1, 1], [1, 4, 5], [6, 4, 1], [6, 4, 5]] {
                for sign in [1.0, -1.0] {
                    extremes(machine, report, ([[6, 4, 5], sizes], sign, true), gap, format);
                }
            }
            for sizes in [
                [[5, 61, 67], [5, 1, 1]],
                [[16, 41, 43], [16, 1, 1]],
                [[160, 9, 11], [160, 1, 1]],
                [[24, 65, 3], [24, 1, 3]],
                [[203, 3, 5], [1, 3, 5]],
                [[72, 4, 3], [1, 1, 3]],
                [[37, 25, 9], [1, 1, 1]],
            ] {
                for (sign, ties) in [(1.0, false), (-1.0, true)] {
                    extremes(machine, report, (sizes, sign, ties), gap, format);
                }
            }
            for add in [false, true] {
                order(machine, report, (gap, add, format));
            }
        }
    }
}

/// A view of images of some channels, rows and columns.
fn images(
    case: &mut Case,
    [channels, height, width]: [usize; 3],
    gap: (usize, usize),
    format: Format,
) -> View {
    case.map(BATCH * height * width, channels, format, gap)
}

fn one(
    machine: &mut dyn Machine,
    report: &mut Report,
    (map, (inputs, outputs), axes): (&Separable, ([usize; 3], [usize; 3]), &[Rows; 3]),
    (gap, add, format): ((usize, usize), bool, Format),
    name: &str,
) {
    let mut case = Case::new(7);
    let (x, y) = (images(&mut case, inputs, gap, format), images(&mut case, outputs, gap, format));
    let mut values = apply(axes, inputs, &case.get(x));
    if add {
        values.iter_mut().zip(case.get(y)).for_each(|(value, old)| *value += old);
    }
    case.expect(y, values, tolerance(format));
    let mut list = case.list();
    list.separable(map, [x, y], add);
    case.run(machine, report, &format!("{name} {format:?} gap {gap:?} {add}"), &list);
}

/// Blocks of 2 × 2 pixels as channels, and back.
fn order(machine: &mut dyn Machine, report: &mut Report, (gap, add, format): ((usize, usize), bool, Format)) {
    let (channels, height, width) = (5, 4, 6);
    let sizes = [[height * width, channels], [height * width / 4, 4 * channels]];
    let source = |pixel: usize, channel: usize| {
        let (y, x, corner) = (pixel / (width / 2), pixel % (width / 2), channel % 4);
        ((2 * y + corner / 2) * width + 2 * x + corner % 2, channel / 4)
    };
    let order = Order::new(sizes, source);
    for (order, [from, to], forward) in
        [(order.clone(), sizes, true), (order.inverse(), [sizes[1], sizes[0]], false)]
    {
        let mut case = Case::new(9);
        let [x, y] = [from, to].map(|[pixels, channels]| case.map(BATCH * pixels, channels, format, gap));
        let (read, count) = (case.get(x), height * width * channels);
        let mut values = if add { case.get(y) } else { vec![0.0; BATCH * count] };
        for image in 0..BATCH {
            for packed in 0..count {
                let (pixel, channel) = source(packed / (4 * channels), packed % (4 * channels));
                let plain = pixel * channels + channel;
                let (i, j) = if forward { (plain, packed) } else { (packed, plain) };
                values[image * count + j] += read[image * count + i];
            }
        }
        case.expect(y, values, tolerance(format));
        let mut list = case.list();
        list.rearrange(&order, [x, y], add);
        case.run(machine, report, &format!("order {forward} {format:?} gap {gap:?} {add}"), &list);
    }
}

/// The same numbers for every image.
fn repeat(machine: &mut dyn Machine, report: &mut Report, gap: (usize, usize), format: Format) {
    let (channels, map) = (6, 20);
    let mut case = Case::new(13);
    let (values, out) = (case.floats(channels * map), case.map(BATCH * map, channels, format, gap));
    let numbers = case.values(values);
    let of = |i: usize| numbers[i % channels * map + i / channels % map];
    case.expect(out, (0..BATCH * map * channels).map(of).collect(), tolerance(format));
    let mut list = case.list();
    list.repeat(values, map, out);
    case.run(machine, report, &format!("repeat {format:?} gap {gap:?}"), &list);
}

/// The largest and the smallest of maps of some channels, rows and columns over the axes of which one is left, of elements of which
/// many are equal, or few of the largest ones.
fn extremes(
    machine: &mut dyn Machine,
    report: &mut Report,
    ([whole, left], sign, ties): ([[usize; 3]; 2], f32, bool),
    gap: (usize, usize),
    format: Format,
) {
    let count = whole[0] * whole[1] * whole[2];
    let view = |case: &mut Case, sizes: [usize; 3]| gpu::Maps {
        view: images(case, sizes, gap, format),
        height: sizes[1],
        width: sizes[2],
    };
    // The element of the output that one of an image goes with.
    let target = |i: usize| {
        let (c, p) = (i % whole[0], i / whole[0]);
        let along = |axis: usize, at: usize| if left[axis] == 1 { 0 } else { at };
        (along(1, p / whole[2]) * left[2] + along(2, p % whole[2])) * left[0] + along(0, c)
    };
    let outputs = left[0] * left[1] * left[2];
    // Whole numbers that both formats hold.
    let numbers = |case: &mut Case, of: View| {
        let number = |x: f64| if ties { (x * 3.0).floor() } else { (x.powi(15) * 200.0).round() };
        let values: Vec<f64> = case.get(of).into_iter().map(number).collect();
        case.set(of, &values);
        values
    };
    let best_of = |x: &[f64]| {
        let mut best = vec![f64::NEG_INFINITY; BATCH * outputs];
        for (i, x) in x.iter().enumerate() {
            let at = i / count * outputs + target(i % count);
            best[at] = best[at].max(f64::from(sign) * x);
        }
        best.into_iter().map(|x| f64::from(sign) * x).collect::<Vec<f64>>()
    };
    let mut case = Case::new(14);
    let (x, y) = (view(&mut case, whole), view(&mut case, left));
    let read = numbers(&mut case, x.view);
    case.expect(y.view, best_of(&read), tolerance(format));
    let mut list = case.list();
    list.extremum(sign, [x, y]);
    let name = format!("extremes {sign} of {whole:?} over {left:?} {format:?} gap {gap:?}");
    case.run(machine, report, &name, &list);
    for add in [false, true] {
        let mut case = Case::new(15);
        let [x, y, dy] = [whole, left, left].map(|sizes| view(&mut case, sizes));
        let dx = images(&mut case, whole, gap, format);
        let read = numbers(&mut case, x.view);
        let best = best_of(&read);
        case.set(y.view, &best);
        let at = |i: usize| i / count * outputs + target(i % count);
        let mut equal = vec![0.0; best.len()];
        (0..read.len()).filter(|&i| read[i] == best[at(i)]).for_each(|i| equal[at(i)] += 1.0);
        let (g, old) = (case.get(dy.view), case.get(dx));
        let share = |i: usize| if read[i] == best[at(i)] { g[at(i)] / equal[at(i)] } else { 0.0 };
        let of = |i: usize| share(i) + if add { old[i] } else { 0.0 };
        case.expect(dx, (0..read.len()).map(of).collect(), tolerance(format));
        let mut list = case.list();
        list.extremum_backward([x, y, dy], dx, add);
        case.run(machine, report, &format!("{name} backward {add}"), &list);
    }
}
