import _torch
from torch.nn.modules.module import Module


class _Dropout(Module):
    def __init__(self, p=0.5, inplace=False):
        _torch.layer_init(self, p=p, inplace=inplace)

    def extra_repr(self):
        return f'p={self.p}, inplace={self.inplace}'


class Dropout(_Dropout):
    def __init__(self, p=0.5, inplace=False):
        _torch.layer_init(self, p=p, inplace=inplace)

    def forward(self, input):
        return _torch.dropout(input, self.p, self.training, self.inplace)


class Dropout1d(_Dropout):
    def __init__(self, p=0.5, inplace=False):
        _torch.layer_init(self, p=p, inplace=inplace)

    def forward(self, input):
        return _torch.dropout1d(input, self.p, self.training, self.inplace)


class Dropout2d(_Dropout):
    def __init__(self, p=0.5, inplace=False):
        _torch.layer_init(self, p=p, inplace=inplace)

    def forward(self, input):
        return _torch.dropout2d(input, self.p, self.training, self.inplace)


class Dropout3d(_Dropout):
    def forward(self, input):
        return _torch.dropout3d(input, self.p, self.training, self.inplace)


class AlphaDropout(_Dropout):
    def forward(self, input):
        return _torch.alpha_dropout(input, self.p, self.training)
