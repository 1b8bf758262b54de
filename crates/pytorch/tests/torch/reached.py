import torch
from torch import nn

print(torch.pow(2.5, torch.arange(4)), torch.pow(torch.tensor([1, 2, 3]), 2), torch.tensor([4., 9.]).pow(0.5))
print(torch.pow(2, torch.tensor([1, 2, 3])), torch.pow(torch.tensor([2., 3.]), torch.tensor([3., 2.])))
print((48 * torch.pow(2.44, torch.arange(3) * 1.5)).round().int().tolist())
print(torch.diff(torch.tensor([0, 1, 5, 6])), torch.diff(torch.tensor([[1., 4.], [9., 16.]]), dim=0), torch.diff(torch.arange(4) ** 2, n=2))


class Tree(nn.Module):
    def __init__(self):
        super().__init__()
        self.__setattr__('level_1', nn.ReLU())
        self.plain = 3

    def forward(self, x):
        return self.__getattr__('level_1')(x)


class Wrapped(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.inner, name)


print(Tree()(torch.zeros(2)), Wrapped(Tree()).plain, Wrapped(Tree()).level_1)
for name in ['plain', 'level_2']:
    try:
        Tree().__getattr__(name)
    except AttributeError as error:
        print(error)
try:
    Wrapped(Tree()).nothing
except AttributeError as error:
    print(error)
print(hasattr(Wrapped(Tree()), 'nothing'), getattr(Wrapped(Tree()), 'nothing', 7), hasattr(Wrapped(Tree()), 'plain'))


class Odd:
    @property
    def depth(self):
        return self.missing


print(hasattr(Odd(), 'depth'), getattr(Odd(), 'depth', 4))
try:
    Odd().depth
except AttributeError as error:
    print(error)


class Scripted(torch.jit.ScriptModule):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    @torch.jit.script_method
    def forward(self, x):
        return self.conv(x)


print([name for name, _ in Scripted().named_parameters()], isinstance(Scripted(), nn.Module))
