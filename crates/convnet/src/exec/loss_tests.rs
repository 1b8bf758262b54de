//! Whole steps by every loss, against PyTorch's (`tools/loss_golden.py`).

use super::*;
use crate::graph::{Builder, Graph};
use crate::ops::{Conv2d, Linear, MaxPool2d};
use crate::optim::Optimizer;
use crate::state::{StateDict, Tensor};

const ROWS: usize = 4;
const CLASSES: usize = 5;

/// ((i · step) mod modulus − ⌊modulus / 2⌋) / scale.
fn values(count: usize, step: usize, modulus: usize, scale: f64) -> Vec<f32> {
    (0..count).map(|i| (((i * step % modulus) as f64 - (modulus / 2) as f64) / scale) as f32).collect()
}

fn net(auxiliary: Option<f32>) -> Graph {
    let net = Builder::image("small", 1, 4, 4);
    let x = net.input().conv2d(Conv2d::new(2, 3).padding(1)).relu().max_pool2d(MaxPool2d::new(2)).flatten();
    let logits = x.linear(Linear::new(CLASSES));
    if let Some(weight) = auxiliary {
        net.auxiliary("aux", x.linear(Linear::new(CLASSES)), weight);
    }
    net.build(logits).unwrap()
}

fn state(graph: &Graph) -> StateDict {
    let tensor = |shape: &[usize]| Tensor {
        shape: shape.to_vec(),
        data: values(shape.iter().product(), 37, 41, 40.0),
    };
    graph.parameters().into_iter().map(|spec| (spec.name, tensor(&spec.shape))).collect()
}

fn compile(graph: &Graph) -> TrainingStep {
    let optimizer = Optimizer::sgd().with_weight_decay(0.0);
    TrainingStep::compile(graph, &state(graph), ROWS, optimizer, 1, &Options::default()).unwrap()
}

#[test]
fn steps_by_every_loss_are_pytorch_s() {
    let size = ROWS * CLASSES;
    let labels: Vec<u32> = (0..ROWS).map(|i| ((3 * i + 2) % CLASSES) as u32).collect();
    let soft: Vec<f32> = values(size, 5, 9, 8.0).iter().map(|x| (x + 0.5).abs()).collect();
    let clamped: Vec<f32> = soft.iter().map(|x| x.min(1.0)).collect();
    let several: Vec<f32> = (0..size).map(|i| f32::from(u8::from(i * 5 % 3 == 0))).collect();
    let weights = || Some(values(CLASSES, 3, 7, 8.0).iter().map(|x| x.abs() + 0.25).collect::<Vec<f32>>());
    let positive_weights = Some(values(CLASSES, 2, 5, 4.0).iter().map(|x| x.abs() + 0.5).collect());
    let said = values(size, 29, 31, 8.0);
    let (smoothing, gamma) = (0.1, 1.5);
    let cross = |smoothing, class_weights, gamma| {
        Criterion::CrossEntropy(CrossEntropy { smoothing, class_weights, gamma })
    };
    let plain = Binary::default;
    let teacher = |reading| Some(Teacher { logits: &said, alpha: 0.3, reading });
    let [classes, soft, clamped, several] =
        [Target::classes(&labels), Target::soft(&soft), Target::soft(&clamped), Target::soft(&several)];
    let threshold = Some(0.05);
    let cases = [
        (cross(smoothing, None, 0.0), classes, None),
        (cross(0.0, weights(), 0.0), classes, None),
        (cross(smoothing, weights(), 0.0), classes, None),
        (cross(smoothing, weights(), 0.0), soft, None),
        (cross(0.0, weights(), gamma), classes, None),
        (cross(0.0, None, 2.0), classes, None),
        (Criterion::Binary(Binary { smoothing, ..plain() }), classes, None),
        (Criterion::Binary(Binary { smoothing, threshold, sum_classes: true, ..plain() }), classes, None),
        (Criterion::Binary(Binary { class_weights: weights(), positive_weights, ..plain() }), several, None),
        (Criterion::Binary(Binary { alpha: Some(0.25), gamma: 2.0, ..plain() }), several, None),
        (Criterion::Binary(Binary { gamma, ..plain() }), clamped, None),
        (Criterion::default(), classes, teacher(Reading::Softmax { temperature: 4.0 })),
        (cross(smoothing, None, 0.0), classes, teacher(Reading::Softmax { temperature: 0.5 })),
        (Criterion::Binary(plain()), several, teacher(Reading::Sigmoid { temperature: 2.0 })),
        (Criterion::default(), classes, teacher(Reading::Hard)),
    ];
    let (graph, images) = (net(None), values(ROWS * 16, 29, 61, 30.0));
    let golden = include_str!("losses.tsv");
    assert_eq!(golden.lines().count(), cases.len());
    for (line, (criterion, target, teacher)) in golden.lines().zip(&cases) {
        let (name, numbers) = line.split_once('\t').unwrap();
        let numbers: Vec<f64> = numbers.split('\t').map(|field| field.parse().unwrap()).collect();
        let (losses, expected) = numbers.split_at(2);
        let mut training = compile(&graph);
        let groups = training.uniform_groups();
        for loss in losses {
            let target = target.by(criterion);
            let target = teacher.map_or(target, |teacher| target.taught(teacher));
            let report = training.step(&images, target, &groups, 0.5).unwrap();
            assert!(
                (report.loss - loss).abs() < 3e-6 * loss.max(1.0),
                "{name}: {}, expected {loss}",
                report.loss
            );
        }
        let state = training.state_dict();
        let found = graph.parameters().into_iter().flat_map(|spec| state[&spec.name].data.clone());
        for (found, expected) in found.zip(expected) {
            assert!((f64::from(found) - expected).abs() < 3e-6, "{name}: {found}, expected {expected}");
        }
    }
}

