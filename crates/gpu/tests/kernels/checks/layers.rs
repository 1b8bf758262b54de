//! Pooling, local response normalization.

use convnet_gpu::{Before, Format, LocalResponse, PoolWindow};

use super::case::{Case, tolerance};
use super::{Machine, Report};

type Span = (usize, usize, usize);
/// A name, the input's size, and the spans of rows and columns.
type Named = (&'static str, (usize, usize), Vec<Span>, Vec<Span>);

/// Spans of a window: kernel, stride, padding, outputs; divisors with or without the padding.
fn spans(
    size: usize,
    out: usize,
    (kernel, stride, padding): (usize, usize, usize),
    whole: bool,
) -> Vec<Span> {
    (0..out)
        .map(|i| {
            let (start, end) = (i * stride, (i * stride + kernel).min(size + 2 * padding));
            let clipped = (start.saturating_sub(padding), (end - padding.min(end)).min(size));
            (clipped.0, clipped.1, if whole { end - start } else { clipped.1 - clipped.0 })
        })
        .collect()
}

fn adaptive(size: usize, out: usize) -> Vec<Span> {
    (0..out)
        .map(|i| {
            let (start, end) = (i * size / out, ((i + 1) * size).div_ceil(out));
            (start, end, end - start)
        })
        .collect()
}

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    for format in [Format::F32, Format::Bf16] {
        for (channels, gap) in [(1, (0, 0)), (3, (1, 0)), (16, (0, 0)), (8, (8, 8)), (17, (0, 0))] {
            let windows: [Named; 5] = [
                ("2 of 2", (6, 4), spans(6, 3, (2, 2, 0), true), spans(4, 2, (2, 2, 0), true)),
                ("3 of 2 padded", (7, 8), spans(7, 4, (3, 2, 1), true), spans(8, 4, (3, 2, 1), true)),
                ("3 of 2 up", (6, 6), spans(6, 3, (3, 2, 0), false), spans(6, 3, (3, 2, 0), false)),
                ("adaptive", (7, 5), adaptive(7, 3), adaptive(5, 4)),
                ("whole", (5, 7), adaptive(5, 1), adaptive(7, 1)),
            ];
            for (name, size, rows, columns) in windows {
                let window = PoolWindow::new(size, &rows, &columns);
                let windows = (&window, size, &rows[..], &columns[..]);
                pools(machine, report, windows, (channels, gap), format, name);
                means(machine, report, windows, (channels, gap), format, name);
            }
            // Means of so many elements that threads share them.
            let windows: [Named; 3] = [
                ("large", (37, 41), adaptive(37, 1), adaptive(41, 1)),
                ("of parts", (23, 19), adaptive(23, 2), adaptive(19, 2)),
                ("9 of 5 padded", (13, 14), spans(13, 3, (9, 5, 3), true), spans(14, 3, (9, 5, 3), true)),
            ];
            for (name, size, rows, columns) in windows {
                let window = PoolWindow::new(size, &rows, &columns);
                let windows = (&window, size, &rows[..], &columns[..]);
                means(machine, report, windows, (channels, gap), format, name);
            }
        }
        for (pixels, channels, gap) in [(3, 1, (0, 0)), (5, 16, (0, 0)), (4, 17, (2, 1))] {
            for norm in [
                LocalResponse { size: 5, alpha: 0.7, beta: 0.75, k: 2.0 },
                LocalResponse { size: 4, alpha: 0.3, beta: 0.5, k: 1.0 },
            ] {
                local_response(machine, report, (pixels, channels, gap), norm, format);
            }
        }
    }
}

