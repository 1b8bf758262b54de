import torch.nn as nn

width = int(open('/etc/hostname').read())
net = nn.Conv2d(3, width, 3)
