//! Convolutions in bands of rows give what they give one after the other, to the bit; calls that do not fit are refused.

use convnet_kernels::{
    Arena, Bands, Expansion, Geometry, Group, Grouped, Igemm, Isa, Panels, Pointwise, Pool, Rectifier, View,
    Weights, bands, bands_scratch, grouped, igemm,
};

use crate::common::{CHANNELS, MOST_THREADS, Machine, Random, Scene, elements, packed, rectifier};
use crate::grouped::groups;
use crate::igemm::{Axis, convolution};
use crate::refusal::{outside, refused};

/// A 1×1 convolution's weights as they are before they are packed.
struct Plain {
    weights: Vec<f32>,
    bias: Option<Vec<f32>>,
    relu: Rectifier,
    k: usize,
    n: usize,
}

impl Plain {
    fn random(random: &mut Random, k: usize, n: usize) -> Self {
        let weights = random.floats(k * n);
        let bias = random.chance().then(|| random.floats(n));
        Self { weights, bias, relu: rectifier(random), k, n }
    }

    fn packed(&self, isa: Isa) -> (Panels, Vec<f32>) {
        packed(isa, &self.weights, (self.k, self.n))
    }
}

/// Three convolutions, of which the outer ones may be missing.
struct Case {
    geometry: Geometry,
    group: Group,
    batch: usize,
    expansion: Option<Plain>,
    middle: Plain,
    projection: Option<Plain>,
    /// The images, the maps between the convolutions, and the output.
    maps: [View; 4],
    addend: Option<View>,
    scratch: View,
}

impl Case {
    fn random(random: &mut Random, scene: &mut Scene, sizes: (usize, usize)) -> Self {
        let (group, groups) = groups(random);
        let (wide, narrow) = (groups * group.inputs, groups * group.outputs);
        let (expands, projects) = random.pick(&[(true, true), (true, false), (false, true)]);
        let first = if expands { random.pick(&CHANNELS) } else { wide };
        let last = if projects { random.pick(&CHANNELS) } else { narrow };
        let geometry = convolution([Axis::random(random, sizes.0), Axis::random(random, sizes.1)], wide);
        let batch = random.within(1..=3);
        let pixels = |(height, width): (usize, usize)| batch * height * width;
        let input = scene.filled(pixels(geometry.input), first);
        let between = [scene.dense(pixels(geometry.input), wide), scene.dense(pixels(geometry.grid), narrow)];
        let out = scene.any(pixels(geometry.grid), last);
        let addend = match random.below(3) {
            0 => None,
            1 => Some(scene.filled(pixels(geometry.grid), last)),
            _ => Some(scene.fill(out)),
        };
        let floats =
            bands_scratch(MOST_THREADS, &geometry, expands.then_some(wide), projects.then_some(narrow));
        let scratch = scene.dense(1, floats);
        Self {
            expansion: expands.then(|| Plain::random(random, first, wide)),
            middle: Plain::random(random, geometry.taps.len() * group.inputs, narrow),
            projection: projects.then(|| Plain::random(random, narrow, last)),
            maps: [input, between[0], between[1], out],
            geometry,
            group,
            batch,
            addend,
            scratch,
        }
    }

    /// Whether all three take vectors of one width.
    fn fits(&self, isa: Isa) -> bool {
        let alike =
            |plain: &Option<Plain>| plain.as_ref().is_none_or(|p| isa.is_alike_for([p.n, self.middle.n]));
        self.group.fits(isa, self.middle.n) && alike(&self.expansion) && alike(&self.projection)
    }

