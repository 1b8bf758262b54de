import torch.nn as nn

layers = [nn.ReLU()]
while len(layers) < 10 ** 12:
    layers = layers + layers
net = nn.Sequential(*layers)
