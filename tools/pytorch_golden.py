#!/usr/bin/env python3
"""Writes what PyTorch computes with crates/cli/tests/data/pytorch/net.py: weights, images and logits.

`crates/cli/tests/pytorch.rs` holds the command against them. Needs torch, numpy and safetensors.
"""

import argparse
import importlib.util
import pathlib

import numpy
import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent.parent / "crates/cli/tests/data/pytorch"


def network(path):
    spec = importlib.util.spec_from_file_location("net", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Small(), module.INPUT_SIZE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=FOLDER, help="where the files go")
    folder = parser.parse_args().folder
    torch.manual_seed(5)
    model, size = network(FOLDER / "net.py")
    # Statistics and fixed tensors that are not those of a new network.
    for name, buffer in model.named_buffers():
        if buffer.is_floating_point():
            buffer.copy_(torch.rand_like(buffer) + (0.0 if name.endswith("bias") else 0.5))
    images = torch.randn(3, *size)
    with torch.no_grad():
        logits = model.eval()(images)
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "net.safetensors")
    numpy.save(folder / "images.npy", images.numpy())
    numpy.save(folder / "logits.npy", logits.numpy())
    print(f"{len(state)} tensors, logits of {list(logits.shape)}: {folder}")


if __name__ == "__main__":
    main()
