import _torch
from torch.nn.modules.module import Module
from torch.nn.modules.utils import _pair


class _ConvNd(Module):
    def forward(self, input):
        return self._conv_forward(input, self.weight, self.bias)

    def reset_parameters(self):
        pass

    def extra_repr(self):
        text = f'{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}'
        if self.padding != (0,) * len(self.padding):
            text += f', padding={self.padding}'
        if self.dilation != (1,) * len(self.dilation):
            text += f', dilation={self.dilation}'
        if self.output_padding != (0,) * len(self.output_padding):
            text += f', output_padding={self.output_padding}'
        if self.groups != 1:
            text += f', groups={self.groups}'
        if self.bias is None:
            text += ', bias=False'
        if self.padding_mode != 'zeros':
            text += f', padding_mode={self.padding_mode}'
        return text


class Conv2d(_ConvNd):
    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode='zeros', device=None, dtype=None):
        _torch.conv2d_init(self, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias,
                           padding_mode)

    def forward(self, input):
        if self.padding_mode == 'zeros':
            return _torch.conv2d(input, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)
        return self._conv_forward(input, self.weight, self.bias)

    def _conv_forward(self, input, weight, bias):
        if self.padding_mode == 'zeros':
            return _torch.conv2d(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)
        return _torch.conv2d(_torch.pad(input, self._reversed_padding_repeated_twice, self.padding_mode), weight, bias,
                             self.stride, 0, self.dilation, self.groups)

    @property
    def _reversed_padding_repeated_twice(self):
        if self.padding == 'valid':
            return [0, 0, 0, 0]
        if self.padding == 'same':
            sides = []
            for kernel, dilation in zip(reversed(self.kernel_size), reversed(self.dilation)):
                total = dilation * (kernel - 1)
                sides += [total // 2, total - total // 2]
            return sides
        height, width = self.padding
        return [width, width, height, height]


class LazyConv2d(Conv2d):
    def __init__(self, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode='zeros', device=None, dtype=None):
        _torch.lazy_conv2d_init(self, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode)

    def forward(self, input):
        _torch.lazy_conv2d(self, input)
        return self._conv_forward(input, self.weight, self.bias)

    def _get_name(self):
        return 'LazyConv2d' if self.in_channels == 0 else 'Conv2d'


class _OtherConv(_ConvNd):
    """Convolutions that the graph has not: their weights and sizes are right all the same."""

    def __init__(self, in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                 output_padding, n):
        _torch.module_init(self)
        several = lambda x: x if isinstance(x, str) else (x,) * n if isinstance(x, int) else tuple(x)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = several(kernel_size)
        self.stride = several(stride)
        self.padding = several(padding)
        self.dilation = several(dilation)
        self.output_padding = several(output_padding)
        self.groups = groups
        self.padding_mode = padding_mode
        channels = (in_channels, out_channels // groups) if self.transposed else (out_channels, in_channels // groups)
        self.weight = _torch.parameter(_torch.empty(*channels, *self.kernel_size))
        self.bias = _torch.parameter(_torch.empty(out_channels)) if bias else None


class Conv1d(_OtherConv):
    transposed = False

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode='zeros', device=None, dtype=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         0, 1)

    def _conv_forward(self, input, weight, bias):
        return _torch.conv1d(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)


class Conv3d(_OtherConv):
    transposed = False

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, dilation=1, groups=1, bias=True,
                 padding_mode='zeros', device=None, dtype=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         0, 3)

    def _conv_forward(self, input, weight, bias):
        return _torch.conv3d(input, weight, bias, self.stride, self.padding, self.dilation, self.groups)


class ConvTranspose2d(_OtherConv):
    transposed = True

    def __init__(self, in_channels, out_channels, kernel_size, stride=1, padding=0, output_padding=0, groups=1,
                 bias=True, dilation=1, padding_mode='zeros', device=None, dtype=None):
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         output_padding, 2)

    def _conv_forward(self, input, weight, bias):
        return _torch.conv_transpose2d(input, weight, bias, self.stride, self.padding, self.output_padding, self.groups,
                                       self.dilation)
