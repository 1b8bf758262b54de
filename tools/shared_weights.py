"""Write what five steps of training make of weights that several layers read, by PyTorch, as a golden file.

    python tools/shared_weights.py

needs torch and numpy, and writes crates/convnet/src/reference/golden/shared_weights.tsv. PyTorch runs in float64, weights
and images are those of `recipe` in golden.py. A file holds, tab-separated:

    loss      one for each step
    state     name of the state dict, every element after the last step
    momentum  parameter name, every element of its momentum
"""

import pathlib
import types
import sys

import torch
from torch import nn
from torch.nn import functional as F

# golden.py's networks need torchvision; its recipe does not.
sys.modules.setdefault("torchvision", types.ModuleType("torchvision"))
from golden import interval, recipe  # noqa: E402

FILE = pathlib.Path(__file__).parent.parent / "crates/convnet/src/reference/golden/shared_weights.tsv"


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(2, 4, 3, padding=1)
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(8, 8)
        self.head = nn.Linear(8, 8)
        self.head.weight = self.fc.weight

    def forward(self, x):
        x = F.relu(self.stem(x))
        for _ in range(2):
            x = F.relu(self.bn(self.conv(x)))
        x = F.avg_pool2d(x, 4).flatten(1)
        return self.head(F.relu(self.fc(F.relu(self.fc(x)))))


def main():
    net = Net().double().train()
    with torch.no_grad():
        for name, tensor in net.state_dict().items():
            if tensor.is_floating_point() and name != "head.weight":
                tensor.copy_(recipe(name, tuple(tensor.shape), *interval(name, tensor)))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=0.01)
    images = recipe("input", (4, 2, 8, 4), -1.0, 1.0)
    labels = torch.tensor([(7 * i + 3) % 8 for i in range(4)])
    lines, losses = [], []
    for _ in range(5):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    row = lambda *fields: lines.append("\t".join(f if isinstance(f, str) else f"{f:.9g}" for f in fields))
    row("loss", *losses)
    for name, tensor in net.state_dict().items():
        if tensor.is_floating_point():
            row("state", name, *tensor.flatten().tolist())
    for name, parameter in net.named_parameters():
        row("momentum", name, *optimizer.state[parameter]["momentum_buffer"].flatten().tolist())
    FILE.write_text("\n".join(lines) + "\n")
    print(f"wrote {FILE}: losses {losses}")


if __name__ == "__main__":
    main()
