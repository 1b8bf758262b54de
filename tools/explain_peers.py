"""Compares `convnet explain` with the packages grad-cam and captum: the same weights, images, classes and layers.

    python tools/explain_peers.py [NET…]

For each network PyTorch's module is what `convnet show NET --format pytorch` writes, its weights are PyTorch's own initial
ones after some steps of training on noise, so that normalizations have statistics, and the image is a photo of noise and
shapes. Prints a line for each network: the largest difference of each map over its largest value. Ends with 1 if one is
above 1e-3. Needs torch, torchvision, numpy, Pillow, opencv (comes with grad-cam), grad-cam and captum; CONVNET is the program
[target/release/convnet].
"""

import inspect
import json
import os
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

CONVNET = os.environ.get("CONVNET", "target/release/convnet")
# Networks whose modules have the paths of `convnet show`.
NETS = ["lenet", "resnet18"]
ALLOWED = 1e-3


def convnet(*arguments):
    return subprocess.run([CONVNET, *map(str, arguments)], check=True, stdout=subprocess.PIPE, text=True).stdout


def network(name):
    """The module that convnet writes, without a final Softmax."""
    torch.manual_seed(0)
    scope = {"__name__": "net"}
    exec(compile(convnet("show", name, "--format", "pytorch"), "net.py", "exec"), scope)  # noqa: S102
    kinds = [kind for kind in scope.values() if isinstance(kind, type) and issubclass(kind, nn.Module)]
    # Blocks ask for arguments, the network does not.
    whole = [kind for kind in kinds if kind.__module__ == "net" and not inspect.signature(kind).parameters]
    net = whole[-1]()
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


def apart(ours, theirs):
    return float(numpy.abs(ours - theirs).max() / max(numpy.abs(theirs).max(), 1e-12))


def compare(name, folder):
    told = json.loads(convnet("show", name, "--format", "json"))
    _, channels, side, _ = told["input"]
    net = settle(network(name), channels, side)
    torch.save(net.state_dict(), folder / "w.pth")
    image = photo(folder / "photo.png", channels, side)
    target = 3

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
    found["gradient"] = apart(ours("gradient"), Saliency(net).attribute(image, target=target, abs=False)[0].detach().numpy())
    found["guided"] = apart(ours("guided"), GuidedBackprop(net).attribute(image, target=target)[0].detach().numpy())
    theirs = IntegratedGradients(net).attribute(image, target=target, n_steps=50, internal_batch_size=10)
    found["integrated"] = apart(ours("integrated"), theirs[0].detach().numpy())
    window = max(side // 8, 1)
    stride = max(window // 2, 1)

    def probability(x):
        return torch.softmax(net(x), 1)

    with torch.no_grad():
        theirs = Occlusion(probability).attribute(image, target=target, sliding_window_shapes=(channels, window, window),
                                                  strides=(channels, stride, stride), baselines=0)
    found["occlusion"] = apart(ours("occlusion"), theirs[0, 0].numpy())
    print(f"| `{name}` | `{path}` | " + " | ".join(f"{value:.1e}" for value in found.values()) + " |", flush=True)
    return max(found.values())


def main():
    print("| network | layer | Grad-CAM | LayerCAM | gradient | guided | integrated | occlusion |\n|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        worst = max(compare(name, Path(folder)) for name in sys.argv[1:] or NETS)
    print(f"largest {worst:.1e}, {ALLOWED:.0e} allowed")
    sys.exit(worst > ALLOWED)


if __name__ == "__main__":
    main()
