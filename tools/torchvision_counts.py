#!/usr/bin/env python3
"""Writes what PyTorch says of the zoo's networks, for the tests of crates/convnet/tests/zoo.rs.

    python tools/torchvision_counts.py [FOLDER]        default: crates/convnet/tests/zoo

Needs torch, torchvision, timm and pretrainedmodels (written with 2.15.0, 0.29.2, 1.0.31 and 0.7.4); no weights are loaded and
no network is used: modules live on the `meta` device, which has shapes only. It writes

    torchvision.tsv  a line a network: tensors and parameters of the state dict (num_batches_tracked and running
                     statistics are no parameters), multiply-accumulates of Conv2d and Linear for one image, and
                     for torchvision's the documented `num_params` and `_ops` (10^9 multiply-accumulates) of the
                     ImageNet weights' metadata, `-` for others. GoogLeNet's documented figures leave its
                     auxiliary classifiers out, as the counted multiply-accumulates do; Inception v3's parameters do not.
    listings.txt     `# NETWORK`, then what each layer of a bare network gives for one image: Sequentials are opened,
                     any other module is a line.
    state.tsv        the state dicts: `# NETWORK CLASSES`, then a line a module, with its tensors by shape.

The bare networks are written down here anew after the tutorial's definitions, with its module tree.
"""

import collections
import pathlib
import sys
import warnings

import pretrainedmodels
import timm
import torch
import torchvision
from torch import nn

TORCHVISION = (
    ["alexnet"]
    + [f"vgg{depth}{suffix}" for suffix in ("", "_bn") for depth in (11, 13, 16, 19)]
    + ["googlenet"]
    + [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
    + [f"densenet{depth}" for depth in (121, 161, 169, 201)]
    + ["resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2"]
    + ["squeezenet1_0", "squeezenet1_1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small", "mnasnet1_0", "mnasnet0_5"]
    + [f"efficientnet_b{size}" for size in range(4)]
    + [f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5", "2_0")]
    + [f"regnet_{kind}_{size}" for kind in "xy" for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")]
    + [f"convnext_{size}" for size in ("tiny", "small", "base", "large")]
    + ["inception_v3"]
)
# timm's networks, and the side of their images.
TIMM = {"mobilenetv1_100": 224, "seresnet50": 224, "inception_v4": 299, "inception_resnet_v2": 299}


def chain(*named):
    """A Sequential of (name, module) pairs."""
    return nn.Sequential(collections.OrderedDict(named))


def lenet(classes):
    features = nn.Sequential(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2))
    classifier = nn.Sequential(
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, classes),
        nn.Softmax(1),
    )
    return chain(("conv", features), ("linear", classifier))


def alexnet_parts(classes, norm):
    layers = []
    for i, (wide, kernel, stride, padding) in enumerate(
        [(96, 11, 4, 0), (256, 5, 1, 2), (384, 3, 1, 1), (384, 3, 1, 1), (256, 3, 1, 1)]
    ):
        before = [1, 96, 256, 384, 384][i]
        layers += [nn.Conv2d(before, wide, kernel, stride, padding), nn.ReLU()]
        if norm and i < 2:
            layers.append(nn.BatchNorm2d(wide))
        if i in (0, 1, 4):
            layers.append(nn.MaxPool2d(3, 2))
    hidden = [nn.Linear(6400, 4096), nn.ReLU(), nn.Dropout1d(0.5), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout1d(0.5)]
    return nn.Sequential(*layers), nn.Sequential(nn.Flatten(), *hidden, nn.Linear(4096, classes), nn.Softmax(1))


def alexnet(classes):
    features, classifier = alexnet_parts(classes, norm=True)
    return chain(("conv", features), ("linear", classifier))


def alexnet_plain(classes):
    return nn.Sequential(*alexnet_parts(classes, norm=False))


def vgg(depths):
    def build(classes):
        blocks, before = [], 1
        for depth, wide in zip(depths, (64, 128, 256, 512, 512)):
            block = []
            for _ in range(depth):
                block += [nn.Conv2d(before, wide, 3, padding=1), nn.ReLU()]
                before = wide
            blocks.append(nn.Sequential(*block, nn.MaxPool2d(2)))
        hidden = [nn.Linear(25088, 4096), nn.ReLU(), nn.Dropout(), nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout()]
        return nn.Sequential(*blocks, nn.Flatten(), *hidden, nn.Linear(4096, classes), nn.Softmax(1))

    return build


def nin(classes):
    def block(before, wide, *window):
        one = [nn.Conv2d(wide, wide, 1), nn.ReLU(), nn.Conv2d(wide, wide, 1), nn.ReLU()]
        return nn.Sequential(nn.Conv2d(before, wide, *window), nn.ReLU(), *one)

    return nn.Sequential(
        block(1, 96, 11, 4), nn.MaxPool2d(3, 2), block(96, 256, 5, 1, 2), nn.MaxPool2d(3, 2),
        block(256, 384, 3, 1, 1), nn.MaxPool2d(3, 2), nn.Dropout(), block(384, classes, 3, 1, 1),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1),
    )


