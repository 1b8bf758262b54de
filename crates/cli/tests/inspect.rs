//! `list`, `show` and `diff` as a user runs them.
//!
//! Snapshots are written anew with `SNAPSHOTS=overwrite cargo test -p convnet-cli`.

use std::io::Read;
use std::process::{Command as Process, Stdio};

use snapbox::cmd::{Command, OutputAssert};
use snapbox::{cargo_bin, file};

fn convnet(arguments: &str) -> Command {
    Command::new(cargo_bin!("convnet")).args(arguments.split_whitespace()).env("COLUMNS", "100")
}

fn text(output: &OutputAssert) -> String {
    String::from_utf8_lossy(&output.get_output().stdout).into_owned()
}

fn errors(output: &OutputAssert) -> String {
    String::from_utf8_lossy(&output.get_output().stderr).into_owned()
}

fn json(arguments: &str) -> serde_json::Value {
    let shown = text(&convnet(arguments).assert().success().stderr_eq(""));
    serde_json::from_str(&shown).expect("standard output is one JSON value")
}

fn trimmed(text: &str) -> String {
    text.lines().map(|line| line.trim_start().to_string() + "\n").collect()
}

#[test]
fn torch_listings_are_the_tutorials_line_for_line() {
    let listings = [
        ("lenet", include_str!("listings/lenet.txt")),
        ("alexnet", include_str!("listings/alexnet.txt")),
        ("alexnet-plain", include_str!("listings/alexnet-plain.txt")),
        ("vgg11", include_str!("listings/vgg11.txt")),
        ("nin", include_str!("listings/nin.txt")),
        ("googlenet", include_str!("listings/googlenet.txt")),
        ("densenet", include_str!("listings/densenet.txt")),
    ];
    for (name, expected) in listings {
        let shown = text(&convnet(&format!("show {name} --format torch")).assert().success());
        assert_eq!(trimmed(&shown), expected, "{name}");
    }
}

#[test]
fn torch_lines_are_aligned_to_twenty_columns_and_take_the_batch() {
    let shown = text(&convnet("show lenet --format torch --batch 3").assert().success());
    assert!(shown.starts_with("              Conv2d output shape : torch.Size([3, 6, 28, 28])\n"), "{shown}");
}

#[test]
fn a_run_prints_the_same_lines_and_probabilities_that_sum_to_one() {
    for (name, expected) in
        [("lenet", include_str!("listings/lenet.txt")), ("densenet", include_str!("listings/densenet.txt"))]
    {
        let shown = text(&convnet(&format!("show {name} --run --seed 3 --format torch")).assert().success());
        let (listing, tensor) = shown.split_at(shown.find("tensor([[").unwrap());
        assert_eq!(trimmed(listing), expected, "{name}");
        let numbers = tensor.trim_start_matches("tensor([[").trim_end().trim_end_matches("]])");
        let sum: f64 = numbers.split(',').map(|number| number.trim().parse::<f64>().unwrap()).sum();
        // Ten probabilities, each rounded to four digits.
        assert!((sum - 1.0).abs() <= 10.0 * 0.00005 + 1e-9, "{tensor}");
    }
    let again = |seed: &str| text(&convnet(&format!("show lenet --run --seed {seed}")).assert().success());
    assert_eq!(again("1"), again("1"));
    assert_ne!(again("1"), again("2"));
}

#[test]
fn tables_at_three_widths() {
    for (width, expected) in [
        ("72", file!["snapshots/alexnet-72.txt"]),
        ("100", file!["snapshots/alexnet-100.txt"]),
        ("160", file!["snapshots/alexnet-160.txt"]),
    ] {
        convnet("show alexnet").env("COLUMNS", width).assert().success().stdout_eq(expected).stderr_eq("");
    }
}

#[test]
fn blocks_fold() {
    convnet("show resnet50").assert().success().stdout_eq(file!["snapshots/resnet50.txt"]);
    convnet("show googlenet --depth 1").assert().success().stdout_eq(file!["snapshots/googlenet-1.txt"]);
}

#[test]
fn no_line_of_a_table_is_wider_than_the_terminal() {
    for width in [60usize, 80, 120] {
        for name in ["lenet", "vgg16", "googlenet@torchvision", "densenet121", "resnet152"] {
            let shown = convnet(&format!("show {name}")).env("COLUMNS", width.to_string()).assert().success();
            let shown = text(&shown);
            let table = shown.split("parameters  ").next().unwrap();
            let widest = table.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width, "{name} at {width}: {widest}\n{shown}");
        }
    }
}

#[test]
fn columns_are_those_asked_for_in_that_order() {
    let shown = text(&convnet("show lenet --depth 1 --columns params,intensity,field").assert().success());
    let heading = shown.lines().nth(2).unwrap();
    assert_eq!(heading.split_whitespace().collect::<Vec<_>>(), ["layer", "params", "intensity", "field"]);
}

#[test]
fn csv_and_markdown() {
    convnet("show lenet --format csv").assert().success().stdout_eq(file!["snapshots/lenet.csv"]);
    convnet("show lenet --format markdown").assert().success().stdout_eq(file!["snapshots/lenet.md"]);
}

