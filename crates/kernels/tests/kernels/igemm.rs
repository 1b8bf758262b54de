//! The indirect GEMM: convolutions of all kinds, matrix products, gradients of inputs.

use convnet_kernels::{
    Before, Geometry, Igemm, Panels, Rectifier, Tap, View, Weights, along_rows, f16, igemm, igemm_groups,
    rows_product, saturating_f16, transpose,
};
use proptest::prelude::*;

use crate::common::{
    CHANNELS, Machine, Random, Scene, assert_close, assert_moments, read, rectified, rectifier,
};

/// Which kernel computes a product.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kernel {
    Igemm,
    Rows,
}

/// A float32 sum of K products of numbers of like size errs by about ε·√K/2 of its own RMS, and five
/// standard deviations of that at K = 2,000 are 1e-5; the instruction sets differ only in the order.
pub(crate) const TOLERANCE: f64 = 1e-5;

/// Element (position, k) of the left operand, as the documentation of [`Geometry`] has it.
pub(crate) fn left(geometry: &Geometry, input: &[f64], channels: usize, position: usize, k: usize) -> f64 {
    let (x, rest) = (position % geometry.grid.1, position / geometry.grid.1);
    let (y, image) = (rest % geometry.grid.0, rest / geometry.grid.0);
    let (tap, at) = (geometry.taps[k / geometry.run], k % geometry.run);
    let row = (y * geometry.step.0) as isize + tap.dy;
    let column = (x * geometry.step.1) as isize + tap.dx + (at / channels) as isize;
    let inside =
        (0..geometry.input.0 as isize).contains(&row) && (0..geometry.input.1 as isize).contains(&column);
    if !inside {
        return 0.0;
    }
    let pixel = (image * geometry.input.0 + row as usize) * geometry.input.1 + column as usize;
    input[pixel * channels + at % channels]
}

/// The output pixel of a position.
pub(crate) fn output_pixel(geometry: &Geometry, position: usize) -> usize {
    let (x, rest) = (position % geometry.grid.1, position / geometry.grid.1);
    let (y, image) = (rest % geometry.grid.0, rest / geometry.grid.0);
    let row = geometry.origin.0 + y * geometry.spread.0;
    (image * geometry.output.0 + row) * geometry.output.1 + geometry.origin.1 + x * geometry.spread.1
}

/// A convolution along one axis.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Axis {
    pub(crate) size: usize,
    pub(crate) kernel: usize,
    pub(crate) stride: usize,
    pub(crate) padding: usize,
    pub(crate) dilation: usize,
}

impl Axis {
    pub(crate) fn random(random: &mut Random, largest: usize) -> Self {
        loop {
            let axis = Self {
                size: random.within(1..=largest),
                kernel: random.within(1..=5),
                stride: random.within(1..=4),
                padding: random.below(4),
                dilation: random.within(1..=2),
            };
            if axis.fits() {
                return axis;
            }
        }
    }

    /// Whether the kernel lies in the map with its padding.
    pub(crate) fn fits(self) -> bool {
        self.size + 2 * self.padding > self.dilation * (self.kernel - 1)
    }

    pub(crate) fn output(self) -> usize {
        (self.size + 2 * self.padding - self.dilation * (self.kernel - 1) - 1) / self.stride + 1
    }

    pub(crate) fn displacement(self, k: usize) -> isize {
        (k * self.dilation) as isize - self.padding as isize
    }
}

/// The forward geometry of a convolution, a tap for each kernel element.
pub(crate) fn convolution([y, x]: [Axis; 2], channels: usize) -> Geometry {
    let taps = (0..y.kernel * x.kernel)
        .map(|k| Tap { dy: y.displacement(k / x.kernel), dx: x.displacement(k % x.kernel) })
        .collect();
    Geometry {
        taps,
        step: (y.stride, x.stride),
        grid: (y.output(), x.output()),
        input: (y.size, x.size),
        output: (y.output(), x.output()),
        ..Geometry::rows(channels)
    }
}

