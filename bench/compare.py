"""convnet beside its peers, alternating in one sitting: compare.py [--train] [--nets …] [--batches …] …

Every engine keeps its process and is stopped while another runs; each round measures all of them once, and the
least times of all rounds are compared, since a shared machine's speed swings. Prints a Markdown table; `--json
FILE` keeps the figures.
"""
import argparse
import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile

from networks import NETWORKS, train_size
from worker import PEERS, TRAINERS

HERE = os.path.dirname(os.path.abspath(__file__))
CONVNET = os.environ.get("CONVNET", os.path.join(HERE, "..", "target", "release", "convnet"))


class Peer:
    """A worker process that only runs while it is asked."""

    def __init__(self, peer, name, batch, folder):
        command = [sys.executable, os.path.join(HERE, "worker.py"), peer, name, str(batch), folder]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.DEVNULL)
        self.alive = self.process.stdout.readline().strip() == "ready"
        if self.alive:
            self.process.send_signal(signal.SIGSTOP)

    def measure(self, seconds):
        self.process.send_signal(signal.SIGCONT)
        print(seconds, file=self.process.stdin, flush=True)
        answer = json.loads(self.process.stdout.readline())
        self.process.send_signal(signal.SIGSTOP)
        return answer

    def close(self):
        self.process.kill()
        self.process.wait()


def convnet(network, batch, seconds, train, folder, extra=()):
    """[least, median, peak GFLOP/s, share of it] of one `convnet bench`."""
    shape, classes = train_size(network) if train else (network.shape, network.classes)
    named = [network.convnet, "--classes", str(classes)] if network.convnet else [os.path.join(folder, "net.onnx")]
    command = [CONVNET, "bench", *named, "--batch", str(batch), "--threads", os.environ["BENCH_THREADS"],
               "--input", "x".join(map(str, shape)), "--seconds", str(seconds), "--json", *extra]
    if train:
        command += ["--mode", "train"]
    report = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    peak = report["gflops_peak"]
    return [report["ms_min"], report["ms_median"], peak, 1e3 * report["gflop"] / report["ms_min"] / peak]


def compare(name, batch, args):
    """The figures of one cell."""
    network = NETWORKS[name]
    wanted = [p for p in args.peers if not (p == "ncnn" and batch != 1)]
    with tempfile.TemporaryDirectory() as folder:
        if not args.train or not network.convnet:
            export = [sys.executable, os.path.join(HERE, "worker.py"), "export", name, str(batch), folder]
            if args.train:
                export[2] = "export-train"
            subprocess.run(export, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        prefix = "train-" if args.train else ""
        workers = {peer: Peer(prefix + peer, name, batch, folder) for peer in wanted}
        row = {"net": name, "batch": batch, "threads": args.threads, "train": args.train, "convnet": [], "peers": {}}
        row["failed"] = [peer for peer, worker in workers.items() if not worker.alive]
        workers = {peer: worker for peer, worker in workers.items() if worker.alive}
        for _ in range(args.rounds):
            row["convnet"].append(convnet(network, batch, args.seconds, args.train, folder))
            for peer, worker in workers.items():
                row["peers"].setdefault(peer, []).append(worker.measure(args.seconds))
        for worker in workers.values():
            worker.close()
    return row


def least(samples):
    return min(sample[0] for sample in samples)


def table(rows):
    peers = [p for p in PEERS if any(p in row["peers"] for row in rows)]
    lines = ["| network | batch | convnet | share of peak | " + " | ".join(peers) + " | best peer over convnet |",
             "|---|---|---|---|" + "---|" * len(peers) + "---|"]
    ratios = []
    for row in rows:
        ours = least(row["convnet"])
        theirs = {peer: least(samples) for peer, samples in row["peers"].items()}
        best = min(theirs, key=theirs.get)
        ratios.append(theirs[best] / ours)
        share = max(sample[3] for sample in row["convnet"])
        cells = [f"{theirs[p]:.4g}" if p in theirs else "–" for p in peers]
        lines.append(f"| {row['net']} | {row['batch']} | **{ours:.4g}** | {share:.0%} | " + " | ".join(cells)
                     + f" | **{ratios[-1]:.2f}** ({best}) |")
    mean = math.exp(statistics.mean(map(math.log, ratios)))
    peak = max(sample[2] for row in rows for sample in row["convnet"])
    threads = ", ".join(map(str, sorted({row["threads"] for row in rows})))
    lines += ["", f"Least times in ms, threads: {threads}. Geometric mean of the ratios: **{mean:.2f}**, least {min(ratios):.2f}. "
                  f"The machine's measured peak of multiply-adds was {peak:.0f} GFLOP/s."]
    return "\n".join(lines)


def choices(parser, option, text, known):
    """Names separated by commas, all of them known."""
    names = text.split(",")
    for name in names:
        if name not in known:
            parser.error(f"{option}: no {name!r}; known are {', '.join(known)}")
    return names


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--train", action="store_true", help="training steps instead of inference")
    parser.add_argument("--nets", default=",".join(NETWORKS), help="names, separated by commas")
    parser.add_argument("--batches", default="1,8", help="batches of inference")
    parser.add_argument("--peers", default="", help="names, separated by commas")
    parser.add_argument("--threads", type=int, default=2, help="that each computes with")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=1.0, help="of each measurement")
    parser.add_argument("--json", help="file to which each cell's figures are appended")
    args = parser.parse_args()
    if args.threads < 1:
        parser.error(f"--threads: at least 1, not {args.threads}")
    os.environ["BENCH_THREADS"] = str(args.threads)
    peers = TRAINERS if args.train else PEERS
    args.peers = choices(parser, "--peers", args.peers or ",".join(peers), peers)
    rows = []
    for name in choices(parser, "--nets", args.nets, NETWORKS):
        batches = NETWORKS[name].train if args.train else map(int, args.batches.split(","))
        for batch in batches:
            row = compare(name, batch, args)
            rows.append(row)
            if not row["peers"]:
                parser.error(f"{name} at batch {batch}: none of {', '.join(args.peers)} runs it; has bench/setup.sh run?")
            best = min(map(least, row["peers"].values()))
            print(f"{name} batch {batch}: {least(row['convnet']):.3f} ms, best peer {best:.3f}"
                  + (f", failed: {', '.join(row['failed'])}" if row["failed"] else ""), file=sys.stderr, flush=True)
            if args.json:
                with open(args.json, "a", encoding="utf-8") as file:
                    print(json.dumps(row), file=file)
    print(table(rows))


if __name__ == "__main__":
    main()
