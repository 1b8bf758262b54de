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
show("exponential", lambda o: lr.ExponentialLR(o, gamma=0.8), 0.1, 6)
show("polynomial", lambda o: lr.PolynomialLR(o, total_iters=8), 0.1, 8)
show("polynomial, square", lambda o: lr.PolynomialLR(o, total_iters=8, power=2.0), 0.1, 8)
show("restarts", lambda o: lr.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=0.001), 0.1, 14)
show("restarts of one length", lambda o: lr.CosineAnnealingWarmRestarts(o, 3), 0.1, 7)

LOSSES = [1.0, 0.9, 0.95, 0.9, 0.91, 0.89999, 0.92, 0.93, 0.8, 0.81, 0.82, 0.83, 0.84, 0.85, 0.86, 0.87]


def plateau(name, **settings):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    scheduler = lr.ReduceLROnPlateau(optimizer, factor=0.5, **settings)
    rates = [0.1]
    for loss in LOSSES:
        scheduler.step(loss)
        rates.append(float(f"{optimizer.param_groups[0]['lr']:.12g}"))
    print(name, rates)


plateau("plateau", patience=2)
plateau("plateau, cooldown", patience=1, cooldown=2, min_lr=0.02)
