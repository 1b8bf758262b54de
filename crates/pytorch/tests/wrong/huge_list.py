import torch.nn as nn

widths = [0] * 10 ** 12
net = nn.Sequential(nn.Conv2d(3, widths[0] + 1, 3))
