//! Convolutions that run in bands against the same one by one.

use convnet_kernels::Isa;

use super::{Engine, Options, PlanStep};
use crate::graph::{Builder, Graph, Value, concat};
use crate::ops::{Conv2d, Hardtanh, Linear, Op, Unary};
use crate::reference::random::{random_input, random_state};

/// What follows a convolution.
type Then<'a> = fn(Value<'a>) -> Value<'a>;

/// An inverted residual without its sum.
fn inverted<'a>(x: Value<'a>, [wide, narrow]: [usize; 2], depthwise: Conv2d, then: Then<'a>) -> Value<'a> {
    let x = then(x.conv2d(Conv2d::new(wide, 1)).batch_norm2d());
    then(x.conv2d(depthwise.groups(wide))).conv2d(Conv2d::new(narrow, 1)).batch_norm2d()
}

/// Inverted residuals on maps that are large enough, also for three threads, and what looks like one and is none.
fn mobile() -> Graph {
    let net = Builder::image("mobile", 3, 71, 54);
    let x = net.input().conv2d(Conv2d::new(12, 3).padding(1)).relu();
    // Two that follow each other: what stands between them is of the first. It is wider behind, with two channels for each.
    let x = x.conv2d(Conv2d::new(24, 3).padding(1).groups(12)).conv2d(Conv2d::new(20, 1)).relu();
    let x = x.conv2d(Conv2d::new(20, 3).padding(1).groups(20)).relu().conv2d(Conv2d::new(10, 1));
    let x = inverted(x, [96, 20], Conv2d::new(96, 3).padding(1).stride(2), |x| {
        x.then(Hardtanh { min: 0.0, max: 6.0 })
    });
    let x = inverted(x, [120, 20], Conv2d::new(120, 5).padding(2), Value::silu) + x;
    let x =
        inverted(x, [130, 20], Conv2d::new(130, 3).padding(2).dilation(2), |x| x.then(Unary::Hardswish)) + x;
    // Nothing behind it but what is no convolution.
    let y = x.conv2d(Conv2d::new(144, 1)).relu().conv2d(Conv2d::new(144, 3).padding(1).groups(144)).silu();
    let y = (y.sigmoid() + y).conv2d(Conv2d::new(20, 1));
    // Each of these is read twice: the expansion, and the depthwise convolution as a summand.
    let wide = y.conv2d(Conv2d::new(136, 1)).relu();
    let z = wide.conv2d(Conv2d::new(136, 3).padding(1).groups(136)).relu() + wide;
    let deep = z.conv2d(Conv2d::new(136, 3).padding(1).groups(136));
    let z = deep.conv2d(Conv2d::new(136, 1)) + deep;
    // Another branch runs before the last of the three does, which writes into a part of a concatenation.
    let wide = z.conv2d(Conv2d::new(96, 1)).relu();
    let side = z.conv2d(Conv2d::new(16, 3).padding(1)).relu();
    let deep = wide.conv2d(Conv2d::new(96, 3).padding(1).groups(96)).relu();
    let z = concat(&[side, deep.conv2d(Conv2d::new(12, 1)), side]);
    net.build(z.adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(7))).unwrap()
}

const BATCH: usize = 4;

fn engine(graph: &Graph, (isa, threads): (Isa, usize), traced: bool) -> Engine {
    let options = Options { threads, isa: Some(isa), exact: true, ..Options::default() };
    let state = random_state(graph, 1);
    if traced {
        Engine::compile_traced(graph, &state, BATCH, &options).unwrap()
    } else {
        Engine::compile(graph, &state, BATCH, &options).unwrap()
    }
}

