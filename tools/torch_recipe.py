"""PyTorch by the recipe of a run: the same network, images, optimizer, schedule and augmentation, two threads.

    convnet train resnet@small --data fashion-mnist --out runs/resnet
    python tools/torch_recipe.py runs/resnet --data /usr/share/datasets/fashion-mnist

Reads the run's `config.toml`, takes its network from `convnet show RUN --format pytorch`, and trains it from PyTorch's own
initial weights. Images lie in memory, already normalized and padded; crops and flips are done to whole batches by
indexing, which is faster than a DataLoader: the difference is in PyTorch's favour. The test images are measured once, at
the end, with the weights of the best epoch by the validation images, or with the last ones where the recipe keeps none.
What it does not know of a recipe it refuses by name. Prints a line an epoch and one of JSON. With `--state FILE` all of
it is kept after each epoch, and the same command goes on from there.
Needs torch and numpy; CONVNET is the program [target/release/convnet].
"""

import argparse
import gzip
import json
import math
import os
import subprocess
import time
import tomllib
from pathlib import Path

import numpy
import torch
from torch import nn

CONVNET = os.environ.get("CONVNET", "target/release/convnet")
KNOWN = {
    "recipe": {"data", "epochs", "batch", "lr", "seed", "limit_steps", "optimizer", "schedule", "augment", "split",
               "regularize", "progressive", "loss", "parameters", "checkpoints", "log"},
    "augment": {"preset", "crop", "flip"},
    "regularize": {"ema"},
    "loss": {"kind", "label_smoothing"},
    "parameters": {"no_decay"},
    "split": {"validation"},
    "progressive": {"from", "until", "steps"},
}


def known(name, table):
    for key in table:
        assert key in KNOWN[name], f"{name}.{key} = {table[key]!r}: this script does not know it"


def network(run):
    text = subprocess.run([CONVNET, "show", run, "--format", "pytorch"], check=True, capture_output=True, text=True).stdout
    scope = {"__name__": "net"}
    exec(compile(text, "net.py", "exec"), scope)  # noqa: S102: it is what convnet just wrote
    kinds = [kind for kind in scope.values() if isinstance(kind, type) and issubclass(kind, nn.Module)]
    kind = next(kind for kind in reversed(kinds) if kind.__module__ == "net")
    net = kind()
    for module in list(net.modules()):
        for name, child in module.named_children():
            # The loss wants logits.
            if isinstance(child, nn.Softmax):
                setattr(module, name, nn.Identity())
    return net


def idx(folder, name, offset):
    path = Path(folder, name)
    data = gzip.open(f"{path}.gz").read() if not path.exists() else path.read_bytes()
    return torch.from_numpy(numpy.frombuffer(data, numpy.uint8, offset=offset).copy())


def images(folder, preprocess):
    _, height, width = preprocess["input"]
    mean, std = preprocess["mean"][0], preprocess["std"][0]
    sets = []
    for part in ("train", "t10k"):
        x = idx(folder, f"{part}-images-idx3-ubyte", 16).view(-1, 1, 28, 28).float() / 255
        if (height, width) != (28, 28):
            if preprocess["fit"] == "pad":
                left, top = (width - 28) // 2, (height - 28) // 2
                x = nn.functional.pad(x, (left, width - 28 - left, top, height - 28 - top))
            else:
                x = nn.functional.interpolate(x, (height, width), mode="bilinear", antialias=True)
        sets.append(((x - mean) / std, idx(folder, f"{part}-labels-idx1-ubyte", 8).long()))
    return sets


def divided(x, y, part, generator):
    """A stratified part apart, as convnet keeps it, if not the same images."""
    held = []
    for label in range(int(y.max()) + 1):
        places = (y == label).nonzero()[:, 0]
        held.append(places[torch.randperm(len(places), generator=generator)[: round(part * len(places))]])
    held = torch.cat(held)
    mask = torch.ones(len(y), dtype=torch.bool)
    mask[held] = False
    return (x[mask], y[mask]), (x[held], y[held])


def changed(x, crop, flip, black):
    """Random crops after padding with black, and mirror images."""
    count, channels, height, width = x.shape
    if crop:
        padded = nn.functional.pad(x, (crop,) * 4, value=black)
        top, left = torch.randint(0, 2 * crop + 1, (2, count))
        rows = (top[:, None] + torch.arange(height))[:, None, :, None]
        columns = (left[:, None] + torch.arange(width))[:, None, None, :]
        x = padded[torch.arange(count)[:, None, None, None], torch.arange(channels)[None, :, None, None], rows, columns]
    if flip:
        x = torch.where((torch.rand(count) < 0.5)[:, None, None, None], x.flip(3), x)
    return x


