import torch
import torch.nn.functional as F

x = torch.zeros(4)
y = x
y += 1
print(x, y is x)
x.add_(2).mul_(3)
print(y)
y = y + 1
print(x, y)
a = torch.ones(2, 2)
b = a
F.relu(a, inplace=True)
b.fill_(5)
print(a, b)
a[0] = 1
a[1, 1] = 9
print(b)
z = torch.randn(2, 3, 4, 4)
u = z
z += torch.ones(4, 4)
print(u is z, u.shape)
t = torch.relu_(z)
print(t is z, t is u)