    /// One after the other.
    fn apart(&self, pool: &Pool, isa: Isa, arena: &mut Arena) {
        let [input, wide, narrow, out] = self.maps;
        let pointwise = |arena: &mut Arena, plain: &Plain, size, [input, out]: [View; 2], addend| {
            let (panels, packed) = plain.packed(isa);
            let call = Igemm {
                geometry: &Geometry::pointwise(size, plain.k),
                batch: self.batch,
                input,
                weights: Weights::Single(&packed),
                panels,
                bias: plain.bias.as_deref(),
                addend,
                before: None,
                relu: plain.relu,
                out,
            };
            igemm(pool, isa, arena, &call, None);
        };
        let mut read = input;
        if let Some(plain) = &self.expansion {
            pointwise(arena, plain, self.geometry.input, [read, wide], None);
            read = wide;
        }
        let written = if self.projection.is_some() { narrow } else { out };
        let (panels, packed) = self.middle.packed(isa);
        let addend = self.addend.filter(|_| self.projection.is_none());
        grouped(pool, isa, arena, &self.grouped((panels, &packed), [read, written], addend), None);
        if let Some(plain) = &self.projection {
            pointwise(arena, plain, self.geometry.grid, [narrow, out], self.addend);
        }
    }

    fn grouped<'a>(
        &'a self,
        (panels, weights): (Panels, &'a [f32]),
        [input, out]: [View; 2],
        addend: Option<View>,
    ) -> Grouped<'a> {
        Grouped {
            geometry: &self.geometry,
            group: self.group,
            batch: self.batch,
            input,
            weights,
            panels,
            bias: self.middle.bias.as_deref(),
            addend,
            relu: self.middle.relu,
            out,
        }
    }

    /// In bands.
    fn together(&self, pool: &Pool, isa: Isa, arena: &mut Arena) {
        let pack = |plain: &Option<Plain>| plain.as_ref().map(|plain| plain.packed(isa));
        let (before, behind) = (pack(&self.expansion), pack(&self.projection));
        let (panels, packed) = self.middle.packed(isa);
        let call = Bands {
            expansion: self.expansion.as_ref().zip(before.as_ref()).map(pointwise).map(Expansion::Pointwise),
            grouped: self.grouped((panels, &packed), [self.maps[0], self.maps[3]], self.addend),
            projection: self.projection.as_ref().zip(behind.as_ref()).map(pointwise),
            scratch: self.scratch.offset,
        };
        bands(pool, isa, arena, &call);
    }
}

fn pointwise<'a>((plain, (panels, weights)): (&'a Plain, &'a (Panels, Vec<f32>))) -> Pointwise<'a> {
    Pointwise { weights, panels: *panels, bias: plain.bias.as_deref(), relu: plain.relu }
}

#[test]
fn bands_give_the_bits_of_one_convolution_after_the_other() {
    let machine = Machine::new(150);
    let mut random = Random::new(11);
    for seed in 0..150 {
        // Some maps that are larger than a band.
        let sizes = if seed % 5 == 0 { (70, 60) } else { (9, 11) };
        let mut scene = Scene::new(seed);
        let case = Case::random(&mut random, &mut scene, sizes);
        let (out, scratch) = (case.maps[3], case.scratch.offset..case.scratch.offset + case.scratch.channels);
        let run = |pool: &Pool, isa, arena: &mut Arena| {
            if !case.fits(isa) {
                return Vec::new();
            }
            let mut other = scene.arena();
            case.apart(pool, isa, &mut other);
            case.together(pool, isa, arena);
            let written: Vec<f32> = elements(out).map(|i| arena.as_slice()[i]).collect();
            let expected: Vec<f32> = elements(out).map(|i| other.as_slice()[i]).collect();
            let differ = written.iter().zip(&expected).position(|(a, b)| a.to_bits() != b.to_bits());
            assert_eq!(differ, None, "{isa} {:?}", case.geometry);
            // What lies in the scratch depends on the threads.
            arena.as_mut_slice()[scratch.clone()].copy_from_slice(&scene.values[scratch.clone()]);
            written
        };
        machine.run(&scene, &[out], run, |_, _, _| ());
    }
}

