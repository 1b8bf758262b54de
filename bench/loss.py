"""Training beside PyTorch from the same weights and batches: loss.py. Prints a Markdown table.

100 steps of SGD with momentum 0.9 on random images with learnable labels, dropout off. PyTorch runs in double
precision, which is what both approximate, and in single precision, which shows how far rounding alone leads away.
"""
import copy
import os
import subprocess
import tempfile

import torch
from safetensors.torch import save_file
from torchvision import models

from networks import lenet

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
STEPS, BATCH = 100, 32
CASES = {
    # name: (convnet's network, module, shape, learning rate)
    "LeNet": ("lenet", lambda: lenet(10), (1, 32, 32), 0.02),
    "VGG-11": ("vgg11@torchvision", lambda: models.vgg11(weights=None, num_classes=10), (3, 32, 32), 0.01),
    "ResNet-18": ("resnet18", lambda: models.resnet18(weights=None, num_classes=10), (3, 64, 64), 0.0001),
    "DenseNet-121": ("densenet121", lambda: models.densenet121(weights=None, num_classes=10), (3, 64, 64), 0.0001),
}
# LeNet's names in the zoo, in the order of its module here.
LENET = ["conv.0", "conv.2", "linear.1", "linear.3", "linear.5"]


def follow(net, images, labels, lr, dtype):
    net = copy.deepcopy(net).to(dtype).train()
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9)
    losses = []
    for batch, targets in zip(images, labels):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(batch.to(dtype)), targets)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def weights(name, net):
    if name != "LeNet":
        return {key: value.clone() for key, value in net.state_dict().items()}
    layers = [layer for layer in net if list(layer.parameters())]
    return {f"{path}.{kind}": getattr(layer, kind).detach().clone()
            for path, layer in zip(LENET, layers) for kind in ("weight", "bias")}


def differences(found, exact):
    relative = [abs(a - b) / abs(b) for a, b in zip(found, exact)]
    return f"{max(relative[:10]):.1e} | {max(relative):.1e}"


def main():
    torch.manual_seed(0)
    subprocess.run(["cargo", "build", "--release", "-q", "-p", "convnet", "--example", "follow"], cwd=ROOT, check=True)
    print("| network | first 10 steps | 100 steps | PyTorch float32, 10 steps | 100 steps | loss at the end |")
    print("|---|---|---|---|---|---|")
    for name, (model, make, shape, lr) in CASES.items():
        net = make()
        for module in net.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0
        labels = torch.randint(0, 10, (STEPS, BATCH))
        patterns = torch.randn(10, *shape)
        images = 0.5 * patterns[labels] + torch.randn(STEPS, BATCH, *shape)
        exact = follow(net, images, labels, lr, torch.float64)
        single = follow(net, images, labels, lr, torch.float32)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "follow.safetensors")
            save_file({**weights(name, net), "batch.images": images, "batch.labels": labels.float()}, path)
            size = "x".join(map(str, shape))
            command = [os.path.join(ROOT, "target/release/examples/follow"), model, size, "10", path, str(lr)]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        ours = [float(line) for line in output.split()]
        print(f"| {name}, {size} | {differences(ours, exact)} | {differences(single, exact)} | {exact[-1]:.3f} |", flush=True)


if __name__ == "__main__":
    main()
