"""convnet's logits and gradients beside PyTorch's: parity.py [names]. Prints the table of docs/parity.md.

For torchvision's, timm's and Cadene's networks: random weights, batch statistics too, saved by torch.save; `convnet run` on
32 random images, by Winograd and with --exact. For one of each family all gradients of the mean cross-entropy, in
training mode without dropout. A bare name is torchvision's network; names are those of the zoo. Set up by bench/setup.sh;
`bninception@cadene` needs the package pretrainedmodels as well.
"""
import copy
import os
import subprocess
import sys
import tempfile

import numpy
import torch
import torchvision
import torchvision.models as models
from safetensors.torch import load_file

CONVNET = os.environ.get("CONVNET", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/release/convnet"))
NAMES = ["alexnet", "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn", "googlenet",
         "resnet18", "resnet34", "resnet50", "resnet101", "resnet152",
         "densenet121", "densenet161", "densenet169", "densenet201", "resnext50_32x4d", "wide_resnet50_2", "squeezenet1_1",
         "mobilenet_v2", "mobilenet_v3_large", "mnasnet1_0", "efficientnet_b0", "shufflenet_v2_x1_0", "regnet_x_400mf",
         "regnet_y_400mf", "convnext_tiny", "inception_v3", "bninception@cadene", "inception_v4@timm",
         "inception_resnet_v2@timm", "mobilenetv1_100@timm", "seresnet50@timm"]
# One of each family, at a smaller size where the network takes it: the images' side, and how many. Where a network has
# many max-pools, few images: each pooling window more is a chance for two values to tie.
GRADIENTS = {"alexnet": (96, 4), "vgg11": (64, 8), "vgg11_bn": (64, 4), "googlenet": (96, 1), "resnet18": (64, 8),
             "resnet50": (64, 8), "densenet121": (64, 8), "resnext50_32x4d": (64, 8), "squeezenet1_1": (64, 8),
             "mobilenet_v2": (64, 8), "mobilenet_v3_large": (64, 8), "mnasnet1_0": (64, 8), "efficientnet_b0": (64, 8),
             "shufflenet_v2_x1_0": (64, 8), "regnet_x_400mf": (64, 8), "regnet_y_400mf": (64, 8), "convnext_tiny": (64, 8),
             # One image leaves the auxiliary classifier a map of 3 × 3 pixels to normalize over.
             "inception_v3": (395, 1), "bninception@cadene": (224, 1), "inception_v4@timm": (139, 1),
             "inception_resnet_v2@timm": (139, 1), "mobilenetv1_100@timm": (64, 8), "seresnet50@timm": (64, 8)}
IMAGES = 32
# What auxiliary classifiers count in the loss.
AUXILIARY = {"googlenet": 0.3, "inception_v3": 0.4}


def full(name):
    """The zoo's name."""
    return name if "@" in name else f"{name}@torchvision"


def side(name):
    """The side of a network's own images."""
    return 299 if name.startswith(("inception_v3", "inception_v4", "inception_resnet")) else 224


def made(name, classes):
    """The network of the package that the name tells."""
    base, _, package = full(name).partition("@")
    if package == "timm":
        import timm
        return timm.create_model(base, num_classes=classes)
    if package == "cadene":
        import pretrainedmodels
        return pretrainedmodels.__dict__[base](num_classes=classes, pretrained=None)
    options = {"aux_logits": True, "init_weights": False} if name in AUXILIARY else {}
    return getattr(models, name)(weights=None, num_classes=classes, **options)


def network(name, classes):
    torch.manual_seed(sum(map(ord, name)))
    net = made(name, classes)
    for module in net.modules():
        if hasattr(module, "layer_scale"):
            # Far from the 1e-6 of the start, which would hide what a block computes.
            module.layer_scale.data.uniform_(0.2, 0.5)
        if isinstance(module, torch.nn.LayerNorm):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
        if isinstance(module, torch.nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
        elif isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
            torch.nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                module.bias.data.normal_(0, 0.1)
    return net


def convnet(*arguments):
    subprocess.run([CONVNET, "run", *arguments], check=True)


def calibrate(net, images):
    """Running statistics from real activations, so that none of them grows without bound."""
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.5
    net.train()
    with torch.no_grad():
        net(images)
    return net.eval()


def logits(name, folder):
    net = calibrate(network(name, 1000), torch.randn(8, 3, side(name), side(name)))
    weights, x, y = (os.path.join(folder, file) for file in ("w.pth", "x.npy", "y.npy"))
    torch.save(net.state_dict(), weights)
    images = torch.randn(IMAGES, 3, side(name), side(name))
    numpy.save(x, images.numpy())
    with torch.inference_mode():
        expected = torch.cat([net(part) for part in images.split(8)]).double()
    rms = expected.square().mean().sqrt()
    cells = []
    for extra in ([], ["--exact"]):
        convnet(full(name), "--weights", weights, "--input", x, "--output", y, *extra)
        found = torch.from_numpy(numpy.load(y)).double()
        same = int((found.argmax(1) == expected.argmax(1)).sum())
        cells.append(f"{float((found - expected).abs().max() / rms):.1e} | {same}/{IMAGES}")
    return cells


def gradients(name, pixels, count, folder, kinks):
    net = network(name, 10).train()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d) and not kinks:
            # Every value well above 0, so that rounding cannot switch a ReLU.
            module.weight.data.uniform_(0.5, 0.8)
            module.bias.data.uniform_(4, 5)
    for module in net.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        if hasattr(module, "drop_rate"):
            module.drop_rate = 0.0
        if isinstance(module, torchvision.ops.StochasticDepth):
            module.p = 0.0
    weights, x, labels_at, out = (os.path.join(folder, file) for file in ("w.pth", "x.npy", "l.npy", "g.safetensors"))
    torch.save(net.state_dict(), weights)
    images, labels = torch.randn(count, 3, pixels, pixels), torch.arange(count) % 10
    numpy.save(x, images.numpy())
    numpy.save(labels_at, labels.numpy())
    criterion = torch.nn.functional.cross_entropy

    def backward(net, images):
        outputs = net(images)
        if isinstance(outputs, tuple):
            loss = criterion(outputs[0], labels) + AUXILIARY[name] * sum(criterion(aux, labels) for aux in outputs[1:])
        else:
            loss = criterion(outputs, labels)
        loss.backward()
        return float(loss.detach()), {name: p.grad.double() for name, p in net.named_parameters()}

    # The judge is PyTorch in double precision; in single precision it shows what rounding alone does.
    _, single = backward(copy.deepcopy(net), images)
    loss, exact = backward(copy.deepcopy(net).double(), images.double())
    convnet(full(name), "--weights", weights, "--classes", "10", "--input", x, "--grad", labels_at,
            "--grad-out", out, "--exact")
    ours = load_file(out)
    total = torch.sqrt(sum(gradient.square().sum() for gradient in exact.values()))

    def worst(found):
        # A bias before a normalization has no gradient but rounding: measured against the whole gradient.
        error = lambda key: float((found[key].double() - exact[key]).norm() / max(exact[key].norm(), 1e-3 * total))
        return max((error(key), key) for key in exact)

    (error, where), (torchs, _) = worst(ours), worst(single)
    return f"{abs(float(ours['loss']) / loss - 1):.1e} | {error:.1e} (`{where}`) | {torchs:.1e}"


def main():
    names = sys.argv[1:] or NAMES
    print("| network | logits, Winograd | same top-1 | logits, `--exact` | same top-1 |\n|---|---|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| {name} | " + " | ".join(logits(name, folder)) + " |", flush=True)
    print("\n| network | loss | worst gradient | PyTorch's own, float32 |\n|---|---|---|---|")
    for name in names:
        # GELU has no kink.
        variants = (True,) if name.startswith("convnext") else (False, True)
        for kinks in variants if name in GRADIENTS else ():
            with tempfile.TemporaryDirectory() as folder:
                pixels, count = GRADIENTS[name]
                row = gradients(name, pixels, count, folder, kinks)
            print(f"| {name}, {count} of {pixels}²{'' if kinks else ', biases raised'} | {row} |", flush=True)


if __name__ == "__main__":
    main()
