import _torch
from torch.nn.modules.module import Module


class Absent(Module):
    """A layer that PyTorch has and convnet has not: it can be made, not called."""

    def __init__(self, *args, **kwargs):
        _torch.module_init(self)

    def forward(self, *args, **kwargs):
        return _torch.absent(self)

    def __getattr__(self, name):
        return _torch.absent_attribute(self, name)
