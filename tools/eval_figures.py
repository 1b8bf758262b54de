#!/usr/bin/env python3
"""Compares what `convnet eval` tells with scikit-learn's figures and torchmetrics' calibration error.

    convnet eval RUN --json --predictions all.csv --probabilities > eval.json
    tools/eval_figures.py eval.json all.csv

Without arguments it prints the figures that the tests of `train/classes.rs` and `train/calibration.rs` hold: those of
40 images of 5 classes whose logits and labels are made by the formula in `samples`. Needs numpy and scikit-learn; with
torchmetrics the calibration error is compared with its own too.
"""

import argparse
import csv
import json
import math
import sys

import numpy as np
from sklearn import metrics

BINS = 15


def samples(images=40, classes=5):
    """Logits (float32) and labels that the Rust tests make by the same formula."""
    logits = np.array(
        [[((i * 37 + k * 101 + i * k * 13) % 64 - 32) / 8 for k in range(classes)] for i in range(images)], np.float32
    )
    labels = np.array([int(np.argmax(logits[i])) if i % 3 else (i * 7 + 2) % 4 for i in range(images)])
    return logits, labels


def softmax(logits):
    logits = logits.astype(np.float64)
    e = np.exp(logits - logits.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def calibration(probabilities, labels):
    """Guo et al. 2017: bins (i/15, (i+1)/15] of the confidence, in float64."""
    confidence, predicted = probabilities.max(1), probabilities.argmax(1)
    right = predicted == labels
    places = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    ece = mce = 0.0
    for place in range(BINS):
        here = places == place
        if here.any():
            gap = abs(right[here].mean() - confidence[here].mean())
            ece += gap * here.mean()
            mce = max(mce, gap)
    return ece, mce


def figures(probabilities, labels, classes):
    predicted = probabilities.argmax(1)
    every = list(range(classes))
    present = [c for c in every if (labels == c).any() or (predicted == c).any()]
    table = metrics.precision_recall_fscore_support(labels, predicted, labels=every, zero_division=0)
    average = {
        kind: metrics.precision_recall_fscore_support(
            labels, predicted, labels=present, average=kind, zero_division=0
        )[:3]
        for kind in ("macro", "weighted")
    }
    ece, mce = calibration(probabilities, labels)
    one_hot = np.eye(classes)[labels]
    return {
        "precision": table[0].tolist(),
        "recall": table[1].tolist(),
        "f1": table[2].tolist(),
        "images": table[3].tolist(),
        "macro": [float(x) for x in average["macro"]],
        "weighted": [float(x) for x in average["weighted"]],
        "confusion": metrics.confusion_matrix(labels, predicted, labels=every).tolist(),
        "ece": float(ece),
        "mce": float(mce),
        "brier": float(((probabilities - one_hot) ** 2).sum(1).mean()),
        "nll": float(metrics.log_loss(labels, probabilities, labels=every)),
        "top1": float((predicted == labels).mean()),
    }


def torchmetrics_ece(probabilities, labels):
    try:
        import torch
        from torchmetrics.classification import MulticlassCalibrationError
    except ImportError:
        return None
    p, y = torch.tensor(probabilities), torch.tensor(labels)
    of = lambda norm: float(MulticlassCalibrationError(probabilities.shape[1], BINS, norm, validate_args=False)(p, y))
    return of("l1"), of("max")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("eval_json", nargs="?")
    parser.add_argument("predictions", nargs="?")
    arguments = parser.parse_args()
    if arguments.predictions is None:
        logits, labels = samples()
        probabilities = softmax(logits)
        for key, value in figures(probabilities, labels, 5).items():
            print(f"{key}: {value}")
        print("torchmetrics (l1, max):", torchmetrics_ece(probabilities, labels))
        return
    with open(arguments.eval_json) as file:
        told = json.load(file)
    names = [c["name"] for c in told["classes"]]
    with open(arguments.predictions, newline="") as file:
        rows = list(csv.DictReader(file))
    labels = np.array([names.index(row["class"]) for row in rows])
    probabilities = np.array([[float(row[f"p({name})"]) for name in names] for row in rows])
    expected = figures(probabilities, labels, len(names))
    found = {
        key: [c[key] or 0 for c in told["classes"]] for key in ("precision", "recall", "f1", "images")
    } | {kind: [told[kind][key] for key in ("precision", "recall", "f1")] for kind in ("macro", "weighted")}
    found |= {key: told["calibration"][key] for key in ("ece", "mce", "brier", "nll")}
    found |= {"confusion": told["confusion"], "top1": told["top1"]}
    wrong = 0
    for key, value in expected.items():
        error = np.abs(np.array(value, float) - np.array(found[key], float)).max()
        good = error <= 2e-6 and math.isfinite(error)
        wrong += not good
        print(f"{'ok   ' if good else 'WRONG'} {key}: greatest difference {error:.1e}")
    theirs = torchmetrics_ece(probabilities, labels)
    if theirs:
        print(f"torchmetrics: ECE {theirs[0]:.6f}, MCE {theirs[1]:.6f}; convnet {found['ece']:.6f}, {found['mce']:.6f}")
    print(f"judged {len(rows)} images, {len(expected)} figures, {wrong} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
