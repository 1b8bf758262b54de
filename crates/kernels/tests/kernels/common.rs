//! Random scenes in an arena, and one kernel run everywhere.

use std::cell::Cell;
use std::fmt::Display;
use std::thread;

use convnet_kernels::{Arena, Isa, Panels, Pool, Rectifier, View};

/// Channel counts around the vector and tile widths of all instruction sets.
pub(crate) const CHANNELS: [usize; 16] = [1, 2, 3, 5, 6, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65];

/// SplitMix64 (Steele, Lea and Flood 2014).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub(crate) fn within(&mut self, range: std::ops::RangeInclusive<usize>) -> usize {
        range.start() + self.below(range.end() - range.start() + 1)
    }

    pub(crate) fn chance(&mut self) -> bool {
        self.next().is_multiple_of(2)
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Uniform in −1 … 1.
    pub(crate) fn float(&mut self) -> f32 {
        ((self.next() >> 40) as f32 / (1u64 << 23) as f32) - 1.0
    }

    pub(crate) fn floats(&mut self, n: usize) -> Vec<f32> {
        (0..n).map(|_| self.float()).collect()
    }
}

/// The contents of an arena: NaN wherever no view was filled, so that a stray read spoils the result.
pub(crate) struct Scene {
    pub(crate) values: Vec<f32>,
    pub(crate) random: Random,
}

impl Scene {
    pub(crate) fn new(seed: u64) -> Self {
        Self { values: vec![f32::NAN; 3], random: Random::new(seed) }
    }

    /// A view of NaN without gaps.
    pub(crate) fn dense(&mut self, pixels: usize, channels: usize) -> View {
        let view = View::dense(self.values.len(), pixels, channels);
        self.values.resize(self.values.len() + pixels * channels, f32::NAN);
        // A gap wider than any vector, so that one that runs over is seen; odd, so that views begin anywhere.
        self.values.extend([f32::NAN; 21]);
        view
    }

    /// A view of NaN that is a slice of wider pixels.
    pub(crate) fn slice(&mut self, pixels: usize, channels: usize) -> View {
        let (before, after) = (self.random.below(4), self.random.within(1..=9));
        self.dense(pixels, before + channels + after).slice(before, channels)
    }

    /// A view of NaN, with gaps or without.
    pub(crate) fn any(&mut self, pixels: usize, channels: usize) -> View {
        if self.random.chance() { self.dense(pixels, channels) } else { self.slice(pixels, channels) }
    }

    /// Two views; sometimes they are parts of the same pixels.
    pub(crate) fn pair(&mut self, [a, b]: [(usize, usize); 2]) -> [View; 2] {
        if a.0 == b.0 && self.random.chance() {
            let gap = self.random.below(3);
            let wide = self.dense(a.0, a.1 + gap + b.1);
            let (first, second) = (wide.slice(0, a.1), wide.slice(a.1 + gap, b.1));
            return [first, second];
        }
        [self.any(a.0, a.1), self.any(b.0, b.1)]
    }

    /// Fills a view with random numbers.
    pub(crate) fn fill(&mut self, view: View) -> View {
        for i in elements(view) {
            self.values[i] = self.random.float();
        }
        view
    }

    /// A filled view, with gaps or without.
    pub(crate) fn filled(&mut self, pixels: usize, channels: usize) -> View {
        let view = self.any(pixels, channels);
        self.fill(view)
    }

    /// The elements of a view, in order.
    pub(crate) fn read(&self, view: View) -> Vec<f64> {
        read(&self.values, view)
    }

    pub(crate) fn arena(&self) -> Arena {
        let mut arena = Arena::new(self.values.len());
        arena.as_mut_slice().copy_from_slice(&self.values);
        arena
    }
}

/// The indices of a view's elements, pixel by pixel.
pub(crate) fn elements(view: View) -> impl Iterator<Item = usize> {
    (0..view.pixels).flat_map(move |p| (0..view.channels).map(move |c| view.offset + p * view.stride + c))
}

