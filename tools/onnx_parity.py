"""Exports networks with `convnet convert … .onnx` and holds ONNX Runtime against `convnet run`: onnx_parity.py [names].

Every network of the zoo by default. The official checker must pass, and ONNX Runtime must give our outputs. Prints a
Markdown table. Set up by bench/setup.sh.
"""
import json
import os
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime

CONVNET = os.environ.get("CONVNET", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/release/convnet"))


def run(*arguments):
    return subprocess.run([CONVNET, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout


def parity(name, folder):
    shown = json.loads(run("show", name, "--format", "json"))
    _, channels, height, width = shown["input"]
    x, y, model = (os.path.join(folder, file) for file in ("x.npy", "y.npy", "m.onnx"))
    images = numpy.random.default_rng(0).standard_normal((3, channels, height, width), dtype=numpy.float32)
    numpy.save(x, images)
    # Weights drawn by the network's own rule: those of a run without --weights, of seed 0.
    run("run", name, "--seed", "0", "--input", x, "--output", y)
    run("convert", name, model, "--seed", "0")
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    found = session.run(None, {"input": images})[0]
    expected = numpy.load(y)
    return float(numpy.abs(found - expected).max() / numpy.sqrt(numpy.square(expected, dtype=numpy.float64).mean()))


def main():
    names = sys.argv[1:] or [network["name"] for network in json.loads(run("list", "--json"))]
    print("| network | largest difference over the RMS |\n|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            print(f"| `{name}` | {parity(name, folder):.1e} |", flush=True)


if __name__ == "__main__":
    main()
