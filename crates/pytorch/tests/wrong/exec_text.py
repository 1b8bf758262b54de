import torch.nn as nn

exec('width = 1 / 0')
net = nn.Conv2d(3, width, 3)
