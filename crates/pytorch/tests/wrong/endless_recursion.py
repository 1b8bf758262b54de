import torch.nn as nn


def block(depth):
    return nn.Sequential(nn.ReLU(), block(depth + 1))


net = block(0)
