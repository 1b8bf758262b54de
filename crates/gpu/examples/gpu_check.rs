//! Checks operations on a card against double precision, and times the steps and convolutions that count.
//!
//! `gpu_check [SECTION…]`: comparisons, of those in `CHECKS`, and times: `feed`, `lenet`, `resnet`, `stem_times`, `bandwidth`; all of
//! them without one.

#[path = "../tests/kernels/checks/mod.rs"]
mod checks;

use std::sync::Arc;
use std::time::Instant;

use checks::lenet::{Lenet, distance, first_parameters, noise, reference};
use checks::{Machine, Report};
use convnet_gpu::{
    Affine, BatchNorm, BatchNormBackward, Bytes, Clock, Conv, Device, Epilogue, Error, Format, Gradient,
    List, Memory, PoolWindow, Precision, Stem, Vector, View,
};

/// A card that runs lists on blocks of their own.
struct Card(Device);

impl Machine for Card {
    fn run(&mut self, list: &List, memory: &mut [u8]) -> Result<(), String> {
        let mut run = || -> Result<(), Error> {
            let block = self.0.memory(memory.len())?;
            block.write(0, memory)?;
            let program = self.0.bind(list, &block)?;
            program.run()?;
            self.0.synchronize()?;
            block.read(0, memory)
        };
        run().map_err(|error| error.to_string())
    }
}

/// Collects lists, to prepare them together.
#[derive(Default)]
struct Collector(Vec<List>);

impl Machine for Collector {
    fn run(&mut self, list: &List, _: &mut [u8]) -> Result<(), String> {
        self.0.push(list.clone());
        Err("collected".into())
    }
}

/// What times something, and prints.
type Section = fn(&Device) -> Result<(), Error>;
type Check = fn(&mut dyn Machine, &mut Report);

/// Every comparison, by name.
const CHECKS: [(&str, Check); 14] = [
    ("maps", checks::maps::check),
    ("functions", checks::functions::check),
    ("separable", checks::separable::check),
    ("by_channel", checks::by_channel::check),
    ("reductions", checks::reductions::check),
    ("layers", checks::layers::check),
    ("updates", checks::updates::check),
    ("tensors", checks::tensors::check),
    ("images", checks::images::check),
    ("small linear layers", checks::small_linear::check),
    ("thin convolutions with maxima", checks::convolutions::pooled),
    ("thin", checks::convolutions::thin),
    ("stem", checks::convolutions::stem),
    ("products", checks::convolutions::check),
];

fn main() {
    let sections: Vec<String> = std::env::args().skip(1).collect();
    let wanted = |name: &str| sections.is_empty() || sections.iter().any(|section| section == name);
    let started = Instant::now();
    let device = match Device::open(0) {
        Ok(device) => device,
        Err(error) => {
            println!("{error}");
            std::process::exit(1);
        }
    };
    println!("{}", device.description());
    println!("opened in {:.2?}, {} free", started.elapsed(), device.free_memory().unwrap_or(0));
    let mut failed = false;
    for (name, check) in CHECKS {
        if wanted(name) {
            let started = Instant::now();
            let mut lists = Collector::default();
            check(&mut lists, &mut Report::default());
            if let Err(error) = device.prepare(&lists.0) {
                println!("{name} not prepared: {error}");
            }
            let prepared = started.elapsed();
            let mut report = Report::default();
            check(&mut Card(device.clone()), &mut report);
            report.print(name);
            println!("{name} in {:.1?}, prepared in {prepared:.1?}", started.elapsed());
            failed |= !report.failures.is_empty();
        }
    }
    let sections: [(&str, Section); 5] = [
        ("feed", feed),
        ("lenet", lenet),
        ("resnet", resnet),
        ("stem_times", stem),
        ("bandwidth", bandwidth),
    ];
    for (name, section) in sections {
        if wanted(name) {
            let started = Instant::now();
            if let Err(error) = section(&device) {
                println!("{name} FAILED: {error}");
                failed = true;
            }
            println!("{name} in {:.1?}", started.elapsed());
        }
    }
    std::process::exit(i32::from(failed));
}

