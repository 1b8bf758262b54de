import _torch
from torch.nn.modules.module import Module


class Flatten(Module):
    def __init__(self, start_dim=1, end_dim=-1):
        _torch.layer_init(self, start_dim=start_dim, end_dim=end_dim)

    def forward(self, input):
        return _torch.flatten(input, self.start_dim, self.end_dim)

    def extra_repr(self):
        return f'start_dim={self.start_dim}, end_dim={self.end_dim}'


class Unflatten(Module):
    def __init__(self, dim, unflattened_size):
        _torch.layer_init(self, dim=dim, unflattened_size=unflattened_size)

    def forward(self, input):
        return _torch.unflatten(input, self.dim, self.unflattened_size)

    def extra_repr(self):
        return f'dim={self.dim}, unflattened_size={self.unflattened_size}'


class ConstantPad2d(Module):
    def __init__(self, padding, value):
        _torch.layer_init(self, padding=padding, value=value)

    def forward(self, input):
        return _torch.pad(input, self.padding, 'constant', self.value)

    def extra_repr(self):
        return f'padding={self.padding}, value={self.value}'


class ZeroPad2d(ConstantPad2d):
    def __init__(self, padding):
        _torch.layer_init(self, padding=padding, value=0.0)

    def extra_repr(self):
        return f'{self.padding}'


class ReflectionPad2d(Module):
    def __init__(self, padding):
        _torch.layer_init(self, padding=padding)

    def forward(self, input):
        return _torch.pad(input, self.padding, 'reflect')

    def extra_repr(self):
        return f'{self.padding}'


class ReplicationPad2d(ReflectionPad2d):
    def __init__(self, padding):
        _torch.layer_init(self, padding=padding)

    def forward(self, input):
        return _torch.pad(input, self.padding, 'replicate')


class Upsample(Module):
    def __init__(self, size=None, scale_factor=None, mode='nearest', align_corners=None, recompute_scale_factor=None):
        _torch.module_init(self)
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input):
        return _torch.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners)

    def extra_repr(self):
        text = f'scale_factor={self.scale_factor!r}' if self.scale_factor is not None else f'size={self.size!r}'
        return f'{text}, mode={self.mode!r}'


class UpsamplingNearest2d(Upsample):
    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode='nearest')


class UpsamplingBilinear2d(Upsample):
    def __init__(self, size=None, scale_factor=None):
        super().__init__(size, scale_factor, mode='bilinear', align_corners=True)


class PixelShuffle(Module):
    def __init__(self, upscale_factor):
        _torch.layer_init(self, upscale_factor=upscale_factor)

    def forward(self, input):
        return _torch.pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self):
        return f'upscale_factor={self.upscale_factor}'


class ChannelShuffle(Module):
    def __init__(self, groups):
        _torch.layer_init(self, groups=groups)

    def forward(self, input):
        return _torch.channel_shuffle(input, self.groups)

    def extra_repr(self):
        return f'groups={self.groups}'
