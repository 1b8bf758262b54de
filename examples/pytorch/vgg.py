"""VGG-11: nothing but 3 x 3 convolutions, in blocks that end by halving height and width.

After Simonyan and Zisserman, Very deep convolutional networks for large-scale image recognition, 2014.
"""
from collections import OrderedDict

import torch
import torch.nn.functional as F
from torch import nn

# How many convolutions a block has, and how many maps they give.
VGG11 = [(1, 64), (1, 128), (2, 256), (2, 512), (2, 512)]


def block(inputs, outputs, depth):
    layers = []
    for i in range(depth):
        # Only the first convolution of a block sees the maps of the block before.
        layers += [nn.Conv2d(inputs if i == 0 else outputs, outputs, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2))


def vgg(plan=VGG11, channels=1, classes=10, size=224):
    layers = OrderedDict()
    for number, (depth, outputs) in enumerate(plan, start=1):
        layers[f"block{number}"] = block(channels, outputs, depth)
        channels = outputs
        size //= 2
    layers["flatten"] = nn.Flatten()
    layers["fc1"] = nn.Sequential(nn.Linear(channels * size * size, 4096), nn.ReLU(), nn.Dropout(0.5))
    layers["fc2"] = nn.Sequential(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5))
    layers["fc3"] = nn.Linear(4096, classes)
    return nn.Sequential(layers)


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
    model = vgg()
    scores = listing(model, (1, 1, 224, 224))
    print(F.softmax(scores, dim=1))