class Inception(nn.Module):
    """The tutorial's block: no activation after the 1×1 reductions."""

    def __init__(self, before, one, three, five, pool):
        super().__init__()
        self.p1 = nn.Sequential(nn.Conv2d(before, one, 1), nn.ReLU())
        self.p2 = nn.Sequential(nn.Conv2d(before, three[0], 1), nn.Conv2d(*three, 3, padding=1), nn.ReLU())
        self.p3 = nn.Sequential(nn.Conv2d(before, five[0], 1), nn.Conv2d(*five, 5, padding=2), nn.ReLU())
        self.p4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), nn.Conv2d(before, pool, 1), nn.ReLU())

    def forward(self, x):
        return torch.cat([branch(x) for branch in (self.p1, self.p2, self.p3, self.p4)], dim=1)


def googlenet(classes):
    pool = lambda: nn.MaxPool2d(3, 2, 1)
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 64, 7, 2, 3), nn.ReLU(), pool()),
        nn.Sequential(nn.Conv2d(64, 64, 1), nn.ReLU(), nn.Conv2d(64, 192, 3, padding=1), nn.ReLU(), pool()),
        nn.Sequential(
            Inception(192, 64, (96, 128), (16, 32), 32), Inception(256, 128, (128, 192), (32, 96), 64), pool()
        ),
        nn.Sequential(
            Inception(480, 192, (96, 208), (16, 48), 64), Inception(512, 160, (112, 224), (24, 64), 64),
            Inception(512, 128, (128, 256), (24, 64), 64), Inception(512, 112, (144, 288), (32, 64), 64),
            Inception(528, 256, (160, 320), (32, 128), 128), pool(),
        ),
        nn.Sequential(
            Inception(832, 256, (160, 320), (32, 128), 128), Inception(832, 384, (192, 384), (48, 128), 128),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, classes), nn.Softmax(1),
        ),
    )


class DenseBlock(nn.Module):
    """Four layers of growth 32, each joined to what it reads."""

    def __init__(self, before):
        super().__init__()
        widths = range(before, before + 128, 32)
        self.net = nn.Sequential(
            *(nn.Sequential(nn.BatchNorm2d(c), nn.ReLU(), nn.Conv2d(c, 32, 3, padding=1)) for c in widths)
        )

    def forward(self, x):
        for layer in self.net:
            x = torch.cat([x, layer(x)], dim=1)
        return x