/// A convolution that reads whole kernel rows; columns are not padded, as the input is.
pub(crate) fn row_runs(random: &mut Random, channels: usize) -> Geometry {
    let y = Axis::random(random, 9);
    let (kernel, stride) = (random.within(2..=5), random.within(1..=3));
    let width = random.within(kernel..=kernel + 9);
    let columns = (width - kernel) / stride + 1;
    Geometry {
        taps: (0..y.kernel).map(|k| Tap { dy: y.displacement(k), dx: 0 }).collect(),
        run: kernel * channels,
        span: kernel,
        step: (y.stride, stride),
        grid: (y.output(), columns),
        input: (y.size, width),
        output: (y.output(), columns),
        ..Geometry::rows(channels)
    }
}

/// A convolution of a grey image along whole rows, as wide as one to several vectors.
pub(crate) fn grey(random: &mut Random) -> Geometry {
    let (tall, wide) = (random.within(1..=5), random.within(2..=9));
    let grid = (random.within(1..=6), random.within(1..=70));
    let dilation = random.within(1..=2);
    Geometry {
        taps: (0..tall).map(|k| Tap { dy: (k * dilation) as isize, dx: 0 }).collect(),
        run: wide,
        span: wide,
        grid,
        input: (grid.0 + (tall - 1) * dilation, grid.1 + wide - 1),
        output: grid,
        ..Geometry::rows(wide)
    }
}

/// Any geometry at all: taps in any order, runs shorter than the pixels, grids spread over larger outputs.
pub(crate) fn arbitrary(random: &mut Random, channels: usize) -> Geometry {
    let mut geometry = if channels <= 9 && random.chance() {
        row_runs(random, channels)
    } else {
        let axes = [Axis::random(random, 9), Axis::random(random, 11)];
        convolution(axes, channels)
    };
    if geometry.span == 1 {
        let far = |random: &mut Random| random.below(9) as isize - 4;
        match random.below(4) {
            0 => {
                geometry.taps =
                    (0..random.below(4)).map(|_| Tap { dy: far(random), dx: far(random) }).collect();
            }
            1 => geometry.taps.reverse(),
            2 => geometry.run = random.within(1..=channels),
            _ => {}
        }
    }
    if random.chance() {
        geometry.spread = (random.within(1..=3), random.within(1..=3));
        geometry.origin = (random.below(3), random.below(3));
        let size = |grid: usize, origin: usize, spread: usize, more: usize| origin + grid * spread + more;
        geometry.output = (
            size(geometry.grid.0, geometry.origin.0, geometry.spread.0, random.below(2)),
            size(geometry.grid.1, geometry.origin.1, geometry.spread.1, random.below(2)),
        );
    }
    geometry
}

/// What an indirect GEMM is run with.
#[derive(Clone, Debug)]
struct Case {
    geometry: Geometry,
    batch: usize,
    channels: usize,
    n: usize,
    bias: bool,
    /// 0: nothing, 1: the output itself, 2: another view.
    addend: usize,
    relu: Rectifier,
}

