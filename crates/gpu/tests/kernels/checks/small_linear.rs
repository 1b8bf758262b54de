//! Small linear layers, beside plain loops.

use convnet_gpu::{Format, View};

use super::case::{Case, tolerance};
use super::{Machine, Report};

/// Rows, inputs and outputs of a layer, and elements around its pixels.
#[derive(Clone, Copy, Debug)]
struct Sides {
    rows: usize,
    inner: usize,
    outer: usize,
    gap: (usize, usize),
}

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    let layers = [
        (1, 1, 1),
        (5, 24, 16),
        (64, 400, 120),
        (7, 84, 10),
        (3, 130, 9),
        (33, 31, 5),
        (256, 5, 3),
        (5, 33, 512),
    ];
    for format in [Format::F32, Format::Bf16] {
        for (rows, inner, outer) in layers {
            for gap in [(0, 0), (3, 2)] {
                let sides = Sides { rows, inner, outer, gap };
                for flag in [false, true] {
                    forward(machine, report, (sides, format), flag);
                    for masked in [false, true] {
                        input_gradient(machine, report, (sides, format), (masked, flag));
                        weight_gradient(machine, report, (sides, format), (masked, flag));
                    }
                }
            }
        }
    }
}

impl Sides {
    /// Calls f with the indices of output, input and weight of every product.
    fn each(self, f: &mut dyn FnMut(usize, usize, usize)) {
        let Self { rows, inner, outer, .. } = self;
        for (r, o) in (0..rows).flat_map(|r| (0..outer).map(move |o| (r, o))) {
            (0..inner).for_each(|i| f(r * outer + o, r * inner + i, o * inner + i));
        }
    }

    fn inputs(self, case: &mut Case, format: Format) -> View {
        case.map(self.rows, self.inner, format, self.gap)
    }

    fn outputs(self, case: &mut Case, format: Format) -> View {
        case.map(self.rows, self.outer, format, self.gap)
    }
}

fn forward(machine: &mut dyn Machine, report: &mut Report, (sides, format): (Sides, Format), full: bool) {
    let mut case = Case::new(81);
    let (x, y) = (sides.inputs(&mut case, format), sides.outputs(&mut case, format));
    let (w, bias) = (case.vector(sides.inner * sides.outer, format), case.floats(sides.outer));
    let (xs, ws, bs) = (case.get(x), case.values(w), case.values(bias));
    let count = sides.rows * sides.outer;
    let mut values: Vec<f64> = (0..count).map(|i| if full { bs[i % sides.outer] } else { 0.0 }).collect();
    sides.each(&mut |o, i, k| values[o] += xs[i] * ws[k]);
    if full {
        values.iter_mut().for_each(|v| *v = v.max(0.0));
    }
    case.expect(y, values, tolerance(format));
    let mut list = case.list();
    list.small_linear([x, y], w, full.then_some(bias), full);
    case.run(machine, report, &format!("small linear {sides:?} {format:?} {full}"), &list);
}

/// The output's gradient as it passes a ReLU whose output is the view, half of which is not above zero.
fn passed(case: &Case, dy: View, y: Option<View>) -> Vec<f64> {
    let mut values = case.get(dy);
    if let Some(y) = y {
        values.iter_mut().zip(case.get(y)).for_each(|(g, y)| *g = if y > 0.0 { *g } else { 0.0 });
    }
    values
}

fn input_gradient(
    machine: &mut dyn Machine,
    report: &mut Report,
    (sides, format): (Sides, Format),
    (masked, accumulate): (bool, bool),
) {
    let mut case = Case::new(82);
    let (dx, dy) = (sides.inputs(&mut case, format), sides.outputs(&mut case, format));
    let y = sides.outputs(&mut case, format);
    let (y, w) = (masked.then_some(y), case.vector(sides.inner * sides.outer, format));
    let (gs, ws) = (passed(&case, dy, y), case.values(w));
    let mut values = if accumulate { case.get(dx) } else { vec![0.0; sides.rows * sides.inner] };
    sides.each(&mut |o, i, k| values[i] += gs[o] * ws[k]);
    case.expect(dx, values, tolerance(format));
    let mut list = case.list();
    list.small_linear_input_gradient([dy, dx], y, w, accumulate);
    let name = format!("small linear input gradient {sides:?} {format:?} {masked} {accumulate}");
    case.run(machine, report, &name, &list);
}

fn weight_gradient(
    machine: &mut dyn Machine,
    report: &mut Report,
    (sides, format): (Sides, Format),
    (masked, alone): (bool, bool),
) {
    let mut case = Case::new(83);
    let (x, dy) = (sides.inputs(&mut case, format), sides.outputs(&mut case, format));
    let y = sides.outputs(&mut case, format);
    let y = masked.then_some(y);
    let (dw, db) = (case.floats(sides.inner * sides.outer), case.floats(sides.outer));
    let (gs, xs) = (passed(&case, dy, y), case.get(x));
    let (mut values, mut sums) = (vec![0.0; sides.inner * sides.outer], vec![0.0; sides.outer]);
    sides.each(&mut |o, i, k| values[k] += gs[o] * xs[i]);
    gs.iter().enumerate().for_each(|(i, g)| sums[i % sides.outer] += g);
    // One of the two alone, as where the other is frozen; both where nothing is.
    let wanted = [(!alone || masked).then_some(dw), (!alone || !masked).then_some(db)];
    for (vector, values) in [(wanted[0], values), (wanted[1], sums)] {
        vector.into_iter().for_each(|vector| case.expect_vector(vector, values.clone(), 2e-5));
    }
    let mut list = case.list();
    list.small_linear_weight_gradient(dy, y, wanted[0].map(|dw| (x, dw)), wanted[1]);
    let name = format!("small linear weight gradient {sides:?} {format:?} {masked} {alone}");
    case.run(machine, report, &name, &list);
}