def densenet(classes):
    channels = 64
    parts = [nn.Sequential(nn.Conv2d(1, 64, 7, 2, 3), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))]
    for i in range(4):
        parts.append(DenseBlock(channels))
        channels += 128
        if i < 3:
            halve = nn.Conv2d(channels, channels // 2, 1)
            parts.append(nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), halve, nn.AvgPool2d(2)))
            channels //= 2
    end = [nn.BatchNorm2d(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*parts, nn.Sequential(*end, nn.Linear(channels, classes), nn.Softmax(1)))


TUTORIAL = {
    "lenet": lenet,
    "alexnet": alexnet,
    "alexnet-plain": alexnet_plain,
    "vgg11": vgg((1, 1, 2, 2, 2)),
    "vgg13": vgg((2, 2, 2, 2, 2)),
    "vgg16": vgg((2, 2, 3, 3, 3)),
    "vgg19": vgg((2, 2, 4, 4, 4)),
    "nin": nin,
    "googlenet": googlenet,
    "densenet": densenet,
}


def tensors(model):
    """Name and shape of what a state dict holds, without the counters of batches."""
    return [(n, tuple(t.shape)) for n, t in model.state_dict().items() if not n.endswith("num_batches_tracked")]


def macs(model, shape):
    """Multiply-accumulates of Conv2d and Linear for one image, biases and all else left out."""
    total = 0

    def count(module, _inputs, output):
        nonlocal total
        per_output = module.weight[0].numel()
        total += output.numel() * per_output

    hooks = [m.register_forward_hook(count) for m in model.modules() if isinstance(m, (nn.Conv2d, nn.Linear))]
    model.eval()(torch.empty(1, *shape))
    for hook in hooks:
        hook.remove()
    return total


def state_lines(name, classes, model):
    yield f"# {name} {classes}"
    modules = collections.OrderedDict()
    for tensor, shape in tensors(model):
        module, leaf = tensor.rsplit(".", 1)
        modules.setdefault(module, collections.OrderedDict()).setdefault(shape, []).append(leaf)
    for module, shapes in modules.items():
        cells = [f"{','.join(leaves)} {'x'.join(map(str, shape))}" for shape, leaves in shapes.items()]
        yield "\t".join([module, *cells])


def listing(module, x):
    """The lines of a network, and its output."""
    lines = []
    for child in module:
        if isinstance(child, nn.Sequential):
            inner, x = listing(child, x)
            lines += inner
        else:
            x = child(x)
            lines.append(f"{type(child).__name__:>20} output shape : {x.shape}")
    return lines, x


def with_numbers(function):
    """The same for tensors that have numbers, whatever the device is that modules are made on."""

    def inner(*arguments, **options):
        with torch.device("cpu"):
            return function(*arguments, **options)

    return inner


def main():
    # RegNet computes its widths by tensors.
    params = torchvision.models.regnet.BlockParams
    params.from_init_params = staticmethod(with_numbers(params.from_init_params))
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "crates/convnet/tests/zoo")
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}, timm {timm.__version__}"
    header = f"# Written by tools/torchvision_counts.py with {versions}"
    counts = [header, "network\ttensors\tparameters\tmacs\tdocumented_parameters\tdocumented_gmacs"]
    state, listings = [header.replace("# ", "#! ", 1)], [header.replace("# ", "#! ", 1)]

    def add(name, model, shape, documented=("-", "-")):
        parameters = sum(p.numel() for p in model.parameters())
        row = [name, len(tensors(model)), parameters, macs(model, shape), *documented]
        counts.append("\t".join(map(str, row)))

    with torch.device("meta"):
        for name, build in TUTORIAL.items():
            model = build(10)
            shape = (1, 32, 32) if name == "lenet" else (1, 224, 224)
            add(name, model, shape)
            listings += [f"# {name}", *listing(model, torch.empty(1, *shape))[0]]
            state.extend(state_lines(name, 10, model))
        for name in TORCHVISION:
            extra = {"aux_logits": True, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
            model = torchvision.models.get_model(name, **extra)
            weights = torchvision.models.get_model_weights(name)["IMAGENET1K_V1"]
            (side,) = weights.transforms().crop_size
            add(f"{name}@torchvision", model, (3, side, side), (weights.meta["num_params"], weights.meta["_ops"]))
            state.extend(state_lines(f"{name}@torchvision", 1000, model))
        others = [(f"{name}@timm", timm.create_model(name), side) for name, side in TIMM.items()]
        bninception = pretrainedmodels.bninception(num_classes=1000, pretrained=None)
        for name, model, side in [*others, ("bninception@cadene", bninception, 224)]:
            add(name, model, (3, side, side))
            state.extend(state_lines(name, 1000, model))
        state.extend(state_lines("resnet50@torchvision", 10, torchvision.models.resnet50(num_classes=10)))

    (folder / "torchvision.tsv").write_text("\n".join(counts) + "\n")
    (folder / "listings.txt").write_text("\n".join(listings) + "\n")
    (folder / "state.tsv").write_text("\n".join(state) + "\n")


if __name__ == "__main__":
    main()
