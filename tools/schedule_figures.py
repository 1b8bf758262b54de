#!/usr/bin/env python3
"""Prints the learning rates that the tests of crates/convnet/src/train/schedule.rs hold, from PyTorch's
schedulers."""

import torch
from torch.optim import lr_scheduler as lr


def show(name, schedule, peak, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=peak)
    scheduler = schedule(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(float(f"{optimizer.param_groups[0]['lr']:.12g}"))
        optimizer.step()
        if len(rates) < steps:
            scheduler.step()
    print(name, rates)


def warm_cosine(optimizer):
    warm = lr.LinearLR(optimizer, start_factor=0.01, total_iters=4)
    return lr.SequentialLR(optimizer, [warm, lr.CosineAnnealingLR(optimizer, T_max=8)], [4])


show("one-cycle", lambda o: lr.OneCycleLR(o, max_lr=0.4, total_steps=20), 0.4, 20)
show(
    "one-cycle, other settings",
    lambda o: lr.OneCycleLR(o, max_lr=0.004, total_steps=7, pct_start=0.5, div_factor=10, final_div_factor=100),
    0.004,
    7,
)
show("step", lambda o: lr.StepLR(o, step_size=3, gamma=0.1), 0.1, 8)
show("milestones", lambda o: lr.MultiStepLR(o, milestones=[2, 5], gamma=0.5), 0.1, 8)
show("cosine", lambda o: lr.CosineAnnealingLR(o, T_max=10, eta_min=0.001), 0.1, 10)
show("cosine after warm-up", warm_cosine, 0.1, 12)
show("constant after warm-up", lambda o: lr.LinearLR(o, start_factor=0.01, total_iters=4), 0.1, 7)
