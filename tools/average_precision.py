"""Print scikit-learn's figures of images with several classes, for the tests of crates/convnet/src/train/several.rs.

    python tools/average_precision.py

needs scikit-learn and torch.
"""

import argparse

import torch
from sklearn.metrics import average_precision_score, f1_score
from torch.nn.functional import binary_cross_entropy_with_logits

IMAGES, CLASSES = 40, 5


def main():
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter).parse_args()
    at = torch.arange(IMAGES * CLASSES).reshape(IMAGES, CLASSES)
    logits = (at * 37 % 23 - 11).double() / 4
    there = (at * 13 % 7 < 2 + torch.arange(CLASSES) % 2).double()
    scores, truth, predicted = logits.numpy(), there.numpy(), (logits > 0).numpy()
    for precision, f1 in zip(
        average_precision_score(truth, scores, average=None), f1_score(truth, predicted, average=None)
    ):
        print(f"class: average precision {precision:.12f}, F1 {f1:.12f}")
    print(f"mean average precision {average_precision_score(truth, scores, average='macro'):.12f}")
    print(f"F1 macro {f1_score(truth, predicted, average='macro'):.12f}")
    print(f"F1 micro {f1_score(truth, predicted, average='micro'):.12f}")
    print(f"loss {binary_cross_entropy_with_logits(logits, there).item():.12f}")


if __name__ == "__main__":
    main()
