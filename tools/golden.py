"""Write PyTorch's logits, losses and gradients for the networks of the zoo, as golden files.

    python tools/golden.py [NETWORK…]

needs torch, torchvision and numpy, and writes crates/convnet/src/reference/golden/NETWORK.tsv. PyTorch runs
in float64. Weights and images are not stored: `recipe` below makes them from their names, and the Rust test
makes the same ones. A file holds, tab-separated:

    input     channels, height, width
    batch     images
    classes   classes
    logits    inference: batch x classes values (running statistics, no Softmax, no dropout)
    loss      training: cross-entropy, mean over the batch, auxiliary outputs weighted 0.3 (no dropout)
    gradient  parameter name, norm, sum, and elements at len*(2k + 1)/(2*samples) for k in 0..samples
    running   buffer name after one step, norm, sum
"""

import pathlib
import sys

import numpy as np
import torch
import torchvision
from torch import nn
from torch.nn import functional as F

FOLDER = pathlib.Path(__file__).parent.parent / "crates/convnet/src/reference/golden"


def recipe(name, shape, low, high):
    """Values in [low, high) that depend on the name and the element's index alone, rounded to float32."""
    key = 0x811C9DC5  # FNV-1a of the name
    for byte in name.encode():
        key = (key ^ byte) * 0x01000193 & 0xFFFFFFFF
    h = np.arange(int(np.prod(shape)), dtype=np.uint32) * np.uint32(0x9E3779B9) ^ np.uint32(key)
    # The finalizer of MurmurHash3.
    h = (h ^ (h >> np.uint32(16))) * np.uint32(0x85EBCA6B)
    h = (h ^ (h >> np.uint32(13))) * np.uint32(0xC2B2AE35)
    h ^= h >> np.uint32(16)
    unit = (h >> np.uint32(8)).astype(np.float64) / 2.0**24
    values = (low + (high - low) * unit).astype(np.float32)
    return torch.from_numpy(values.astype(np.float64).reshape(shape))


def interval(name, tensor):
    """The range of a tensor: weights keep the activations' size, normalizations stay near the identity."""
    if tensor.dim() > 1:
        bound = float(np.sqrt(np.float64(6.0) / (tensor.numel() // tensor.shape[0])))
        return -bound, bound
    if name.endswith("running_var") or name.endswith("weight"):
        return 0.5, 1.5
    return -0.25, 0.25


def lenet():
    net = nn.Module()
    net.conv = nn.Sequential(nn.Conv2d(1, 6, 5), nn.MaxPool2d(2), nn.Conv2d(6, 16, 5), nn.MaxPool2d(2))
    net.linear = nn.Sequential(
        nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)
    )
    net.forward = lambda x: net.linear(net.conv(x))
    return net


def alexnet_layers(norm):
    def normed(channels):
        return [nn.BatchNorm2d(channels)] if norm else []

    conv = nn.Sequential(
        nn.Conv2d(1, 96, 11, stride=4), nn.ReLU(), *normed(96), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(96, 256, 5, padding=2), nn.ReLU(), *normed(256), nn.MaxPool2d(3, stride=2),
        nn.Conv2d(256, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 384, 3, padding=1), nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1), nn.ReLU(), nn.MaxPool2d(3, stride=2),
    )  # fmt: skip
    linear = nn.Sequential(
        nn.Flatten(),
        nn.Linear(256, 4096), nn.ReLU(), nn.Dropout1d(0.5),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout1d(0.5),
        nn.Linear(4096, 10),
    )  # fmt: skip
    return conv, linear


def alexnet():
    net = nn.Module()
    net.conv, net.linear = alexnet_layers(True)
    net.forward = lambda x: net.linear(net.conv(x))
    return net


def alexnet_plain():
    return nn.Sequential(*alexnet_layers(False))


def vgg11():
    blocks, channels = [], 1
    for count, out in ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512)):
        layers = []
        for _ in range(count):
            layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
            channels = out
        blocks.append(nn.Sequential(*layers, nn.MaxPool2d(2)))
    return nn.Sequential(
        *blocks, nn.Flatten(),
        nn.Linear(512, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(4096, 10),
    )  # fmt: skip


def nin():
    def block(channels, out, kernel, stride, padding):
        first = nn.Conv2d(channels, out, kernel, stride, padding)
        rest = [nn.ReLU(), nn.Conv2d(out, out, 1), nn.ReLU(), nn.Conv2d(out, out, 1), nn.ReLU()]
        return nn.Sequential(first, *rest)

    return nn.Sequential(
        block(1, 96, 11, 4, 0), nn.MaxPool2d(3, stride=2),
        block(96, 256, 5, 1, 2), nn.MaxPool2d(3, stride=2),
        block(256, 384, 3, 1, 1), nn.MaxPool2d(3, stride=2), nn.Dropout(0.5),
        block(384, 10, 3, 1, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip


class Inception(nn.Module):
    def __init__(self, channels, c1, c2, c3, c4):
        super().__init__()
        self.p1 = nn.Sequential(nn.Conv2d(channels, c1, 1), nn.ReLU())
        self.p2 = nn.Sequential(nn.Conv2d(channels, c2[0], 1), nn.Conv2d(*c2, 3, padding=1), nn.ReLU())
        self.p3 = nn.Sequential(nn.Conv2d(channels, c3[0], 1), nn.Conv2d(*c3, 5, padding=2), nn.ReLU())
        self.p4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), nn.Conv2d(channels, c4, 1), nn.ReLU())

    def forward(self, x):
        return torch.cat([self.p1(x), self.p2(x), self.p3(x), self.p4(x)], dim=1)


def googlenet():
    def pool():
        return nn.MaxPool2d(3, stride=2, padding=1)

    return nn.Sequential(
        nn.Sequential(nn.Conv2d(1, 64, 7, stride=2, padding=3), nn.ReLU(), pool()),
        nn.Sequential(nn.Conv2d(64, 64, 1), nn.ReLU(), nn.Conv2d(64, 192, 3, padding=1), nn.ReLU(), pool()),
        nn.Sequential(
            Inception(192, 64, (96, 128), (16, 32), 32),
            Inception(256, 128, (128, 192), (32, 96), 64),
            pool(),
        ),
        nn.Sequential(
            Inception(480, 192, (96, 208), (16, 48), 64),
            Inception(512, 160, (112, 224), (24, 64), 64),
            Inception(512, 128, (128, 256), (24, 64), 64),
            Inception(512, 112, (144, 288), (32, 64), 64),
            Inception(528, 256, (160, 320), (32, 128), 128),
            pool(),
        ),
        nn.Sequential(
            Inception(832, 256, (160, 320), (32, 128), 128),
            Inception(832, 384, (192, 384), (48, 128), 128),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, 10),
        ),
    )  # fmt: skip


