//! `run` and `convert` as a user calls them.

use std::fs;
use std::path::Path;
use std::process::Output;

use convnet_formats::npy::{self, Npy};
use convnet_formats::onnx::Model;
use convnet_formats::{pth, safetensors};
use prost::Message;
use snapbox::cargo_bin;
use snapbox::cmd::Command;
use tempfile::TempDir;

fn convnet(folder: &Path, arguments: &str, code: i32) -> String {
    let command = Command::new(cargo_bin!("convnet")).current_dir(folder);
    let assert = command.args(arguments.split_whitespace()).assert().code(code);
    let Output { stderr, .. } = assert.get_output().clone();
    String::from_utf8(stderr).expect("messages are UTF-8")
}

/// A folder with weights of LeNet (seed 3, by a run without training) and images.
fn place() -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let images: Vec<f32> = (0..3 * 32 * 32).map(|i| ((i * 37) % 101) as f32 / 50.0 - 1.0).collect();
    npy::write(&folder.path().join("x.npy"), &[3, 1, 32, 32], &images).expect("images are written");
    npy::write(&folder.path().join("labels.npy"), &[3], &[1.0, 0.0, 9.0]).expect("labels are written");
    convnet(folder.path(), "train lenet --input 1x32x32 --limit-steps 2 --seed 3 --out trained", 0);
    folder
}

fn output(folder: &Path, name: &str) -> Vec<f32> {
    let Npy { shape, values } = npy::read(&folder.join(name)).expect("the output is an array");
    assert_eq!(shape, [3, 10]);
    values.into_f32()
}

