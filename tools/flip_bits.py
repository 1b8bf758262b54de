#!/usr/bin/env python3
"""Flips single bits in the files of a run and tells whether each is noticed or without effect.

    tools/flip_bits.py CONVNET [--flips 2000] [--jobs 2] [--seed 0] [--minutes M]

A run of LeNet with a moving average on a few drawn images is stopped in its third epoch (Ctrl-C). Of its files one is drawn, each as often as
any other, and one of its bits is flipped. The run is resumed, and `eval` reads the weights if the bit was in one of
those. A flip is noticed if the command fails with a message that names the file; it is without effect if the command
does what it does without the flip: a resumed run ends with the same bytes (times left out), `eval` prints the same
figures. Anything else is wrong. Prints a line for each that is wrong and counts by file; exit code 1 where one is wrong.
With --minutes it ends after that time and tells how many flips it did. Needs Python alone.
"""

import argparse
import collections
import concurrent.futures
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time

from kill_and_resume import call, images, state

TRAIN = ["train", "lenet", "--epochs", "4", "--batch", "2", "--input", "1x28x28", "--ema", "--threads", "1", "--out", "run"]
RESUME = ["train", "--resume", "run", "--threads", "1"]
EVAL = ["eval", "lenet", "--threads", "1", "--json"]
WEIGHTS = ("best.safetensors", "last.safetensors")


def interrupted(binary, data, folder):
    """A run that was stopped within its third epoch."""
    for delay in range(1, 200):
        shutil.rmtree(os.path.join(folder, "run"), ignore_errors=True)
        process = subprocess.Popen(
            [binary, *TRAIN, "--data", data], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        seen = 0
        for line in process.stderr:
            seen += line.startswith(("1/4", "2/4"))
            if seen == 2:
                time.sleep(0.002 * delay)
                process.send_signal(signal.SIGINT)
                break
        told = process.stderr.read()
        if process.wait() == 1 and "interrupted in epoch 3" in told:
            return os.path.join(folder, "run")
    raise SystemExit(f"no run could be stopped in its third epoch: {told}")


def evaluated(binary, data, run, name):
    arguments = [binary, *EVAL, "--data", data, "--weights", os.path.join(run, name)]
    done = subprocess.run(arguments, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def one(binary, data, index, seed, before, whole, figures):
    """The file, and what happened for each command: `noticed`, `no effect` or what is wrong."""
    draw = random.Random(f"{seed} {index}")
    name = draw.choice(sorted(os.listdir(before)))
    with tempfile.TemporaryDirectory() as folder:
        run = os.path.join(folder, "run")
        shutil.copytree(before, run)
        path = os.path.join(run, name)
        bit = draw.randrange(8 * os.path.getsize(path))
        with open(path, "r+b") as file:
            file.seek(bit // 8)
            (byte,) = file.read(1)
            file.seek(bit // 8)
            file.write(bytes([byte ^ 1 << bit % 8]))
        outcomes = []
        if name in WEIGHTS:
            code, said, told = evaluated(binary, data, run, name)
            outcomes.append(outcome(name, code, told, (code, said) == (0, figures[name]), "eval"))
        code, told = call([binary, *RESUME], folder)
        same = code == 0 and state(run) == whole
        outcomes.append(outcome(name, code, told, same, "resume"))
        return name, bit, outcomes


def outcome(name, code, told, same, command):
    if same:
        return "no effect"
    # A panic's exit code is 101.
    if code in (1, 2) and name in told:
        return "noticed"
    return f"{command} wrong, exit code {code}: {told.strip()[-300:]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("binary", metavar="CONVNET")
    parser.add_argument("--flips", type=int, default=2000)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float)
    args = parser.parse_args()
    binary = os.path.abspath(args.binary)
    end = time.monotonic() + 60 * args.minutes if args.minutes else float("inf")
    with tempfile.TemporaryDirectory() as folder:
        data = images(os.path.join(folder, "data"))
        before = interrupted(binary, data, folder)
        other = os.path.join(folder, "other")
        shutil.copytree(before, os.path.join(other, "run"))
        code, told = call([binary, *RESUME], other)
        if code != 0:
            raise SystemExit(f"the run without a flip fails: {told}")
        whole = state(os.path.join(other, "run"))
        figures = {name: evaluated(binary, data, before, name)[1] for name in WEIGHTS}
        print(f"a run of {len(os.listdir(before))} files, stopped in its third epoch of four", flush=True)

        counts = collections.Counter()
        lock = threading.Lock()
        done = wrong = 0

        def work(index):
            nonlocal done, wrong
            if time.monotonic() > end:
                return
            name, bit, outcomes = one(binary, data, index, args.seed, before, whole, figures)
            with lock:
                done += 1
                bad = [text for text in outcomes if text not in ("noticed", "no effect")]
                wrong += bool(bad)
                counts[name, "wrong" if bad else "noticed" if "noticed" in outcomes else "no effect"] += 1
                for text in bad:
                    print(f"flip {index}: bit {bit} of {name}: {text}", flush=True)
                if done % 200 == 0:
                    print(f"{done} flips, {wrong} wrong", flush=True)

        with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
            for future in [pool.submit(work, index) for index in range(args.flips)]:
                future.result()
    for name in sorted({name for name, _ in counts}):
        kinds = ", ".join(f"{counts[name, kind]} {kind}" for kind in ("noticed", "no effect", "wrong"))
        print(f"  {name:<24} {kinds}")
    print(f"{done - wrong} of {done} flipped bits are noticed or without effect")
    raise SystemExit(wrong > 0)


if __name__ == "__main__":
    main()
