#!/usr/bin/env python3
"""Writes what PyTorch's and timm's optimizers make of a few tensors in 50 steps: crates/convnet/src/cpu/optimizer_golden.jsonl.

Every optimizer runs in float64 from the same parameters, on the same gradients, which are drawn by SplitMix64 in float32,
so that the test draws them again. Lion, LAMB and LARS are timm's; Muon is PyTorch's with the Newton-Schulz iteration in float64
in place of bfloat16, AdamW beside it for what is no matrix. A line of the file is a case: its settings as a recipe has them, then
of each tensor every STRIDE-th number, then those of each buffer that PyTorch keeps.
"""

import argparse
import json
import pathlib

import numpy as np
import timm.optim
import torch
import torch.optim._muon

STEPS = 50
# Odd shapes; a bias, a normalization, a convolution of groups, wide and high matrices.
SHAPES = {
    "conv.weight": (5, 3, 3, 3),
    "conv.bias": (5,),
    "norm.weight": (7,),
    "wide.weight": (6, 35),
    "high.weight": (33, 10),
    "grouped.weight": (6, 2, 3, 1),
}
VECTORS = ("conv.bias", "norm.weight")
# Another rate and decay, as a group of its own has.
GROUP = "high.weight"
GROUP_RATE, GROUP_DECAY = 0.5, 0.02
STRIDE = 23
MASK = (1 << 64) - 1