def rate(schedule, lr, step, total):
    """The learning rate of a step, as convnet's schedules have it."""
    kind = schedule["kind"]
    if kind == "one-cycle":
        first, least = lr / schedule["start_divisor"], lr / schedule["start_divisor"] / schedule["end_divisor"]
        top = schedule["climb"] * total - 1
        mixed = lambda a, b, part: b + (a - b) / 2 * (1 + math.cos(math.pi * part))
        return mixed(first, lr, step / top) if step <= top else mixed(lr, least, (step - top) / (total - 1 - top))
    assert kind == "cosine", f"schedule {kind}: this script does not know it"
    warm = round(schedule["warmup"] * total)
    if step < warm:
        return lr * (0.01 + 0.99 * step / warm)
    end = lr * schedule["end"]
    return end + (lr - end) / 2 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


class Muon(torch.optim.Optimizer):
    """Jordan's Muon of matrices, convolutions among them."""

    def __init__(self, parameters, settings):
        super().__init__(parameters, {"lr": 0.0})
        self.settings = settings

    @torch.no_grad()
    def step(self):
        given = self.settings
        for group in self.param_groups:
            for p in group["params"]:
                state = self.state[p]
                buffer = state.setdefault("momentum", torch.zeros_like(p))
                buffer.lerp_(p.grad, 1 - given["momentum"])
                update = p.grad.lerp(buffer, given["momentum"]) if given["nesterov"] else buffer
                matrix = update.reshape(len(p), -1)
                x = matrix.T if matrix.shape[0] > matrix.shape[1] else matrix
                x = x / x.norm().clamp(min=given["eps"])
                for _ in range(given["ns_steps"]):
                    a = x @ x.T
                    x = 3.4445 * x + (-4.7750 * a + 2.0315 * a @ a) @ x
                x = x.T if matrix.shape[0] > matrix.shape[1] else x
                assert given["adjust"] == "original", given["adjust"]
                p.mul_(1 - group["lr"] * given["weight_decay"])
                scale = max(1.0, matrix.shape[0] / matrix.shape[1]) ** 0.5
                p.add_(x.reshape(p.shape), alpha=-group["lr"] * scale)


def optimizers(net, given, no_decay):
    """Optimizers, each with what its rate is multiplied by."""
    kind = given["kind"]
    if kind == "muon":
        weights = [p for p in net.parameters() if p.ndim > 1]
        matrices = [p for p in weights[1:-1]]
        others = [p for p in net.parameters() if all(p is not m for m in matrices)]
        adamw = torch.optim.AdamW(others, 1.0, (given["adamw_beta1"], given["adamw_beta2"]), given["adamw_eps"],
                                  given["weight_decay"])
        return [(Muon(matrices, given), 1.0), (adamw, given["adamw_lr"])]
    decay = given.get("weight_decay", 0.0)
    groups = [{"params": list(net.parameters()), "weight_decay": decay}]
    if no_decay:
        groups = [{"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": decay},
                  {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0}]
    if kind == "sgd":
        return [(torch.optim.SGD(groups, 1.0, given["momentum"], nesterov=given["nesterov"]), 1.0)]
    betas = (given["beta1"], given["beta2"])
    kinds = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}
    return [(kinds[kind](groups, 1.0, betas, given["eps"]), 1.0)]


def side(progressive, epoch, epochs, full):
    """The side of an epoch's images, as convnet's `[progressive]` has it."""
    stage = math.floor(epoch / (progressive["until"] * epochs) * progressive["steps"] + 1e-9)
    if progressive["from"] >= 1 or stage >= progressive["steps"] or (epochs > 1 and epoch + 1 == epochs):
        return full
    part = progressive["from"] + (1 - progressive["from"]) * stage / progressive["steps"]
    return min(full, max(8, math.floor(full * part / 8 + 0.5) * 8))


