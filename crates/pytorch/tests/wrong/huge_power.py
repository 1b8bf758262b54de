import torch.nn as nn

net = nn.Sequential(nn.Conv2d(3, 9 ** 9 ** 9, 3))