/// A LeNet step: against double precision, graph against launches, run against run, and its time.
fn lenet(device: &Device) -> Result<(), Error> {
    let mut expected = std::collections::HashMap::new();
    for batch in [64, 1024] {
        let images = noise(3, batch * 1024);
        let labels: Vec<u32> = noise(4, batch).iter().map(|v| ((v + 1.0) * 4.999) as u32).collect();
        for precision in [Precision::F32, Precision::Tf32] {
            for (branch, thin) in [(false, false), (true, false), (false, true), (true, true)] {
                let started = Instant::now();
                let net = Lenet::new(batch, precision, branch, thin);
                let memory = device.memory(net.bytes)?;
                let reset = || reset(&memory, &net, &images, &labels);
                reset()?;
                let list = net.step();
                let program = Arc::new(device.bind(&list, &memory)?);
                let bound = started.elapsed();
                let after = |run: &dyn Fn() -> Result<(), Error>| -> Result<(Vec<f32>, Vec<f32>), Error> {
                    reset()?;
                    let mut losses = Vec::new();
                    for _ in 0..3 {
                        run()?;
                        losses.extend(memory.read_floats(net.loss.at, 1)?);
                    }
                    Ok((losses, memory.read_floats(net.parameters.at, net.parameters.len)?))
                };
                let graph = program.capture(1)?;
                let eager = after(&|| program.run())?;
                let again = after(&|| program.run())?;
                let replayed = after(&|| graph.replay())?;
                let bits = |v: &[f32]| v.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
                let same = bits(&eager.1) == bits(&again.1) && bits(&eager.1) == bits(&replayed.1);
                let (losses, target) =
                    expected.entry(batch).or_insert_with(|| reference(batch, &images, &labels, 0.05, 3));
                let found: Vec<f64> = eager.1.iter().map(|v| f64::from(*v)).collect();
                let (least, median) = graph.time(300)?;
                let ten = program.capture(10)?.time(100)?;
                println!(
                    "lenet b{batch} {} branch {branch} thin {thin}: {} nodes, graph {:.4} / {:.4} ms, ten in one {:.4} ms, bound in \
                     {bound:.1?}; losses {:?} for {losses:.5?}, updates off by {:.1e}, bits same {same}",
                    precision.name(),
                    graph.nodes(),
                    least / 1e3,
                    median / 1e3,
                    ten.0 / 1e4,
                    eager.0,
                    distance(&found, target),
                );
                if !branch && thin {
                    for (name, time) in program.names().iter().zip(program.profile(20)?) {
                        println!("   {time:7.2} us  {name}");
                    }
                }
            }
        }
    }
    Ok(())
}

fn reset(memory: &Memory, net: &Lenet, images: &[f64], labels: &[u32]) -> Result<(), Error> {
    let floats = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<_>>();
    memory.set(0, memory.bytes(), 0)?;
    memory.write_floats(net.images.at, &floats(images))?;
    memory.write_floats(net.parameters.at, &floats(&first_parameters()))?;
    memory.write(net.labels.at, &labels.iter().flat_map(|l| l.to_le_bytes()).collect::<Vec<_>>())?;
    memory.write(net.clock.at, &Clock::bytes(1, 0, [0.05, 1.0]))
}

/// ResNet-18's convolutions at batch 128, each pass of the whole network as one graph.
fn resnet(device: &Device) -> Result<(), Error> {
    let conv = |side: usize, from: usize, to: usize, kernel: usize, stride: usize| Conv {
        batch: 128,
        input: (side, side),
        channels: (from, to),
        kernel: (kernel, kernel),
        stride: (stride, stride),
        padding: (kernel / 2, kernel / 2),
        dilation: (1, 1),
        groups: 1,
    };
    let mut network = vec![(conv(224, 3, 64, 7, 2), 1), (conv(56, 64, 64, 3, 1), 4)];
    for (side, channels) in [(56, 128), (28, 256), (14, 512)] {
        network.push((conv(side, channels / 2, channels, 3, 2), 1));
        network.push((conv(side / 2, channels, channels, 3, 1), 3));
        network.push((conv(side, channels / 2, channels, 1, 2), 1));
    }
    let room = 128 * 112 * 112 * 64 * 4;
    let memory = device.memory(3 * room)?;
    for precision in [Precision::Tf32, Precision::Bf16, Precision::F32] {
        let format = precision.format();
        for pass in 0..4 {
            let mut list = List::new(memory.bytes());
            let mut flops = 0.0;
            for (conv, times) in &network {
                let (height, width) = conv.output();
                let x = View::dense(0, 128 * conv.input.0 * conv.input.1, conv.channels.0, format);
                let y = View::dense(room, 128 * height * width, conv.channels.1, format);
                let w = Vector { at: 2 * room, len: conv.weights(), format };
                let bias = Vector::new(2 * room + (64 << 20), conv.channels.1);
                if pass == 1 && conv.channels.0 == 3 {
                    continue;
                }
                for _ in 0..*times {
                    match pass {
                        0 => list.convolution(conv, precision, [x, y], w, Epilogue::default()),
                        1 => list.convolution_input_gradient(conv, precision, [y, x], w, false),
                        2 => list.convolution_weight_gradient(conv, precision, [x, y], w),
                        _ => {
                            let epilogue = Epilogue { bias: Some(bias), addend: None, relu: true };
                            list.convolution(conv, precision, [x, y], w, epilogue);
                        }
                    }
                    flops += 2.0 * conv.macs() as f64;
                }
            }
            let started = Instant::now();
            let program = Arc::new(device.bind(&list, &memory)?);
            let bound = started.elapsed();
            let time = program.capture(1)?.time(10)?.0;
            let name = ["forward", "input gradient", "weight gradient", "forward, bias, ReLU"][pass];
            println!(
                "resnet18 b128 {} {name}: {:.3} ms, {:.0} TFLOP/s, workspace {} MiB, bound in {bound:.1?}",
                precision.name(),
                time / 1e3,
                flops / f64::from(time) / 1e6,
                program.workspace() >> 20
            );
            let mut seen = String::new();
            for (name, time) in program.names().iter().zip(program.profile(3)?) {
                if !seen.contains(name.as_str()) {
                    println!("   {time:7.1} us  {name}");
                    seen += name;
                }
            }
        }
    }
    Ok(())
}

