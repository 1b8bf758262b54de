import _torch
from torch import nn
from torchvision.ops.misc import (
    MLP, Conv2dNormActivation, ConvNormActivation, FrozenBatchNorm2d, Permute, SqueezeExcitation,
)


def stochastic_depth(input, p, mode, training=True):
    if p < 0.0 or p > 1.0:
        raise ValueError(f'drop probability has to be between 0 and 1, but got {p}')
    if mode not in ['batch', 'row']:
        raise ValueError(f"mode has to be either 'batch' or 'row', but got {mode}")
    if p == 0.0 or not training:
        return input
    if mode == 'batch':
        return _torch.missing(input, 'stochastic_depth')
    return _torch.stochastic_depth(input, p, training)


class StochasticDepth(nn.Module):
    def __init__(self, p, mode):
        super().__init__()
        self.p = p
        self.mode = mode

    def forward(self, input):
        return stochastic_depth(input, self.p, self.mode, self.training)

    def __repr__(self):
        return f'{self.__class__.__name__}(p={self.p}, mode={self.mode})'
