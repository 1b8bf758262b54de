"""DenseNet-121: images of 3 × 224 × 224, 1000 classes.

G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger: Densely Connected Convolutional Networks.
IEEE Conference on Computer Vision and Pattern Recognition (CVPR 2017), 2017.

Written by convnet from densenet121@torchvision, whose weights have the same names.
"""

from collections import OrderedDict

import torch
from torch import nn

INPUT_SIZE = (3, 224, 224)


class _DenseLayer(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU()
        self.conv1 = nn.Conv2d(in_channels, 128, kernel_size=1, bias=False)
        self.norm2 = nn.BatchNorm2d(128)
        self.relu2 = nn.ReLU()
        self.conv2 = nn.Conv2d(128, 32, kernel_size=3, padding=1, bias=False)

    def forward(self, x):
        x = self.relu1(self.norm1(x))
        x = self.relu2(self.norm2(self.conv1(x)))
        return self.conv2(x)


class _Transition(nn.Module):
    def __init__(self, in_channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.conv = nn.Conv2d(in_channels, in_channels // 2, kernel_size=1, bias=False)
        self.pool = nn.AvgPool2d(kernel_size=2)

    def forward(self, x):
        x = self.relu(self.norm(x))
        x = self.conv(x)
        return self.pool(x)


class _DenseBlock(nn.Module):
    def __init__(self, in_channels, depth):
        super().__init__()
        for i in range(depth):
            self.add_module(f"denselayer{i + 1}", _DenseLayer(in_channels + i * 32))

    def forward(self, x):
        for layer in self.children():
            x = torch.cat([x, layer(x)], dim=1)
        return x


class DenseNet(nn.Module):
    def __init__(self, num_classes=1000):
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                [
                    ("conv0", nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)),
                    ("norm0", nn.BatchNorm2d(64)),
                    ("relu0", nn.ReLU()),
                    ("pool0", nn.MaxPool2d(kernel_size=3, stride=2, padding=1)),
                    ("denseblock1", _DenseBlock(64, 6)),
                    ("transition1", _Transition(256)),
                    ("denseblock2", _DenseBlock(128, 12)),
                    ("transition2", _Transition(512)),
                    ("denseblock3", _DenseBlock(256, 24)),
                    ("transition3", _Transition(1024)),
                    ("denseblock4", _DenseBlock(512, 16)),
                    ("norm5", nn.BatchNorm2d(1024)),
                ]
            )
        )
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.classifier = nn.Linear(1024, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, x):
        x = self.relu(self.features(x))
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.classifier(x)


if __name__ == "__main__":
    model = DenseNet().eval()
    images = torch.randn(1, *INPUT_SIZE)
    print(model(images).shape)