fn check(machine: &Machine, case: &Case, seed: u64) {
    let Case { geometry, batch, channels, n, bias, relu, .. } = case;
    let (batch, n) = (*batch, *n);
    let mut scene = Scene::new(seed);
    let shapes = [
        (batch * geometry.input.0 * geometry.input.1, *channels),
        (batch * geometry.output.0 * geometry.output.1, n),
    ];
    let [input, out] = if geometry.span == 1 {
        scene.pair(shapes)
    } else {
        [scene.dense(shapes[0].0, shapes[0].1), scene.any(shapes[1].0, n)]
    };
    scene.fill(input);
    let addend = match case.addend {
        0 => None,
        1 => Some(scene.fill(out)),
        _ => Some(scene.filled(shapes[1].0, n)),
    };
    let mut weights = scene.random.floats(geometry.k() * n);
    // Every third case has weights in half precision, which float32 holds exactly.
    let half = seed.is_multiple_of(3);
    if half {
        weights.iter_mut().for_each(|w| *w = saturating_f16(*w).to_f32());
    }
    let bias = bias.then(|| scene.random.floats(n + 3));

    let (values, before) = (scene.read(input), scene.read(out));
    let added = addend.map(|view| scene.read(view));
    let mut expected = before.clone();
    let mut touched = vec![false; before.len()];
    for position in 0..geometry.positions(batch) {
        let pixel = output_pixel(geometry, position);
        let row: Vec<f64> =
            (0..geometry.k()).map(|k| left(geometry, &values, *channels, position, k)).collect();
        for column in 0..n {
            let at = pixel * n + column;
            let mut sum: f64 =
                row.iter().enumerate().map(|(k, x)| x * f64::from(weights[k * n + column])).sum();
            sum += bias.as_ref().map_or(0.0, |b| f64::from(b[column]));
            sum += added.as_ref().map_or(0.0, |a| a[at]);
            expected[at] = rectified(*relu, sum);
            touched[at] = true;
        }
    }
    // A product that writes every pixel can tell its moments.
    let measured = geometry.positions(batch) == out.pixels && out.pixels > 0;
    let of_touched = |values: &[f64]| -> Vec<f64> {
        values.iter().zip(&touched).filter(|(_, t)| **t).map(|(v, _)| *v).collect()
    };
    let written: Vec<View> = (0..geometry.positions(batch))
        .map(|position| View {
            offset: out.offset + output_pixel(geometry, position) * out.stride,
            pixels: 1,
            ..out
        })
        .collect();
    let run = |kernel, pool: &_, isa, arena: &mut _| {
        let panels = Panels::new(isa, geometry.k(), n);
        let mut packed = vec![f32::NAN; panels.len()];
        panels.pack(&mut packed, |row, column| weights[row * n + column]);
        let halves: Vec<f16> = packed.iter().map(|&w| saturating_f16(w)).collect();
        let call = Igemm {
            geometry,
            batch,
            input,
            weights: if half { Weights::Half(&halves) } else { Weights::Single(&packed) },
            panels,
            bias: bias.as_deref(),
            addend,
            before: None,
            relu: *relu,
            out,
        };
        let mut moments = vec![f32::NAN; if measured { 2 * n } else { 0 }];
        let vectors = measured.then(|| moments.split_at_mut(n).into());
        match kernel {
            Kernel::Igemm => igemm(pool, isa, arena, &call, vectors),
            Kernel::Rows => rows_product(pool, isa, arena, &call, vectors),
        }
        moments
    };
    let along = addend.is_none() && !half && along_rows(geometry, input.channels, n);
    for kernel in [Kernel::Igemm, Kernel::Rows].into_iter().filter(|k| *k == Kernel::Igemm || along) {
        let run = |pool: &_, isa, arena: &mut _| run(kernel, pool, isa, arena);
        machine.run(&scene, &written, run, |arena, moments, isa| {
            let actual = of_touched(&read(arena, out));
            assert_close(
                &actual,
                &of_touched(&expected),
                TOLERANCE,
                format_args!("{isa} {kernel:?} {case:?}"),
            );
            if measured {
                assert_moments(arena, out, moments, format_args!("{isa} {kernel:?} {case:?}"));
            }
        });
    }
}

#[test]
fn every_pair_of_channel_counts_is_multiplied_right() {
    let machine = Machine::new(256);
    for (i, &k) in CHANNELS.iter().enumerate() {
        for (j, &n) in CHANNELS.iter().enumerate() {
            let case = Case {
                geometry: Geometry::rows(k),
                batch: 1 + (i * 7 + j * 5) % 29,
                channels: k,
                n,
                bias: (i + j) % 2 == 0,
                addend: (i + 2 * j) % 3,
                relu: (j % 2 == 0).into(),
            };
            check(&machine, &case, (i * 16 + j) as u64);
        }
    }
}

