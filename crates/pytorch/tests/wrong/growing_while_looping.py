import torch.nn as nn

widths = [16]
for width in widths:
    widths.append(width * 2)
net = nn.Sequential(nn.Conv2d(3, widths[0], 3))
