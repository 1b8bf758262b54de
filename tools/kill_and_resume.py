#!/usr/bin/env python3
"""Kills runs at random moments, resumes them, and compares what they end with to a run that was never killed.

    tools/kill_and_resume.py CONVNET [--runs 1000] [--jobs 2] [--seed 0] [--minutes M]
    tools/kill_and_resume.py CONVNET --runs 50 --jobs 1 --mpirun "mpirun.mpich -n 2"

Each run trains LeNet on a few drawn images for three epochs of 15 steps, is killed (SIGKILL) one to four times at a
moment drawn between its start and its end, often while it writes, and is resumed to the end, each time on one thread or
two. The runs take turns among several sets of options: none, an average and accumulation, mixed batches, balanced drawing
and Muon by a plateau schedule. Compared are, byte for
byte: the weights, the settings, the pictures, the metrics without their times, the tensors of the checkpoint. No other
file may be left, and a run that was killed before its settings were written must start again in its directory. Prints a
line for each run that differs and the count of those that do not; exit code 1 where one differs. With --minutes it
ends after that time and tells how many runs it did. With --mpirun each run is one of several processes, of which one, drawn
at random, is killed: all other processes must end by themselves. A launcher that does not is told and killed: Open MPI 4.1's
locks itself up, once in a hundred times, where a process dies before the next one is started. Needs Python alone.
"""

import argparse
import concurrent.futures
import json
import os
import random
import shlex
import shutil
import signal
import struct
import subprocess
import tempfile
import threading
import time

TRAIN = ["train", "lenet", "--epochs", "3", "--batch", "16", "--input", "1x28x28"]
# What a checkpoint must keep besides weights and the optimizer's state.
OPTIONS = [
    [],
    ["--ema", "0.9", "--accumulate", "2", "--clip-norm", "1"],
    ["--mixup", "0.4", "--cutmix", "1", "--augment", "light", "--label-smoothing", "0.1"],
    ["--optimizer", "muon", "--schedule", "plateau", "--early-stopping", "2", "--checkpoint-steps", "4"],
    ["--balanced", "--optimizer", "nadam", "--ema", "0.9", "--mixup", "0.2", "--no-decay-norms"],
]
TIMES = ("images_per_second", "train_seconds", "wait_seconds", "seconds")
# A step that hangs is killed after this many seconds and counted.
STUCK = 300
# What the other processes of a run may take to end after one of them was killed.
ALONE = 60
# Open MPI's launcher refuses root without these.
ENVIRONMENT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


