#!/usr/bin/env python3
"""Writes what PyTorch prints: for tensors of many kinds, and for the samples of crates/pytorch/tests/torch.

prints.json holds tensors, whose numbers are the bits of float32, or integers, with their texts. Each NAME.py is run and what
it prints is written to NAME.out. The tests of the crate print all of it again.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import torch

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "crates/pytorch/tests/torch"


def case(tensor, suffix=None):
    """One tensor with its text; `suffix` is what autograd adds."""
    text = repr(tensor)
    values = tensor.detach()
    is_integer = not values.dtype.is_floating_point
    bits = values.flatten().tolist() if is_integer else values.flatten().view(torch.int32).tolist()
    if not is_integer:
        bits = [n & 0xFFFFFFFF for n in bits]
    return {"dims": list(tensor.shape), "values": bits, "is_integer": is_integer, "suffix": suffix, "text": text}


def cases():
    torch.manual_seed(0)
    shapes = [(), (1,), (3,), (10,), (40,), (2, 3), (1, 10), (3, 10), (2, 2, 3), (1, 2, 3, 4), (0,), (2, 0), (1, 1, 1, 1)]
    for shape in shapes:
        for scale in [1, 10, 1e3, 1e6, 1e9, 1e-3, 1e-5, 0]:
            yield case(torch.randn(shape) * scale)
        yield case(torch.randn(shape).round() * 10)
        yield case((torch.randn(shape) * 1000).round())
        yield case((torch.rand(shape) * 2**30).round())
        yield case(torch.randint(-5, 5, shape))
        yield case(torch.randint(0, 10**12, shape))
        x = torch.randn(shape)
        x[x > 1] = float("inf")
        x[x < -1] = float("nan")
        yield case(x)
        yield case(torch.where(x.isfinite(), x.round(), x))
        yield case((torch.randn(shape) * 64).round() / 32)
        yield case(torch.randint(-99, 99, shape) / 2**17)
        yield case(torch.exp(torch.randn(shape) * 4))
        yield case(torch.randn(shape).requires_grad_(), "requires_grad=True")
        yield case(torch.randn(shape, requires_grad=True).relu(), "grad_fn=<ReluBackward0>")
        if shape:
            yield case(torch.randn(shape, requires_grad=True).softmax(-1), "grad_fn=<SoftmaxBackward0>")
    for shape in [(1001,), (1000,), (30, 40), (4, 5, 60), (7, 7, 5, 5)]:
        yield case(torch.randn(shape))
        yield case(torch.arange(torch.tensor(shape).prod()).view(shape))
        yield case(torch.randn(shape, requires_grad=True) * 2, "grad_fn=<MulBackward0>")
    for n in range(1, 30):
        yield case(torch.rand(1, n, requires_grad=True).softmax(1), "grad_fn=<SoftmaxBackward0>")
        yield case(torch.rand(1, n, requires_grad=True).log_softmax(1), "grad_fn=<LogSoftmaxBackward0>")
    for x in [0.03125, -0.03125, 0.09375, 0.5, 1.5, 99999999.0, 1e8, 100000008.0, 1e-4, 9.9e-5, 1e10, -0.0]:
        yield case(torch.tensor([x]))
        yield case(torch.tensor(x))
        yield case(torch.tensor([x, 1.0]))
        yield case(torch.tensor([x, 0.00001]))


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    found = list(cases())
    text = "[\n" + ",\n".join(json.dumps(c, separators=(",", ":")) for c in found) + "\n]\n"
    (FOLDER / "prints.json").write_text(text)
    print(f"{len(found)} tensors")
    for path in sorted(FOLDER.glob("*.py")):
        run = subprocess.run([sys.executable, "-P", path.name], cwd=path.parent, capture_output=True, text=True)
        if run.returncode:
            sys.exit(f"{path}: exit status {run.returncode}\n{run.stderr}")
        path.with_suffix(".out").write_text(run.stdout)
        print(f"{path.stem}: {len(run.stdout.splitlines())} lines")


if __name__ == "__main__":
    main()
