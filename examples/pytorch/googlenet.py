"""GoogLeNet: blocks that look at four sizes at once and lay the answers side by side.

After Szegedy et al., Going deeper with convolutions, 2014, without the auxiliary classifiers.
"""
import torch
import torch.nn.functional as F
from torch import nn


def conv(inputs, outputs, kernel, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2), nn.ReLU())


class Inception(nn.Module):
    """Four branches of one height and width, joined along the channels."""

    def __init__(self, inputs, one, three, five, pooled):
        super().__init__()
        self.one = conv(inputs, one, 1)
        # A 1 x 1 convolution first: fewer channels make the larger kernel cheap.
        self.three = nn.Sequential(conv(inputs, three[0], 1), conv(three[0], three[1], 3))
        self.five = nn.Sequential(conv(inputs, five[0], 1), conv(five[0], five[1], 5))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(inputs, pooled, 1))
        self.outputs = one + three[1] + five[1] + pooled

    def forward(self, x):
        return torch.cat([branch(x) for branch in self.children()], dim=1)


STAGES = [
    [(64, (96, 128), (16, 32), 32), (128, (128, 192), (32, 96), 64)],
    [(192, (96, 208), (16, 48), 64), (160, (112, 224), (24, 64), 64), (128, (128, 256), (24, 64), 64),
     (112, (144, 288), (32, 64), 64), (256, (160, 320), (32, 128), 128)],
    [(256, (160, 320), (32, 128), 128), (384, (192, 384), (48, 128), 128)],
]


class GoogLeNet(nn.Module):
    def __init__(self, channels=1, classes=10):
        super().__init__()
        self.stem1 = nn.Sequential(conv(channels, 64, 7, stride=2), nn.MaxPool2d(3, stride=2, padding=1))
        self.stem2 = nn.Sequential(conv(64, 64, 1), conv(64, 192, 3))
        channels = 192
        for number, stage in enumerate(STAGES, start=3):
            blocks = [nn.MaxPool2d(3, stride=2, padding=1)]
            for widths in stage:
                blocks.append(Inception(channels, *widths))
                channels = blocks[-1].outputs
            self.add_module(f"stage{number}", nn.Sequential(*blocks))
        self.average = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(channels, classes)

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
    model = GoogLeNet()
    scores = listing(model, (1, 1, 224, 224))
    print(F.softmax(scores, dim=1))
