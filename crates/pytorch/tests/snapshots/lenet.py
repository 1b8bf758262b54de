"""LeNet: images of 1 × 32 × 32, 10 classes.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner: Gradient-Based Learning Applied to Document
Recognition. Proceedings of the IEEE 86(11), 1998.

Max pooling, no activation after the convolutions, ReLU between the linear layers and a Softmax
at the end, as in the tutorial.

Written by convnet from lenet, whose weights have the same names.
"""

import torch
from torch import nn

INPUT_SIZE = (1, 32, 32)


class LeNet(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.conv = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5),
            nn.MaxPool2d(kernel_size=2),
            nn.Conv2d(6, 16, kernel_size=5),
            nn.MaxPool2d(kernel_size=2),
        )
        self.linear = nn.Sequential(
            nn.Flatten(),
            nn.Linear(400, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, num_classes),
            nn.Softmax(dim=1),
        )

    def forward(self, x):
        x = self.conv(x)
        return self.linear(x)


if __name__ == "__main__":
    model = LeNet().eval()
    images = torch.randn(1, *INPUT_SIZE)
    print(model(images).shape)
