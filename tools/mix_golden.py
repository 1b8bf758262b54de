#!/usr/bin/env python3
"""Prints what torchvision's v2.MixUp and v2.CutMix make of a small batch by a given share and box, how timm's Mixup mixes
labels by the same share, and the moments of Beta(alpha, alpha): the figures in crates/convnet/src/data/mix.rs."""
import argparse
from unittest import mock

import torch
from scipy.stats import beta
from timm.data.mixup import mixup_target
from torchvision.transforms import v2

argparse.ArgumentParser(description=__doc__).parse_args()

# Three images of 1 × 3 × 4 of classes 2, 0, 1 of 3; pixel p of image n is n + p / 16.
images = torch.stack([torch.arange(12).reshape(1, 3, 4) / 16 + n for n in range(3)]).float()
labels = torch.tensor([2, 0, 1])


def show(name, mixer, params):
    params = dict(params, labels=labels, batch_size=3)
    out, shares = mixer.transform(images, params), mixer.transform(labels, params)
    print(name, "images", [float(x) for x in out.flatten()])
    print(name, "shares", [float(x) for x in shares.flatten()])


show("mixup 0.3", v2.MixUp(num_classes=3), {"lam": 0.3})

# The box that CutMix draws by a share and a middle (column, row), on images of 5 × 8.
cutmix = v2.CutMix(num_classes=3)
for share, column, row in [(0.3, 2, 1), (0.75, 7, 4), (0.999, 3, 3), (0.0, 4, 2)]:
    with mock.patch.object(cutmix._dist, "sample", lambda shape, share=share: torch.tensor(share, dtype=torch.float64)), \
            mock.patch("torch.randint", side_effect=[torch.tensor([column]), torch.tensor([row])]):
        drawn = cutmix.make_params([torch.zeros(3, 1, 5, 8)])
    print("box", share, (column, row), "x1 y1 x2 y2", drawn["box"], "share", drawn["lam_adjusted"])

show("cutmix box (1, 0, 3, 2)", cutmix, {"box": (1, 0, 3, 2), "lam_adjusted": 1 - 4 / 12})

# timm pairs image n with image N - 1 - n; its labels by the same share, without smoothing.
print("timm", mixup_target(labels, 3, lam=0.3, smoothing=0.0).flatten().tolist())

for alpha in [0.1, 0.2, 0.5, 1.0, 1.5, 4.0]:
    parts = [0.1, 0.25, 0.4, 0.5]
    quantiles = [round(float(beta.ppf(part, alpha, alpha)), 6) for part in parts]
    print("beta", alpha, "variance", round(float(beta.var(alpha, alpha)), 6), "quantiles", quantiles)
