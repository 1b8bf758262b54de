//! Lists of launches as text, and what they refuse.

use crate::checks::lenet::Lenet;
use convnet_gpu::{
    Arithmetic, Clock, Conv, Factors, Format, GroupNorm, Groups, Lamb, Lane, List, Maps, Muon, MuonRoom,
    Order, Parameters, PoolWindow, Precision, Separable, SideBackward, Taps, Vector, View,
};
use snapbox::{assert_data_eq, file};

#[test]
fn a_training_step_reads_as_a_list() {
    let cudnn = Lenet::new(64, Precision::Tf32, true, false).step();
    assert_data_eq!(cudnn.to_string(), file!["snapshots/lenet.txt"]);
    let thin = Lenet::new(64, Precision::F32, false, true).step();
    assert_data_eq!(thin.to_string(), file!["snapshots/lenet-thin.txt"]);
}

/// Means and extremes of many elements go by blocks, more of them where results are few, those of few elements by threads; products of
/// pixels in the fewest calls.
#[test]
fn few_results_of_many_elements_are_shared_and_products_are_one_call() {
    let format = Format::F32;
    let mut memory = 0;
    let mut maps = |images: usize, height: usize, width: usize, channels: usize| {
        let view = View::dense(memory, images * height * width, channels, format);
        memory += view.bytes().next_multiple_of(256);
        Maps { view, height, width }
    };
    let (map, gradient, pixel) = (maps(2, 112, 112, 64), maps(2, 112, 112, 64), maps(2, 1, 1, 64));
    let (small, means) = (maps(128, 7, 7, 2048), maps(128, 1, 1, 2048));
    let attention = [[2, 8], [8, 2]].map(|[images, heads]| {
        [(49, 32), (50, 32), (49, 50), (49, 32)].map(|(rows, channels)| maps(images, rows, heads, channels))
    });
    let mut list = List::new(memory);
    let identity = |size: usize| Taps::new(size, (0..size).map(|i| vec![(i, 1.0)]).collect());
    let mean = |size: usize| Taps::new(size, vec![(0..size).map(|i| (i, 1.0 / size as f32)).collect()]);
    let whole = Separable { channels: identity(64), rows: mean(112), columns: mean(112) };
    list.separable(&whole, [map.view, pixel.view], false);
    list.separable(&whole.transposed(), [pixel.view, gradient.view], true);
    list.extremum(1.0, [map, pixel]);
    let all = |size: usize| [(0, size, size)];
    list.avg_pool(&PoolWindow::new((112, 112), &all(112), &all(112)), [map.view, pixel.view]);
    list.avg_pool(&PoolWindow::new((7, 7), &all(7), &all(7)), [small.view, means.view]);
    for [a, b, out, gradient] in attention {
        list.pixel_products(Precision::Tf32, [a, b, out]);
        let gradient = gradient.view;
        let call = SideBackward { inputs: [a, b], output_gradient: out, side: 0, gradient, accumulate: true };
        list.pixel_products_backward(Precision::Tf32, &call);
    }
    assert_data_eq!(list.to_string(), file!["snapshots/many.txt"]);
}

fn refuses(words: &str, build: impl FnOnce(&mut List) + std::panic::UnwindSafe) {
    let panic = std::panic::catch_unwind(|| build(&mut List::new(4096))).expect_err("a refusal");
    let text = panic.downcast_ref::<String>().cloned().unwrap_or_default();
    let text = if text.is_empty() { panic.downcast_ref::<&str>().unwrap_or(&"").to_string() } else { text };
    assert!(text.contains(words), "{text:?} does not say {words:?}");
}

#[test]
fn views_that_do_not_fit_are_refused() {
    let view = |at, pixels, channels| View::dense(at, pixels, channels, Format::F32);
    refuses("reaches beyond", |list| list.fill(view(4000, 5, 5), 0.0));
    refuses("between elements", |list| list.fill(view(2, 5, 5), 0.0));
    refuses("overlaps", |list| list.copy(view(0, 8, 4), view(64, 8, 4)));
    refuses("views of one size", |list| list.copy(view(0, 8, 4), view(1024, 4, 4)));
    refuses("views of one format", |list| {
        list.add([view(0, 8, 4), view(1024, 8, 4)], View { format: Format::Bf16, ..view(2048, 8, 4) }, false);
    });
    refuses("pixels that overlap", |list| list.fill(View { stride: 2, ..view(0, 8, 4) }, 0.0));
    refuses("a fork before", |list| list.on(Lane::Side));
    let conv = Conv {
        batch: 1,
        input: (4, 4),
        channels: (4, 4),
        kernel: (3, 3),
        stride: (1, 1),
        padding: (1, 1),
        dilation: (1, 1),
        groups: 1,
    };
    let weight = Vector::new(2048, 144);
    refuses("size of", |list| {
        list.convolution(
            &conv,
            Precision::F32,
            [view(0, 9, 4), view(1024, 16, 4)],
            weight,
            Default::default(),
        );
    });
    refuses("operands in the format of bf16", |list| {
        list.convolution(
            &conv,
            Precision::Bf16,
            [view(0, 16, 4), view(1024, 16, 4)],
            weight,
            Default::default(),
        );
    });
    refuses("larger than its input", |list| {
        let conv = Conv { kernel: (7, 7), ..conv };
        list.convolution_weight_gradient(&conv, Precision::F32, [view(0, 16, 4), view(1024, 16, 4)], weight);
    });
}