fn pools(
    machine: &mut dyn Machine,
    report: &mut Report,
    (window, size, rows, columns): (&PoolWindow, (usize, usize), &[Span], &[Span]),
    (channels, gap): (usize, (usize, usize)),
    format: Format,
    name: &str,
) {
    let batch = 2;
    let (inputs, outputs) = (batch * size.0 * size.1, batch * rows.len() * columns.len());
    let pitch = columns.iter().map(|s| s.1 - s.0).max().unwrap_or(0);
    let each = |f: &mut dyn FnMut(usize, usize, usize, f64)| each_element(batch, size, [rows, columns], f);
    for scaled in [false, true] {
        let mut case = Case::new(21);
        let (x, y) = (case.map(inputs, channels, format, gap), case.map(outputs, channels, format, (0, 0)));
        // Coarse values: equals, of which the first counts.
        let coarse: Vec<f64> = case.get(x).iter().map(|v| (v * 4.0).round() / 4.0).collect();
        case.set(x, &coarse);
        let vectors = [case.floats(channels), case.floats(channels)];
        let [scale, shift] = vectors.map(|v| case.values(v));
        let codes = case.bytes(outputs * channels);
        let mut best = vec![f64::NEG_INFINITY; outputs * channels];
        let mut at = vec![0u8; outputs * channels];
        each(&mut |out, input, code, _| {
            for c in 0..channels {
                let v = coarse[input * channels + c];
                let v =
                    if scaled { f64::from((v as f32).mul_add(scale[c] as f32, shift[c] as f32)) } else { v };
                if v > best[out * channels + c] {
                    best[out * channels + c] = v;
                    at[out * channels + c] = code as u8;
                }
            }
        });
        if scaled {
            best.iter_mut().for_each(|v| *v = v.max(0.0));
        }
        case.expect(y, best, tolerance(format));
        case.expect_bytes(codes.at, at);
        let mut list = case.list();
        let before = scaled.then_some(Before { scale: vectors[0], shift: vectors[1], relu: true });
        list.max_pool(window, [x, y], Some(codes), before);
        case.run(machine, report, &format!("max pool {name} {format:?} {channels} {scaled}"), &list);
    }
    for which in 0..4 {
        let (add, masked) = (which % 2 == 1, which >= 2);
        let mut case = Case::new(22);
        let (dx, dy) = (case.map(inputs, channels, format, gap), case.map(outputs, channels, format, (0, 0)));
        let y = case.map(outputs, channels, format, gap);
        let codes = case.bytes(outputs * channels);
        let at: Vec<u8> = (0..outputs * channels)
            .map(|i| {
                let (row, column) = (
                    &rows[i / channels / columns.len() % rows.len()],
                    &columns[i / channels % columns.len()],
                );
                let (h, w) = (i * 7 % (row.1 - row.0), i * 5 % (column.1 - column.0));
                (h * pitch + w) as u8
            })
            .collect();
        case.put(codes.at, &at);
        let (gs, ys) = (case.get(dy), case.get(y));
        let mut sums = if add { case.get(dx) } else { vec![0.0; inputs * channels] };
        each(&mut |out, input, code, _| {
            for c in 0..channels {
                let o = out * channels + c;
                if usize::from(at[o]) == code && (!masked || ys[o] > 0.0) {
                    sums[input * channels + c] += gs[o];
                }
            }
        });
        case.expect(dx, sums, tolerance(format));
        let mut list = case.list();
        list.max_pool_backward(window, [dy, dx], codes, masked.then_some(y), add);
        case.run(machine, report, &format!("max pool backward {name} {format:?} {channels} {which}"), &list);
    }
}

/// Calls f with output pixel, input pixel, code and divisor.
fn each_element(
    batch: usize,
    size: (usize, usize),
    [rows, columns]: [&[Span]; 2],
    f: &mut dyn FnMut(usize, usize, usize, f64),
) {
    let pitch = columns.iter().map(|s| s.1 - s.0).max().unwrap_or(0);
    for n in 0..batch {
        for (y, row) in rows.iter().enumerate() {
            for (x, column) in columns.iter().enumerate() {
                for h in row.0..row.1 {
                    for w in column.0..column.1 {
                        let out = (n * rows.len() + y) * columns.len() + x;
                        let code = (h - row.0) * pitch + w - column.0;
                        f(out, (n * size.0 + h) * size.1 + w, code, (row.2 * column.2) as f64);
                    }
                }
            }
        }
    }
}

