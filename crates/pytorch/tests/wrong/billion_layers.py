import torch.nn as nn

net = nn.Sequential(*[nn.ReLU() for _ in range(10 ** 9)])
