//! Convolutions that run in bands against the same one by one.

use convnet_kernels::Isa;

use super::{Engine, Options};
use crate::graph::{Builder, Graph, Value};
use crate::ops::{Conv2d, Hardtanh, Linear, Unary};
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
            let passing = text.matches("→ band by band").count();
            // Of the first two one map each, of three two, and the expansion of the one with nothing behind it.
            assert_eq!(passing, 2 + 3 * 2 + 1, "{text}");
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
fn small_maps_and_many_threads_keep_convolutions_apart() {
    let whole = |side: usize, threads: usize| {
        let net = Builder::image("small", 16, side, side);
        let x = inverted(net.input(), [96, 16], Conv2d::new(96, 3).padding(1), Value::relu);
        let graph = net.build(x.adaptive_avg_pool2d(1, 1).flatten().linear(Linear::new(3))).unwrap();
        !engine(&graph, (Isa::best(), threads), false).plan_text().contains("band by band")
    };
    assert!(!whole(28, 1) && !whole(28, 4));
    // Maps that stay in the cache; so many threads that half of the rows would be expanded twice.
    assert!(whole(9, 1) && whole(28, 32));
}