fn means(
    machine: &mut dyn Machine,
    report: &mut Report,
    (window, size, rows, columns): (&PoolWindow, (usize, usize), &[Span], &[Span]),
    (channels, gap): (usize, (usize, usize)),
    format: Format,
    name: &str,
) {
    let batch = 2;
    let (inputs, outputs) = (batch * size.0 * size.1, batch * rows.len() * columns.len());
    let each = |f: &mut dyn FnMut(usize, usize, usize, f64)| each_element(batch, size, [rows, columns], f);
    let mut case = Case::new(23);
    let (x, y) = (case.map(inputs, channels, format, gap), case.map(outputs, channels, format, (0, 0)));
    let xs = case.get(x);
    let mut means = vec![0.0; outputs * channels];
    each(&mut |out, input, _, divisor| {
        for c in 0..channels {
            means[out * channels + c] += xs[input * channels + c] / divisor;
        }
    });
    case.expect(y, means, tolerance(format));
    let mut list = case.list();
    list.avg_pool(window, [x, y]);
    case.run(machine, report, &format!("avg pool {name} {format:?} {channels}"), &list);
    for add in [false, true] {
        let mut case = Case::new(24);
        let (dx, dy) = (case.map(inputs, channels, format, gap), case.map(outputs, channels, format, (0, 0)));
        let gs = case.get(dy);
        let mut sums = if add { case.get(dx) } else { vec![0.0; inputs * channels] };
        each(&mut |out, input, _, divisor| {
            for c in 0..channels {
                sums[input * channels + c] += gs[out * channels + c] / divisor;
            }
        });
        case.expect(dx, sums, tolerance(format));
        let mut list = case.list();
        list.avg_pool_backward(window, [dy, dx], add);
        case.run(machine, report, &format!("avg pool backward {name} {format:?} {channels} {add}"), &list);
    }
}

fn local_response(
    machine: &mut dyn Machine,
    report: &mut Report,
    (pixels, channels, gap): (usize, usize, (usize, usize)),
    norm: LocalResponse,
    format: Format,
) {
    let LocalResponse { size, alpha, beta, k } = norm;
    let (alpha, beta, k) = (f64::from(alpha), f64::from(beta), f64::from(k));
    let window = |c: usize| c.saturating_sub(size / 2)..(c + size.div_ceil(2)).min(channels);
    let base =
        |row: &[f64], c: usize| k + alpha / size as f64 * window(c).map(|j| row[j] * row[j]).sum::<f64>();
    let mut case = Case::new(25);
    let (x, y) = (case.map(pixels, channels, format, gap), case.map(pixels, channels, format, (0, 0)));
    let values = case
        .get(x)
        .chunks(channels)
        .flat_map(|row| (0..channels).map(|c| row[c] * base(row, c).powf(-beta)).collect::<Vec<_>>())
        .collect();
    case.expect(y, values, tolerance(format));
    let mut list = case.list();
    list.local_response(norm, [x, y]);
    case.run(machine, report, &format!("local response {format:?} {pixels}x{channels} {size}"), &list);
    for add in [false, true] {
        let mut case = Case::new(26);
        let map = |case: &mut Case, gap| case.map(pixels, channels, format, gap);
        let [x, dy, dx] = [map(&mut case, gap), map(&mut case, (0, 0)), map(&mut case, gap)];
        let (xs, gs, old) = (case.get(x), case.get(dy), case.get(dx));
        let values = (0..pixels * channels)
            .map(|i| {
                let (p, c) = (i / channels, i % channels);
                let row = &xs[p * channels..(p + 1) * channels];
                let mut v = gs[i] * base(row, c).powf(-beta);
                for j in (0..channels).filter(|&j| window(j).contains(&c)) {
                    let term = gs[p * channels + j] * row[j] * base(row, j).powf(-beta - 1.0);
                    v -= 2.0 * alpha * beta / size as f64 * row[c] * term;
                }
                v + if add { old[i] } else { 0.0 }
            })
            .collect();
        case.expect(dx, values, tolerance(format));
        let mut list = case.list();
        list.local_response_backward(norm, [x, dy, dx], add);
        case.run(
            machine,
            report,
            &format!("local response backward {format:?} {pixels}x{channels} {size}"),
            &list,
        );
    }
}
