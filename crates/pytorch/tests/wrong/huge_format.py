import torch.nn as nn

name = "%*d" % (10 ** 11, 1) + f"{1:>99999999999}"
net = nn.Sequential(nn.Conv2d(3, 8, 3))