class DenseBlock(nn.Module):
    def __init__(self, count, channels, growth):
        super().__init__()
        self.net = nn.Sequential(*[self.layer(channels + i * growth, growth) for i in range(count)])

    @staticmethod
    def layer(channels, growth):
        return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, growth, 3, padding=1))

    def forward(self, x):
        for layer in self.net:
            x = torch.cat([x, layer(x)], dim=1)
        return x


def densenet():
    stem = [nn.Conv2d(1, 64, 7, stride=2, padding=3), nn.BatchNorm2d(64), nn.ReLU()]
    blocks, channels = [nn.Sequential(*stem, nn.MaxPool2d(3, stride=2, padding=1))], 64
    for i in range(4):
        blocks.append(DenseBlock(4, channels, 32))
        channels += 4 * 32
        if i < 3:
            conv = nn.Conv2d(channels, channels // 2, 1)
            blocks.append(nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), conv, nn.AvgPool2d(2)))
            channels //= 2
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)]
    return nn.Sequential(*blocks, nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(), *head))


def torchvision_model(name, **options):
    return lambda: getattr(torchvision.models, name)(weights=None, num_classes=10, **options)


# Name in the zoo: constructor, input, batch.
NETWORKS = {
    "lenet": (lenet, (1, 32, 32), 4),
    "alexnet": (alexnet, (1, 79, 79), 3),
    "alexnet-plain": (alexnet_plain, (1, 79, 79), 2),
    "vgg11": (vgg11, (1, 32, 32), 2),
    "nin": (nin, (1, 79, 79), 2),
    "googlenet": (googlenet, (1, 64, 64), 2),
    "densenet": (densenet, (1, 64, 64), 3),
    "alexnet@torchvision": (torchvision_model("alexnet"), (3, 63, 63), 2),
    "googlenet@torchvision": (
        torchvision_model("googlenet", aux_logits=True, init_weights=False),
        (3, 64, 64),
        3,
    ),
    "resnet18@torchvision": (torchvision_model("resnet18"), (3, 64, 64), 3),
    "resnet50@torchvision": (torchvision_model("resnet50"), (3, 40, 40), 3),
    "densenet121@torchvision": (torchvision_model("densenet121"), (3, 64, 64), 3),
}


def prepare(net):
    """Weights by the recipe; no dropout; the float32 constants that a float32 engine has."""
    net.double()
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                tensor.copy_(recipe(name, tuple(tensor.shape), *interval(name, tensor)))
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = float(np.float32(module.eps))
            module.momentum = float(np.float32(module.momentum))
        if isinstance(module, (nn.Dropout, nn.Dropout1d)):
            module.p = 0.0


def line(kind, *fields):
    return "\t".join([kind, *[f if isinstance(f, str) else f"{f:.12g}" for f in fields]]) + "\n"


def summary(tensor, samples):
    flat = tensor.detach().reshape(-1)
    picked = [flat[len(flat) * (2 * k + 1) // (2 * samples)].item() for k in range(samples)]
    return [flat.norm().item(), flat.sum().item(), *picked]


def write(name):
    constructor, shape, batch = NETWORKS[name]
    net = constructor()
    prepare(net)
    images = recipe("input", (batch, *shape), -1.0, 1.0)
    net.eval()
    with torch.no_grad():
        logits = net(images)
    classes = logits.shape[1]
    labels = torch.tensor([(7 * i + 3) % classes for i in range(batch)])
    net.train()
    outputs = net(images)
    if isinstance(outputs, torch.Tensor):
        loss = F.cross_entropy(outputs, labels)
    else:
        loss = F.cross_entropy(outputs.logits, labels)
        for auxiliary in (outputs.aux_logits1, outputs.aux_logits2):
            loss = loss + float(np.float32(0.3)) * F.cross_entropy(auxiliary, labels)
    loss.backward()
    parameters = list(net.named_parameters())
    samples = 8 if len(parameters) <= 64 else 3
    text = "# Made by tools/golden.py, which tells the format.\n"
    text += line("input", *shape) + line("batch", batch) + line("classes", classes)
    text += line("logits", *logits.reshape(-1).tolist()) + line("loss", loss.item())
    for key, parameter in parameters:
        text += line("gradient", key, *summary(parameter.grad, samples))
    for key, buffer in net.named_buffers():
        if not key.endswith("num_batches_tracked"):
            text += line("running", key, *summary(buffer, 0))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.tsv").write_text(text)
    print(f"{name}: loss {loss.item():.6f}, {len(text)} bytes")


if __name__ == "__main__":
    torch.set_num_threads(1)
    for network in sys.argv[1:] or NETWORKS:
        write(network)
