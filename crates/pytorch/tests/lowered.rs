//! What PyTorch code says by steps that are no layers of convnet's, and which layers say the same.

use convnet_pytorch::{Network, ReadOptions, read_text};

const START: &str = "import torch\nfrom torch import nn\nfrom torch.nn import functional as F\n\n\n";

fn read(text: &str) -> Result<Network, String> {
    let options = ReadOptions { entry: Some("Net".into()), input: Some([3, 8, 8]) };
    read_text("net.py", &format!("{START}{text}"), &options)
        .map_err(|report| report.diagnostics.iter().map(|d| d.message.clone()).collect())
}

/// The layers of a network whose `forward` computes `x` from the images by this line, a convolution before it.
fn layers(line: &str) -> Result<Vec<String>, String> {
    let text = format!(
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.conv = nn.Conv2d(3, 6, 1)\n\n    \
         def forward(self, x):\n        x = self.conv(x)\n        {line}\n        return x.mean((2, 3)) if x.dim() == 4 else x\n"
    );
    let network = read(&text)?;
    let ops = network.graph.nodes().iter().map(|node| node.op.name().to_owned());
    Ok(ops.filter(|name| name != "Input").collect())
}

#[test]
fn steps_are_the_layers_that_compute_the_same() {
    let global = ["Conv2d", "AdaptiveAvgPool2d", "Flatten"];
    for (line, expected) in [
        ("x = x.mean([2, 3])", &global[..]),
        ("x = x.mean(3).mean(2)", &global),
        ("x = torch.mean(x, dim=(-1, -2), keepdim=True).flatten(1)", &global),
        ("x = x.view(x.size(0), 6, -1).mean(2)", &global),
        ("x = F.adaptive_avg_pool2d(x, 1).squeeze()", &global),
        ("x = F.avg_pool2d(x, x.size(2)).view(x.size(0), -1)", &["Conv2d", "AvgPool2d", "Flatten"]),
        ("x = F.avg_pool2d(x, x.size()[2:]).flatten(1)", &["Conv2d", "AvgPool2d", "Flatten"]),
        ("x = x[:, :, ::2, ::2]", &["Conv2d", "AvgPool2d", "AvgPool2d", "AdaptiveAvgPool2d", "Flatten"]),
        ("x = x.permute(0, 1, 2, 3).contiguous()", &global),
        ("x = x[:, :6]", &global),
        ("x = torch.add(x, x)", &["Conv2d", "Add", "AdaptiveAvgPool2d", "Flatten"]),
        ("x += x", &["Conv2d", "Add", "AdaptiveAvgPool2d", "Flatten"]),
        (
            "x = x * torch.sigmoid(x.mean((2, 3))).view(-1, 6, 1, 1).expand_as(x)",
            &[
                "Conv2d",
                "AdaptiveAvgPool2d",
                "Flatten",
                "Sigmoid",
                "Unflatten",
                "Mul",
                "AdaptiveAvgPool2d",
                "Flatten",
            ],
        ),
        (
            "x = torch.sigmoid(x.mean((2, 3), keepdim=True)).expand(-1, -1, 8, 8) * x",
            &["Conv2d", "AdaptiveAvgPool2d", "Sigmoid", "Mul", "AdaptiveAvgPool2d", "Flatten"],
        ),
        ("x = x * 0.5 + x", &["Conv2d", "Scale", "Add", "AdaptiveAvgPool2d", "Flatten"]),
        ("x = x[:, :4]", &["Conv2d", "Slice", "AdaptiveAvgPool2d", "Flatten"]),
        (
            "a, b = x.chunk(2, dim=1); x = torch.cat((b, F.gelu(a)), 1)",
            &["Conv2d", "Slice", "Slice", "GELU", "Concat", "AdaptiveAvgPool2d", "Flatten"],
        ),
        (
            "x = x.view(-1, 2, 3, 8, 8).transpose(1, 2).contiguous().view(-1, 6, 8, 8)",
            &["Conv2d", "ChannelShuffle", "AdaptiveAvgPool2d", "Flatten"],
        ),
        (
            "x = F.hardswish(x) - x / x.mean(1, keepdim=True)",
            &["Conv2d", "Hardswish", "Mean", "Div", "Sub", "AdaptiveAvgPool2d", "Flatten"],
        ),
        (
            "x = F.dropout2d(F.adaptive_avg_pool2d(x, 1), 0.5, self.training).flatten(1)",
            &["Conv2d", "AdaptiveAvgPool2d", "Dropout", "Flatten"],
        ),
    ] {
        let found = layers(line);
        assert_eq!(
            found.as_deref().map(<[String]>::to_vec),
            Ok(expected.iter().map(ToString::to_string).collect()),
            "{line}"
        );
    }
}

#[test]
fn what_no_layer_computes_is_named() {
    for (line, expected) in [
        ("x = F.pad(x, (0, 0, 0, 0, 3, 3))", "pad of channels"),
        ("x = F.pad(x, (-1, 0, -1, 0))", "pad by a negative number"),
        ("x = F.dropout2d(x, 0.5, self.training)", "dropout2d"),
        ("x = x + 0.5", "addition of 0.5"),
        ("x = torch.sigmoid(x.mean((2, 3), keepdim=True)).expand(-1, -1, 8, 8)", "expand"),
    ] {
        let found = layers(line);
        assert!(found.as_ref().is_err_and(|message| message.contains(expected)), "{line}: {found:?}");
    }
}

