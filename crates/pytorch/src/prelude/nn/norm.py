import _torch
from torch.nn.modules.module import Module


class _NormBase(Module):
    def reset_parameters(self):
        pass

    reset_running_stats = reset_parameters

    def extra_repr(self):
        return (f'{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, '
                f'bias={self.bias is not None}, track_running_stats={self.track_running_stats}')


class _BatchNorm(_NormBase):
    def __init__(self, num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None,
                 dtype=None, *, bias=True):
        _torch.batch_norm_init(self, num_features, eps, momentum, affine, track_running_stats, bias)

    def forward(self, input):
        return _torch.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias,
                                 self.training or self.running_mean is None, self.momentum, self.eps)


class BatchNorm2d(_BatchNorm):
    def __init__(self, num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None,
                 dtype=None, *, bias=True):
        _torch.batch_norm_init(self, num_features, eps, momentum, affine, track_running_stats, bias)


class BatchNorm1d(_BatchNorm):
    def __init__(self, num_features, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None,
                 dtype=None, *, bias=True):
        _torch.batch_norm_init(self, num_features, eps, momentum, affine, track_running_stats, bias)


class BatchNorm3d(_BatchNorm):
    pass


class SyncBatchNorm(_BatchNorm):
    @classmethod
    def convert_sync_batchnorm(cls, module, process_group=None):
        return module


class LazyBatchNorm2d(BatchNorm2d):
    def __init__(self, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True, device=None, dtype=None, *,
                 bias=True):
        _torch.lazy_batch_norm_init(self, eps, momentum, affine, track_running_stats, bias)

    def forward(self, input):
        _torch.lazy_batch_norm(self, input)
        return super().forward(input)

    def _get_name(self):
        return 'LazyBatchNorm2d' if self.num_features == 0 else 'BatchNorm2d'


class LazyBatchNorm1d(LazyBatchNorm2d):
    def _get_name(self):
        return 'LazyBatchNorm1d' if self.num_features == 0 else 'BatchNorm1d'


class InstanceNorm2d(_NormBase):
    def __init__(self, num_features, eps=1e-05, momentum=0.1, affine=False, track_running_stats=False, device=None,
                 dtype=None, *, bias=True):
        _torch.batch_norm_init(self, num_features, eps, momentum, affine, track_running_stats, bias)

    def forward(self, input):
        return _torch.instance_norm(input)


class InstanceNorm1d(InstanceNorm2d):
    pass


class GroupNorm(Module):
    def __init__(self, num_groups, num_channels, eps=1e-05, affine=True, device=None, dtype=None, *, bias=True):
        _torch.module_init(self)
        if num_channels % num_groups != 0:
            raise ValueError(f'num_channels ({num_channels}) must be divisible by num_groups ({num_groups})')
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight = _torch.parameter(_torch.ones(num_channels)) if affine else None
        self.bias = _torch.parameter(_torch.zeros(num_channels)) if affine and bias else None

    def forward(self, input):
        return _torch.group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return f'{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, bias={self.bias is not None}'


class LayerNorm(Module):
    def __init__(self, normalized_shape, eps=1e-05, elementwise_affine=True, bias=True, device=None, dtype=None):
        _torch.module_init(self)
        if isinstance(normalized_shape, int):
            normalized_shape = (normalized_shape,)
        self.normalized_shape = tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = _torch.parameter(_torch.ones(*self.normalized_shape)) if elementwise_affine else None
        self.bias = _torch.parameter(_torch.zeros(*self.normalized_shape)) if elementwise_affine and bias else None

    def forward(self, input):
        return _torch.layer_norm(input, self.normalized_shape, self.weight, self.bias, self.eps)

    def extra_repr(self):
        return (f'{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, '
                f'bias={self.bias is not None}')


class LocalResponseNorm(Module):
    def __init__(self, size, alpha=0.0001, beta=0.75, k=1.0):
        _torch.layer_init(self, size=size, alpha=alpha, beta=beta, k=k)

    def forward(self, input):
        return _torch.local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self):
        return f'{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}'


class CrossMapLRN2d(LocalResponseNorm):
    def __init__(self, size, alpha=0.0001, beta=0.75, k=1):
        _torch.layer_init(self, size=size, alpha=alpha, beta=beta, k=k)
