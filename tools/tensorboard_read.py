#!/usr/bin/env python3
"""Reads a run's event files with TensorBoard's own reader and compares them with the run's other files.

    convnet train lenet --tensorboard --log-steps --out run
    tools/tensorboard_read.py run

Each epoch of metrics.jsonl must be there once with its figures, each logged step once and in order, the settings as a text,
the pictures as PNG; with RUN/steps.jsonl the losses of the steps are compared too. Needs tensorboard.
"""

import argparse
import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator, TENSORS, SCALARS, IMAGES

EPOCH = {
    "loss/train": "train_loss",
    "loss/validation": "val_loss",
    "accuracy/train": "train_top1",
    "accuracy/validation": "val_top1",
    "accuracy/validation_top5": "val_top5",
    "rate/epoch": "lr",
    "speed/images_per_second": "images_per_second",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=pathlib.Path)
    run = parser.parse_args().run
    events = EventAccumulator(str(run / "tensorboard"), size_guidance={SCALARS: 0, TENSORS: 0, IMAGES: 0})
    events.Reload()
    tags = events.Tags()
    records = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    wrong = 0

    def judge(good, text):
        nonlocal wrong
        wrong += not good
        print("ok   " if good else "WRONG", text)

    def near(a, b):
        return abs(a - b) <= 1e-6 * max(1.0, abs(b))

    for tag, key in EPOCH.items():
        expected = [(r["steps"], r[key]) for r in records if r.get(key) is not None]
        found = [(e.step, e.value) for e in events.Scalars(tag)] if tag in tags["scalars"] else []
        same = len(found) == len(expected) and all(f[0] == e[0] and near(f[1], e[1]) for f, e in zip(found, expected))
        judge(same, f"{tag}: {len(found)} values for {len(expected)} epochs")
    steps = [e.step for e in events.Scalars("loss/step")] if "loss/step" in tags["scalars"] else []
    total = records[-1]["steps"] if records else 0
    every = steps[1] - steps[0] if len(steps) > 1 else max(total, 1)
    judge(steps == list(range(0, total, every)), f"loss/step: {len(steps)} values, one every {every} steps of {total}")
    log = run / "steps.jsonl"
    if log.exists():
        lines = {line["step"] - 1: line for line in map(json.loads, log.read_text().splitlines())}
        both = [e for e in events.Scalars("loss/step") if e.step in lines]
        judge(
            both and all(near(e.value, lines[e.step]["loss"]) for e in both),
            f"loss/step and steps.jsonl: {len(both)} steps in both",
        )
        order = list(lines)
        judge(order == sorted(order), f"steps.jsonl: {len(order)} lines, in order and each once")
    texts = [t for t in tags["tensors"] if "settings" in t]
    text = events.Tensors(texts[0])[-1].tensor_proto.string_val[0].decode() if texts else ""
    judge("[recipe]" in text, f"settings: {len(text)} characters")
    for tag in tags["images"]:
        images = events.Images(tag)
        png = all(image.encoded_image_string.startswith(b"\x89PNG") and image.width > 0 for image in images)
        judge(png, f"{tag}: {len(images)} pictures")
    files = len(list((run / "tensorboard").iterdir()))
    print(f"judged {len(records)} epochs and {len(steps)} steps in {files} event files, {wrong} wrong")
    sys.exit(wrong > 0)


if __name__ == "__main__":
    main()
