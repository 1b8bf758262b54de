import _torch
from torch.nn.modules.module import Module


class _InPlace(Module):
    def __init__(self, inplace=False):
        _torch.layer_init(self, inplace=inplace)

    def extra_repr(self):
        return 'inplace=True' if self.inplace else ''


class ReLU(_InPlace):
    def __init__(self, inplace=False):
        _torch.layer_init(self, inplace=inplace)

    def forward(self, input):
        return _torch.relu(input, self.inplace)


class Hardtanh(Module):
    def __init__(self, min_val=-1.0, max_val=1.0, inplace=False, min_value=None, max_value=None):
        if min_value is not None:
            min_val = min_value
        if max_value is not None:
            max_val = max_value
        _torch.layer_init(self, min_val=min_val, max_val=max_val, inplace=inplace)
        if not self.max_val > self.min_val:
            raise ValueError(f'Hardtanh: max_val must be larger than min_val, got {min_val} and {max_val}')

    def forward(self, input):
        return _torch.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self):
        text = f'min_val={self.min_val}, max_val={self.max_val}'
        return text + ', inplace=True' if self.inplace else text


class ReLU6(Hardtanh):
    def __init__(self, inplace=False):
        _torch.layer_init(self, min_val=0.0, max_val=6.0, inplace=inplace)

    def forward(self, input):
        return _torch.relu6(input, self.inplace)

    def extra_repr(self):
        return 'inplace=True' if self.inplace else ''


class LeakyReLU(Module):
    def __init__(self, negative_slope=0.01, inplace=False):
        _torch.layer_init(self, negative_slope=negative_slope, inplace=inplace)

    def forward(self, input):
        return _torch.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self):
        text = f'negative_slope={self.negative_slope}'
        return text + ', inplace=True' if self.inplace else text


class SiLU(_InPlace):
    def __init__(self, inplace=False):
        _torch.layer_init(self, inplace=inplace)

    def forward(self, input):
        return _torch.silu(input, self.inplace)


class Sigmoid(Module):
    def forward(self, input):
        return _torch.sigmoid(input)


class Tanh(Module):
    def forward(self, input):
        return _torch.tanh(input)


class Softmax(Module):
    def __init__(self, dim=None):
        _torch.layer_init(self, dim=dim)

    def forward(self, input):
        return _torch.softmax(input, self.dim)

    def extra_repr(self):
        return f'dim={self.dim}'


class LogSoftmax(Module):
    def __init__(self, dim=None):
        _torch.layer_init(self, dim=dim)

    def forward(self, input):
        return _torch.log_softmax(input, self.dim)

    def extra_repr(self):
        return f'dim={self.dim}'


class Softmax2d(Module):
    def forward(self, input):
        return _torch.softmax(input, -3)


class GELU(Module):
    def __init__(self, approximate='none'):
        _torch.layer_init(self, approximate=approximate)

    def forward(self, input):
        return _torch.gelu(input, self.approximate)

    def extra_repr(self):
        return f"approximate={repr(self.approximate)}"


class Hardswish(Module):
    def __init__(self, inplace=False):
        _torch.layer_init(self, inplace=inplace)

    def forward(self, input):
        return _torch.hardswish(input, self.inplace)


class Hardsigmoid(Module):
    def __init__(self, inplace=False):
        _torch.layer_init(self, inplace=inplace)

    def forward(self, input):
        return _torch.hardsigmoid(input, self.inplace)


class Mish(_InPlace):
    def forward(self, input):
        return _torch.mish(input, self.inplace)


class SELU(_InPlace):
    def forward(self, input):
        return _torch.selu(input, self.inplace)


class ELU(Module):
    def __init__(self, alpha=1.0, inplace=False):
        _torch.layer_init(self, alpha=alpha, inplace=inplace)

    def forward(self, input):
        return _torch.elu(input, self.alpha, self.inplace)

    def extra_repr(self):
        text = f'alpha={self.alpha}'
        return text + ', inplace=True' if self.inplace else text


class CELU(ELU):
    def forward(self, input):
        return _torch.celu(input, self.alpha, self.inplace)


class PReLU(Module):
    def __init__(self, num_parameters=1, init=0.25, device=None, dtype=None):
        _torch.module_init(self)
        self.num_parameters = num_parameters
        self.init = init
        self.weight = _torch.parameter(_torch.full((num_parameters,), init))

    def forward(self, input):
        return _torch.prelu(input, self.weight)

    def extra_repr(self):
        return f'num_parameters={self.num_parameters}'


class Softplus(Module):
    def __init__(self, beta=1.0, threshold=20.0):
        _torch.layer_init(self, beta=beta, threshold=threshold)

    def forward(self, input):
        return _torch.softplus(input, self.beta, self.threshold)

    def extra_repr(self):
        return f'beta={self.beta}, threshold={self.threshold}'


class Softsign(Module):
    def forward(self, input):
        return _torch.softsign(input)


class Tanhshrink(Module):
    def forward(self, input):
        return _torch.tanhshrink(input)


class LogSigmoid(Module):
    def forward(self, input):
        return _torch.logsigmoid(input)


class GLU(Module):
    def __init__(self, dim=-1):
        _torch.layer_init(self, dim=dim)

    def forward(self, input):
        return _torch.glu(input, self.dim)

    def extra_repr(self):
        return f'dim={self.dim}'
