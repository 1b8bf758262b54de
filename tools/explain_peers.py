"""Compares `convnet explain` with the packages grad-cam and captum: the same weights, images, classes and layers.

    python tools/explain_peers.py [NET…]

For each network PyTorch's module is what `convnet show NET --format pytorch` writes, its weights are PyTorch's own initial
ones after some steps of training on noise, so that normalizations have statistics, and the image is a photo of noise and
shapes. Prints a line for each network: the largest difference of each map over its largest value.

A ReLU that reads nearly nothing may be open in one program and shut in another, by rounding alone, and the gradient of all that it
sees is another one then. So PyTorch's gradient in double precision is taken as well, and those ReLUs whose input is less than
2e-6 of their layer's largest are turned over one by one where that brings it nearer to convnet's: how many were, of how many, and
what is left, stands in the last column. Integrated gradients are the mean of fifty such gradients, whose units nobody turns over:
both programs' distance from double precision is told instead. Ends with 1 if a map is above 1e-3, the gradient by what is left,
integrated gradients if they are also further from double precision than three times captum's. Needs torch, torchvision, numpy, Pillow, opencv (comes with grad-cam), grad-cam and captum; CONVNET is the program
[target/release/convnet].
"""

import copy
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy
import torch
from captum.attr import GuidedBackprop, IntegratedGradients, Occlusion, Saliency
from PIL import Image
from pytorch_grad_cam import GradCAM, LayerCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import nn
from torch.nn import functional

CONVNET = os.environ.get("CONVNET", "target/release/convnet")
# One of each family.
NETS = ["lenet", "alexnet", "vgg11", "nin", "googlenet", "resnet18", "densenet121"]
ALLOWED = 1e-3


def convnet(*arguments):
    return subprocess.run([CONVNET, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout


def network(name):
    """The module that convnet writes, without a final Softmax."""
    torch.manual_seed(0)
    scope = {"__name__": "net"}
    code = convnet("show", name, "--format", "pytorch")
    exec(compile(code, "net.py", "exec"), scope)  # noqa: S102
    # The file's own last lines call what makes the network.
    net = scope[re.search(r"model = (\w+)\(\)", code).group(1)]()
    for module in list(net.modules()):
        for child_name, child in module.named_children():
            if isinstance(child, nn.Softmax):
                setattr(module, child_name, nn.Identity())
            if isinstance(child, nn.ReLU):
                # Hooks on what a ReLU overwrites see the wrong values.
                child.inplace = False
    return net


def settle(net, channels, side):
    """Weights whose normalizations have statistics of their own."""
    torch.manual_seed(1)
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.rand(4, channels, side, side))
    return net.eval()


def photo(path, channels, side):
    rng = numpy.random.default_rng(7)
    pixels = rng.integers(0, 256, (side, side, 3)).astype(numpy.float32) * 0.4
    rows, columns = numpy.mgrid[:side, :side] / side
    pixels[(rows - 0.4) ** 2 + (columns - 0.6) ** 2 < 0.05] += [140, 90, 20]
    pixels[rows > 0.8] += [0, 80, 120]
    image = Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8))
    (image if channels == 3 else image.convert("L")).save(path)
    tensor = torch.from_numpy(numpy.asarray(Image.open(path)).copy()).float() / 255
    return (tensor.permute(2, 0, 1) if channels == 3 else tensor[None])[None]


def of_cam(kind, net, layer, image, target):
    """The map as the package gives it: scaled, resized, scaled again."""
    with kind(model=net, target_layers=[layer]) as cam:
        return cam(input_tensor=image, targets=[ClassifierOutputTarget(target)])[0]


def as_cam(heat, side):
    """The same of convnet's values."""
    def scaled(values):
        values = values - values.min()
        return values / (1e-7 + values.max())
    return scaled(cv2.resize(scaled(heat), (side, side)))


class Gates:
    """PyTorch's ReLU, of which single units are turned over."""

    NEAR = 2e-6

    def __init__(self):
        self.turned, self.near, self.call = {}, [], 0

    def __enter__(self):
        self.relu, functional.relu = functional.relu, self.gate
        return self

    def __exit__(self, *_):
        functional.relu = self.relu

    def gate(self, x, inplace=False):
        mask = (x > 0).to(x.dtype)
        size = x.detach().abs()
        if not self.turned:
            for place in ((size > 0) & (size <= self.NEAR * size.max())).flatten().nonzero().flatten().tolist():
                self.near.append((self.call, place))
        for place in self.turned.get(self.call, ()):
            mask.view(-1)[place] = 1 - mask.view(-1)[place]
        self.call += 1
        return x * mask

    def gradient(self, net, image, target, turned=()):
        self.turned, self.call = {}, 0
        for call, place in turned:
            self.turned.setdefault(call, []).append(place)
        x = image.detach().clone().requires_grad_(True)
        net(x)[0, target].backward()
        return x.grad[0].numpy()