#[test]
fn layers_that_do_not_fit_are_refused() {
    let view = |at, pixels, channels| View::dense(at, pixels, channels, Format::F32);
    let groups = Groups { pixels: 4, groups: 2 };
    let vector = |len| Vector::new(2048, len);
    let norm = |list: &mut List, groups, weight, stats: Option<Vector>| {
        let norm = GroupNorm { groups, weight, bias: vector(4), eps: 1e-5, stats };
        list.group_norm(&norm, [view(0, 8, 4), view(1024, 8, 4)]);
    };
    refuses("of 4 elements", move |list| norm(list, groups, vector(3), None));
    refuses("of 8 elements", move |list| norm(list, groups, vector(4), Some(vector(7))));
    refuses("groups of channels", move |list| {
        norm(list, Groups { pixels: 4, groups: 3 }, vector(4), None);
    });
    refuses("images of 3 pixels", move |list| {
        norm(list, Groups { pixels: 3, groups: 2 }, vector(4), None);
    });
    refuses("a factor for each channel", move |list| {
        list.factors(Factors { values: vector(2), below: false }, [view(0, 8, 4), view(1024, 8, 4)]);
    });
    let maps =
        |at, height, width, channels| Maps { view: view(at, 2 * height * width, channels), height, width };
    let (map, row, other) = (maps(0, 2, 3, 4), maps(1024, 1, 3, 4), maps(1024, 3, 3, 4));
    let out = maps(2048, 2, 3, 4);
    refuses("does not go with", move |list| list.arithmetic(Arithmetic::Mul, [map, other], out));
    refuses("overlaps", move |list| list.arithmetic(Arithmetic::Mul, [map, row], map));
    let back = SideBackward {
        inputs: [map, row],
        output_gradient: out,
        side: 1,
        gradient: row.view,
        accumulate: false,
    };
    refuses("overlaps", move |list| list.arithmetic_backward(Arithmetic::Mul, &back));
    refuses("out of bounds", move |list| {
        list.arithmetic_backward(Arithmetic::Mul, &SideBackward { side: 2, ..back });
    });
    refuses("channels and rows", move |list| list.pixel_products(Precision::F32, [map, row, out]));
    refuses("does not go with", move |list| list.extremum(1.0, [row, out]));
    refuses("overlaps", move |list| list.extremum_backward([map, row, row], map.view, false));
    refuses("an input beyond 2", |_| drop(Taps::new(2, vec![vec![(2, 1.0)]])));
    refuses("an element twice", |_| drop(Order::new([[2, 1], [2, 1]], |_, _| (0, 0))));
    let identity = |size: usize| Taps::new(size, (0..size).map(|i| vec![(i, 1.0)]).collect());
    let [channels, rows, columns] = [4, 2, 3].map(identity);
    let still = Separable { channels, rows, columns };
    refuses("channels", move |list| list.separable(&still, [view(0, 12, 3), view(1024, 12, 4)], false));
    refuses("as many images", |list| {
        let order = Order::new([[2, 1], [1, 2]], |_, channel| (channel, 0));
        list.rearrange(&order, [view(0, 4, 1), view(1024, 3, 2)], false);
    });
    refuses("of 24 elements", move |list| list.repeat(vector(23), 6, view(0, 12, 4)));
    refuses("overlaps", move |list| list.lerp(view(0, 8, 4), view(64, 8, 4), vector(1)));
    refuses("of 1 elements", move |list| list.lerp(view(0, 8, 4), view(1024, 8, 4), vector(0)));
}

#[test]
fn updates_of_whole_tensors_that_do_not_fit_are_refused() {
    let clock = Clock { at: 0 };
    let vector = |at, len| Vector::new(at, len);
    let parameters =
        |moments| Parameters { values: vector(256, 24), gradients: vector(512, 24), moments, low: None };
    let lamb = Lamb {
        betas: [0.9, 0.99],
        taken: [0.1, 0.01],
        eps: 1e-6,
        weight_decay: 0.0,
        adapt: true,
        clip: false,
        limit: None,
    };
    let both = parameters([Some(vector(768, 24)), Some(vector(1024, 24)), None]);
    refuses("two moments", move |list| list.lamb(clock, lamb, &parameters([None; 3]), vector(1280, 1)));
    refuses("overlaps", move |list| list.lamb(clock, lamb, &both, vector(780, 1)));
    refuses("which 8 divides", move |list| {
        list.lamb(clock, Lamb { limit: Some((1284, 1.0)), ..lamb }, &both, vector(1280, 1));
    });
    refuses("which 8 divides", move |list| list.squares(vector(256, 24), 1284, false));
    let muon = Muon {
        momentum: 0.9,
        taken: 0.1,
        nesterov: true,
        weight_decay: 0.0,
        steps: 5,
        coefficients: [3.0, -4.0, 2.0],
        eps: 1e-7,
        scale: 1.0,
    };
    let one = parameters([Some(vector(768, 24)), None, None]);
    refuses("a velocity", move |list| {
        list.muon(clock, muon, &parameters([None; 3]), 4, MuonRoom { at: 1280 });
    });
    refuses("of 5 rows", move |list| list.muon(clock, muon, &one, 5, MuonRoom { at: 1280 }));
    refuses("at a line", move |list| list.muon(clock, muon, &one, 4, MuonRoom { at: 1284 }));
    refuses("overlaps", move |list| list.muon(clock, muon, &one, 4, MuonRoom { at: 512 }));
    refuses("reaches beyond", move |list| list.muon(clock, muon, &one, 4, MuonRoom { at: 1 << 20 }));
    assert_eq!(MuonRoom::bytes(usize::MAX, 2), None);
}
