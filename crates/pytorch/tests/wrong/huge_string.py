import torch.nn as nn

name = "conv" * 10 ** 12
net = nn.Sequential(nn.Conv2d(3, 8, 3))
