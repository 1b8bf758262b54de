"""DenseNet: each layer sees the maps of all layers before it, and adds a few of its own.

After Huang et al., Densely connected convolutional networks, 2016.
"""
import torch
import torch.nn.functional as F
from torch import nn


def conv(inputs, outputs, kernel):
    """Normalization and ReLU come first here: what is joined stays as the convolution gave it."""
    return nn.Sequential(nn.BatchNorm2d(inputs), nn.ReLU(), nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2))


class Dense(nn.Module):
    def __init__(self, inputs, growth, depth):
        super().__init__()
        self.layers = nn.ModuleList(conv(inputs + i * growth, growth, 3) for i in range(depth))
        self.outputs = inputs + depth * growth

    def forward(self, x):
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


class DenseNet(nn.Module):
    def __init__(self, depths=(4, 4, 4, 4), width=64, growth=32, channels=1, classes=10):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, width, 7, stride=2, padding=3),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        for number, depth in enumerate(depths, start=1):
            block = Dense(width, growth, depth)
            self.add_module(f"dense{number}", block)
            width = block.outputs
            if number < len(depths):
                # Between blocks half the maps and half the size: else both would only grow.
                self.add_module(f"transition{number}", nn.Sequential(conv(width, width // 2, 1), nn.AvgPool2d(2)))
                width //= 2
        self.norm = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU())
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(width, classes)

    def forward(self, x):
        for layer in self.children():
            x = layer(x)
        return x


def listing(network, size):
    """Runs a random image through the network and prints the shape after each of its children."""
    network.eval()
    x = torch.randn(size)
    print(f"{'input':>12} : {tuple(x.shape)}")
    for name, layer in network.named_children():
        x = layer(x)
        print(f"{name:>12} : {tuple(x.shape)}")
    return x


if __name__ == "__main__":
    model = DenseNet()
    scores = listing(model, (1, 1, 224, 224))
    print(F.softmax(scores, dim=1))
