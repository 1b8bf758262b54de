"""ResNet-18: a block adds what it has found to what it was given, so that depth costs no signal.

After He et al., Deep residual learning for image recognition, 2015.
"""
import torch
import torch.nn.functional as F
from torch import nn


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride=1):
        super().__init__()
        # No bias: the batch normalization that follows has one.
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        # Both sides of the sum need one shape: where the block changes it, the shortcut does so too.
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        kept = x if self.shortcut is None else self.shortcut(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        x += kept
        return F.relu(x)


class ResNet(nn.Module):
    def __init__(self, depths=(2, 2, 2, 2), channels=1, classes=10):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        inputs = 64
        for i, depth in enumerate(depths):
            outputs = 64 * 2 ** i
            blocks = [Residual(inputs, outputs, stride=1 if i == 0 else 2)]
            blocks += [Residual(outputs, outputs) for _ in range(depth - 1)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
            inputs = outputs
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(inputs, classes)

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
    model = ResNet()
    scores = listing(model, (1, 1, 224, 224))
    print(F.softmax(scores, dim=1))
