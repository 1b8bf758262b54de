//! PyTorch code as MODEL of every command: `net.py`, `net.py:Small(width=8)`.

use std::fs;

use convnet_formats::npy::{self, Npy};

use crate::place::Place;

const NET: &str = include_str!("data/pytorch/net.py");

/// A folder with `net.py`, and what PyTorch computes with it: see `tools/pytorch_golden.py`.
fn place() -> Place {
    let place = Place::new();
    let files: [(&str, &[u8]); 4] = [
        ("net.py", NET.as_bytes()),
        ("net.safetensors", include_bytes!("data/pytorch/net.safetensors")),
        ("images.npy", include_bytes!("data/pytorch/images.npy")),
        ("logits.npy", include_bytes!("data/pytorch/logits.npy")),
    ];
    for (name, bytes) in files {
        fs::write(place.path().join(name), bytes).expect("the folder can be written");
    }
    place
}

fn array(place: &Place, name: &str) -> Vec<f32> {
    let Npy { shape, values } = npy::read(&place.path().join(name)).expect("an array");
    assert_eq!(shape, [3, 10]);
    values.into_f32()
}

fn near(a: &[f32], b: &[f32]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs()))
}

#[test]
fn a_file_is_shown_in_every_form() {
    let place = place();
    let (table, told) = place.convnet("show net.py", 0);
    assert!(table.contains("├ 0         Block") && table.contains("scale       Affine"), "{table}");
    assert_eq!(told, "net.py: images of 1×28×28, as line 7 has them\n");
    let torch = place.success("show net.py --format torch");
    assert!(torch.contains("Affine output shape : torch.Size([1, 6, 12, 12])"), "{torch}");
    let json: serde_json::Value = serde_json::from_str(&place.success("show net.py --format json")).unwrap();
    assert!(json.is_object(), "{json}");
    let again = place.success("show net.py --format pytorch");
    assert!(again.contains("class Small(nn.Module):") && again.contains("self.scale = Affine(6)"), "{again}");
    // What is written is the same network.
    fs::write(place.path().join("again.py"), again).unwrap();
    assert!(place.success("diff net.py again.py").contains("no difference"));
    // A call, and another size than the file's.
    let wide = place.success("show net.py:Small(width=8,num_classes=3) --input 1x30x30 --format pytorch");
    assert!(wide.contains("INPUT_SIZE = (1, 30, 30)") && wide.contains("nn.Conv2d(1, 8,"), "{wide}");
}

#[test]
fn networks_of_the_zoo_and_the_files_that_are_written_of_them_are_equal() {
    let place = Place::new();
    for name in ["lenet", "googlenet@torchvision", "preresnet110@paper"] {
        let text = place.success(&format!("show {name} --format pytorch"));
        fs::write(place.path().join("written.py"), text).unwrap();
        let (said, _) = place.convnet(&format!("diff {name} written.py"), 0);
        assert!(said.contains("no difference"), "{name}: {said}");
    }
    assert!(!place.success("diff resnet18 written.py").contains("no difference"));
}

#[test]
fn drawings_name_the_lines() {
    let place = place();
    place.success("draw net.py -o net.html");
    let page = String::from_utf8(place.bytes("net.html")).unwrap();
    let line = NET.lines().position(|line| line.contains("self.stem =")).unwrap() + 1;
    assert!(page.contains(&format!("[\"source\",\"net.py:{line}\"]")), "line {line}");
    place.success("draw net.py -o net.svg");
    assert!(place.bytes("net.svg").starts_with(b"<svg"));
}

#[test]
fn outputs_are_those_of_pytorch() {
    let place = place();
    place.success("run net.py --weights net.safetensors --input images.npy --output y.npy");
    assert!(near(&array(&place, "y.npy"), &array(&place, "logits.npy")));
    // The same weights in other formats, which carry the network along or not.
    place.success("convert net.safetensors net.onnx --model net.py");
    place.success("run net.onnx --input images.npy --output onnx.npy");
    assert!(near(&array(&place, "onnx.npy"), &array(&place, "logits.npy")));
    place.success("convert net.safetensors copy.pth --model net.py");
    place.success("run net.py --weights copy.pth --input images.npy --output copy.npy");
    assert_eq!(array(&place, "copy.npy"), array(&place, "y.npy"));
    // Of another width they are no weights.
    let told = place
        .failure("run net.py:Small(width=8) --weights net.safetensors --input images.npy --output z.npy", 1);
    assert!(told.contains("stem.weight"), "{told}");
}

#[test]
fn a_run_needs_its_code_no_more() {
    let place = place();
    place.success("train net.py --epochs 1 --limit-steps 20 --out run");
    fs::remove_file(place.path().join("net.py")).unwrap();
    let figures: serde_json::Value = serde_json::from_str(&place.success("eval run --json")).unwrap();
    assert!(figures["top1"].as_f64().is_some_and(|top1| top1 > 0.3), "{figures}");
    place.write_boot();
    assert!(!place.success("predict run boot.png").is_empty());
}

#[test]
fn a_network_is_timed() {
    let place = place();
    let table = place.success("bench net.py --batch 1 --seconds 0.05");
    assert!(table.contains("net"), "{table}");
}

#[test]
fn a_new_file_is_checked_shown_and_trained() {
    let place = Place::new();
    place.success("new digits");
    place.success("check digits.py");
    assert!(place.success("show digits.py").contains("Linear"));
    place.success("train digits.py --epochs 1 --out run");
    assert!(place.files("run").contains(&"config.toml".to_owned()));
}

#[test]
fn what_is_no_network_is_told() {
    let place = place();
    let write = |name: &str, text: &str| fs::write(place.path().join(name), text).unwrap();
    let told = place.failure("show none.py", 1);
    assert!(told.contains("none.py"), "{told}");
    let told = place.failure("show net.py:Smal", 1);
    assert!(told.contains("no `Smal`") && told.contains("did you mean `Small`?"), "{told}");
    write("several.py", &format!("{NET}\n\nclass Other(Small):\n    pass\n"));
    let told = place.failure("show several.py", 1);
    assert!(told.contains("`Small`, `Other`") && told.contains("several.py:Small"), "{told}");
    write("unsized.py", &NET.replace("INPUT_SIZE = (1, 28, 28)\n", ""));
    let told = place.failure("show unsized.py", 1);
    assert!(told.contains("sizes that fit: 1x28x28"), "{told}");
    place.success("show unsized.py --input 1x28x28");
    write("wrong.py", &NET.replace("width * 3 * 3", "width * 4 * 4"));
    let told = place.failure("show wrong.py", 1);
    assert!(told.contains("96") && told.contains("54") && told.contains("wrong.py:"), "{told}");
    write("broken.py", "class Net(nn.Module)\n    pass\n");
    assert!(place.failure("show broken.py", 1).contains("broken.py:1"));
    assert!(place.failure("show net.py --input 1x28", 2).contains("--input"));
}

#[test]
fn drawn_weights_leave_out_what_is_never_called() {
    let place = Place::new();
    let code = "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        \
                self.fc = nn.Linear(4, 2)\n        self.idle = nn.Linear(4, 2)\n\n    def forward(self, x):\n        \
                return self.fc(x.flatten(1))\n";
    fs::write(place.path().join("idle.py"), code).unwrap();
    let (_, told) = place.convnet("convert idle.py idle.safetensors --seed 0 --input 1x2x2", 0);
    assert!(
        told.contains("left out: 2 tensors of layers that the network never calls: they are not drawn"),
        "{told}"
    );
}
