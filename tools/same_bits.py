#!/usr/bin/env python3
"""Tells whether two builds of convnet compute the same bits.

    tools/same_bits.py BEFORE AFTER [--quick]

Trains LeNet, AlexNet (dropout), GoogLeNet (branches, auxiliary outputs), ResNet-18 and a DenseNet for ten steps with
each binary on each instruction set of this machine, LeNet also by every optimizer and schedule, and compares
the tensors of `last.safetensors` byte by byte; compares the outputs and gradients of `run` likewise. Prints a line a case; exit code 1
where one differs. `--quick` leaves out the narrower instruction sets but for LeNet. Needs Python alone.
"""

import hashlib
import json
import os
import random
import struct
import subprocess
import sys
import tempfile

NETS = {"lenet": "1x32x32", "alexnet": "1x96x96", "googlenet": "1x32x32", "resnet18": "1x64x64", "densenet121": "1x64x64"}
OPTIMIZERS = {
    "sgd": 'kind = "sgd"',
    "sgd-plain": 'kind = "sgd"\nmomentum = 0.0\nweight_decay = 0.001',
    "sgd-nesterov": 'kind = "sgd"\nnesterov = true\nweight_decay = 0.001',
    "adam": 'kind = "adam"\nweight_decay = 0.001',
    "adamw": 'kind = "adamw"',
}
SCHEDULES = {
    "constant": 'kind = "constant"\nwarmup = 0.3',
    "step": 'kind = "step"\nevery = 1\ngamma = 0.5',
    "milestones": 'kind = "milestones"\nat = [0.3, 0.6]\ngamma = 0.1',
    "cosine": 'kind = "cosine"\nwarmup = 0.2\nend = 0.01',
    "one-cycle": 'kind = "one-cycle"',
}


def isas():
    flags = open("/proc/cpuinfo").read() if os.path.exists("/proc/cpuinfo") else ""
    wide = [name for flag, name in (("avx512f", "avx512"), ("avx2", "avx2")) if flag in flags]
    return [*wide, "portable"]


def run(binary, arguments, isa, folder):
    environment = {**os.environ, "CONVNET_ISA": isa}
    done = subprocess.run([binary, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{binary} {' '.join(arguments)} failed on {isa}:\n{done.stderr}")


def digest(path):
    """Of what is computed: the tensors of safetensors, without what the file tells of itself."""
    with open(path, "rb") as file:
        data = file.read()
    if path.endswith(".safetensors"):
        end = 8 + struct.unpack("<Q", data[:8])[0]
        header = json.loads(data[8:end])
        header.pop("__metadata__", None)
        data = json.dumps(header, sort_keys=True).encode() + data[end:]
    return hashlib.sha256(data).hexdigest()


def npy(path, shape, kind, values):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (-(10 + len(header) + 1) % 64) + "\n"
    code = {"<f4": "f", "<i8": "q"}[kind]
    with open(path, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode())
        file.write(struct.pack(f"<{len(values)}{code}", *values))


def cases(quick):
    for isa in isas():
        for net, size in NETS.items():
            if quick and isa != isas()[0] and net != "lenet":
                continue
            yield isa, f"train {net}", ["train", net, "--input", size, "--batch", "16"], None
        for name, optimizer in OPTIMIZERS.items():
            recipe = f"epochs = 1\n[optimizer]\n{optimizer}\n"
            yield isa, f"train lenet, {name}", ["train", "lenet", "--batch", "16", "--crop", "2", "--flip"], recipe
        for name, schedule in SCHEDULES.items():
            recipe = f"epochs = 1\n[schedule]\n{schedule}\n"
            yield isa, f"train lenet, {name}", ["train", "lenet", "--batch", "16"], recipe


def trained(binaries, isa, arguments, recipe):
    digests = []
    for binary in binaries:
        with tempfile.TemporaryDirectory() as folder:
            extra = []
            if recipe:
                with open(os.path.join(folder, "recipe.toml"), "w") as file:
                    file.write(recipe)
                extra = ["--recipe", "recipe.toml"]
            run(binary, [*arguments, *extra, "--limit-steps", "10", "--out", "run"], isa, folder)
            digests.append(digest(os.path.join(folder, "run", "last.safetensors")))
    return digests


def raw(binaries, isa, net, size, count, options):
    shape = (count, *map(int, size.split("x")))
    random.seed(net)
    elements = shape[0] * shape[1] * shape[2] * shape[3]
    digests = []
    with tempfile.TemporaryDirectory() as folder:
        npy(os.path.join(folder, "x.npy"), shape, "<f4", [random.gauss(0, 1) for _ in range(elements)])
        npy(os.path.join(folder, "labels.npy"), (count,), "<i8", [i % 10 for i in range(count)])
        for binary in binaries:
            arguments = ["run", net, "--seed", "0", "--classes", "10", "--input", "x.npy", "--output", "y.npy", *options]
            run(binary, [*arguments, "--grad", "labels.npy", "--grad-out", "g.safetensors"], isa, folder)
            digests.append(digest(os.path.join(folder, "y.npy")) + digest(os.path.join(folder, "g.safetensors")))
    return digests


def main():
    binaries = [os.path.abspath(path) for path in sys.argv[1:3]]
    quick = "--quick" in sys.argv
    if len(binaries) != 2:
        raise SystemExit(__doc__)
    differ = total = 0

    def report(isa, name, digests):
        nonlocal differ, total
        same = digests[0] == digests[1]
        total, differ = total + 1, differ + (not same)
        print(f"{'same' if same else 'DIFFERENT':9}  {isa:8}  {name}", flush=True)

    for isa, name, arguments, recipe in cases(quick):
        report(isa, name, trained(binaries, isa, arguments, recipe))
    for isa in isas():
        for net, size in {**NETS, "vgg11": "1x32x32", "nin": "1x96x96"}.items():
            for count, options in ((1, []), (5, ["--exact"]), (1, ["--f16-weights"])):
                name = f"run {net}, {count} image{'s' * (count > 1)} {' '.join(options)}"
                report(isa, name, raw(binaries, isa, net, size, count, options))
    print(f"{total - differ} of {total} the same")
    sys.exit(differ > 0)


main()