/// The elements of a view in f64, pixel by pixel.
pub(crate) fn read(values: &[f32], view: View) -> Vec<f64> {
    elements(view).map(|i| f64::from(values[i])).collect()
}

/// The means of all channels, and their biased variances.
pub(crate) fn moments_of(x: &[f64], channels: usize) -> [Vec<f64>; 2] {
    let count = (x.len() / channels.max(1)) as f64;
    let column = |c: usize| x.iter().skip(c).step_by(channels);
    let mean: Vec<f64> = (0..channels).map(|c| column(c).sum::<f64>() / count).collect();
    let squares = |c: usize| column(c).map(|x| (x - mean[c]) * (x - mean[c])).sum::<f64>();
    let variance = (0..channels).map(|c| squares(c) / count).collect();
    [mean, variance]
}

/// Asserts that a kernel gave the moments of what it wrote: all means, then all variances. These are compared as means
/// of squares, since only rounding is left of the variance of a constant.
pub(crate) fn assert_moments(values: &[f32], out: View, moments: &[f32], what: impl Display) {
    let squares = |mean: &[f64], variance: &[f64]| -> Vec<f64> {
        mean.iter().zip(variance).map(|(m, v)| m * m + v).collect()
    };
    let [mean, variance] = moments_of(&read(values, out), out.channels);
    let found = wide(moments);
    let (found_mean, found_variance) = found.split_at(out.channels);
    // Sums round in proportion to what is summed, of which the mean may be a small rest.
    for (i, (found, (mean, variance))) in found_mean.iter().zip(mean.iter().zip(&variance)).enumerate() {
        let rms = (mean * mean + variance).sqrt();
        assert!(
            (found - mean).abs() <= 3e-6 * rms,
            "mean {i} of {what}: {found}, expected {mean}, RMS {rms}"
        );
    }
    let (found, expected) = (squares(found_mean, found_variance), squares(&mean, &variance));
    assert_close(&found, &expected, 3e-6, format_args!("squares of {what}"));
}

/// The most threads that work is cut for.
pub(crate) const MOST_THREADS: usize = 9;

/// Pools of one, two and three threads, one that cuts its work for [`MOST_THREADS`], and the instruction sets of this machine.
///
/// When it goes it asserts that it had work enough: a test whose random cases came to nothing would pass otherwise.
pub(crate) struct Machine {
    pools: Vec<Pool>,
    isas: Vec<Isa>,
    /// Scenes of which a kernel wrote or returned something.
    scenes: Cell<usize>,
    least: usize,
}

impl Machine {
    /// A machine that should have `least` scenes of which a kernel writes or returns something.
    pub(crate) fn new(least: usize) -> Self {
        let many = Pool::rehearsal(MOST_THREADS).expect("it starts none");
        let pools = [1, 2, 3].map(Pool::new).into_iter().chain([many]).collect();
        Self { pools, isas: Isa::available(), scenes: Cell::new(0), least }
    }

    /// A view of NaN with room for the scratch that a kernel needs, on whichever instruction set it takes most.
    pub(crate) fn scratch(&self, scene: &mut Scene, floats: impl FnMut(Isa) -> usize) -> View {
        scene.dense(1, self.isas.iter().copied().map(floats).max().unwrap_or(0))
    }

