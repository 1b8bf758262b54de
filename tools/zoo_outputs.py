#!/usr/bin/env python3
"""Writes what PyTorch computes with the zoo's networks, for the tests of crates/convnet/tests/zoo_outputs.rs.

    python tools/zoo_outputs.py [FOLDER]               default: crates/convnet/tests/zoo

Needs torch and torchvision. Weights, running statistics and images are made from a hash of the tensor's name and
the element's index, which the test makes too, so that no weights need to be kept. Networks are in inference, in
float64, with ten classes. It writes outputs.tsv: the network, the size of the images, the output (`output`, or an
auxiliary classifier) and its ten logits.
"""

import pathlib
import sys
import warnings

import numpy as np
import torch
import torchvision
from torchvision_counts import TUTORIAL, tensors
from torch import nn

# Small images keep the test short.
NETWORKS = [
    ("lenet", (1, 32, 32)),
    ("nin", (1, 131, 131)),
    ("googlenet", (1, 48, 48)),
    ("densenet", (1, 64, 64)),
    ("googlenet@torchvision", (3, 64, 64)),
    ("resnet18@torchvision", (3, 64, 64)),
    ("resnet50@torchvision", (3, 48, 48)),
    ("densenet121@torchvision", (3, 48, 48)),
]


def uniform(name, count):
    """`count` numbers in [0, 1): the FNV-1a hash of the name (its low 32 bits) plus the index, mixed."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = (seed ^ byte) * 0x100000001B3 % 2**64
    x = np.arange(count, dtype=np.uint32) + np.uint32(seed % 2**32)
    x = x * np.uint32(2654435761)
    x ^= x >> np.uint32(15)
    x = x * np.uint32(2246822519)
    x ^= x >> np.uint32(13)
    return x.astype(np.float64) / 2**32


def values(name, shape):
    """A tensor of a state dict: a scale that keeps activations near 1, by the kind of tensor."""
    u = uniform(name, int(np.prod(shape)))
    if name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
        data = 0.5 + u
    elif name.endswith("weight"):
        data = (2 * u - 1) * np.sqrt(6.0 / np.prod(shape[1:]))
    else:
        data = 0.2 * (u - 0.5)
    return torch.from_numpy(data.astype(np.float32).reshape(shape))


def build(name):
    base, _, variant = name.partition("@")
    if not variant:
        return TUTORIAL[base](10)
    extra = {"aux_logits": True, "init_weights": False} if base == "googlenet" else {}
    return torchvision.models.get_model(base, num_classes=10, **extra)


def logits(model, images):
    """The named logits of a network: what a final Softmax reads, and those of auxiliary classifiers."""
    kept = []
    for module in model.modules():
        if isinstance(module, nn.Softmax):
            module.register_forward_pre_hook(lambda _module, inputs: kept.append(inputs[0]))
    model.eval()
    # The flag of the whole network alone asks for the auxiliary classifiers; its layers stay in inference.
    model.training = hasattr(model, "aux1")
    with torch.no_grad():
        result = model(images)
    if model.training:
        return {"output": result.logits, "aux1": result.aux_logits1, "aux2": result.aux_logits2}
    return {"output": kept[0] if kept else result}


def main():
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "crates/convnet/tests/zoo")
    versions = f"torch {torch.__version__}, torchvision {torchvision.__version__}"
    lines = [f"# Written by tools/zoo_outputs.py with {versions}", "network\timage\toutput\tlogits"]
    for name, shape in NETWORKS:
        model = build(name)
        model.load_state_dict({n: values(n, s) for n, s in tensors(model)}, strict=False)
        images = 2 * torch.from_numpy(uniform("input", int(np.prod(shape))).reshape(1, *shape)) - 1
        for output, row in logits(model.double(), images).items():
            numbers = " ".join(f"{v:.9g}" for v in row[0].tolist())
            lines.append(f"{name}\t{'x'.join(map(str, shape))}\t{output}\t{numbers}")
    (folder / "outputs.tsv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
