//! Lists of launches as text, and what they refuse.

use crate::checks::lenet::Lenet;
use convnet_gpu::{Conv, Format, Lane, List, Precision, Vector, View};
use snapbox::{assert_data_eq, file};

#[test]
fn a_training_step_reads_as_a_list() {
    let cudnn = Lenet::new(64, Precision::Tf32, true, false).step();
    assert_data_eq!(cudnn.to_string(), file!["snapshots/lenet.txt"]);
    let thin = Lenet::new(64, Precision::F32, false, true).step();
    assert_data_eq!(thin.to_string(), file!["snapshots/lenet-thin.txt"]);
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
