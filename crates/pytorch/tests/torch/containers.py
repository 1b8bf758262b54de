from collections import OrderedDict
from torch import nn

a = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Conv2d(2, 3, 3))
print(a, len(a), a[0], a[-1])
print(a[1:])
print([type(layer).__name__ for layer in a])
a.append(nn.Flatten())
a.insert(1, nn.Identity())
a.extend([nn.Linear(3, 4), nn.ReLU()])
print(a)
del a[1]
a[0] = nn.Conv2d(1, 2, 5)
print(a + nn.Sequential(nn.Tanh()))
b = nn.Sequential(OrderedDict([('conv', nn.Conv2d(1, 2, 3)), ('act', nn.ReLU())]))
b.add_module('pool', nn.MaxPool2d(2))
print(b, b.conv, b[1:])
c = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)] + [nn.ReLU()])
c.append(nn.ReLU())
c += [nn.Linear(4, 2)]
print(c, len(c), c[0], c[1:3])
print(nn.ModuleList(), nn.Sequential(), nn.ModuleDict())
d = nn.ModuleDict({'left': nn.ReLU(), 'right': nn.Linear(2, 2)})
d['up'] = nn.Tanh()
print(d, list(d), list(d.keys()), 'up' in d, len(d))
for name, layer in d.items():
    print(name, layer)


class Block(nn.Module):
    def __init__(self, n):
        super(Block, self).__init__()
        self.downsample = None
        self.conv = nn.Conv2d(n, n, 3)
        self.register_buffer('mask', self.conv.weight.data)
        self.layers = c
        self.again = c[0]
        if n > 1:
            self.downsample = nn.Sequential(nn.Conv2d(n, n, 1), nn.BatchNorm2d(n))

    def extra_repr(self):
        return 'made for a test'


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(*[Block(n) for n in (1, 2)])
        self.head = nn.Linear(2, 10)
        self.tied = self.head


net = Net()
print(net)
for name, p in net.state_dict().items():
    print(name, tuple(p.shape))
print([name for name, _ in net.named_parameters()])
print([name for name, _ in net.named_modules()])
print([name for name, _ in net.named_children()], len(list(net.modules())), len(list(net.parameters())))
print(sum(p.numel() for p in net.parameters() if p.requires_grad))
net.eval()
print(net.training, net.blocks[0].conv.training, net.train().training)
print(net.get_submodule('blocks.1.downsample.0'), hasattr(net, 'blocks'), hasattr(net, 'nothing'))
names = []
net.apply(lambda m: names.append(type(m).__name__))
print(names)
