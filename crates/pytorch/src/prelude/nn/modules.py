from torch.nn.modules.module import Module
from torch.nn.modules.container import Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict
from torch.nn.modules.linear import Identity, Linear, LazyLinear
from torch.nn.modules.conv import Conv2d, LazyConv2d, Conv1d, Conv3d, ConvTranspose2d
from torch.nn.modules.batchnorm import (
    BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm, LazyBatchNorm1d, LazyBatchNorm2d, InstanceNorm1d,
    InstanceNorm2d, GroupNorm, LayerNorm, LocalResponseNorm, CrossMapLRN2d,
)
from torch.nn.modules.activation import (
    ReLU, ReLU6, LeakyReLU, Hardtanh, SiLU, Sigmoid, Tanh, Softmax, LogSoftmax, Softmax2d, GELU, Hardswish,
    Hardsigmoid, Mish, SELU, ELU, CELU, PReLU, Softplus, Softsign, Tanhshrink, LogSigmoid, GLU,
)
from torch.nn.modules.pooling import (
    MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, AdaptiveMaxPool2d, AdaptiveAvgPool1d, AdaptiveMaxPool1d,
)
from torch.nn.modules.dropout import Dropout, Dropout1d, Dropout2d, Dropout3d, AlphaDropout
from torch.nn.modules.flatten import (
    Flatten, Unflatten, ConstantPad2d, ZeroPad2d, ReflectionPad2d, ReplicationPad2d, Upsample, UpsamplingNearest2d,
    UpsamplingBilinear2d, PixelShuffle, ChannelShuffle,
)
from torch.nn.parameter import Parameter, UninitializedParameter, Buffer
from torch.nn.modules.absent import Absent