def images(folder):
    """A small data set in IDX files: bright squares, whose place tells the class, in noise."""
    os.makedirs(folder)
    draw = random.Random(7)
    for split, count in (("train", 240), ("t10k", 60)):
        labels = bytes(i % 4 for i in range(count))
        pixels = bytearray()
        for label in labels:
            top, left = 2 + 14 * (label // 2) + draw.randrange(4), 2 + 14 * (label % 2) + draw.randrange(4)
            for y in range(28):
                for x in range(28):
                    inside = top <= y < top + 8 and left <= x < left + 8
                    pixels.append(draw.randrange(100) + (100 if inside else 0))
        with open(os.path.join(folder, f"{split}-images-idx3-ubyte"), "wb") as file:
            file.write(struct.pack(">4I", 0x803, count, 28, 28) + pixels)
        with open(os.path.join(folder, f"{split}-labels-idx1-ubyte"), "wb") as file:
            file.write(struct.pack(">2I", 0x801, count) + labels)
    return folder


def tensors(path):
    """Everything in a safetensors file but its metadata."""
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        header.pop("__metadata__")
        return json.dumps(header, sort_keys=True).encode() + file.read()


def content(path):
    name = os.path.basename(path)
    if name == "checkpoint.safetensors":
        return tensors(path)
    with open(path, "rb") as file:
        content = file.read()
    if name == "metrics.csv":
        rows = [line.split(",") for line in content.decode().splitlines()]
        kept = [i for i, column in enumerate(rows[0]) if column not in TIMES]
        return "\n".join(",".join(row[i] for i in kept) for row in rows).encode()
    if name != "metrics.jsonl":
        return content
    # As text: a float that does not survive being read and written again would differ here.
    lines = []
    for line in content.decode().splitlines():
        fields = [field for field in line.strip("{}").split(",") if field.split(":")[0].strip('"') not in TIMES]
        lines.append(",".join(fields))
    return "\n".join(lines).encode()


def state(run):
    return {name: content(os.path.join(run, name)) for name in os.listdir(run)}


def below(parent):
    """The processes that a process started, and those that these did."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat") as file:
                children.setdefault(int(file.read().rpartition(")")[2].split()[1]), []).append(int(name))
        except OSError:
            continue
    found, waiting = [], [parent]
    while waiting:
        started = children.get(waiting.pop(), [])
        found += started
        waiting += started
    return found


def is_of(process, binary):
    try:
        return os.path.samefile(f"/proc/{process}/exe", binary)
    except OSError:
        return False


def kill_one(launcher, binary):
    """Kills one of the processes of a launcher, as soon as there is one."""
    while launcher.poll() is None:
        ranks = [process for process in below(launcher.pid) if is_of(process, binary)]
        if ranks:
            os.kill(random.choice(ranks), signal.SIGKILL)
            return


def call(arguments, folder, limit=STUCK, binary=None):
    """The exit code and standard error; the code of a run that was killed at its limit is None. Of several processes of a
    binary one is killed."""
    process = subprocess.Popen(
        arguments, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=ENVIRONMENT
    )
    try:
        _, told = process.communicate(timeout=limit)
        return process.returncode, told.decode(errors="replace")
    except subprocess.TimeoutExpired:
        if binary:
            kill_one(process, binary)
            try:
                _, told = process.communicate(timeout=ALONE)
                return (0 if process.returncode == 0 else None), told.decode(errors="replace")
            except subprocess.TimeoutExpired:
                left = [rank for rank in below(process.pid) if is_of(rank, binary)]
                for hanging in [*left, process.pid]:
                    os.kill(hanging, signal.SIGKILL)
                process.communicate()
                if not left:
                    print(f"{arguments[0]} hangs after its processes have ended", flush=True)
                    return None, "killed"
                return -1, f"a process was killed, and the others did not end within {ALONE} seconds"
        process.kill()
        process.communicate()
        return None, "killed"


def one(binary, mpirun, data, index, seed, whole, length, options):
    """What is wrong with one run that was killed, how often it was, and how often before its settings."""
    draw = random.Random(f"{seed} {index}")
    kills = early = 0
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")

        def threads():
            return ["--threads", str(draw.randint(1, 2))]

        start = [binary, *TRAIN, *options, "--data", data, "--out", "run"]
        resume = [binary, "train", "--resume", "run"]
        for _ in range(draw.randint(1, 4)):
            has_settings = os.path.exists(os.path.join(run, "config.toml"))
            arguments = [*mpirun, *(resume if has_settings else start), *threads()]
            code, told = call(arguments, folder, draw.uniform(0, length), binary if mpirun else None)
            if code is None:
                kills += 1
                early += not os.path.exists(os.path.join(run, "config.toml"))
            elif code != 0:
                return [f"failed: {told.strip()}"], kills, early
            else:
                break
        has_settings = os.path.exists(os.path.join(run, "config.toml"))
        code, told = call([*mpirun, *(resume if has_settings else start), *threads()], folder)
        if code != 0:
            return [("stuck" if code is None else "failed") + f": {told.strip()}"], kills, early
        parts = state(run)
        wrong = [f"{name} is left over" for name in parts if name not in whole]
        wrong += [f"{name} is missing" for name in whole if name not in parts]
        wrong += [f"{name} differs" for name in whole if name in parts and parts[name] != whole[name]]
        if wrong:
            shutil.copytree(run, os.path.join(tempfile.gettempdir(), f"kill-{seed}-{index}"), dirs_exist_ok=True)
        return wrong, kills, early


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("binary", metavar="CONVNET")
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--mpirun", type=shlex.split, default=[], help="a launcher and its options")
    args = parser.parse_args()
    binary = os.path.abspath(args.binary)
    with tempfile.TemporaryDirectory() as folder:
        data = images(os.path.join(folder, "data"))
        wholes = []
        for number, options in enumerate(OPTIONS):
            lengths = []
            names = [f"{number}-on-{threads}" for threads in (1, 2)]
            for threads, name in zip(("1", "2"), names):
                began = time.monotonic()
                arguments = [*TRAIN, *options, "--threads", threads]
                code, told = call([*args.mpirun, binary, *arguments, "--data", data, "--out", name], folder)
                lengths.append(time.monotonic() - began)
                if code != 0:
                    raise SystemExit(f"the run that is not killed fails ({' '.join(options)}): {told}")
            whole, again = (state(os.path.join(folder, name)) for name in names)
            if whole != again:
                other = [name for name in whole if whole[name] != again.get(name)]
                raise SystemExit(f"one thread and two differ ({' '.join(options)}): {', '.join(other)}")
            wholes.append((whole, min(lengths) * 1.1, options))
            shown = " ".join(options) or "plain"
            print(f"{shown}: {min(lengths):.2f} s, {len(whole)} files", flush=True)

        end = time.monotonic() + 60 * args.minutes if args.minutes else float("inf")
        lock = threading.Lock()
        done = wrong = kills = early = 0

        def work(index):
            nonlocal done, wrong, kills, early
            if time.monotonic() > end:
                return
            whole, length, options = wholes[index % len(wholes)]
            problems, killed, before = one(binary, args.mpirun, data, index, args.seed, whole, length, options)
            with lock:
                done, wrong, kills, early = done + 1, wrong + bool(problems), kills + killed, early + before
                for problem in problems:
                    print(f"run {index} ({' '.join(options) or 'plain'}): {problem}", flush=True)
                if done % 100 == 0:
                    print(f"{done} runs, {kills} kills, {wrong} wrong", flush=True)

        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for future in [pool.submit(work, index) for index in range(args.runs)]:
                future.result()
    print(
        f"{done - wrong} of {done} runs end with the same bytes, after {kills} kills, {early} of them before the "
        "settings were written"
    )
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