#[test]
fn a_last_panel_of_one_vector_is_multiplied_beside_the_one_before_it() {
    // Odd numbers of vectors, whole and not, for vectors of 4, 8 and 16 floats; rows of one tile and of several.
    let columns = [10, 12, 20, 24, 40, 43, 72, 80, 112, 144];
    let machine = Machine::new(columns.len() * 26);
    for (i, &n) in columns.iter().enumerate() {
        for rows in 1..=26 {
            let k = [1, 3, 4, 7, 8, 13, 16, 21][(i + rows) % 8];
            let case = Case {
                geometry: Geometry::rows(k),
                batch: rows,
                channels: k,
                n,
                bias: rows % 2 == 0,
                addend: rows % 3,
                relu: [
                    Rectifier::None,
                    Rectifier::Relu,
                    Rectifier::Clipped { ceiling: 0.5 },
                    Rectifier::Silu,
                ][(i + rows) % 4],
            };
            check(&machine, &case, (i * 26 + rows) as u64);
        }
    }
}

#[test]
fn convolutions_of_any_stride_padding_and_dilation_are_right() {
    let machine = Machine::new(230);
    let mut random = Random::new(1);
    // A few images of larger maps, and more of small ones, which are walked place by place.
    for seed in 0..230 {
        let (sides, images) = if seed < 150 { ((9, 11), 1..=3) } else { ((4, 5), 4..=29) };
        let (channels, n) = (random.pick(&CHANNELS), random.pick(&CHANNELS));
        let axes = [Axis::random(&mut random, sides.0), Axis::random(&mut random, sides.1)];
        let case = Case {
            geometry: convolution(axes, channels),
            batch: random.within(images),
            channels,
            n,
            bias: random.chance(),
            addend: random.below(3),
            relu: rectifier(&mut random),
        };
        check(&machine, &case, seed);
    }
}

#[test]
fn grey_images_to_a_few_channels_are_right() {
    let machine = Machine::new(120);
    let mut random = Random::new(3);
    let mut along = 0;
    for seed in 0..120 {
        let case = Case {
            geometry: grey(&mut random),
            batch: random.within(1..=5),
            channels: 1,
            n: random.within(1..=9),
            bias: random.chance(),
            addend: random.pick(&[0, 0, 0, 1, 2]),
            relu: rectifier(&mut random),
        };
        along += usize::from(case.addend == 0 && along_rows(&case.geometry, 1, case.n));
        check(&machine, &case, seed);
    }
    assert!(along >= 50, "{along} cases along rows");
}

