"""Writes the small files of PyTorch's that the tests of crates/formats read: pth_samples.py. Needs PyTorch."""
import argparse
import collections
import datetime
import os
import pathlib
import pickle

import numpy
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


def example(layer, optimizer):
    """A checkpoint as PyTorch's ImageNet example writes it, with an average and what stands beside weights elsewhere."""
    average = {name: tensor + 1 for name, tensor in layer.state_dict().items()}
    return {
        "epoch": 3,
        "best_acc1": torch.tensor(69.75),
        "model_ema": average,
        "state_dict": layer.state_dict(),
        "optimizer": optimizer.state_dict(),
        "args": argparse.Namespace(lr=0.1, root=pathlib.PurePosixPath("/data")),
        "seen": collections.Counter("abca"),
        "ids": {1, 2},
        "raw": b"\x00\xff",
        "accuracy": numpy.float64(0.75),
        "history": numpy.arange(3.0),
        "at": datetime.datetime(2024, 5, 17),
        "seed": 2**70,
    }


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
    save(example(layer, optimizer), "example.pth")
    arrays = {name: tensor.numpy() for name, tensor in layer.state_dict().items()}
    arrays["fortran"] = numpy.asfortranarray(numpy.arange(6.0).reshape(2, 3))
    save({"state_dict": arrays, "names": numpy.array(["a", "b"])}, "numpy.pth")
    for protocol in (2, 4):
        with open(os.path.join(FOLDER, f"dumped{protocol}.pkl"), "wb") as file:
            pickle.dump(layer.state_dict(), file, protocol)


if __name__ == "__main__":
    main()