/// ResNet-18's stem over blocks of pixels.
fn stem(device: &Device) -> Result<(), Error> {
    let conv = Conv {
        batch: 128,
        input: (224, 224),
        channels: (3, 64),
        kernel: (7, 7),
        stride: (2, 2),
        padding: (3, 3),
        dilation: (1, 1),
        groups: 1,
    };
    let memory = device.memory(2 << 30)?;
    for (precision, align) in
        [(Precision::Tf32, 4), (Precision::Tf32, 16), (Precision::Bf16, 8), (Precision::Bf16, 16)]
    {
        let Some(stem) = Stem::of(conv, align) else { continue };
        let format = precision.format();
        let at = |part: usize| part * (512 << 20);
        let pixels = 128 * stem.blocks.input.0 * stem.blocks.input.1;
        let x = View::dense(at(1), pixels, stem.blocks.channels.0, format);
        let y = View::dense(at(2), 128 * 112 * 112, 64, format);
        let w = Vector { at: at(3), len: stem.blocks.weights(), format };
        let images = Vector::new(0, 128 * 3 * 224 * 224);
        let mut list = List::new(memory.bytes());
        list.pack_stem(&stem, images, x);
        list.convolution(&stem.blocks, precision, [x, y], w, Epilogue::default());
        list.convolution_weight_gradient(&stem.blocks, precision, [x, y], w);
        list.clear_stem(&stem, w);
        let program = device.bind(&list, &memory)?;
        println!("stem {} of {} channels", precision.name(), stem.blocks.channels.0);
        for (name, time) in program.names().iter().zip(program.profile(10)?) {
            println!("   {time:7.1} us  {name}");
        }
    }
    Ok(())
}

/// Batches sent from the host: that they arrive, and how fast.
fn feed(device: &Device) -> Result<(), Error> {
    let bytes = 128 * 3 * 224 * 224 * 4;
    let memory = device.memory(bytes + 256)?;
    let mut feeds = [device.feed(bytes)?, device.feed(bytes)?];
    let mut right = true;
    for round in 0..4u8 {
        let feed = &mut feeds[usize::from(round % 2)];
        feed.send(bytes, |batch| batch.fill(round + 1))?;
        feed.take(&memory, 256)?;
        let mut found = vec![0; bytes + 256];
        memory.read(0, &mut found)?;
        right &=
            found[..256].iter().all(|&byte| byte == 0) && found[256..].iter().all(|&byte| byte == round + 1);
    }
    let started = Instant::now();
    for round in 0..20 {
        feeds[round % 2].send(bytes, |_| ())?;
        feeds[round % 2].take(&memory, 256)?;
    }
    device.synchronize()?;
    let rate = 20.0 * bytes as f64 / started.elapsed().as_secs_f64() / 1e9;
    println!("feed: batches arrive {right}, {rate:.1} GB/s");
    Ok(())
}