#[test]
fn every_output_is_compared_by_the_loss_and_the_main_one_with_the_teacher() {
    let (images, labels) = (values(ROWS * 16, 29, 61, 30.0), [1, 2, 3, 4]);
    let said = values(ROWS * CLASSES, 29, 31, 8.0);
    let criterion = Criterion::Binary(Binary::default());
    let teacher = Teacher { logits: &said, alpha: 1.0, reading: Reading::Softmax { temperature: 2.0 } };
    let loss = |auxiliary, teacher: Option<Teacher<'_>>| {
        let target = Target::classes(&labels).by(&criterion);
        let target = teacher.map_or(target, |teacher| target.taught(teacher));
        compile(&net(auxiliary)).forward_backward(&images, target).unwrap().loss
    };
    // Both outputs have the same weights.
    let (plain, taught) = (loss(None, None), loss(None, Some(teacher)));
    assert!((loss(Some(0.3), None) - 1.3 * plain).abs() < 1e-6);
    assert!((loss(Some(0.3), Some(teacher)) - (taught + 0.3 * plain)).abs() < 1e-6);
}

#[test]
fn losses_and_teachers_that_do_not_fit_are_refused() {
    let (images, labels) = (values(ROWS * 16, 29, 61, 30.0), [1, 2, 3, 4]);
    let mut training = compile(&net(None));
    let mut refused =
        |target: Target<'_>| training.forward_backward(&images, target).unwrap_err().to_string();
    let cross = |smoothing, class_weights| {
        Criterion::CrossEntropy(CrossEntropy { smoothing, class_weights, gamma: 0.0 })
    };
    let target = Target::classes(&labels);
    assert_eq!(
        refused(target.by(&cross(1.5, None))),
        "the label smoothing of the loss is 1.5, expected a number from 0 to 1"
    );
    assert_eq!(refused(target.by(&cross(0.0, Some(vec![1.0; 4])))), "found 4 weights of classes, expected 5");
    assert!(
        refused(target.by(&cross(0.0, Some(vec![-1.0; 5])))).contains("weight of a class of the loss is -1")
    );
    let teacher =
        |logits, alpha, temperature| Teacher { logits, alpha, reading: Reading::Softmax { temperature } };
    assert_eq!(
        refused(target.taught(teacher(&[0.0; 19], 0.5, 1.0))),
        "found 19 logits of the teacher, expected 20"
    );
    let logits = [0.0; 20];
    assert!(
        refused(target.taught(teacher(&logits, 1.5, 1.0)))
            .contains("weight of the teacher of the loss is 1.5")
    );
    assert!(refused(target.taught(teacher(&logits, 0.5, 0.0))).contains("temperature of the loss is 0"));
    let mut logits = logits;
    logits[7] = f32::INFINITY;
    assert!(
        refused(target.taught(teacher(&logits, 0.5, 1.0))).contains("logits of image 1 are not finite (inf)")
    );
}