#[test]
fn networks_that_a_loop_names_are_entries() {
    let text = "import sys\nfrom functools import partial\nfrom torch import nn\n\n\ndef _net(width):\n    return \
                nn.Sequential(nn.Conv2d(3, width, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())\n\n\ndef net_4(): pass\n\n\n\
                for width in [4, 8]:\n    setattr(sys.modules[__name__], f'net_{width}', partial(_net, width=width))\n";
    let options = ReadOptions { entry: Some("net_8".into()), input: Some([3, 8, 8]) };
    let network = read_text("nets.py", text, &options).unwrap();
    assert_eq!(network.graph.parameters()[0].shape, [8, 3, 3, 3]);
    let error = read_text("nets.py", text, &ReadOptions { entry: None, ..options }).unwrap_err();
    assert_eq!(error.diagnostics[0].message, "the file has 2 networks: `net_4`, `net_8`");
}

#[test]
fn parameters_that_no_layer_reads_keep_their_names() {
    let text = "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        \
                self.conv = nn.Conv2d(3, 6, 1)\n        self.idle = nn.Linear(4, 2)\n        self.twin = self.conv\n\n    \
                def forward(self, x):\n        return self.conv(x).mean((2, 3))\n";
    let graph = read(text).unwrap().graph;
    let unused: Vec<&str> = graph.unused().iter().map(|tensor| &*tensor.name).collect();
    assert_eq!(unused, ["idle.weight", "idle.bias"]);
    let shared: Vec<(&str, &str)> = graph.shared_weights().iter().map(|s| (&*s.name, &*s.first)).collect();
    assert_eq!(shared, [("twin.bias", "conv.bias"), ("twin.weight", "conv.weight")]);
}

/// A block as ConvNeXt has it.
const CHANNELS_LAST: &str = "\
import torch
from torch import nn
from torch.nn import functional as F


class Norm(nn.LayerNorm):
    def forward(self, x):
        x = x.permute(0, 2, 3, 1)
        x = F.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.wide = nn.Linear(channels, 4 * channels)
        self.narrow = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.ones(channels, 1, 1) * 1e-6)

    def forward(self, x):
        y = self.norm(x.permute(0, 2, 3, 1))
        y = self.narrow(F.gelu(self.wide(y))).permute(0, 3, 1, 2)
        return self.scale * y + x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 4, stride=4), Norm(6))
        self.block = Block(6)
        self.fc = nn.Linear(6, 5)

    def forward(self, x):
        return self.fc(self.block(self.stem(x)).mean([2, 3]))
";

#[test]
fn linear_and_layer_norm_of_channels_put_last_are_layers_of_the_map() {
    let options = ReadOptions { entry: Some("Net".into()), input: Some([3, 8, 8]) };
    let graph = read_text("net.py", CHANNELS_LAST, &options).unwrap().graph;
    let ops: Vec<&str> = graph.nodes().iter().map(|node| node.op.name()).collect();
    let block = ["LayerNorm", "Conv2d", "GELU", "Conv2d", "LayerScale", "Add"];
    let all = ["Input", "Conv2d", "LayerNorm"].into_iter().chain(block);
    assert_eq!(ops, all.chain(["AdaptiveAvgPool2d", "Flatten", "Linear"]).collect::<Vec<_>>());
    let told: Vec<String> =
        graph.parameters().into_iter().map(|spec| format!("{} {:?}", spec.name, spec.shape)).collect();
    let expected = [
        "stem.0.weight [6, 3, 4, 4]",
        "stem.0.bias [6]",
        "stem.1.weight [6]",
        "stem.1.bias [6]",
        "block.norm.weight [6]",
        "block.norm.bias [6]",
        "block.wide.weight [24, 6]",
        "block.wide.bias [24]",
        "block.narrow.weight [6, 24]",
        "block.narrow.bias [6]",
        "block.scale [6, 1, 1]",
        "fc.weight [5, 6]",
        "fc.bias [5]",
    ];
    assert_eq!(told, expected);
    let state = convnet::state::initialize(&graph, 0);
    assert!(state["block.scale"].data.iter().all(|&x| x == 1e-6));
    assert_eq!(*graph.init(), convnet::graph::Init::Default);
}

#[test]
fn what_reads_channels_that_were_put_last_is_told() {
    for (line, expected) in [
        ("x = x.permute(0, 2, 3, 1).flatten(1)", "a view of a map whose channels are put last"),
        ("x = x.permute(0, 2, 3, 1).mean([2, 3])", "a mean of a map whose channels are put last"),
        ("x = F.max_pool2d(x.permute(0, 2, 3, 1), 2)", "MaxPool2d of a map whose channels are put last"),
        ("x = x.permute(0, 3, 1, 2)", "the permutation [0, 3, 1, 2]"),
    ] {
        let found = layers(line);
        assert!(found.as_ref().is_err_and(|message| message.contains(expected)), "{line}: {found:?}");
    }
}