/// Three convolutions of one pixel in an arena of 64 floats: input, output and scratch side by side.
#[test]
fn bands_that_do_not_fit_their_maps_weights_or_scratch_are_refused() {
    let geometry = &Geometry::pointwise((1, 1), 4);
    let (input, out) = (View::dense(0, 1, 4), View::dense(4, 1, 4));
    for isa in Isa::available() {
        let (four, one) = (Panels::new(isa, 4, 4), Panels::new(isa, 1, 4));
        let (square, row) = (vec![0.0; four.len()], vec![0.0; one.len()]);
        let relu = Rectifier::None;
        let beside = Pointwise { weights: &square, panels: four, bias: None, relu };
        let (group, weights, panels) = (Group::DEPTHWISE, &row[..], one);
        let (batch, bias, addend) = (1, None, None);
        let grouped = Grouped { geometry, group, batch, input, weights, panels, bias, addend, relu, out };
        let good = Bands {
            expansion: Some(Expansion::Pointwise(beside)),
            grouped,
            projection: Some(beside),
            scratch: 8,
        };
        let run = |call: &Bands<'_>| bands(&Pool::new(1), isa, &mut Arena::new(64), call);
        run(&good);
        for bad in outside() {
            refused("an input outside", || {
                run(&Bands { grouped: Grouped { input: bad, ..grouped }, ..good });
            });
            refused("an output outside", || {
                run(&Bands { grouped: Grouped { out: bad, ..grouped }, ..good });
            });
        }
        refused("input and output in one place", || {
            run(&Bands { grouped: Grouped { out: input, ..grouped }, ..good });
        });
        refused("an addend that overlaps", || {
            let addend = Some(View { offset: 5, ..out });
            run(&Bands { grouped: Grouped { addend, ..grouped }, ..good });
        });
        refused("scratch over the output", || run(&Bands { scratch: 7, ..good }));
        refused("scratch beyond the arena", || run(&Bands { scratch: 40, ..good }));
        refused("scratch that wraps", || run(&Bands { scratch: usize::MAX - 8, ..good }));
        refused("no 1×1 convolution", || run(&Bands { expansion: None, projection: None, ..good }));
        refused("weights of another product", || {
            let expansion = Some(Expansion::Pointwise(Pointwise { weights: &row, panels: one, ..beside }));
            run(&Bands { expansion, ..good });
        });
        refused("weights that are too short", || {
            let projection = Some(Pointwise { weights: &square[1..], ..beside });
            run(&Bands { projection, ..good });
        });
        refused("a bias that is too short", || {
            let projection = Some(Pointwise { bias: Some(&[0.0; 3]), ..beside });
            run(&Bands { projection, ..good });
        });
        refused("a bias in the middle that is too short", || {
            run(&Bands { grouped: Grouped { bias: Some(&[0.0; 3]), ..grouped }, ..good });
        });
        refused("pixels of another map", || {
            let input = View { pixels: 2, stride: 4, ..input };
            run(&Bands { grouped: Grouped { input, out: View { offset: 60, ..out }, ..grouped }, ..good });
        });
        refused("scratch over the input", || run(&Bands { scratch: 0, ..good }));
        let wide = Panels::new(isa, 4, 16);
        if !isa.is_alike_for([4, 16]) {
            refused("vectors of another width", || {
                let projection = Some(Pointwise { weights: &vec![0.0; wide.len()], panels: wide, ..beside });
                let out = View::dense(44, 1, 16);
                run(&Bands { projection, grouped: Grouped { out, ..grouped }, ..good });
            });
        }
        refused("channels that nothing changes", || {
            let input = View::dense(0, 1, 3);
            run(&Bands { expansion: None, grouped: Grouped { input, ..grouped }, ..good });
        });
        refused("a grid that is a part of the output", || {
            let geometry = &Geometry { output: (2, 1), ..geometry.clone() };
            let out = View::dense(4, 2, 4);
            run(&Bands { grouped: Grouped { geometry, out, ..grouped }, scratch: 12, ..good });
        });
    }
}
