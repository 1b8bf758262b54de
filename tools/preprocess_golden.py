#!/usr/bin/env python3
"""Prints what timm's evaluation transforms make of a small picture, for crates/convnet/src/data/preprocess_spec.rs: the
corners and the middle of each channel."""
import argparse

import numpy as np
from PIL import Image
from timm.data import create_transform

argparse.ArgumentParser(description=__doc__).parse_args()

rows, columns = np.mgrid[0:30, 0:44]
picture = np.stack([5 * columns + rows, 4 * rows + 90, 190 - 3 * columns + 2 * rows], axis=-1).astype(np.uint8)
for config in [
    {"interpolation": "bicubic", "crop_pct": 0.8, "crop_mode": "center"},
    {"interpolation": "bicubic", "crop_pct": 0.9, "crop_mode": "squash"},
    {"interpolation": "bilinear", "crop_pct": 1.0, "crop_mode": "squash"},
]:
    transform = create_transform((3, 16, 16), is_training=False, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), **config)
    out = transform(Image.fromarray(picture)).numpy()
    print(config, [round(float(x), 4) for c in out for x in (c[0, 0], c[0, 15], c[8, 8], c[15, 0], c[15, 15])])