#[test]
fn convolutions_in_bands_give_what_they_give_one_by_one() {
    let graph = mobile();
    let images: Vec<f32> = random_input(&graph, BATCH, 2).data.iter().map(|&x| x as f32).collect();
    for isa in Isa::available() {
        let expected = engine(&graph, (isa, 1), true).run(&images).unwrap().into_vec();
        let rms = (expected.iter().map(|x| x * x).sum::<f32>() / expected.len() as f32).sqrt();
        let mut first = None;
        for threads in 1..=3 {
            let engine = engine(&graph, (isa, threads), false);
            let text = engine.plan_text();
            let passing = text.matches("→ on the way").count();
            // Of the first two one map each, and the first convolution's; of four two, and the expansion of the one with nothing
            // behind it.
            assert_eq!(passing, 2 + 1 + 4 * 2 + 1, "{text}");
            let found = engine.run(&images).unwrap().into_vec();
            for (a, b) in found.iter().zip(&expected) {
                assert!((a - b).abs() <= 5e-5 * rms, "{isa}: {a} against {b}, rms {rms}");
            }
            // Fewer images are cut in other parts.
            let one = engine.run(&images[..images.len() / BATCH]).unwrap().into_vec();
            assert_eq!(one, found[..one.len()], "{isa} with {threads} threads");
            assert_eq!(*first.get_or_insert_with(|| found.clone()), found, "{isa} with {threads} threads");
        }
    }
}

#[test]
fn callers_side_by_side_get_the_same_bytes() {
    let graph = mobile();
    let images: Vec<f32> = random_input(&graph, BATCH, 3).data.iter().map(|&x| x as f32).collect();
    let engine = engine(&graph, (Isa::best(), 2), false);
    let expected = engine.run(&images).unwrap().into_vec();
    std::thread::scope(|scope| {
        let run = || (0..5).all(|_| engine.run(&images).unwrap().into_vec() == expected);
        let callers: Vec<_> = (0..3).map(|_| scope.spawn(run)).collect();
        assert!(callers.into_iter().all(|caller| caller.join().unwrap()));
    });
}

#[test]
fn products_and_bytes_of_all_are_told_of_the_last() {
    let net = Builder::image("one", 16, 40, 40);
    let x = inverted(net.input(), [96, 24], Conv2d::new(96, 3).padding(1).stride(2), Value::relu);
    let graph = net.build(x.adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(3))).unwrap();
    let (bands, whole) =
        (engine(&graph, (Isa::best(), 2), false).plan(), engine(&graph, (Isa::best(), 2), true).plan());
    let ahead: Vec<_> =
        bands.iter().filter(|step| step.kernel.contains("in bands with what reads it")).collect();
    assert!(
        ahead.len() == 2
            && ahead.iter().all(|step| (step.macs, step.activation_bytes, step.weight_bytes) == (0, 0, 0))
    );
    let last = bands.iter().find(|step| step.kernel.ends_with("in bands")).unwrap();
    assert_eq!(last.activation_bytes, 4 * (16 * 40 * 40 + 24 * 20 * 20));
    let macs = |steps: &[PlanStep]| steps.iter().map(|step| step.macs).sum::<u64>();
    assert_eq!(macs(&bands), macs(&whole));
}

#[test]
fn a_map_that_is_read_as_another_shape_is_no_expansion() {
    let net = Builder::image("reshaped", 5, 12, 12);
    let x = net.input().conv2d(Conv2d::new(1, 1)).flatten().then(Op::Unflatten);
    let x = x.conv2d(Conv2d::new(144, 1).groups(144)).conv2d(Conv2d::new(200, 1));
    let graph = net.build(x.flatten().linear(Linear::new(3))).unwrap();
    let state = random_state(&graph, 1);
    let batch = 1200;
    let images: Vec<f32> = random_input(&graph, batch, 2).data.iter().map(|&x| x as f32).collect();
    let run = |isa, batch: usize| {
        let options = Options { threads: 2, isa: Some(isa), exact: true, ..Options::default() };
        let engine = Engine::compile(&graph, &state, batch, &options).unwrap();
        engine.run(&images[..batch * images.len() / 1200]).unwrap().into_vec()
    };
    for isa in Isa::available() {
        assert_eq!(run(isa, batch)[..6], run(isa, 2), "{isa}");
    }
}

#[test]
fn small_maps_and_many_threads_keep_convolutions_apart() {
    let whole = |side: usize, threads: usize| {
        let net = Builder::image("small", 16, side, side);
        let x = inverted(net.input(), [96, 16], Conv2d::new(96, 3).padding(1), Value::relu);
        let graph = net.build(x.adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(3))).unwrap();
        !engine(&graph, (Isa::best(), threads), false).plan_text().contains("→ on the way")
    };
    assert!(!whole(28, 1) && !whole(28, 4));
    // Maps that stay in the cache; so many threads that half of the rows would be expanded twice.
    assert!(whole(9, 1) && whole(28, 32));
}