@torch.no_grad()
def accuracy(net, x, y):
    net.eval()
    right = sum((net(x[at : at + 500]).argmax(1) == y[at : at + 500]).sum().item() for at in range(0, len(y), 500))
    net.train()
    return right / len(y)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run")
    parser.add_argument("--data", default="/usr/share/datasets/fashion-mnist", help="folder of the four IDX files")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--only-epochs", type=int, help="stop after so many, to measure the time of one")
    parser.add_argument("--state", type=Path, help="file to keep the training in, and to go on from where there is one")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    config = tomllib.loads(Path(args.run, "config.toml").read_text())
    recipe, preprocess = config["recipe"], config["preprocess"]
    known("recipe", recipe)
    for section in ("augment", "regularize", "loss", "parameters", "split", "progressive"):
        known(section, recipe.get(section, {}))
    seed = recipe["seed"] if args.seed is None else args.seed
    torch.manual_seed(seed)
    torch.set_num_threads(args.threads)
    net = network(args.run)
    if args.channels_last:
        net = net.to(memory_format=torch.channels_last)
    start = time.perf_counter()
    (x, y), (test_x, test_y) = images(args.data, preprocess)
    validation = None
    if recipe["split"]["validation"]:
        (x, y), validation = divided(x, y, recipe["split"]["validation"], torch.Generator().manual_seed(seed))
    augment = recipe.get("augment", {})
    presets = {"none": (0, False), "light": (28 // 16, True), "standard": (28 // 8, True)}
    crop, flip = presets[augment.get("preset", "none")]
    crop, flip = augment.get("crop", crop), augment.get("flip", flip)
    black = -preprocess["mean"][0] / preprocess["std"][0]
    rules = optimizers(net, recipe["optimizer"], recipe.get("parameters", {}).get("no_decay"))
    loss_of = nn.CrossEntropyLoss(label_smoothing=recipe.get("loss", {}).get("label_smoothing", 0.0))
    ema = recipe.get("regularize", {}).get("ema")
    average = {name: value.clone() for name, value in net.state_dict().items()} if ema else None
    epochs, batch = recipe["epochs"], recipe["batch"]
    steps = math.ceil(len(y) / batch)
    step, best, first, spent = 0, None, 0, 0.0
    if args.state and args.state.exists():
        kept = torch.load(args.state)
        of = (str(Path(args.run).resolve()), seed, args.channels_last)
        assert kept["of"] == of, f"{args.state} is of {kept['of']}, not of {of}"
        first, step, best, spent, average = (kept[name] for name in ("epochs", "step", "best", "seconds", "average"))
        net.load_state_dict(kept["net"])
        for (rule, _), state in zip(rules, kept["rules"], strict=True):
            rule.load_state_dict(state)
        torch.set_rng_state(kept["draws"])
    for epoch in range(first, min(epochs, args.only_epochs or epochs)):
        began = time.perf_counter()
        now = side(recipe["progressive"], epoch, epochs, x.shape[-1]) if "progressive" in recipe else x.shape[-1]
        total, right = 0.0, 0
        for batch_of in torch.randperm(len(y)).split(batch):
            images_of, labels = changed(x[batch_of], crop, flip, black), y[batch_of]
            if now != x.shape[-1]:
                images_of = nn.functional.interpolate(images_of, (now, now), mode="bilinear", antialias=True)
            if args.channels_last:
                images_of = images_of.contiguous(memory_format=torch.channels_last)
            lr = rate(recipe["schedule"], recipe["lr"], step, epochs * steps)
            for rule, share in rules:
                for group in rule.param_groups:
                    group["lr"] = lr * share
                rule.zero_grad()
            answers = net(images_of)
            loss = loss_of(answers, labels)
            loss.backward()
            for rule, _ in rules:
                rule.step()
            step += 1
            if average:
                decay = min(ema, (1 + step) / (10 + step))
                for name, value in net.state_dict().items():
                    average[name] = average[name].lerp(value, 1 - decay) if value.is_floating_point() else value.clone()
            total, right = total + loss.item() * len(labels), right + (answers.argmax(1) == labels).sum().item()
        raw = {name: value.clone() for name, value in net.state_dict().items()}
        if average:
            net.load_state_dict(average)
        found = accuracy(net, *validation) if validation else None
        if found is None or best is None or found >= best[0]:
            best = (found, epoch + 1, {name: value.clone() for name, value in net.state_dict().items()})
        net.load_state_dict(raw)
        told = "" if found is None else f"  validation {found:.2%}"
        print(f"epoch {epoch + 1:3}/{epochs}  loss {total / len(y):.4f}  training {right / len(y):.2%}{told}  "
              f"{time.perf_counter() - began:.1f} s", flush=True)
        if args.state:
            unfinished = args.state.with_suffix(".tmp")
            of = (str(Path(args.run).resolve()), seed, args.channels_last)
            torch.save({"of": of, "epochs": epoch + 1, "step": step, "best": best,
                        "seconds": spent + time.perf_counter() - start, "average": average, "net": net.state_dict(),
                        "rules": [rule.state_dict() for rule, _ in rules], "draws": torch.get_rng_state()}, unfinished)
            unfinished.rename(args.state)
    net.load_state_dict(best[2])
    test = accuracy(net, test_x, test_y)
    print(json.dumps({"run": args.run, "seed": seed, "epoch": best[1], "test": test, "channels_last": args.channels_last,
                      "seconds": round(spent + time.perf_counter() - start, 1)}), flush=True)


if __name__ == "__main__":
    main()
