import torch

s = torch.randn(1, 6, 28, 28).size()
print(s, s[0], s[1:], s[-2:] == (28, 28), len(s), s.numel(), list(s), tuple(s))
n, c, h, w = s
print(n * c, h // 2, w % 5, isinstance(s, tuple), f"{s}", "%s" % (s,), str(s[2]))
print(s == torch.Size([1, 6, 28, 28]), s == (1, 6, 28, 28), torch.Size([2, 3]))
print(s + (3,), s[1:] + s[:1], s[2:] * 2, s[-1])
