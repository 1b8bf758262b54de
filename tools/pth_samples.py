"""Writes the small files of PyTorch's that the tests of crates/formats read: pth_samples.py. Needs PyTorch."""
import collections
import os

import torch

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "crates", "formats", "samples")


def state():
    weight = torch.arange(6, dtype=torch.float32).reshape(2, 3) / 2
    return collections.OrderedDict([
        ("weight", torch.nn.Parameter(weight)),
        ("transposed", weight.t()),
        ("slice", weight[:, 1]),
        ("half", torch.tensor([1.0, -2.0, 65504.0], dtype=torch.float16)),
        ("bfloat16", torch.tensor([1.0, -3.0], dtype=torch.bfloat16)),
        ("double", torch.tensor([0.25], dtype=torch.float64)),
        ("num_batches_tracked", torch.tensor(7)),
    ])


def main():
    os.makedirs(FOLDER, exist_ok=True)
    save = lambda value, name, **options: torch.save(value, os.path.join(FOLDER, name), **options)
    save(state(), "zip.pth")
    save(state(), "legacy.pth", _use_new_zipfile_serialization=False)
    layer = torch.nn.Linear(2, 1)
    with torch.no_grad():
        layer.weight.fill_(0.5)
        layer.bias.fill_(0.25)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.1, momentum=0.9)
    model = {f"module.{name}": tensor for name, tensor in layer.state_dict().items()}
    save({"epoch": 3, "model": model, "optimizer": optimizer.state_dict()}, "checkpoint.pth")
    save(layer, "module.pth")


if __name__ == "__main__":
    main()
