"""AlexNet: larger kernels first, three convolutions in a row, and dropout before the wide linear layers.

After Krizhevsky et al., ImageNet classification with deep convolutional neural networks, 2012, for one grey channel.
"""
import torch
import torch.nn.functional as F
from torch import nn


def conv(inputs, outputs, kernel, **options):
    """A convolution and its ReLU: the pair that the whole network is made of."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, **options), nn.ReLU())


class AlexNet(nn.Module):
    def __init__(self, channels=1, classes=10):
        super().__init__()
        # (224 - 11) // 4 + 1 = 54: a stride of 4 looks at every fourth pixel.
        self.conv1 = conv(channels, 96, 11, stride=4)
        self.pool1 = nn.MaxPool2d(3, stride=2)
        # Half the kernel as padding keeps height and width.
        self.conv2 = conv(96, 256, 5, padding=2)
        self.pool2 = nn.MaxPool2d(3, stride=2)
        self.conv3 = conv(256, 384, 3, padding=1)
        self.conv4 = conv(384, 384, 3, padding=1)
        self.conv5 = conv(384, 256, 3, padding=1)
        self.pool5 = nn.MaxPool2d(3, stride=2)
        self.flatten = nn.Flatten()
        # Dropout zeroes half of the numbers in training, and does nothing afterwards.
        self.fc6 = nn.Sequential(nn.Linear(256 * 5 * 5, 4096), nn.ReLU(), nn.Dropout(0.5))
        self.fc7 = nn.Sequential(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5))
        self.fc8 = nn.Linear(4096, classes)

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
    model = AlexNet()
    scores = listing(model, (1, 1, 224, 224))
    print(F.softmax(scores, dim=1))
