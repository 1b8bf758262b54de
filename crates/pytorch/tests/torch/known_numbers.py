import torch

print(torch.tensor([1, 2, 3]), torch.tensor([1., 2.5]), torch.tensor(3), torch.tensor(2.5), torch.tensor([[1, 2], [3, 4]]))
print(torch.arange(5), torch.arange(2, 8, 2), torch.arange(0, 1, 0.25), torch.linspace(0, 0.2, 5))
print([x.item() for x in torch.linspace(0, 0.1, 4)])
print(torch.tensor([1, 2]).tolist(), torch.tensor([[0.5], [1.5]]).tolist(), torch.arange(3).sum().item())
print(torch.tensor([1, 2]) + torch.tensor([[10], [20]]), torch.tensor([1, 2]) * 2.5, 1 - torch.tensor([1., 3.]))
print(torch.tensor([1., 2.]).mean(), torch.tensor([[1, 2], [3, 4]]).sum(0), torch.tensor([3, 1, 2]).max(), torch.tensor([3, 1, 2]).argmin())
print(torch.arange(6).view(2, 3), torch.arange(6).view(2, 3).t(), torch.arange(6).reshape(3, -1)[1], torch.eye(2))
print(torch.arange(10)[2:8:3], torch.arange(4)[-1], torch.tensor([1, 2, 3]).numel(), int(torch.tensor(3)), float(torch.tensor(1.5)))
print(torch.cat([torch.tensor([1, 2]), torch.tensor([3])]), torch.stack([torch.tensor([1, 2]), torch.tensor([3, 4])], 1))
print(torch.zeros(2, 3), torch.ones(2), torch.full((2,), 3.5))
print(len(torch.zeros(3, 2)), [len(row) for row in torch.zeros(3, 2)], bool(torch.tensor(0)), -torch.tensor([1, -2]))
for i, rate in enumerate(torch.linspace(0, 1, 3)):
    print(i, rate, rate.item())