#[test]
fn many_positions_and_many_columns_are_split_right() {
    let machine = Machine::new(4);
    let mut random = Random::new(2);
    for (map, n) in [((19, 21), 3), ((1, 97), 33), ((14, 7), 260), ((2, 2), 700)] {
        let case = Case {
            geometry: Geometry {
                taps: vec![Tap { dy: -1, dx: 0 }, Tap { dy: 0, dx: 1 }],
                ..Geometry::pointwise(map, 5)
            },
            batch: random.within(1..=3),
            channels: 5,
            n,
            bias: true,
            addend: 1,
            relu: Rectifier::None,
        };
        check(&machine, &case, n as u64);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_geometry_is_right(
        seed in any::<u64>(), batch in 1usize..4, c in 0usize..16, n in 0usize..16, bias: bool, addend in 0usize..3, relu: bool,
    ) {
        let channels = CHANNELS[c];
        let geometry = arbitrary(&mut Random::new(seed), channels);
        let case = Case { geometry, batch, channels, n: CHANNELS[n], bias, addend, relu: relu.into() };
        check(&Machine::new(1), &case, seed);
    }
}

#[test]
fn no_taps_give_the_bias_and_no_positions_give_nothing() {
    let machine = Machine::new(6);
    let no_taps = Geometry { taps: Vec::new(), ..Geometry::pointwise((3, 5), 4) };
    let no_grid = Geometry { grid: (0, 5), ..Geometry::pointwise((3, 5), 4) };
    let no_map = Geometry::pointwise((0, 5), 4);
    for (i, geometry) in [no_taps, no_grid, no_map, Geometry::rows(0)].into_iter().enumerate() {
        for addend in 0..3 {
            let channels = if geometry.run == 0 { 1 } else { 4 };
            let geometry = geometry.clone();
            check(
                &machine,
                &Case { geometry, batch: 2, channels, n: 9, bias: true, addend, relu: Rectifier::None },
                i as u64,
            );
        }
    }
    check(
        &machine,
        &Case {
            geometry: Geometry::rows(4),
            batch: 0,
            channels: 4,
            n: 3,
            bias: true,
            addend: 0,
            relu: Rectifier::None,
        },
        9,
    );
    check(
        &machine,
        &Case {
            geometry: Geometry::rows(4),
            batch: 2,
            channels: 4,
            n: 0,
            bias: true,
            addend: 0,
            relu: Rectifier::None,
        },
        9,
    );
}

/// What inputs go through first, and the same by plain arithmetic.
enum First {
    Affine { scale: Vec<f32>, shift: Vec<f32>, relu: bool },
    Factors { view: View, values: Vec<f64> },
}

impl First {
    fn before(&self) -> Before<'_> {
        match self {
            Self::Affine { scale, shift, relu } => Before::Affine { scale, shift, relu: *relu },
            Self::Factors { view, .. } => Before::Factors(*view),
        }
    }

    /// What becomes of x, in channel k of an image.
    fn of(&self, x: f64, image: usize, k: usize) -> f64 {
        match self {
            Self::Affine { scale, shift, relu } => {
                let x = f64::from(scale[k]) * x + f64::from(shift[k]);
                if *relu { x.max(0.0) } else { x }
            }
            Self::Factors { view, values } => x * values[image * view.channels + k],
        }
    }
}

/// Random walks pixel by pixel over inputs that go through something first, which is made for so many images and channels.
fn check_first(seed: u64, make: impl Fn(&mut Scene, &mut Random, usize, usize) -> First) {
    let machine = Machine::new(60);
    let mut random = Random::new(seed);
    for seed in 0..60 {
        let (channels, n, batch) = (random.pick(&CHANNELS), random.pick(&CHANNELS), random.within(1..=4));
        let (step, grid) = (random.within(1..=2), (random.within(1..=9), random.within(1..=11)));
        let map = (grid.0 * step, grid.1 * step);
        let geometry =
            Geometry { grid, step: (step, step), output: grid, ..Geometry::pointwise(map, channels) };
        let mut scene = Scene::new(seed);
        let first = make(&mut scene, &mut random, batch, channels);
        let pixels = (batch * map.0 * map.1, batch * grid.0 * grid.1);
        let (input, out) = (scene.filled(pixels.0, channels), scene.any(pixels.1, n));
        let weights = scene.random.floats(channels * n);
        let values = scene.read(input);
        let mut expected = vec![0.0; pixels.1 * n];
        for (position, row) in expected.chunks_exact_mut(n).enumerate() {
            for (column, sum) in row.iter_mut().enumerate() {
                *sum = (0..channels)
                    .map(|k| {
                        let x = left(&geometry, &values, channels, position, k);
                        let x = first.of(x, position / (grid.0 * grid.1), k);
                        f64::from(weights[k * n + column]) * x
                    })
                    .sum();
            }
        }
        let run = |pool: &_, isa, arena: &mut _| {
            let panels = Panels::new(isa, channels, n);
            let mut packed = vec![f32::NAN; panels.len()];
            panels.pack(&mut packed, |row, column| weights[row * n + column]);
            let call = Igemm {
                geometry: &geometry,
                batch,
                input,
                weights: Weights::Single(&packed),
                panels,
                bias: None,
                addend: None,
                before: Some(first.before()),
                relu: Rectifier::None,
                out,
            };
            igemm(pool, isa, arena, &call, None);
            Vec::new()
        };
        machine.run(&scene, &[out], run, |arena, _, isa| {
            let what = format_args!("{isa} {geometry:?}, {channels} to {n}, {:?}", first.before());
            assert_close(&read(arena, out), &expected, TOLERANCE, what);
        });
    }
}

