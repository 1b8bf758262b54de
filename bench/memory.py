"""Peak memory of whole processes: memory.py [--train] [networks]. Prints a Markdown table.

convnet against ONNX Runtime for inference of one image, and against PyTorch for a training step. Each is a process
of its own that loads the network from a file or makes it, runs it, and tells the most memory that it held (VmHWM);
Python and the libraries alone are told beside.
"""
import json
import os
import subprocess
import sys
import tempfile

from compare import CONVNET, HERE
from networks import NETWORKS, train_size

PEAK = "print(int(__import__('re').search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1]) / 1e3)"
RUNTIME = f"""
import os, sys
sys.path.insert(0, {HERE!r})
from networks import NETWORKS
from worker import onnxruntime
onnxruntime(NETWORKS[sys.argv[1]], 1, sys.argv[2])()
{PEAK}
"""
TRAIN = f"""
import sys
sys.path.insert(0, {HERE!r})
from networks import NETWORKS
from worker import torch_train
run = torch_train(NETWORKS[sys.argv[1]], int(sys.argv[2]), sys.argv[3] == 'channels_last')
run(), run()
{PEAK}
"""


def python(code, *arguments):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout)


def convnet(network, batch, train):
    shape, classes = train_size(network) if train else (network.shape, network.classes)
    command = [CONVNET, "bench", network.convnet, "--batch", str(batch), "--classes", str(classes), "--threads", "2",
               "--input", "x".join(map(str, shape)), "--seconds", "0", "--json"]
    report = json.loads(subprocess.run(command + (["--mode", "train"] if train else []), check=True,
                                       stdout=subprocess.PIPE, text=True).stdout)
    return report["peak_rss_bytes"] / 1e6


def main():
    train = "--train" in sys.argv
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    if train:
        base = python(f"import torch\n{PEAK}")
        print(f"| network | batch | convnet | PyTorch | channels_last | PyTorch over convnet |\n|---|---|---|---|---|---|")
        for name in names or ["densenet121", "googlenet"]:
            batch = NETWORKS[name].train[0]
            ours = convnet(NETWORKS[name], batch, True)
            theirs = [python(TRAIN, name, batch, layout) for layout in ("contiguous", "channels_last")]
            print(f"| {name} | {batch} | **{ours:.0f}** | {theirs[0]:.0f} | {theirs[1]:.0f} | {min(theirs) / ours:.2f} |", flush=True)
        print(f"\nMB; importing PyTorch alone takes {base:.0f}.")
        return
    base = python(f"import onnxruntime, numpy\n{PEAK}")
    print("| network | convnet | ONNX Runtime | ONNX Runtime over convnet |\n|---|---|---|---|")
    for name in names or [name for name, network in NETWORKS.items() if network.convnet]:
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, os.path.join(HERE, "worker.py"), "export", name, "1", folder], check=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            theirs = python(RUNTIME, name, folder)
        ours = convnet(NETWORKS[name], 1, False)
        print(f"| {name} | **{ours:.0f}** | {theirs:.0f} | {theirs / ours:.2f} |", flush=True)
    print(f"\nMB; importing ONNX Runtime and NumPy alone takes {base:.0f}.")


if __name__ == "__main__":
    main()
