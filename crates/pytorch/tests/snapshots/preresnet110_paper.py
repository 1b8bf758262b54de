"""Pre-activation ResNet-110 for CIFAR: images of 3 × 32 × 32, 10 classes.

K. He, X. Zhang, S. Ren, J. Sun: Identity Mappings in Deep Residual Networks. European
Conference on Computer Vision (ECCV 2016), 2016.

Shortcuts that change size are 1 × 1 convolutions of the activated input.

Written by convnet from preresnet110@paper, whose weights have the same names.
"""

import torch
from torch import nn

INPUT_SIZE = (3, 32, 32)


class PreActBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1, shortcut_from_relu=False):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU()
        self.conv1 = nn.Conv2d(
            in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False
        )
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1, bias=False)
        self.shortcut = None
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Conv2d(
                in_channels, out_channels, kernel_size=1, stride=stride, bias=False
            )
        self.shortcut_from_relu = shortcut_from_relu

    def forward(self, x):
        out = self.relu(self.bn1(x))
        y = self.relu(self.bn2(self.conv1(out)))
        y = self.conv2(y)
        if self.shortcut is not None:
            shortcut = self.shortcut(out)
        elif self.shortcut_from_relu:
            shortcut = out
        else:
            shortcut = x
        return y + shortcut


def make_layer(in_channels, out_channels, depth, stride=1, shortcut_from_relu=False):
    layers = [
        PreActBlock(in_channels, out_channels, stride=stride, shortcut_from_relu=shortcut_from_relu)
    ]
    for _ in range(1, depth):
        layers.append(PreActBlock(out_channels, out_channels))
    return nn.Sequential(*layers)


class PreActivationResNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1, bias=False)
        self.layer1 = make_layer(16, 16, 18, shortcut_from_relu=True)
        self.layer2 = make_layer(16, 32, 18, stride=2)
        self.layer3 = make_layer(32, 64, 18, stride=2)
        self.bn = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64, num_classes)

        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, nn.Linear):
                nn.init.zeros_(module.bias)

    def forward(self, x):
        x = self.conv1(x)
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.relu(self.bn(self.layer3(x)))
        x = self.avgpool(x)
        x = torch.flatten(x, 1)
        return self.fc(x)


if __name__ == "__main__":
    model = PreActivationResNet().eval()
    images = torch.randn(1, *INPUT_SIZE)
    print(model(images).shape)