#[test]
fn weights_give_the_same_output_in_every_format() {
    let folder = place();
    let path = folder.path();
    convnet(path, "run trained --input x.npy --output a.npy", 0);
    let expected = output(path, "a.npy");
    for row in expected.chunks(10) {
        // LeNet ends in Softmax.
        assert!((row.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
    convnet(path, "convert trained/best.safetensors lenet.pth", 0);
    convnet(path, "convert lenet.pth again.safetensors --model lenet --input 1x32x32", 0);
    for weights in ["lenet.pth", "again.safetensors"] {
        convnet(path, &format!("run lenet --weights {weights} --input x.npy --output b.npy --threads 1"), 0);
        assert_eq!(output(path, "b.npy"), expected, "{weights}");
    }
    convnet(path, "run trained --input x.npy --output logits.npy --logits --exact", 0);
    for (row, logits) in expected.chunks(10).zip(output(path, "logits.npy").chunks(10)) {
        let sum: f32 = logits.iter().map(|x| x.exp()).sum();
        row.iter().zip(logits).for_each(|(p, x)| assert!((p - x.exp() / sum).abs() < 1e-5));
    }
    let card = safetensors::read(&path.join("trained/best.safetensors")).expect("weights").metadata;
    assert!(card.contains_key("classes"));
}

#[test]
fn gradients_come_under_the_names_of_the_parameters() {
    let folder = place();
    let path = folder.path();
    convnet(path, "run trained --input x.npy --grad labels.npy --grad-out g.safetensors", 0);
    let gradients = safetensors::Reader::open(&path.join("g.safetensors")).expect("gradients");
    let weights = safetensors::Reader::open(&path.join("trained/best.safetensors")).expect("weights");
    for (name, shape) in weights.tensors() {
        assert_eq!(gradients.shape(name), Some(shape), "{name}");
    }
    let mut loss = [0.0];
    gradients.read("loss", 0, &mut loss).expect("a loss");
    assert!((0.1..10.0).contains(&loss[0]), "{}", loss[0]);
}

#[test]
fn networks_become_onnx_models() {
    let folder = place();
    let path = folder.path();
    convnet(path, "convert trained/best.safetensors lenet.onnx", 0);
    convnet(path, "convert lenet random.onnx --input 1x28x28 --seed 0", 0);
    let read = |name: &str| Model::decode(&fs::read(path.join(name)).expect("a file")[..]).expect("a model");
    let graph = read("lenet.onnx").graph.expect("a graph");
    let operators: Vec<_> = graph.node.iter().filter_map(|node| node.op_type.as_deref()).collect();
    let expected = "Conv MaxPool Conv MaxPool Flatten Gemm Relu Gemm Relu Gemm Softmax";
    assert_eq!(operators, expected.split(' ').collect::<Vec<_>>());
    let weights = safetensors::Reader::open(&path.join("trained/best.safetensors")).expect("weights");
    for tensor in &graph.initializer {
        let name = tensor.name.as_deref().unwrap_or_default();
        let shape: Vec<i64> = weights.shape(name).expect("a weight").iter().map(|&n| n as i64).collect();
        assert_eq!(tensor.dims, shape, "{name}");
        let mut first = [0.0];
        weights.read(name, 0, &mut first).expect("an element");
        assert_eq!(tensor.raw_data.as_deref().map(|raw| &raw[..4]), Some(&first[0].to_le_bytes()[..]));
    }
    assert!(read("lenet.onnx").metadata_props.iter().any(|p| p.key.as_deref() == Some("classes")));
    assert_eq!(read("random.onnx").graph.expect("a graph").initializer.len(), 10);
    // Adaptive pooling whose windows differ has no operator.
    let told = convnet(path, "convert vgg11@torchvision a.onnx --input 3x96x96 --seed 0", 1);
    assert!(told.contains("avgpool") && told.contains("7×7"), "{told}");
}

/// A sample of the library's tests, and images for it.
fn sample(name: &str, shape: [usize; 4]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../convnet/tests/onnx");
    fs::copy(samples.join(name), folder.path().join("m.onnx")).expect("a sample");
    npy::write(&folder.path().join("x.npy"), &shape, &vec![0.5; shape.iter().product()]).expect("images");
    folder
}

#[test]
fn an_output_of_an_onnx_model_is_chosen_by_its_name() {
    let folder = sample("refused/outputs.onnx", [2, 4, 9, 8]);
    let path = folder.path();
    let told = convnet(path, "run m.onnx --input x.npy --output y.npy", 1);
    assert!(
        told.contains("the outputs `y`, `z`, expected one; choose one of them with `--output-name y`"),
        "{told}"
    );
    for command in ["show m.onnx", "run m.onnx --input x.npy --output y.npy", "convert m.onnx n.onnx"] {
        convnet(path, &format!("{command} --output-name z"), 0);
        let told = convnet(path, &format!("{command} --output-name w"), 1);
        assert!(told.contains("has no output `w`, its outputs are `y`, `z`"), "{told}");
    }
}

#[test]
fn channels_last_and_shared_weights_of_an_onnx_model_are_told() {
    let folder = sample("keras_mean.onnx", [2, 4, 9, 8]);
    let told = convnet(folder.path(), "run m.onnx --input x.npy --output y.npy", 0);
    assert!(told.contains("takes its images `x` as (N, H, W, C)"), "{told}");
    let folder = sample("shared_weights.onnx", [2, 4, 9, 8]);
    let told = convnet(folder.path(), "show m.onnx", 0);
    assert!(
        told.contains("reads weights twice (1 in all, `a_node.weight` as `y_node.weight` too)"),
        "{told}"
    );
}

#[test]
fn onnx_models_are_networks_in_every_command() {
    let folder = place();
    let path = folder.path();
    convnet(path, "run trained --input x.npy --output a.npy", 0);
    let expected = output(path, "a.npy");
    convnet(path, "convert trained/best.safetensors lenet.onnx", 0);
    convnet(path, "convert lenet.onnx a.pth", 0);
    convnet(path, "convert lenet.onnx again.onnx", 0);
    for arguments in ["lenet.onnx", "again.onnx", "lenet --weights a.pth", "lenet --weights lenet.onnx"] {
        convnet(path, &format!("run {arguments} --input x.npy --output b.npy"), 0);
        assert_eq!(output(path, "b.npy"), expected, "{arguments}");
    }
    // With pixels from 0 to 1 and the normalization within, to the rounding.
    convnet(path, "convert trained/best.safetensors pixels.onnx --with-preprocessing", 0);
    let json = |arguments: &str| -> serde_json::Value {
        let command = Command::new(cargo_bin!("convnet")).current_dir(path);
        let assert = command.args(arguments.split_whitespace()).assert().success();
        serde_json::from_slice(&assert.get_output().stdout).expect("JSON")
    };
    let (ours, theirs, pixels) =
        (json("eval trained --json"), json("eval lenet.onnx --json"), json("eval pixels.onnx --json"));
    assert_eq!((&ours["top1"], &ours["loss"]), (&theirs["top1"], &theirs["loss"]));
    assert!((ours["loss"].as_f64().expect("a loss") - pixels["loss"].as_f64().expect("a loss")).abs() < 1e-5);
    let shown = json("show lenet.onnx --format json");
    assert_eq!(
        (shown["params"].as_u64(), shown["layers"][0]["path"].as_str()),
        (Some(61_706), Some("conv.0"))
    );
    convnet(path, "bench lenet.onnx --seconds 0", 0);
    convnet(path, "train lenet.onnx --limit-steps 2 --out tuned", 0);
    assert_eq!(json("eval tuned --json")["images"], 2000);
    // A head for another number of classes is drawn in training alone.
    let told = convnet(path, "run lenet.onnx --classes 4 --input x.npy --output c.npy", 1);
    assert!(told.contains("`linear.5.weight` has [10, 84], the network expects [4, 84]"), "{told}");
    assert!(!path.join("c.npy").exists());
    let told = convnet(path, "run lenet.onnx --input labels.npy --output y.npy", 1);
    assert!(told.contains("labels.npy"), "{told}");
    let told = convnet(path, "show none.onnx", 1);
    assert!(told.contains("none.onnx"), "{told}");
    let map = Path::new(env!("CARGO_MANIFEST_DIR")).join("../convnet/tests/onnx/softmax_map.onnx");
    let told = convnet(path, &format!("predict {} x.png", map.display()), 1);
    assert!(told.contains("gives a map of 4×9×8"), "{told}");
    fs::write(path.join("bad.onnx"), "no model").expect("a file is written");
    let told = convnet(path, "bench bad.onnx", 1);
    assert!(told.contains("bad.onnx") && told.contains("ONNX"), "{told}");
}

#[test]
fn wrong_input_is_told_with_what_would_do() {
    let folder = place();
    let path = folder.path();
    let told = |arguments: &str, code: i32, parts: &[&str]| {
        let message = convnet(path, arguments, code);
        for part in parts {
            assert!(message.contains(part), "`{part}` in: {message}");
        }
    };
    told("run trained --input labels.npy --output y.npy", 1, &["labels.npy", "[3]", "(N, C, H, W)"]);
    told("run trained --input x.npy --grad x.npy --grad-out g.safetensors", 1, &["x.npy", "3 class indices"]);
    told("run trained --input none.npy --output y.npy", 1, &["none.npy"]);
    told("run trained --input x.npy", 2, &["--output"]);
    told("run nothing --input x.npy --output y.npy", 2, &["nothing"]);
    told("run trained --input x.npy --output y.npy --device tpu", 2, &["`tpu`", "auto, cpu, gpu or gpu:N"]);
    told("run trained --input x.npy --output y.npy --precision tf32", 2, &["tf32", "--device gpu"]);
    told("run trained --input x.npy --output y.npy --device gpu:9999", 1, &["run on the CPU"]);
    told("run nin --weights trained/best.safetensors --input x.npy --output y.npy", 1, &["nin"]);
    told(
        "run vgg11 --weights trained/best.safetensors --input x.npy --output y.npy",
        1,
        &["best.safetensors", "missing in the file", "not in the network", "they fit `lenet`"],
    );
    fs::write(path.join("bad.pth"), "PK\x03\x04 and no more").expect("a file is written");
    told("convert bad.pth a.safetensors", 1, &["bad.pth", "archive is damaged"]);
    told("convert trained/best.safetensors a.onyx", 2, &["a.onyx", ".safetensors, .pth or .onnx"]);
    assert!(!path.join("a.safetensors").exists() && !path.join("y.npy").exists());
    pth::Reader::open(&path.join("bad.pth")).expect_err("it is damaged");
}

#[cfg(unix)]
#[test]
fn pipes_are_refused_devices_written_and_a_state_dict_chosen_by_its_key() {
    use std::os::unix::fs::FileTypeExt;
    let folder = place();
    let path = folder.path();
    let made = std::process::Command::new("mkfifo").arg(path.join("pipe")).status().expect("mkfifo runs");
    assert!(made.success());
    for arguments in [
        "run trained --input pipe --output y.npy",
        "run lenet --weights pipe --input x.npy --output y.npy",
        "convert pipe y.pth",
    ] {
        let told = convnet(path, arguments, 1);
        assert!(told.contains("it is a pipe, expected a regular file"), "{arguments}: {told}");
    }
    convnet(path, "run trained --input x.npy --output /dev/null", 0);
    assert!(fs::metadata("/dev/null").expect("a device").file_type().is_char_device());
    // One image without its first dimension.
    npy::write(&path.join("one.npy"), &[1, 32, 32], &[0.5; 1024]).expect("an image is written");
    assert!(convnet(path, "run trained --input one.npy --output y.npy", 0).contains("read as one image"));
    // Written by PyTorch, see tools/pth_samples.py.
    let example = include_bytes!("../../formats/samples/example.pth");
    fs::write(path.join("example.pth"), example).expect("a checkpoint is written");
    let told = convnet(path, "convert example.pth a.safetensors", 0);
    assert!(told.contains("`state_dict` (2 tensors); left aside: `model_ema` (2 tensors)"), "{told}");
    convnet(path, "convert example.pth b.safetensors --key model_ema", 0);
    assert!(convnet(path, "convert example.pth c.pth --key ema2", 2).contains("its keys are `state_dict`"));
    let weight =
        |name: &str| safetensors::read(&path.join(name)).expect("weights").tensors["weight"].1.clone();
    assert_eq!((weight("a.safetensors"), weight("b.safetensors")), (vec![0.5, 0.5], vec![1.5, 1.5]));
}
