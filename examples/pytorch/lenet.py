"""LeNet-5: two convolutions find strokes, three linear layers tell the digit.

After LeCun et al., Gradient-based learning applied to document recognition, 1998. A grey image of 32 x 32 pixels.
"""
import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        # A 5 x 5 kernel without padding takes 2 pixels from each side: 32 becomes 28, and pooling halves it to 14.
        self.conv1 = nn.Conv2d(1, 6, kernel_size=5)
        self.pool1 = nn.MaxPool2d(2)
        self.conv2 = nn.Conv2d(6, 16, kernel_size=5)
        self.pool2 = nn.MaxPool2d(2)
        # 16 maps of 5 x 5 become one row of 400 numbers: what `fc1` must expect.
        self.flatten = nn.Flatten()
        self.fc1 = nn.Sequential(nn.Linear(16 * 5 * 5, 120), nn.ReLU())
        self.fc2 = nn.Sequential(nn.Linear(120, 84), nn.ReLU())
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x):
        x = self.pool1(self.conv1(x))
        x = self.pool2(self.conv2(x))
        x = self.flatten(x)
        return self.fc3(self.fc2(self.fc1(x)))


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
    model = LeNet()
    scores = listing(model, (1, 1, 32, 32))
    print(F.softmax(scores, dim=1))
