"""Network in network: after each convolution two of 1 x 1, a small perceptron at every pixel; no linear layer at all.

After Lin et al., Network in network, 2013.
"""
import torch
import torch.nn.functional as F
from torch import nn


class Perceptron(nn.Sequential):
    """A convolution that looks around, and two that mix the channels of one pixel."""

    def __init__(self, inputs, outputs, kernel, stride=1, padding=0):
        layers = [nn.Conv2d(inputs, outputs, kernel, stride, padding), nn.ReLU()]
        for _ in range(2):
            layers += [nn.Conv2d(outputs, outputs, 1), nn.ReLU()]
        super().__init__(*layers)


class NiN(nn.Module):
    def __init__(self, channels=1, classes=10):
        super().__init__()
        self.mlp1 = Perceptron(channels, 96, kernel=11, stride=4)
        self.pool1 = nn.MaxPool2d(3, stride=2)
        self.mlp2 = Perceptron(96, 256, kernel=5, padding=2)
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.mlp3 = Perceptron(256, 384, kernel=3, padding=1)
        self.pool3 = nn.MaxPool2d(3, stride=2)
        self.dropout = nn.Dropout(0.5)
        # One map for each class; its mean is the class's score.
        self.mlp4 = Perceptron(384, classes, kernel=3, padding=1)
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()

    def forward(self, x):
        x = self.pool1(self.mlp1(x))
        x = self.pool2(self.mlp2(x))
        x = self.dropout(self.pool3(self.mlp3(x)))
        return self.flatten(self.average(self.mlp4(x)))


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
    model = NiN()
    scores = listing(model, (1, 1, 224, 224))
    print(F.softmax(scores, dim=1))
