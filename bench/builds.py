"""Two builds of convnet, alternating in one sitting: builds.py BEFORE AFTER [--train] [--nets …] [--batches …] …

Each round times both on every cell, the second time in the other order, since a shared machine's speed swings; the least
times and the peaks of memory of all rounds are compared. Prints a Markdown table. Needs Python alone.
"""
import argparse
import json
import math
import statistics
import subprocess

from networks import NETWORKS, train_size

# Those that convnet has by name.
ZOO = [name for name, network in NETWORKS.items() if network.convnet]


def measure(binary, network, batch, args):
    """Least ms and bytes at most of one `bench`."""
    shape, classes = train_size(network) if args.train else (network.shape, network.classes)
    command = [binary, "bench", network.convnet, "--batch", str(batch), "--classes", str(classes), "--threads", "2",
               "--input", "x".join(map(str, shape)), "--seconds", str(args.seconds), "--json",
               "--mode", "train" if args.train else "infer"]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return report["ms_min"], report["peak_rss_bytes"] or 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before")
    parser.add_argument("after")
    parser.add_argument("--train", action="store_true", help="training steps instead of inference")
    parser.add_argument("--nets", default=",".join(ZOO), help="names, separated by commas")
    parser.add_argument("--batches", default="1,8", help="batches of inference")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    args = parser.parse_args()
    unknown = [name for name in args.nets.split(",") if name not in ZOO]
    if unknown:
        parser.error(f"no {', '.join(unknown)}; known are {', '.join(ZOO)}")
    print("| network | batch | before ms | after ms | before / after | before MB | after MB |")
    print("|---|---|---|---|---|---|---|")
    ratios = []
    for name in args.nets.split(","):
        network = NETWORKS[name]
        for batch in network.train if args.train else map(int, args.batches.split(",")):
            figures = {args.before: [], args.after: []}
            for i in range(args.rounds):
                for binary in (args.before, args.after) if i % 2 == 0 else (args.after, args.before):
                    figures[binary].append(measure(binary, network, batch, args))
            (before, before_bytes), (after, after_bytes) = (
                [min(f[0] for f in figures[b]), min(f[1] for f in figures[b])] for b in (args.before, args.after))
            ratios.append(before / after)
            print(f"| {name} | {batch} | {before:.4g} | {after:.4g} | **{before / after:.3f}** "
                  f"| {before_bytes / 1e6:.0f} | {after_bytes / 1e6:.0f} |", flush=True)
    mean = math.exp(statistics.mean(map(math.log, ratios))) if ratios else 1.0
    print(f"\nGeometric mean of the ratios: **{mean:.3f}**, least {min(ratios, default=1.0):.3f}.")


main()