def turned_over(net, image, target, ours):
    """Which ReLUs are to be turned over for PyTorch's gradient in double precision to be convnet's, and what is left."""
    with Gates() as gates:
        exact = gates.gradient(net, image, target)
        near, taken = list(gates.near), []
        left = numpy.abs(ours - exact).sum()
        for unit in near:
            other = numpy.abs(ours - gates.gradient(net, image, target, [*taken, unit])).sum()
            if other < left:
                taken, left = [*taken, unit], other
        return len(taken), len(near), apart(ours, gates.gradient(net, image, target, taken))


def apart(ours, theirs):
    return float(numpy.abs(ours - theirs).max() / max(numpy.abs(theirs).max(), 1e-12))


def compare(name, folder):
    told = json.loads(convnet("show", name, "--format", "json"))
    _, channels, side, _ = told["input"]
    net = settle(network(name), channels, side)
    torch.save(net.state_dict(), folder / "w.pth")
    image = photo(folder / "photo.png", channels, side)
    with torch.no_grad():
        target = int(net(image).argmax())

    def ours(what, *more):
        out = folder / "out.npy"
        convnet("explain", name, "--exact", "--weights", folder / "w.pth", "--preprocess", "plain", folder / "photo.png", "--class",
                target, "--what", what, "-o", out, *more)
        return numpy.load(out)[0, 0]

    modules = dict(net.named_modules())
    paths = [layer["path"] for layer in told["layers"]]
    maps = {}

    def seen(path):
        def hook(_module, _inputs, output):
            maps[path] = output.shape
        return hook

    hooks = [module.register_forward_hook(seen(path)) for path, module in modules.items() if not list(module.children())]
    net(image)
    for hook in hooks:
        hook.remove()
    wide = [p for p in paths if p in maps and len(maps[p]) == 4 and maps[p][2] > 1]
    if not wide:
        sys.exit(f"{name}: no module that gives maps has the path that convnet shows; it cannot be compared")
    path = wide[-1]
    found = {}
    for what, kind in (("gradcam", GradCAM), ("layercam", LayerCAM)):
        found[what] = apart(as_cam(ours(what, "--layer", path), side), of_cam(kind, net, modules[path], image, target))
    image.requires_grad_(True)
    gradient = ours("gradient")
    found["gradient"] = apart(gradient, Saliency(net).attribute(image, target=target, abs=False)[0].detach().numpy())
    found["guided"] = apart(ours("guided"), GuidedBackprop(net).attribute(image, target=target)[0].detach().numpy())

    def integrated(net, image):
        return IntegratedGradients(net).attribute(image, target=target, n_steps=50, internal_batch_size=10)[0].detach().numpy()

    sums, theirs = ours("integrated"), integrated(net, image)
    found["integrated"] = apart(sums, theirs)
    double, exact = copy.deepcopy(net).double(), image.detach().double()
    truth = integrated(double, exact)
    from_truth = apart(sums, truth), apart(theirs, truth)
    units = turned_over(double, exact, target, gradient)
    window = max(side // 8, 1)
    stride = max(window // 2, 1)

    def probability(x):
        return torch.softmax(net(x), 1)

    with torch.no_grad():
        theirs = Occlusion(probability).attribute(image, target=target, sliding_window_shapes=(channels, window, window),
                                                  strides=(channels, stride, stride), baselines=0)
    found["occlusion"] = apart(ours("occlusion"), theirs[0, 0].numpy())
    cells = [f"{value:.1e}" for value in found.values()]
    cells += ["{:.1e}, {:.1e}".format(*from_truth), "{} of {}: {:.1e}".format(*units)]
    print(f"| `{name}` | `{path}` | " + " | ".join(cells) + " |", flush=True)
    judged = dict(found, gradient=units[2])
    if from_truth[0] <= 3 * from_truth[1]:
        judged["integrated"] = 0.0
    return max(judged.values())


def main():
    titles = ["network", "layer", "Grad-CAM", "LayerCAM", "gradient", "guided", "integrated", "occlusion"]
    titles += ["integrated, convnet's and captum's from double precision", "gradient with ReLUs turned over"]
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    with tempfile.TemporaryDirectory() as folder:
        worst = max(compare(name, Path(folder)) for name in sys.argv[1:] or NETS)
    print(f"largest {worst:.1e}, {ALLOWED:.0e} allowed")
    sys.exit(worst > ALLOWED)


if __name__ == "__main__":
    main()
