"""Trains the networks of docs/results.md by their shipped recipes and prints a line of its tables for each.

    python tools/results.py families                each family on all of Fashion-MNIST, its test images measured once
    python tools/results.py record --seeds 5        the shortest way to 94%, several seeds
    python tools/results.py photos                  240 generated photos, by the default command
    python tools/results.py head                    a network of five classes that learns five others from 100 images each
    python tools/results.py waiting                 how long training waits for 5,000 JPEG files
    python tools/results.py families --torch        PyTorch by the same recipes: after the runs are there

Runs are written to --out [runs/results]; what is there already is not trained again. CONVNET is the program
[target/release/convnet]. `--torch` needs torch, torchvision, numpy and Pillow; photos need numpy and Pillow.
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

CONVNET = os.environ.get("CONVNET", "target/release/convnet")
TOOLS = Path(__file__).parent
FAMILIES = ["lenet", "alexnet@small", "vgg@small", "nin@small", "googlenet@small", "resnet@small", "densenet@small"]


def convnet(*arguments):
    subprocess.run([CONVNET, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def train(out, *arguments):
    """A run, its test accuracy and the seconds that its process took."""
    took = Path(out, "process-seconds.txt")
    if not took.exists():
        start = time.perf_counter()
        convnet("train", *arguments, "--out", out, "--quiet")
        took.write_text(f"{time.perf_counter() - start:.1f}\n")
    return json.loads(Path(out, "result.json").read_text())["top1"], float(took.read_text())


def torch(out, *more):
    """PyTorch by the recipe of a run."""
    kept = Path(out, f"torch{''.join(more)}.json")
    if not kept.exists():
        command = [sys.executable, TOOLS / "torch_recipe.py", out, *more]
        lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
        kept.write_text(lines[-1] + "\n")
    found = json.loads(kept.read_text())
    return found["test"], found["seconds"]


def waited(out):
    """The share of each epoch's training that waited for images."""
    rows = csv.DictReader(Path(out, "metrics.csv").open())
    return [float(row["wait_seconds"]) / float(row["train_seconds"]) for row in rows]


def families(out, given):
    print("| network | recipe | test accuracy | time | PyTorch | time |\n|---|---|---|---|---|---|")
    for name in FAMILIES:
        recipe = name.split("@")[0]
        top1, seconds = train(out / recipe, name, "--data", "fashion-mnist", "--recipe", recipe)
        theirs = torch(out / recipe) if given.torch else None
        told = f"{theirs[0]:.2%} | {theirs[1] / 60:.1f} min" if theirs else "– | –"
        print(f"| `{name}` | `{recipe}` | {top1:.2%} | {seconds / 60:.1f} min | {told} |", flush=True)


def record(out, given):
    found = []
    for seed in range(given.seeds):
        run = out / f"record-{seed}"
        options = ["--data", "fashion-mnist", "--recipe", "resnet", "--validation", "0", "--seed", seed]
        found.append(train(run, "resnet@small", *options))
        print(f"seed {seed}: {found[-1][0]:.2%} in {found[-1][1]:.0f} s", flush=True)
    mean = statistics.mean(top1 for top1, _ in found)
    print(f"mean {mean:.2%}, {statistics.mean(seconds for _, seconds in found):.0f} s")
    if given.torch:
        top1, seconds = torch(out / "record-0")
        print(f"PyTorch: {top1:.2%} in {seconds:.0f} s")


def photos(out, given):
    folder = out / "photos"
    if not folder.exists():
        subprocess.run([sys.executable, TOOLS / "make_photos.py", folder], check=True)
    for seed in range(given.seeds):
        top1, seconds = train(out / f"photos-{seed}", "resnet18", "--data", folder, "--seed", seed)
        print(f"seed {seed}: {top1:.2%} in {seconds:.0f} s", flush=True)
    if given.torch:
        subprocess.run([sys.executable, TOOLS / "torch_photos.py", folder, "30", "64"], check=True)


def head(out, given):
    whole = out / "classes"
    if not whole.exists():
        convnet("data", "export", "fashion-mnist", whole / "train", "--split", "train", "--count", 1000)
        convnet("data", "export", "fashion-mnist", whole / "test", "--split", "test", "--count", 1000)
        names = sorted(folder.name for folder in (whole / "train").iterdir())
        for half, classes, count in (("known", names[::2], 1000), ("new", names[1::2], 100)):
            for split, most in (("train", count), ("test", 1000)):
                for name in classes:
                    target = whole / half / split / name
                    target.mkdir(parents=True)
                    for file in sorted((whole / split / name).iterdir())[:most]:
                        (target / file.name).hardlink_to(file)
    known = train(out / "known", "resnet@small", "--data", whole / "known", "--recipe", "resnet")
    print(f"five classes, 1,000 images each: {known[0]:.2%} in {known[1]:.0f} s", flush=True)
    for seed in range(given.seeds):
        tuned = train(out / f"tuned-{seed}", "resnet@small", "--data", whole / "new", "--init-from", out / "known",
                      "--seed", seed)
        scratch = train(out / f"scratch-{seed}", "resnet@small", "--data", whole / "new", "--seed", seed)
        print(f"seed {seed}: five others, 100 images each: {tuned[0]:.2%} from these weights in {tuned[1]:.0f} s, "
              f"{scratch[0]:.2%} from nothing in {scratch[1]:.0f} s", flush=True)


def waiting(out, given):
    folder = out / "many"
    if not folder.exists():
        subprocess.run([sys.executable, TOOLS / "make_photos.py", folder, "--train", "1250", "--test", "12"], check=True)
    for name, size, limit in (("lenet", "3x32x32", 160), ("resnet18", "3x224x224", 20)):
        run = out / f"waiting-{name}"
        train(run, name, "--data", folder, "--input", size, "--augment", "standard", "--batch", 64, "--epochs", 3,
              "--limit-steps", limit)
        shares = ", ".join(f"{share:.1%}" for share in waited(run))
        print(f"{name} at {size}: {shares} of each epoch's training waits for images", flush=True)
    if given.torch:
        subprocess.run([sys.executable, TOOLS / "torch_waiting.py", folder], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {part.__name__: part for part in (families, record, photos, head, waiting)}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--out", type=Path, default=Path("runs/results"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--torch", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    parts[given.part](given.out, given)


if __name__ == "__main__":
    main()
