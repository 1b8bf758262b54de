import torch.nn as nn

total = 0
for i in range(10 ** 9):
    total += i
net = nn.Sequential(nn.Conv2d(3, total, 3))
