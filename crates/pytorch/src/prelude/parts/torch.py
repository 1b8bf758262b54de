import _torch
from _torch import (
    adaptive_avg_pool1d, add, all, amax, amin, any, arange, argmax, argmin, argsort, as_tensor, avg_pool2d, batch_norm,
    bmm, cat, celu, channel_shuffle, chunk, clamp, clip, concat, concatenate, conv1d, conv2d, conv3d, conv_transpose2d,
    cumsum, div, divide, dropout, einsum, empty, empty_like, erf, exp, eye, flatten, flip, from_numpy, full, full_like,
    group_norm, is_grad_enabled, is_tensor, layer_norm, linspace, log, log_softmax, logsumexp, manual_seed, masked_fill,
    matmul, max, mean, min, mm, mul, multiply, narrow, neg, negative, norm, numel, ones, ones_like, permute,
    pixel_shuffle, pixel_unshuffle, pow, prelu, prod, rand, rand_like, randint, randn, randn_like, randperm, reciprocal,
    relu, relu_, reshape, roll, rsqrt, selu, sigmoid, sign, sin, cos, softmax, sort, split, sqrt,
    square, squeeze, stack, std, sub, subtract, sum, swapaxes, swapdims, t, tanh, tensor, topk, transpose, tril, triu,
    true_divide, unbind, unflatten, unsqueeze, var, zeros, zeros_like, abs, ceil, floor, round,
)


class Size(tuple):
    def __getitem__(self, index):
        found = tuple(self)[index]
        return Size(found) if isinstance(index, slice) else found

    def __add__(self, other):
        return Size(tuple(self) + tuple(other))

    def __mul__(self, times):
        return Size(tuple(self) * times)

    def __repr__(self):
        return f'torch.Size({list(self)})'

    def numel(self):
        n = 1
        for size in self:
            n *= size
        return n


class dtype:
    def __init__(self, name, is_floating_point):
        self.name = name
        self.is_floating_point = is_floating_point
        self.itemsize = 4

    def __repr__(self):
        return f'torch.{self.name}'


float32 = float = dtype('float32', True)
float64 = double = dtype('float64', True)
float16 = half = dtype('float16', True)
bfloat16 = dtype('bfloat16', True)
int64 = long = dtype('int64', False)
int32 = int = dtype('int32', False)
int16 = short = dtype('int16', False)
int8 = dtype('int8', False)
uint8 = dtype('uint8', False)
bool = dtype('bool', False)


class device:
    def __init__(self, type='cpu', index=None):
        name, _, number = str(type).partition(':')
        self.type = name
        self.index = index

    def __repr__(self):
        return f"device(type='{self.type}')"

    def __str__(self):
        return self.type

    def __eq__(self, other):
        return str(self) == str(other)


class no_grad:
    def __call__(self, function):
        return function

    def __enter__(self):
        _torch.grad_off()
        return self

    def __exit__(self, *exception):
        _torch.grad_on()
        return False


inference_mode = no_grad


class _Nothing:
    def __init__(self, *args, **kwargs):
        pass

    def __call__(self, function):
        return function

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        return False


enable_grad = autocast = _Nothing


def set_grad_enabled(mode):
    return _Nothing() if mode else no_grad()


def compile(model=None, *args, **kwargs):
    return model if model is not None else lambda function: function


def diff(input, n=1, dim=-1):
    for _ in range(n):
        length = input.size(dim) - 1
        input = input.narrow(dim, 1, length) - input.narrow(dim, 0, length)
    return input


def is_floating_point(input):
    return input.dtype.is_floating_point


def seed(*args, **kwargs):
    pass


set_default_dtype = set_num_threads = set_printoptions = use_deterministic_algorithms = seed
set_float32_matmul_precision = seed
Tensor = FloatTensor = type(_torch.empty(1))
contiguous_format = 'torch.contiguous_format'
channels_last = 'torch.channels_last'
preserve_format = 'torch.preserve_format'
strided = 'torch.strided'
pi = 3.141592653589793
e = 2.718281828459045
inf = 1e400
nan = inf - inf
__version__ = '2.15.0'
