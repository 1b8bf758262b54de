#!/usr/bin/env python3
"""Prints what numpy suggests for the loss curve in the tests of crates/convnet/src/train/lr_find.rs.

The steepest fall is the least of numpy.gradient over the smoothed losses, from a tenth of the steps to the least loss.
"""

import argparse

import numpy as np


def main():
    argparse.ArgumentParser(description=__doc__).parse_args()
    steps = 40
    x = np.arange(steps) / steps
    loss = 2.3 - 1.8 / (1.0 + np.exp(-(x - 0.55) * 20.0)) + 30.0 * np.maximum(x - 0.8, 0.0) ** 2
    lr = np.geomspace(1e-6, 1.0, steps)
    least = loss.argmin()
    first = steps // 10
    steepest = first + np.gradient(loss[first : least + 1]).argmin()
    print(f"steepest {lr[steepest]:.17g} (step {steepest}), tenth {lr[least] / 10:.17g} (step {least})")


if __name__ == "__main__":
    main()
