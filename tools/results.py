"""Trains the networks of docs/results.md by their shipped recipes and prints a line of its tables for each.

    python tools/results.py families                each family on all of Fashion-MNIST, its test images measured once
    python tools/results.py record --seeds 5        the shortest way to 94%, several seeds
    python tools/results.py photos                  240 generated photos, by the default command
    python tools/results.py head                    a network of five classes that learns five others from 100 images each
    python tools/results.py waiting                 how long training waits for 5,000 JPEG files
    python tools/results.py families --torch        PyTorch by the same recipes: after the runs are there
    python tools/results.py times                   how long convnet and PyTorch take by these recipes, on a quiet machine
    python tools/results.py grown                   VGG-11, 13 and 16 in turn, and each from nothing

Runs are written to --out [runs/results]; what is there already is not trained again. CONVNET is the program
[target/release/convnet]. `--torch` and times need torch, torchvision, numpy and Pillow; photos need numpy and Pillow.
"""

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

CONVNET = os.environ.get("CONVNET", "target/release/convnet")
TOOLS = Path(__file__).parent
# Epochs of the shipped recipes with images of 16, 24 and 28 pixels; LeNet's are all of one size.
EPOCHS_BY_SIZE = {"lenet": (20, 20, 20), "vgg": (4, 4, 4), "resnet": (4, 4, 4)} | {
    recipe: (6, 6, 8) for recipe in ("alexnet", "nin", "googlenet", "densenet")}
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


def torch_lines(run):
    """What PyTorch prints of the recipe of a run: a line an epoch, and one of JSON."""
    kept = Path(run, "torch.txt")
    if not kept.exists():
        command = [sys.executable, TOOLS / "torch_recipe.py", run, "--channels-last"]
        kept.write_text(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return kept.read_text().splitlines()


def torch(run):
    """PyTorch by the recipe of a run: its test accuracy and seconds."""
    found = json.loads(torch_lines(run)[-1])
    return found["test"], found["seconds"]


def epochs_of_torch(run):
    """The seconds of each epoch of PyTorch by the recipe of a run."""
    return [float(line.split()[-2]) for line in torch_lines(run)[:-1]]


def epochs_of(run):
    """The seconds of each epoch of a run."""
    return [float(row["seconds"]) for row in csv.DictReader(Path(run, "metrics.csv").open())]


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


def times(out, given):
    """How long these recipes take on a quiet machine: the least epoch of each size of images, times their number.

    The epochs are those of the recipe cut to one of each size, convnet's and PyTorch's in turn.
    """
    print("| network | an epoch of convnet, s | of PyTorch, s | convnet | PyTorch | ratio |\n|---|---|---|---|---|---|")
    for name in given.networks or FAMILIES:
        recipe = name.split("@")[0]
        run = out / f"times-{recipe}"
        rounds = {epochs_of: [], epochs_of_torch: []}
        for _ in range(given.rounds):
            shutil.rmtree(run, ignore_errors=True)
            convnet("train", name, "--data", "fashion-mnist", "--recipe", recipe, "--epochs", 3, "--out", run, "--quiet")
            for epochs, found in rounds.items():
                found.append(epochs(run))
        least = [[min(column) for column in zip(*found)] for found in rounds.values()]
        each = " | ".join(", ".join(f"{seconds:.1f}" for seconds in of) for of in least)
        ours, theirs = (sum(count * seconds for count, seconds in zip(EPOCHS_BY_SIZE[recipe], of)) for of in least)
        print(f"| `{name}` | {each} | {ours / 60:.1f} min | {theirs / 60:.1f} min | {theirs / ours:.2f} |", flush=True)


def grown(out, given):
    """The VGG paper's way to deep networks: each starts from the one before it; beside it, from nothing."""
    folder = out / "five-thousand"
    if not folder.exists():
        convnet("data", "export", "fashion-mnist", folder / "train", "--split", "train", "--count", 500)
        convnet("data", "export", "fashion-mnist", folder / "test", "--split", "test", "--count", 1000)
    before = None
    runs = []
    for name in ("vgg11", "vgg13", "vgg16"):
        ways = {"": []} if before is None else {"-grown": ["--init-from", before], "": []}
        for way, more in ways.items():
            run = out / f"{name}{way}"
            options = ["--data", folder, "--input", "1x32x32", "--epochs", given.epochs, "--init", "paper", *more]
            top1, seconds = train(run, name, *options)
            print(f"{name}{way}: {top1:.2%} in {seconds:.0f} s", flush=True)
            runs.append(run)
        before = runs[-2] if len(runs) > 1 else runs[-1]
    convnet("compare", *runs, "-o", out / "grown.svg")


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
    parts = {part.__name__: part for part in (families, times, grown, record, photos, head, waiting)}
    parser.add_argument("part", choices=parts)
    parser.add_argument("--out", type=Path, default=Path("runs/results"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=1, help="of `times`; the least time of each size counts")
    parser.add_argument("--networks", nargs="*", choices=FAMILIES, help="of `times`, not all")
    parser.add_argument("--epochs", type=int, default=10, help="of `grown`")
    parser.add_argument("--torch", action="store_true")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    parts[given.part](given.out, given)


if __name__ == "__main__":
    main()