#[test]
fn inputs_go_through_a_scale_a_shift_and_a_relu() {
    check_first(13, |scene, random, _, channels| First::Affine {
        scale: scene.random.floats(channels),
        shift: scene.random.floats(channels),
        relu: random.chance(),
    });
}

#[test]
fn inputs_are_multiplied_with_factors_of_their_image() {
    check_first(17, |scene, _, batch, channels| {
        let view = scene.filled(batch, channels);
        First::Factors { view, values: scene.read(view) }
    });
}

#[test]
fn relu_passes_on_what_is_not_a_number() {
    let machine = Machine::new(1);
    let mut scene = Scene::new(0);
    let (input, out) = (scene.dense(5, 3), scene.dense(5, 9));
    let run = |pool: &_, isa, arena: &mut _| {
        let geometry = Geometry::rows(3);
        let panels = Panels::new(isa, 3, 9);
        let weights = vec![1.0; panels.len()];
        let call = Igemm {
            geometry: &geometry,
            batch: 5,
            input,
            weights: Weights::Single(&weights),
            panels,
            bias: None,
            addend: None,
            before: None,
            relu: Rectifier::Relu,
            out,
        };
        igemm(pool, isa, arena, &call, None);
        Vec::new()
    };
    machine.run(&scene, &[out], run, |arena, _, isa| {
        assert!(read(arena, out).iter().all(|x| x.is_nan()), "{isa} hides NaN");
    });
}

/// The gradient of a convolution's input, as the phases of its stride, against scattering.
#[test]
fn the_phases_of_a_strided_convolution_give_its_input_gradient() {
    let machine = Machine::new(60);
    let mut random = Random::new(3);
    for seed in 0..60 {
        let [y, x] = [Axis::random(&mut random, 9), Axis::random(&mut random, 9)];
        let (c, n, batch) = (random.pick(&CHANNELS), random.pick(&CHANNELS), random.within(1..=2));
        let mut scene = Scene::new(seed);
        let forward = convolution([y, x], c);
        let weights = scene.random.floats(forward.k() * n);
        let dy = scene.filled(batch * y.output() * x.output(), n);
        let dx = scene.any(batch * y.size * x.size, c);
        scene.fill(dx);

        let (gradient, mut expected) = (scene.read(dy), scene.read(dx));
        for position in 0..forward.positions(batch) {
            let (ox, rest) = (position % x.output(), position / x.output());
            let (oy, image) = (rest % y.output(), rest / y.output());
            for (t, tap) in forward.taps.iter().enumerate() {
                let row = (oy * y.stride).wrapping_add_signed(tap.dy);
                let column = (ox * x.stride).wrapping_add_signed(tap.dx);
                if row >= y.size || column >= x.size {
                    continue;
                }
                let pixel = (image * y.size + row) * x.size + column;
                for (i, d) in expected[pixel * c..][..c].iter_mut().enumerate() {
                    let row = &weights[(t * c + i) * n..][..n];
                    let dy = &gradient[position * n..][..n];
                    *d += row.iter().zip(dy).map(|(w, dy)| f64::from(*w) * dy).sum::<f64>();
                }
            }
        }
        let run = |pool: &_, isa, arena: &mut _| {
            let from = Panels::new(isa, forward.k(), n);
            let mut packed = vec![f32::NAN; from.len()];
            from.pack(&mut packed, |row, column| weights[row * n + column]);
            for py in 0..y.stride.min(y.size) {
                for px in 0..x.stride.min(x.size) {
                    let reached = |axis: Axis, p: usize, k: usize| {
                        let distance = p as isize - axis.displacement(k);
                        (distance.rem_euclid(axis.stride as isize) == 0)
                            .then(|| distance.div_euclid(axis.stride as isize))
                    };
                    let (mut taps, mut blocks) = (Vec::new(), Vec::new());
                    for k in 0..y.kernel * x.kernel {
                        let (ky, kx) = (k / x.kernel, k % x.kernel);
                        if let (Some(dy), Some(dx)) = (reached(y, py, ky), reached(x, px, kx)) {
                            taps.push(Tap { dy, dx });
                            blocks.push(k);
                        }
                    }
                    let phase = Geometry {
                        input: (y.output(), x.output()),
                        grid: ((y.size - py).div_ceil(y.stride), (x.size - px).div_ceil(x.stride)),
                        taps,
                        output: (y.size, x.size),
                        origin: (py, px),
                        spread: (y.stride, x.stride),
                        ..Geometry::rows(n)
                    };
                    let to = Panels::new(isa, blocks.len() * n, c);
                    let mut flipped = vec![f32::NAN; to.len()];
                    transpose(pool, isa, (&packed, from), c, &blocks, (&mut flipped, to));
                    let call = Igemm {
                        geometry: &phase,
                        batch,
                        input: dy,
                        weights: Weights::Single(&flipped),
                        panels: to,
                        bias: None,
                        addend: Some(dx),
                        before: None,
                        relu: Rectifier::None,
                        out: dx,
                    };
                    igemm(pool, isa, arena, &call, None);
                }
            }
            Vec::new()
        };
        machine.run(&scene, &[dx], run, |arena, _, isa| {
            assert_close(&read(arena, dx), &expected, TOLERANCE, format_args!("{isa} {y:?} {x:?} {c} {n}"));
        });
    }
}

