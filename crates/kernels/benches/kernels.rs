//! Speed of the kernels on layers of the zoo; items are operations (a multiply-add counts as two) or, for
//! pools and norms, floats of the output.
//!
//! `cargo bench -p convnet-kernels`; a name after `--` selects.

use convnet_kernels::{
    Arena, BatchNorm, BatchNormBackward, Filtering, Geometry, Igemm, Isa, Outer, Panels, Pool, PoolWindow,
    Rectifier, Tap, View, Weights, Winograd, avg_pool, batch_norm, batch_norm_backward, igemm, max_pool,
    max_pool_backward, moments, outer, outer_scratch, winograd, winograd_scratch,
};
use divan::Bencher;
use divan::counter::ItemsCount;

fn main() {
    let pool = Pool::new(0);
    for isa in Isa::available() {
        let speed = convnet_kernels::peak(&pool, isa);
        eprintln!("{isa}: {speed:.0} GFLOP/s with {} threads", pool.threads());
    }
    divan::main();
}

/// A convolution of a square map.
#[derive(Clone, Copy)]
struct Conv {
    name: &'static str,
    map: usize,
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: usize,
}

impl std::fmt::Display for Conv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, map, channels: [c, n], kernel, stride, .. } = self;
        write!(f, "{name}: {kernel}x{kernel}/{stride} {c} to {n}, {map}x{map}")
    }
}

const fn conv(
    name: &'static str,
    map: usize,
    channels: [usize; 2],
    [kernel, stride, padding]: [usize; 3],
) -> Conv {
    Conv { name, map, channels, kernel, stride, padding }
}

const CONVS: [Conv; 9] = [
    conv("resnet stem", 224, [3, 64], [7, 2, 3]),
    conv("resnet conv2", 56, [64, 64], [3, 1, 1]),
    conv("resnet conv3", 56, [64, 128], [3, 2, 1]),
    conv("resnet conv5", 7, [512, 512], [3, 1, 1]),
    conv("bottleneck", 56, [256, 64], [1, 1, 0]),
    conv("nin", 13, [384, 384], [1, 1, 0]),
    conv("lenet conv1", 28, [1, 6], [5, 1, 2]),
    conv("lenet conv2", 14, [6, 16], [5, 1, 0]),
    conv("alexnet conv2", 27, [64, 192], [5, 1, 2]),
];

impl Conv {
    fn output(self) -> usize {
        (self.map + 2 * self.padding - self.kernel) / self.stride + 1
    }

    fn geometry(self) -> Geometry {
        let distance = |k: usize| k as isize - self.padding as isize;
        let output = (self.output(), self.output());
        Geometry {
            input: (self.map, self.map),
            grid: output,
            step: (self.stride, self.stride),
            taps: (0..self.kernel * self.kernel)
                .map(|k| Tap { dy: distance(k / self.kernel), dx: distance(k % self.kernel) })
                .collect(),
            output,
            ..Geometry::rows(self.channels[0])
        }
    }

    /// Input, output, and an arena that holds them and `more` floats.
    fn views(self, batch: usize, more: usize) -> (View, View, Arena) {
        let input = View::dense(0, batch * self.map * self.map, self.channels[0]);
        let start = (input.pixels * input.channels).next_multiple_of(16);
        let out = View::dense(start, batch * self.output() * self.output(), self.channels[1]);
        let mut arena = Arena::new(out.offset + out.pixels * out.channels + 16 + more);
        arena.as_mut_slice().fill(0.5);
        (input, out, arena)
    }

    fn operations(self, batch: usize) -> ItemsCount {
        let [c, n] = self.channels;
        let positions = batch * self.output() * self.output();
        ItemsCount::new(2 * positions * self.kernel * self.kernel * c * n)
    }
}

#[divan::bench(args = CONVS, consts = [1, 8])]
fn f32_igemm<const BATCH: usize>(bencher: Bencher<'_, '_>, conv: Conv) {
    let (pool, isa, geometry) = (Pool::new(0), Isa::best(), conv.geometry());
    let (input, out, mut arena) = conv.views(BATCH, 0);
    let panels = Panels::new(isa, geometry.k(), out.channels);
    let weights = vec![0.01; panels.len()];
    let call = Igemm {
        geometry: &geometry,
        batch: BATCH,
        input,
        weights: Weights::Single(&weights),
        panels,
        bias: None,
        addend: None,
        before: None,
        relu: Rectifier::Relu,
        out,
    };
    bencher.counter(conv.operations(BATCH)).bench_local(|| igemm(&pool, isa, &mut arena, &call, None));
}

#[divan::bench(args = CONVS, consts = [8])]
fn f32_outer<const BATCH: usize>(bencher: Bencher<'_, '_>, conv: Conv) {
    let (pool, isa, geometry) = (Pool::new(0), Isa::best(), conv.geometry());
    let (input, output_gradient, mut arena) = conv.views(BATCH, 0);
    let panels = Panels::new(isa, geometry.k(), output_gradient.channels);
    let mut gradient = vec![0.0; panels.len()];
    let mut scratch = vec![0.0; outer_scratch(&geometry, BATCH, panels)];
    let call = Outer { geometry: &geometry, batch: BATCH, input, output_gradient, panels };
    bencher
        .counter(conv.operations(BATCH))
        .bench_local(|| outer(&pool, isa, &mut arena, &call, &mut gradient, &mut scratch));
}

