//! Changes of a level that look at no other place, or at a plane's levels as a whole: by table.

use super::canvas::Canvas;

/// Every level's successor.
type Table = [u8; 256];

impl Canvas {
    /// Changes each level of all planes by a function of it.
    fn map(&mut self, level: impl Fn(u8) -> u8) {
        let table: Table = std::array::from_fn(|from| level(from as u8));
        look_up(&mut self.levels, &table);
    }

    /// Each level `factor` times.
    pub(super) fn brightness(&mut self, factor: f64) {
        self.map(|level| (f32::from(level) * factor as f32) as u8);
    }

    /// Each level as far from `middle` as `factor` times what it is.
    pub(super) fn spread(&mut self, middle: f32, factor: f64) {
        let (of_level, of_middle) = (factor as f32, (1.0 - factor) as f32);
        self.map(|level| (f32::from(level) * of_level + middle * of_middle) as u8);
    }

    /// The upper bits of each level.
    pub(super) fn posterize(&mut self, bits: u32) {
        let mask = !(0xff_u32 >> bits.min(8)) as u8;
        self.levels.iter_mut().for_each(|level| *level &= mask);
    }

    /// Levels from `threshold` on inverted.
    pub(super) fn solarize(&mut self, threshold: f64) {
        self.map(|level| if f32::from(level) >= threshold as f32 { !level } else { level });
    }

    /// 255 less each level.
    pub(super) fn invert(&mut self) {
        self.levels.iter_mut().for_each(|level| *level = !*level);
    }

    /// Each plane's levels spread so that the least is 0 and the most 255.
    pub(super) fn autocontrast(&mut self) {
        for plane in self.planes() {
            let least = plane.iter().copied().fold(255, u8::min);
            let most = plane.iter().copied().fold(0, u8::max);
            if least < most {
                let scale = f32::from(most - least) * (1.0 / 255.0);
                let level = |from: usize| (from as f32 - f32::from(least)) / scale;
                look_up(plane, &std::array::from_fn(|from| level(from) as u8));
            }
        }
    }

    /// Each plane's levels changed so that all are about as frequent, by Pillow's rule.
    pub(super) fn equalize(&mut self) {
        for plane in self.planes() {
            let mut counts = [0usize; 256];
            plane.iter().for_each(|&level| counts[usize::from(level)] += 1);
            let last = counts.iter().rposition(|&count| count > 0).unwrap_or(0);
            let step = (plane.len() - counts[last]) / 255;
            if step > 0 {
                let mut below = step / 2;
                let table = counts.map(|count| {
                    let level = (below / step).min(255) as u8;
                    below += count;
                    level
                });
                look_up(plane, &table);
            }
        }
    }
}

fn look_up(levels: &mut [u8], table: &Table) {
    levels.iter_mut().for_each(|level| *level = table[usize::from(*level)]);
}
