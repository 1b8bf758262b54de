"""Compares `convnet explain` with the packages grad-cam and captum: the same weights, images, classes and layers.

    python tools/explain_peers.py [NET…]

For each network PyTorch's module is what `convnet show NET --format pytorch` writes, its weights are PyTorch's own initial
ones after some steps of training on noise, so that normalizations have statistics, and the image is a photo of noise and
shapes. Prints a line for each network: the largest difference of each map over its largest value.

A ReLU that reads nearly nothing may be open in one program and shut in another, by rounding alone, and of two nearly equal cells
of a max-pool's window another one may win: the gradient of all that they see is another one then. So what each ReLU gives in convnet
is read from it (`--what maps`), and PyTorch's gradient in double precision is taken with convnet's choices: how many of them
are other than its own, and how far convnet's gradient is from that one, stands in the last column. Integrated gradients are the mean of
fifty such gradients: both programs' distance from double precision is told instead. Ends with 1 if a map is above 1e-3, the gradient by
the last column, integrated gradients if they are also further from double precision than three times captum's. Needs torch, torchvision,
numpy, Pillow, opencv (comes with grad-cam), grad-cam and captum; CONVNET is the program [target/release/convnet].
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


class AsConvnet:
    """PyTorch's ReLUs and max-pools with convnet's choices: which ReLUs are open, and which cell of a window won, are read from
    what convnet computed. `read` gives that of the ReLU of a number, in the order of the network's layers, or None of vectors."""

    def __init__(self, read):
        self.read, self.number, self.others, self.known = read, 0, 0, {}

    def __enter__(self):
        self.kept = functional.relu, functional.max_pool2d, torch.cat
        functional.relu, functional.max_pool2d, torch.cat = self.relu, self.pool, self.cat
        return self

    def __exit__(self, *_):
        functional.relu, functional.max_pool2d, torch.cat = self.kept

    def remember(self, tensor, ours):
        # The tensor is kept as well, so that its number is no other's.
        self.known[id(tensor)] = tensor, ours
        return tensor

    def ours(self, tensor):
        return self.known[id(tensor)][1] if id(tensor) in self.known else tensor.detach()

    def relu(self, x, inplace=False):
        ours = self.read(self.number)
        self.number += 1
        if ours is None:
            return self.kept[0](x)
        ours = ours.to(x.dtype)
        assert ours.shape == x.shape, f"ReLU {self.number - 1} is {tuple(ours.shape)} in convnet, {tuple(x.shape)} in PyTorch"
        away = (ours - self.kept[0](x.detach())).abs().max() / ours.abs().max()
        assert away < 1e-4, f"ReLU {self.number - 1} is another one: {away:.1e} apart"
        self.others += int(((ours > 0) != (x > 0)).sum())
        return self.remember(x * (ours > 0).to(x.dtype), ours)

    def pool(self, x, *settings, return_indices=False, **named):
        ours = self.ours(x)
        values, winners = self.kept[1](ours, *settings, return_indices=True, **named)
        _, exact = self.kept[1](x.detach(), *settings, return_indices=True, **named)
        # Where all cells are shut, it does not matter which one wins.
        self.others += int(((winners != exact) & (values > 0)).sum())
        chosen = x.flatten(2).gather(2, winners.flatten(2)).view_as(values)
        return self.remember(chosen, values)

    def cat(self, tensors, dim=0):
        return self.remember(self.kept[2](tensors, dim), self.kept[2]([self.ours(tensor) for tensor in tensors], dim))

    def gradient(self, net, image, target):
        x = image.detach().clone().requires_grad_(True)
        net(x)[0, target].backward()
        return x.grad[0].numpy()


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

    def values(what, *more):
        out = folder / "out.npy"
        convnet("explain", name, "--exact", "--weights", folder / "w.pth", "--preprocess", "plain", folder / "photo.png", "--what",
                what, "-o", out, *more)
        return numpy.load(out)[0]

    def ours(what, *more):
        return values(what, "--class", target, *more)[0]

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
    relus = [layer for layer in told["layers"] if layer["op"] == "ReLU" and not layer["auxiliary"]]

    def read(number):
        wide = len(relus[number]["output"]) == 4 and relus[number]["output"][2] * relus[number]["output"][3] > 1
        return torch.from_numpy(values("maps", "--layer", relus[number]["path"]))[None] if wide else None

    with AsConvnet(read) as chosen:
        forced = chosen.gradient(double, exact, target)
    assert chosen.number == len(relus), f"{chosen.number} ReLUs in PyTorch, {len(relus)} in convnet"
    units = chosen.others, apart(gradient, forced)
    window = max(side // 8, 1)
    stride = max(window // 2, 1)

    def probability(x):
        return torch.softmax(net(x), 1)

    with torch.no_grad():
        theirs = Occlusion(probability).attribute(image, target=target, sliding_window_shapes=(channels, window, window),
                                                  strides=(channels, stride, stride), baselines=0)
    found["occlusion"] = apart(ours("occlusion"), theirs[0, 0].numpy())
    cells = [f"{value:.1e}" for value in found.values()]
    cells += ["{:.1e}, {:.1e}".format(*from_truth), "{}: {:.1e}".format(*units)]
    print(f"| `{name}` | `{path}` | " + " | ".join(cells) + " |", flush=True)
    judged = dict(found, gradient=units[1])
    if from_truth[0] <= 3 * from_truth[1]:
        judged["integrated"] = 0.0
    return max(judged.values())


def main():
    titles = ["network", "layer", "Grad-CAM", "LayerCAM", "gradient", "guided", "integrated", "occlusion"]
    titles += ["integrated, convnet's and captum's from double precision", "other choices, and the gradient with convnet's"]
    print(f"| {' | '.join(titles)} |\n|{'---|' * len(titles)}")
    with tempfile.TemporaryDirectory() as folder:
        worst = max(compare(name, Path(folder)) for name in sys.argv[1:] or NETS)
    print(f"largest {worst:.1e}, {ALLOWED:.0e} allowed")
    sys.exit(worst > ALLOWED)


if __name__ == "__main__":
    main()
