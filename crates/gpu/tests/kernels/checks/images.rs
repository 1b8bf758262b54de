//! Batches of images that are kept as bytes, beside plain loops.

use std::ops::Range;

use convnet_gpu::{Blend, Bytes, Entry, ImageSet, Line, Vector, Words};

use super::case::Case;
use super::{Machine, Report};

const IMAGES: usize = 5;

pub(crate) fn check(machine: &mut dyn Machine, report: &mut Report) {
    let blends = [Blend::Nothing, Blend::Parts([0.3, 0.7]), Blend::Part([1..4, 2..9])];
    for (image, input) in [([1, 6, 5], [1, 8, 9]), ([3, 7, 4], [3, 5, 11]), ([1, 3, 3], [3, 33, 2])] {
        for (batch, before) in [(1, false), (1, true), (4, false), (3, true)] {
            for blend in &blends {
                moves(machine, report, (image, input), (batch, before), blend);
            }
        }
    }
}

fn below(case: &mut Case, count: usize) -> i32 {
    ((case.number() + 1.0) / 2.0 * count as f64) as i32
}

/// Any range of a number of places.
fn range(case: &mut Case, places: usize) -> Range<i32> {
    let ends = [below(case, places + 1), below(case, places + 1)];
    ends[0].min(ends[1])..ends[0].max(ends[1])
}

fn line(case: &mut Case, image: usize, places: usize) -> Line {
    let mirrored = case.number() < 0.0;
    let shift = below(case, 5) - 2;
    let first = if mirrored { image as i32 - 1 + shift } else { -shift };
    // Beyond the image too: such places are black.
    Line { first, mirrored, kept: range(case, places) }
}

fn moves(
    machine: &mut dyn Machine,
    report: &mut Report,
    (image, input): ([usize; 3], [usize; 3]),
    (batch, before): (usize, bool),
    blend: &Blend,
) {
    let ([planes, rows, columns], [channels, height, width]) = (image, input);
    let mut case = Case::new((batch * 31 + width + usize::from(before)) as u64);
    let size = planes * rows * columns;
    let levels: Vec<u8> = (0..IMAGES * size).map(|_| below(&mut case, 256) as u8).collect();
    let count = batch + usize::from(before);
    let entries: Vec<Entry> = (0..count)
        .map(|i| Entry {
            // One that the set lacks.
            image: if i == 2 { IMAGES as i32 } else { below(&mut case, IMAGES) },
            lines: [line(&mut case, rows, height), line(&mut case, columns, width)],
            erased: [range(&mut case, height), range(&mut case, width)],
        })
        .collect();
    let set = Bytes { at: case.room(levels.len()), len: levels.len() };
    case.put(set.at, &levels);
    let room = Entry::room(batch).expect("a small batch");
    let record = Words { at: case.room(room), len: room / 4 };
    case.put(record.at, &Entry::record(&entries, blend, before));
    let out: Vector = case.floats(batch * channels * height * width);
    let factors: Vec<[f32; 3]> =
        (0..channels).map(|c| [0.01 + 0.003 * c as f32, -0.5 + 0.25 * c as f32, 7.0 + c as f32]).collect();
    let value = |entry: &Entry, c: usize, y: usize, x: usize| {
        let inside =
            |[rows, columns]: &[Range<i32>; 2]| rows.contains(&(y as i32)) && columns.contains(&(x as i32));
        if inside(&entry.erased) {
            return f64::from(factors[c][2]);
        }
        let source = |line: &Line, p: usize, places: usize| {
            let at = if line.mirrored { line.first - p as i32 } else { line.first + p as i32 };
            let at = usize::try_from(at).ok().filter(|&at| at < places)?;
            line.kept.contains(&(p as i32)).then_some(at)
        };
        let places = source(&entry.lines[0], y, rows).zip(source(&entry.lines[1], x, columns));
        let level = |(y, x)| {
            let at = ((entry.image as usize * planes + c % planes) * rows + y) * columns + x;
            levels.get(at).copied().unwrap_or(0)
        };
        f64::from(places.map_or(0, level)) * f64::from(factors[c][0]) + f64::from(factors[c][1])
    };
    let mut expected = Vec::new();
    for n in 0..batch {
        let own = &entries[n + usize::from(before)];
        let other = &entries[if before { n } else { (n + batch - 1) % batch }];
        for (c, y, x) in
            (0..channels).flat_map(|c| (0..height).flat_map(move |y| (0..width).map(move |x| (c, y, x))))
        {
            expected.push(match blend {
                Blend::Nothing => value(own, c, y, x),
                Blend::Parts([mine, theirs]) => {
                    f64::from(*mine) * value(own, c, y, x) + f64::from(*theirs) * value(other, c, y, x)
                }
                Blend::Part([rows, columns]) => {
                    let boxed = rows.contains(&(y as i32)) && columns.contains(&(x as i32));
                    value(if boxed { other } else { own }, c, y, x)
                }
            });
        }
    }
    case.expect_vector(out, expected, 1e-6);
    let mut list = case.list();
    list.move_images(&ImageSet { levels: set, image, input, channels: factors }, record, batch, out);
    case.run(machine, report, &format!("images {image:?} as {input:?}, {batch} {before} {blend:?}"), &list);
}