/// Kernels of ours on large maps, in bytes a second.
fn bandwidth(device: &Device) -> Result<(), Error> {
    for format in [Format::F32, Format::Bf16] {
        for (pixels, side, channels) in
            [(128 * 112 * 112, 112, 64), (128 * 28 * 28, 28, 128), (128 * 7 * 7, 7, 512)]
        {
            let size = (pixels * channels * format.size()).next_multiple_of(256);
            let total = 4 * size + (pixels * channels).next_multiple_of(256) + (1 << 20);
            let memory = device.memory(total)?;
            let noise: Vec<f32> = noise(9, 1 << 16).iter().map(|v| *v as f32).collect();
            for part in 0..(4 * size) / (4 << 16) {
                memory.write_floats(part * (4 << 16), &noise)?;
            }
            let map = |i: usize| View::dense(i * size, pixels, channels, format);
            let vector = |i: usize| Vector::new(total - (1 << 20) + 4 * channels.max(64) * i, channels);
            let norm = BatchNorm {
                weight: vector(0),
                bias: vector(1),
                eps: 1e-5,
                mean: vector(2),
                variance: vector(3),
                inverse: vector(4),
                scale: vector(5),
                shift: vector(6),
                running: Some(([vector(7), vector(8)], 0.1)),
            };
            let spans: Vec<_> =
                (0..side / 2).map(|i: usize| ((2 * i).saturating_sub(1), (2 * i + 2).min(side), 1)).collect();
            let window = PoolWindow::new((side, side), &spans, &spans);
            let pooled =
                View::dense(size, pixels / (side * side) * (side / 2) * (side / 2), channels, format);
            let codes = Bytes { at: 4 * size, len: pooled.pixels * channels };
            let (scale, shift) = (norm.scale, norm.shift);
            let back = |gradient, masked: bool| BatchNormBackward {
                input: map(0),
                gradient,
                norm,
                weight_gradient: vector(9),
                bias_gradient: vector(10),
                input_gradient: masked.then_some((map(3), false)),
            };
            let join =
                Gradient::Join { first: map(1), second: Some(map(2)), output: Some(map(3)), masked: map(2) };
            type Add<'a> = Box<dyn Fn(&mut List) + 'a>;
            let operations: Vec<(&str, f64, Add<'_>)> = vec![
                ("copy", 2.0, Box::new(|list| list.copy(map(0), map(1)))),
                ("add", 3.0, Box::new(|list| list.add([map(0), map(1)], map(2), true))),
                ("statistics", 1.0, Box::new(|list| list.batch_norm(map(0), &norm))),
                (
                    "apply",
                    2.0,
                    Box::new(|list| {
                        list.affine(&Affine {
                            input: map(0),
                            scale,
                            shift,
                            addend: None,
                            relu: true,
                            out: map(1),
                        });
                    }),
                ),
                (
                    "sums of the gradient",
                    2.0,
                    Box::new(|list| list.batch_norm_backward(&back(Gradient::Inside(map(1)), false))),
                ),
                ("sums at a join", 5.0, Box::new(|list| list.batch_norm_backward(&back(join, false)))),
                (
                    "whole backward",
                    5.0,
                    Box::new(|list| list.batch_norm_backward(&back(Gradient::Inside(map(1)), true))),
                ),
                ("column sums", 1.0, Box::new(|list| list.column_sums(map(0), vector(9)))),
                (
                    "max pool",
                    1.3,
                    Box::new(|list| list.max_pool(&window, [map(0), pooled], Some(codes), None)),
                ),
                (
                    "max pool backward",
                    1.3,
                    Box::new(|list| {
                        list.max_pool_backward(&window, [pooled, map(2)], codes, None, false);
                    }),
                ),
            ];
            for (name, passes, add) in operations {
                let mut list = List::new(total);
                add(&mut list);
                let program = Arc::new(device.bind(&list, &memory)?);
                let time = program.capture(10)?.time(5)?.0 / 10.0;
                let rate = passes * (pixels * channels * format.size()) as f64 / f64::from(time) / 1e6;
                println!("{format:?} {pixels}x{channels} {name}: {time:.1} us, {rate:.2} TB/s");
            }
        }
        let (pixels, size) = (128 * 224 * 224, format.size());
        let total = pixels * 3 * (4 + size) + 512;
        let memory = device.memory(total)?;
        let images = View::dense(0, 128, 3 * 224 * 224, Format::F32);
        let mut list = List::new(total);
        list.unflatten(224 * 224, [images, View::dense(pixels * 12, pixels, 3, format)], false);
        let time = Arc::new(device.bind(&list, &memory)?).capture(10)?.time(5)?.0 / 10.0;
        println!(
            "{format:?} images packed: {time:.1} us, {:.2} TB/s",
            (pixels * 3 * (4 + size)) as f64 / f64::from(time) / 1e6
        );
    }
    Ok(())
}
