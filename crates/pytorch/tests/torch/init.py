import math
from torch import nn
from torch.nn import init

print(init.calculate_gain('relu'), init.calculate_gain('leaky_relu', 0.2), init.calculate_gain('tanh'))


def draw(m):
    if isinstance(m, nn.Conv2d):
        nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')
        if m.bias is not None:
            nn.init.constant_(m.bias, 0)
    elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
        nn.init.ones_(m.weight)
        m.bias.data.zero_()
    elif isinstance(m, nn.Linear):
        m.weight.data.normal_(0, 0.01)
        init.xavier_uniform_(m.weight, gain=nn.init.calculate_gain('relu'))


net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Linear(8, 2))
print(net.apply(draw) is net)
n = net[0].kernel_size[0] * net[0].kernel_size[1] * net[0].out_channels
net[0].weight.data.normal_(0, math.sqrt(2. / n))
for bad in (lambda: init.kaiming_normal_(net[0].bias), lambda: init.calculate_gain('reluu')):
    try:
        bad()
    except ValueError as error:
        print(error)
