import torch
from torch import nn
from torch.nn import functional as F


class Inception(nn.Module):
    def __init__(self, inputs, c1, c3, c5, pooled):
        super().__init__()
        self.branch1 = nn.Conv2d(inputs, c1, kernel_size=1)
        self.branch3 = nn.Sequential(nn.Conv2d(inputs, c3[0], kernel_size=1), nn.ReLU(),
                                     nn.Conv2d(c3[0], c3[1], kernel_size=3, padding=1))
        self.branch5 = nn.Sequential(nn.Conv2d(inputs, c5[0], kernel_size=1), nn.ReLU(),
                                     nn.Conv2d(c5[0], c5[1], kernel_size=5, padding=2))
        self.branch_pool = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1),
                                         nn.Conv2d(inputs, pooled, kernel_size=1))

    def forward(self, x):
        branches = [self.branch1(x), self.branch3(x), self.branch5(x), self.branch_pool(x)]
        return F.relu(torch.cat(*branches, dim=1))


class GoogLe(nn.Module):
    def __init__(self, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, kernel_size=3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
        self.a3 = Inception(64, 32, (32, 48), (8, 16), 16)
        self.b3 = Inception(112, 48, (48, 64), (8, 24), 24)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(160, num_classes))

    def forward(self, x):
        x = self.stem(x)
        x = self.b3(self.a3(x))
        return self.head(x)