class Random:
    """SplitMix64, as crates/convnet/src/cpu/optimizer_tests.rs has it."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return z ^ (z >> 31)

    def floats(self, shape):
        """Uniform in -1 .. 1, in float32."""
        values = [np.float32(self.next() >> 40) / np.float32(1 << 23) - np.float32(1) for _ in range(int(np.prod(shape)))]
        return torch.tensor(np.array(values, dtype=np.float32).reshape(shape), dtype=torch.float64)


def newton_schulz(grad, coefficients, steps, eps):
    return timm.optim.muon.zeropower_via_newtonschulz(grad, steps, [coefficients], eps, dtype=torch.float64)


torch.optim._muon._zeropower_via_newtonschulz = newton_schulz


class Muon:
    """torch.optim.Muon for matrices, torch.optim.AdamW for vectors."""

    def __init__(self, groups, lr, weight_decay, adamw_lr, adjust, **settings):
        matrices, vectors = [], []
        for group in groups:
            rate = group.get("lr", lr)
            decay = group.get("weight_decay", weight_decay)
            for p in group["params"]:
                if p.ndim > 1:
                    flat = torch.nn.Parameter(p.data.flatten(1))
                    flat.of = p
                    matrices.append({"params": [flat], "lr": rate, "weight_decay": decay})
                else:
                    vectors.append({"params": [p], "lr": rate * adamw_lr, "weight_decay": decay})
        self.muon = torch.optim.Muon(matrices, adjust_lr_fn=adjust, **settings)
        self.adamw = torch.optim.AdamW(vectors, betas=(0.9, 0.95), eps=1e-10)

    def step(self):
        for group in self.muon.param_groups:
            for flat in group["params"]:
                flat.grad = flat.of.grad.flatten(1)
        self.muon.step()
        self.adamw.step()
        for group in self.muon.param_groups:
            for flat in group["params"]:
                flat.of.data.copy_(flat.data.view_as(flat.of))

    @property
    def state(self):
        state = dict(self.adamw.state)
        for flat, kept in self.muon.state.items():
            state[flat.of] = {name: buffer.view_as(flat.of) for name, buffer in kept.items()}
        return state


def cases():
    """Settings as a recipe has them, the learning rate, and the optimizer."""
    o, t = torch.optim, timm.optim
    yield {"kind": "sgd", "momentum": 0.0, "weight_decay": 0.01}, 0.1, lambda g, lr: o.SGD(g, lr, weight_decay=0.01)
    yield (
        {"kind": "sgd", "momentum": 0.9, "dampening": 0.25, "weight_decay": 0.01},
        0.05,
        lambda g, lr: o.SGD(g, lr, momentum=0.9, dampening=0.25, weight_decay=0.01),
    )
    yield (
        {"kind": "sgd", "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
        0.05,
        lambda g, lr: o.SGD(g, lr, momentum=0.9, nesterov=True, weight_decay=0.01),
    )
    yield {"kind": "adam"}, 0.01, lambda g, lr: o.Adam(g, lr)
    yield (
        {"kind": "adam", "beta1": 0.8, "beta2": 0.95, "eps": 1e-6, "weight_decay": 0.1, "amsgrad": True},
        0.01,
        lambda g, lr: o.Adam(g, lr, betas=(0.8, 0.95), eps=1e-6, weight_decay=0.1, amsgrad=True),
    )
    yield {"kind": "adamw"}, 0.01, lambda g, lr: o.AdamW(g, lr)
    yield {"kind": "nadam"}, 0.01, lambda g, lr: o.NAdam(g, lr)
    yield (
        {"kind": "nadam", "weight_decay": 0.1, "decoupled_weight_decay": True, "momentum_decay": 0.01},
        0.01,
        lambda g, lr: o.NAdam(g, lr, weight_decay=0.1, decoupled_weight_decay=True, momentum_decay=0.01),
    )
    yield {"kind": "rmsprop", "weight_decay": 0.1}, 0.01, lambda g, lr: o.RMSprop(g, lr, weight_decay=0.1)
    yield (
        {"kind": "rmsprop", "alpha": 0.9, "eps": 1e-5, "centered": True, "momentum": 0.8},
        0.003,
        lambda g, lr: o.RMSprop(g, lr, alpha=0.9, eps=1e-5, centered=True, momentum=0.8),
    )
    yield {"kind": "adagrad"}, 0.05, lambda g, lr: o.Adagrad(g, lr)
    yield (
        {"kind": "adagrad", "lr_decay": 0.1, "initial_accumulator_value": 0.1, "weight_decay": 0.1},
        0.05,
        lambda g, lr: o.Adagrad(g, lr, lr_decay=0.1, initial_accumulator_value=0.1, weight_decay=0.1),
    )
    yield {"kind": "lion", "weight_decay": 0.1}, 0.003, lambda g, lr: t.Lion(g, lr, weight_decay=0.1)
    yield {"kind": "lamb"}, 0.01, lambda g, lr: t.Lamb(g, lr)
    yield (
        {"kind": "lamb", "max_grad_norm": 0.0, "trust_clip": True, "weight_decay": 0.0, "always_adapt": True},
        0.01,
        lambda g, lr: t.Lamb(g, lr, max_grad_norm=None, trust_clip=True, weight_decay=0.0, always_adapt=True),
    )
    yield {"kind": "lars"}, 1.0, lambda g, lr: t.Lars(g, lr, momentum=0.9, weight_decay=0.0005)
    yield (
        {"kind": "lars", "momentum": 0.8, "nesterov": True, "trust_coeff": 0.02, "trust_clip": True, "weight_decay": 0.01},
        0.05,
        lambda g, lr: t.Lars(g, lr, momentum=0.8, nesterov=True, trust_coeff=0.02, trust_clip=True, weight_decay=0.01),
    )
    yield (
        {"kind": "muon", "first_layer": True, "last_layer": True},
        0.02,
        lambda g, lr: Muon(g, lr, 0.1, 0.015, None),
    )
    yield (
        {
            "kind": "muon", "first_layer": True, "last_layer": True, "momentum": 0.9, "nesterov": False, "ns_steps": 3,
            "adjust": "match_rms_adamw", "weight_decay": 0.01, "adamw_lr": 0.5,
        },
        0.02,
        lambda g, lr: Muon(g, lr, 0.01, 0.5, "match_rms_adamw", momentum=0.9, nesterov=False, ns_steps=3),
    )


def run(lr, build):
    random = Random(1)
    parameters = {name: torch.nn.Parameter(random.floats(shape)) for name, shape in SHAPES.items()}
    first = [p for name, p in parameters.items() if name != GROUP]
    group = {"params": [parameters[GROUP]], "lr": lr * GROUP_RATE, "weight_decay": GROUP_DECAY}
    optimizer = build([{"params": first}, group], lr)
    for _ in range(STEPS):
        for p in parameters.values():
            p.grad = random.floats(p.shape)
        optimizer.step()
    found = {name: p.detach() for name, p in parameters.items()}
    for name, p in parameters.items():
        for buffer, value in optimizer.state[p].items():
            if torch.is_tensor(value) and buffer != "step":
                found[f"{name}/{buffer}"] = value.detach()
    return found


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=here / "crates/convnet/src/cpu/optimizer_golden.jsonl")
    out = parser.parse_args().out
    with out.open("w") as file:
        for settings, lr, build in cases():
            found = run(lr, build)
            values = {
                name: [float(f"{x:.9g}") for x in tensor.flatten().tolist()[::STRIDE]] for name, tensor in found.items()
            }
            file.write(json.dumps({"settings": settings, "lr": lr, "values": values}) + "\n")
            print(f"{settings['kind']}: {len(values)} tensors, first weight {values['conv.weight'][0]}")


if __name__ == "__main__":
    main()
