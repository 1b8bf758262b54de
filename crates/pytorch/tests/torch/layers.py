import torch
from torch import nn
from collections import OrderedDict

layers = [
    nn.Conv2d(3, 64, 3), nn.Conv2d(3, 64, (3, 5), stride=2, padding=1, bias=False), nn.Conv2d(4, 8, 3, groups=4, dilation=2),
    nn.Conv2d(4, 8, 3, padding='same', padding_mode='reflect'), nn.Linear(10, 5), nn.Linear(10, 5, bias=False),
    nn.BatchNorm2d(8), nn.BatchNorm2d(8, affine=False, momentum=None), nn.BatchNorm1d(8, eps=0.001),
    nn.LocalResponseNorm(5), nn.ReLU(), nn.ReLU(True), nn.ReLU6(inplace=True), nn.LeakyReLU(0.2), nn.Hardtanh(-2, 2),
    nn.Sigmoid(), nn.Tanh(), nn.SiLU(), nn.Softmax(dim=1), nn.LogSoftmax(1), nn.Softmax2d(), nn.MaxPool2d(2),
    nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), nn.AvgPool2d(2), nn.AvgPool2d((2, 3), stride=1),
    nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d((1, None)), nn.AdaptiveMaxPool2d((2, 2)), nn.ConstantPad2d(1, 0.5),
    nn.ZeroPad2d((1, 0, 1, 0)), nn.Flatten(), nn.Unflatten(1, (2, 5)), nn.Dropout(), nn.Dropout(0.2, inplace=True),
    nn.Dropout1d(0.1), nn.Dropout2d(), nn.Identity(), nn.GELU(), nn.Hardswish(), nn.ELU(), nn.PReLU(),
    nn.GroupNorm(2, 8), nn.LayerNorm(8), nn.Upsample(scale_factor=2), nn.PixelShuffle(2), nn.ReflectionPad2d(1),
    nn.LazyConv2d(8, 3), nn.LazyLinear(4), nn.LazyBatchNorm2d(), nn.ConvTranspose2d(4, 2, 2, stride=2), nn.Conv1d(2, 4, 3),
]
for layer in layers:
    print(layer)
for layer in layers[:10]:
    print([(name, tuple(p.shape)) for name, p in layer.state_dict().items()])
conv = layers[1]
print(conv.kernel_size, conv.stride, conv.padding, conv.dilation, conv.groups, conv.in_channels, conv.out_channels, conv.bias)
print(layers[4].in_features, layers[4].out_features, layers[6].num_features, layers[6].eps, layers[6].momentum)
print(layers[21].kernel_size, layers[21].stride, layers[22].kernel_size, layers[22].padding, layers[32].p)
print(isinstance(conv, nn.Conv2d), isinstance(conv, nn.Module), isinstance(conv, (nn.Linear, nn.ReLU)), isinstance(conv.weight, nn.Parameter))
print(isinstance(layers[12], nn.Hardtanh), type(conv).__name__, conv.__class__.__name__, issubclass(nn.Conv2d, nn.Module))