/// Operations are those of the plain convolution.
#[divan::bench(args = [CONVS[1], CONVS[3], CONVS[8]], consts = [1, 8])]
fn f32_winograd<const BATCH: usize>(bencher: Bencher<'_, '_>, conv: Conv) {
    let (pool, isa) = (Pool::new(0), Isa::best());
    let output_size = (conv.output(), conv.output());
    let panels = Panels::new(isa, conv.channels[0], conv.channels[1]);
    let filtering = Filtering::new(4, conv.kernel);
    let floats = winograd_scratch(pool.threads(), BATCH, filtering, output_size, panels);
    let (input, out, mut arena) = conv.views(BATCH, floats);
    let weights = vec![0.01; filtering.points() * panels.len()];
    let call = Winograd {
        filtering,
        batch: BATCH,
        input,
        input_size: (conv.map, conv.map),
        padding: (conv.padding, conv.padding),
        weights: &weights,
        panels,
        bias: None,
        addend: None,
        relu: Rectifier::Relu,
        out,
        output_size,
        scratch: arena.len() - floats,
    };
    bencher.counter(conv.operations(BATCH)).bench_local(|| winograd(&pool, isa, &mut arena, &call, None));
}

/// The pool behind ResNet's stem: 3×3 of stride 2 and padding 1 over 112×112×64.
fn stem_pool() -> (PoolWindow, [View; 2], Arena) {
    let spans: Vec<_> = (0..56usize).map(|i| ((2 * i).saturating_sub(1), 2 * i + 2, 3)).collect();
    let views = [View::dense(0, 112 * 112, 64), View::dense(112 * 112 * 64, 56 * 56, 64)];
    let mut arena = Arena::new(112 * 112 * 64 + 56 * 56 * 64);
    arena.as_mut_slice().fill(0.5);
    (PoolWindow::new((112, 112), &spans, &spans), views, arena)
}

#[divan::bench(args = [false, true])]
fn f32_max_pool(bencher: Bencher<'_, '_>, with_argmax: bool) {
    let (pool, isa) = (Pool::new(0), Isa::best());
    let (window, views, mut arena) = stem_pool();
    let floats = views[1].pixels * views[1].channels;
    let mut argmax = with_argmax.then(|| vec![0; floats]);
    bencher.counter(ItemsCount::new(floats)).bench_local(|| {
        max_pool(&pool, isa, &mut arena, &window, views, argmax.as_deref_mut());
    });
}

#[divan::bench]
fn f32_max_pool_backward(bencher: Bencher<'_, '_>) {
    let (pool, isa) = (Pool::new(0), Isa::best());
    let (window, [input, out], mut arena) = stem_pool();
    let argmax = vec![0; out.pixels * out.channels];
    bencher.counter(ItemsCount::new(input.pixels * input.channels)).bench_local(|| {
        max_pool_backward(&pool, isa, &mut arena, &window, [out, input], &argmax, false);
    });
}

#[divan::bench]
fn f32_avg_pool(bencher: Bencher<'_, '_>) {
    let (pool, isa) = (Pool::new(0), Isa::best());
    let (window, views, mut arena) = stem_pool();
    bencher.counter(ItemsCount::new(views[1].pixels * views[1].channels)).bench_local(|| {
        avg_pool(&pool, isa, &mut arena, &window, views);
    });
}

/// Batch normalization of eight maps of 56×56×64, forward and backward.
#[divan::bench(args = [false, true])]
fn f32_batch_norm(bencher: Bencher<'_, '_>, backward: bool) {
    let (pool, isa, channels) = (Pool::new(0), Isa::best(), 64);
    let pixels = 8 * 56 * 56;
    let [x, y, dx] = [0, 1, 2].map(|i| View::dense(i * pixels * channels, pixels, channels));
    let mut arena = Arena::new(3 * pixels * channels);
    arena.as_mut_slice().fill(0.5);
    let (ones, zeros) = (vec![1.0; channels], vec![0.0; channels]);
    let [mut a, mut b, mut c, mut mean, mut variance] = [(); 5].map(|()| vec![1.0; channels]);
    bencher.counter(ItemsCount::new(pixels * channels)).bench_local(|| {
        if backward {
            let call = BatchNormBackward {
                input: x,
                output_gradient: y,
                input_gradient: Some((dx, false)),
                weight: &ones,
                mean: &zeros,
                inverse: &ones,
                scale: &ones,
                shift: &zeros,
                relu: true,
                count: pixels as f64,
            };
            batch_norm_backward(&pool, isa, &mut arena, &call, [&mut b, &mut c], None);
        } else {
            moments(&pool, isa, &mut arena, x, [&mut mean, &mut variance]);
            let norm = BatchNorm { weight: &ones, bias: &zeros, eps: 1e-5, mean: &mean, variance: &variance };
            batch_norm(&pool, isa, &mut arena, norm, [x, y], [&mut a, &mut b, &mut c], true);
        }
    });
}
