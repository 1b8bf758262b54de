"""VGG-11: images of 1 × 224 × 224, 10 classes.

K. Simonyan, A. Zisserman: Very Deep Convolutional Networks for Large-Scale Image Recognition.
International Conference on Learning Representations (ICLR 2015), 2015.

Written by convnet from vgg11, whose weights have the same names.
"""

import torch
from torch import nn

INPUT_SIZE = (1, 224, 224)


def vgg_block(in_channels, out_channels, depth):
    layers = [nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1), nn.ReLU()]
    for _ in range(1, depth):
        layers += [nn.Conv2d(out_channels, out_channels, kernel_size=3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(kernel_size=2))


def vgg11(num_classes=10):
    net = nn.Sequential(
        vgg_block(1, 64, 1),
        vgg_block(64, 128, 1),
        vgg_block(128, 256, 2),
        vgg_block(256, 512, 2),
        vgg_block(512, 512, 2),
        nn.Flatten(),
        nn.Linear(25088, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, 4096),
        nn.ReLU(),
        nn.Dropout(),
        nn.Linear(4096, num_classes),
        nn.Softmax(dim=1),
    )

    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)
    return net


if __name__ == "__main__":
    model = vgg11().eval()
    images = torch.randn(1, *INPUT_SIZE)
    print(model(images).shape)