#[test]
fn json_has_the_figures_of_lenet() {
    let shown = json("show lenet --format json --batch 2");
    assert_eq!(shown["model"], "lenet");
    assert_eq!(shown["input"], serde_json::json!([2, 1, 32, 32]));
    // 6·25+6, 16·150+16, 400·120+120, 120·84+84, 84·10+10.
    assert_eq!(shown["params"], 61_706);
    assert_eq!(shown["trainable"], 61_706);
    // 6·28²·25 + 16·10²·150 + 400·120 + 120·84 + 84·10.
    assert_eq!(shown["macs"], 117_600 + 240_000 + 48_000 + 10_080 + 840);
    // 4704 + 1176 + 1600 + 400 + 400 + 120·2 + 84·2 + 10·2 values of 4 bytes, for 2 images.
    assert_eq!(shown["activation_bytes"], 2 * 4 * (4704 + 1176 + 1600 + 400 + 400 + 240 + 168 + 20));
    // The first convolution's output and the pool's.
    assert_eq!(shown["peak_bytes"], 2 * 4 * (4704 + 1176));
    let layers = shown["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 11);
    let conv = layers.iter().filter(|l| l["op"] == "Conv2d").nth(1).unwrap();
    assert_eq!(conv["output"], serde_json::json!([2, 16, 10, 10]));
    assert_eq!(conv["params"], 2416);
    assert_eq!(conv["macs"], 240_000);
    // 5, pooled to 6 with stride 2, and 4 steps of 2 more.
    assert_eq!(conv["receptive_field"]["size"], serde_json::json!([14, 14]));
    assert_eq!(conv["receptive_field"]["stride"], serde_json::json!([2.0, 2.0]));
    let whole: Vec<_> = layers.iter().map(|l| l["receptive_field"]["whole"] == true).collect();
    assert_eq!(whole, [false, false, false, false, false, true, true, true, true, true, true]);
}

#[test]
fn json_takes_other_sizes_and_depths() {
    let shown = json("show alexnet --format json --input 3x127x99 --classes 7 --depth 1");
    assert_eq!(shown["input"], serde_json::json!([1, 3, 127, 99]));
    assert_eq!(shown["output"], serde_json::json!([1, 7]));
    let layers = shown["layers"].as_array().unwrap();
    let sum: u64 = layers.iter().map(|layer| layer["params"].as_u64().unwrap()).sum();
    assert_eq!(shown["params"].as_u64(), Some(sum));
    assert!(layers.len() < 5, "{layers:?}");
}

#[test]
fn networks_are_listed() {
    let shown = text(&convnet("list").assert().success().stderr_eq(""));
    for name in ["lenet", "vgg16@torchvision", "nin", "googlenet", "resnet18", "densenet121@torchvision"] {
        assert!(shown.split_whitespace().any(|word| word == name), "{name} in\n{shown}");
    }
    assert!(!shown.contains('\u{1b}'), "no colours where the output is no terminal");
    let entries = json("list --json");
    let entries = entries.as_array().unwrap();
    let lenet = entries.iter().find(|entry| entry["name"] == "lenet").unwrap();
    assert_eq!(lenet["params"], 61_706);
    assert_eq!(lenet["input"], serde_json::json!([1, 32, 32]));
    assert!(lenet["taught"].as_str().is_some_and(|text| text.len() > 40));
}

#[test]
fn differences() {
    convnet("diff vgg16 vgg16@torchvision").assert().success().stdout_eq(file!["snapshots/diff-vgg16.txt"]);
    let same = text(&convnet("diff lenet lenet").assert().success());
    assert!(same.contains("no difference"), "{same}");
}

#[test]
fn wrong_usage_exits_with_2_and_says_what_fits() {
    for (arguments, says) in [
        ("show lenet --input 5x5", "CHANNELSxHEIGHTxWIDTH"),
        ("show lenet --input 1x0x5", "at least 1"),
        ("show lenet --batch 0", "at least 1"),
        ("show lenet --classes 0", "at least 1"),
        ("show lenet --classes 999999999999", "at most"),
        ("show lenet --columns params,weights", "share"),
        ("show lenet --format yaml", "markdown"),
        ("show lenett", "lenet"),
        ("show lenet --run --format csv", "torch"),
        ("diff lenet", "MODEL"),
        ("shew", "show"),
    ] {
        let output = convnet(arguments).assert().code(2).stdout_eq("");
        let errors = errors(&output);
        assert!(errors.starts_with("error: ") && errors.contains(says), "{arguments}: {errors}");
    }
}

#[test]
fn a_network_that_its_input_does_not_fit_fails_with_the_layer_and_the_arithmetic() {
    convnet("show alexnet --input 1x5x5")
        .assert()
        .code(1)
        .stdout_eq("")
        .stderr_eq(file!["snapshots/alexnet-1x5x5.txt"]);
}

#[test]
fn a_closed_pipe_is_no_error() {
    // The listing is larger than a pipe's buffer, so that writing it must find the pipe closed.
    let mut child = Process::new(cargo_bin!("convnet"))
        .args(["show", "densenet201", "--format", "json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn help_teaches_with_examples() {
    for arguments in ["--help", "show --help", "diff --help"] {
        let shown = text(&convnet(arguments).assert().success());
        assert!(shown.contains("Examples:"), "{arguments}: {shown}");
    }
    let version = text(&convnet("--version").assert().success());
    assert_eq!(version, format!("convnet {}\n", env!("CARGO_PKG_VERSION")));
}
