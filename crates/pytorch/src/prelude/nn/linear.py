import _torch
from torch.nn.modules.module import Module
from torch.nn.parameter import Parameter


class Identity(Module):
    def __init__(self, *args, **kwargs):
        _torch.module_init(self)

    def forward(self, input):
        return _torch.identity(input)


class Linear(Module):
    def __init__(self, in_features, out_features, bias=True, device=None, dtype=None):
        _torch.linear_init(self, in_features, out_features, bias)

    def forward(self, input):
        return _torch.linear(input, self.weight, self.bias)

    def reset_parameters(self):
        pass

    def extra_repr(self):
        return f'in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}'


class LazyLinear(Linear):
    def __init__(self, out_features, bias=True, device=None, dtype=None):
        _torch.lazy_linear_init(self, out_features, bias)

    def forward(self, input):
        _torch.lazy_linear(self, input)
        return _torch.linear(input, self.weight, self.bias)

    def _get_name(self):
        return 'LazyLinear' if self.in_features == 0 else 'Linear'