#[test]
fn groups_in_one_go_are_the_products_of_each() {
    let machine = Machine::new(3);
    let mut random = Random::new(41);
    for case in 0..24 {
        let groups = random.within(1..=6);
        let (inner, outer) = (random.within(1..=20), random.within(1..=40));
        let geometry = convolution([(); 2].map(|()| Axis::random(&mut random, 9)), inner);
        let (batch, relu) = (random.within(1..=3), rectifier(&mut random));
        let pixels = |size: (usize, usize)| batch * size.0 * size.1;
        let mut scene = Scene::new(case);
        let input = scene.filled(pixels(geometry.input), groups * inner);
        let addend = scene.filled(pixels(geometry.output), groups * outer);
        let outs = [(); 2].map(|()| scene.dense(pixels(geometry.output), groups * outer));
        let bias: Vec<f32> = (0..groups * outer).map(|i| i as f32 / 7.0).collect();
        let run = |pool: &_, isa, arena: &mut _| {
            let panels = Panels::new(isa, geometry.k(), outer);
            let mut random = Random::new(case);
            let weights = random.floats(groups * panels.len());
            let whole = Igemm {
                geometry: &geometry,
                batch,
                input,
                weights: Weights::Single(&weights),
                panels,
                bias: (case % 2 == 0).then_some(&bias[..]),
                addend: (case % 3 == 0).then_some(addend),
                before: None,
                relu,
                out: outs[0],
            };
            igemm_groups(pool, isa, arena, &whole, groups);
            for group in 0..groups {
                let part = |view: View| view.slice(group * outer, outer);
                let call = Igemm {
                    input: input.slice(group * inner, inner),
                    weights: Weights::Single(&weights[group * panels.len()..][..panels.len()]),
                    bias: whole.bias.map(|bias| &bias[group * outer..][..outer]),
                    addend: whole.addend.map(part),
                    out: part(outs[1]),
                    ..whole
                };
                igemm(pool, isa, arena, &call, None);
            }
            Vec::new()
        };
        machine.run(&scene, &outs, run, |arena, _, isa| {
            assert_eq!(read(arena, outs[0]), read(arena, outs[1]), "{isa} {geometry:?}, {groups} groups");
        });
    }
}
