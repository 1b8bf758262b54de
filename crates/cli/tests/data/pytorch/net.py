"""A small network for 28 × 28 grey images: a block that adds, a fixed scale, a vector of features."""

import torch
from torch import nn
from torch.nn import functional as F

INPUT_SIZE = (1, 28, 28)


class Block(nn.Module):
    def __init__(self, channels, kernel_size=3):
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return F.relu(x + self.norm(self.conv(x)))


class Scale(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.register_buffer("weight", torch.ones(channels))
        self.register_buffer("bias", torch.zeros(channels))

    def forward(self, x):
        return x * self.weight.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)


class Small(nn.Module):
    def __init__(self, width=6, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 5, stride=2)
        self.scale = Scale(width)
        self.blocks = nn.Sequential(Block(width), Block(width, 5))
        self.head = nn.Linear(width * 3 * 3, num_classes)

    def forward(self, x):
        x = F.relu(self.scale(self.stem(x)))
        x = F.max_pool2d(self.blocks(x), 4)
        return self.head(x.flatten(1))