    /// Runs `kernel` on copies of a scene; it returns what it wrote outside the arena.
    ///
    /// Asserts that all numbers of threads give the same bits and that nothing but the views `written`
    /// changed; then calls `check` with the arena's contents and what the kernel returned.
    pub(crate) fn run(
        &self,
        scene: &Scene,
        written: &[View],
        kernel: impl Fn(&Pool, Isa, &mut Arena) -> Vec<f32>,
        check: impl Fn(&[f32], &[f32], Isa),
    ) {
        let mut may_change = vec![false; scene.values.len()];
        written.iter().flat_map(|&view| elements(view)).for_each(|i| may_change[i] = true);
        let mut wrote = may_change.contains(&true);
        for &isa in &self.isas {
            let mut first: Option<(Vec<u32>, Vec<u32>)> = None;
            for pool in &self.pools {
                let mut arena = scene.arena();
                let extra = kernel(pool, isa, &mut arena);
                let bits = (bits(arena.as_slice()), bits(&extra));
                if let Some(first) = &first {
                    assert!(*first == bits, "{isa} with {} threads gives other bits", pool.threads());
                    continue;
                }
                for (i, (old, new)) in scene.values.iter().zip(&bits.0).enumerate() {
                    assert!(may_change[i] || old.to_bits() == *new, "{isa} writes outside, at {i}");
                }
                check(arena.as_slice(), &extra, isa);
                wrote |= !extra.is_empty();
                first = Some(bits);
            }
        }
        self.scenes.set(self.scenes.get() + usize::from(wrote));
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let (scenes, least) = (self.scenes.get(), self.least);
        assert!(thread::panicking() || scenes >= least, "{scenes} scenes with anything in them, not {least}");
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|x| x.to_bits()).collect()
}

/// Asserts that each element is within `tolerance` × the RMS of the expected values.
pub(crate) fn assert_close(actual: &[f64], expected: &[f64], tolerance: f64, what: impl Display) {
    assert_eq!(actual.len(), expected.len(), "{what}: number of elements");
    let rms = (expected.iter().map(|e| e * e).sum::<f64>() / expected.len().max(1) as f64).sqrt();
    for (i, (a, e)) in actual.iter().zip(expected).enumerate() {
        let error = (a - e).abs();
        assert!(error <= tolerance * rms, "{what}: element {i} is {a}, expected {e} (RMS {rms:.3e})");
    }
}

/// Packs weights of K × N.
pub(crate) fn packed(isa: Isa, weights: &[f32], (k, n): (usize, usize)) -> (Panels, Vec<f32>) {
    let panels = Panels::new(isa, k, n);
    let mut packed = vec![f32::NAN; panels.len()];
    panels.pack(&mut packed, |row, column| weights[row * n + column]);
    (panels, packed)
}

/// A rectifier by chance.
pub(crate) fn rectifier(random: &mut Random) -> Rectifier {
    random.pick(&[
        Rectifier::None,
        Rectifier::Relu,
        Rectifier::Clipped { ceiling: 6.0 },
        Rectifier::Hardswish,
        Rectifier::Silu,
        Rectifier::Gelu,
        Rectifier::GeluTanh,
    ])
}

/// The error function by its series; from 6 on it is 1.
pub(crate) fn erf(x: f64) -> f64 {
    if x.abs() > 6.0 {
        return x.signum();
    }
    let (mut term, mut sum) = (x, x);
    for n in 1..300 {
        term *= 2.0 * x * x / (2.0 * f64::from(n) + 1.0);
        sum += term;
    }
    std::f64::consts::FRAC_2_SQRT_PI * (-x * x).exp() * sum
}

/// The normal distribution.
pub(crate) fn normal(x: f64) -> f64 {
    0.5 + 0.5 * erf(x * std::f64::consts::FRAC_1_SQRT_2)
}

/// What a rectifier leaves.
pub(crate) fn rectified(rectifier: Rectifier, x: f64) -> f64 {
    match rectifier {
        Rectifier::None => x,
        Rectifier::Relu => x.max(0.0),
        Rectifier::Clipped { ceiling } => x.max(0.0).min(ceiling.into()),
        Rectifier::Hardswish => x * (x + 3.0).clamp(0.0, 6.0) / 6.0,
        Rectifier::Silu => x / (1.0 + (-x).exp()),
        Rectifier::Gelu => x * normal(x),
        Rectifier::GeluTanh => {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
            0.5 * x * (1.0 + inner.tanh())
        }
    }
}

/// f64 copies.
pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// Buffers as updates take their moments: those that there are not are empty.
pub(crate) fn slices(buffers: &mut [Vec<f32>]) -> [&mut [f32]; 3] {
    let mut buffers = buffers.iter_mut().map(Vec::as_mut_slice);
    [(); 3].map(|()| buffers.next().unwrap_or_default())
}
