"""convnet's logits and gradients beside PyTorch's: parity.py [names]. Prints the table of docs/parity.md.

For every `@torchvision` network: random weights, batch statistics too, saved by torch.save; `convnet run` on 32
random images, by Winograd and with --exact. For one of each family all gradients of the mean cross-entropy, in
training mode without dropout. Set up by bench/setup.sh.
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
         "mobilenet_v2", "mobilenet_v3_large", "mnasnet1_0", "efficientnet_b0"]
# One of each family, at a smaller size where the network takes it: the images' side, and how many. Where a network has
# many max-pools, few images: each pooling window more is a chance for two values to tie.
GRADIENTS = {"alexnet": (96, 4), "vgg11": (64, 8), "vgg11_bn": (64, 4), "googlenet": (96, 1), "resnet18": (64, 8),
             "resnet50": (64, 8), "densenet121": (64, 8), "resnext50_32x4d": (64, 8), "squeezenet1_1": (64, 8),
             "mobilenet_v2": (64, 8), "mobilenet_v3_large": (64, 8), "mnasnet1_0": (64, 8), "efficientnet_b0": (64, 8)}
IMAGES = 32


def network(name, classes):
    torch.manual_seed(sum(map(ord, name)))
    options = {"aux_logits": True, "init_weights": False} if name == "googlenet" else {}
    net = getattr(models, name)(weights=None, num_classes=classes, **options)
    for module in net.modules():
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
    net = calibrate(network(name, 1000), torch.randn(8, 3, 224, 224))
    weights, x, y = (os.path.join(folder, file) for file in ("w.pth", "x.npy", "y.npy"))
    torch.save(net.state_dict(), weights)
    images = torch.randn(IMAGES, 3, 224, 224)
    numpy.save(x, images.numpy())
    with torch.inference_mode():
        expected = torch.cat([net(part) for part in images.split(8)]).double()
    rms = expected.square().mean().sqrt()
    cells = []
    for extra in ([], ["--exact"]):
        convnet(f"{name}@torchvision", "--weights", weights, "--input", x, "--output", y, *extra)
        found = torch.from_numpy(numpy.load(y)).double()
        same = int((found.argmax(1) == expected.argmax(1)).sum())
        cells.append(f"{float((found - expected).abs().max() / rms):.1e} | {same}/{IMAGES}")
    return cells


def gradients(name, side, count, folder, kinks):
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
    images, labels = torch.randn(count, 3, side, side), torch.arange(count) % 10
    numpy.save(x, images.numpy())
    numpy.save(labels_at, labels.numpy())
    criterion = torch.nn.functional.cross_entropy

    def backward(net, images):
        outputs = net(images)
        if isinstance(outputs, tuple):
            loss = criterion(outputs.logits, labels) + 0.3 * sum(
                criterion(aux, labels) for aux in (outputs.aux_logits1, outputs.aux_logits2))
        else:
            loss = criterion(outputs, labels)
        loss.backward()
        return float(loss.detach()), {name: p.grad.double() for name, p in net.named_parameters()}

    # The judge is PyTorch in double precision; in single precision it shows what rounding alone does.
    _, single = backward(copy.deepcopy(net), images)
    loss, exact = backward(copy.deepcopy(net).double(), images.double())
    convnet(f"{name}@torchvision", "--weights", weights, "--classes", "10", "--input", x, "--grad", labels_at,
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
        for kinks in (False, True) if name in GRADIENTS else ():
            with tempfile.TemporaryDirectory() as folder:
                side, count = GRADIENTS[name]
                row = gradients(name, side, count, folder, kinks)
            print(f"| {name}, {count} of {side}²{', ReLU at its kink' if kinks else ''} | {row} |", flush=True)


if __name__ == "__main__":
    main()
