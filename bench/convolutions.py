"""Single convolutions beside ONNX Runtime, two threads: depthwise, grouped, asymmetric ones.

    python bench/convolutions.py [--batch 1] [--rounds 3] [--only depthwise] [--convnet target/release/convnet]

A convolution is timed as a difference: a network of a 1×1 convolution, ten convolutions (one after the other where they
keep the shape, side by side where they do not) and global pooling, less the same network with five. Programs take turns, and
the least times of all rounds are compared.
Needs numpy, onnx and onnxruntime.
"""

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

THREADS = 2
MORE, FEWER = 10, 5
# Name, input channels, output channels, groups, kernel, stride, height of the map.
CASES = [
    ("depthwise 3×3, 32 at 112²", 32, 32, 32, (3, 3), 1, 112),
    ("depthwise 3×3, 144 at 56²", 144, 144, 144, (3, 3), 1, 56),
    ("depthwise 3×3, 512 at 14²", 512, 512, 512, (3, 3), 1, 14),
    ("depthwise 3×3 s2, 96 at 112²", 96, 96, 96, (3, 3), 2, 112),
    ("depthwise 5×5, 240 at 28²", 240, 240, 240, (5, 5), 1, 28),
    ("depthwise 7×7, 96 at 56²", 96, 96, 96, (7, 7), 1, 56),
    ("depthwise 31×31, 64 at 28²", 64, 64, 64, (31, 31), 1, 28),
    ("depthwise 3×3 multiplier 2, 64 at 56²", 64, 128, 64, (3, 3), 1, 56),
    ("grouped 3×3 by 4, 128 at 56²", 128, 128, 32, (3, 3), 1, 56),
    ("grouped 3×3 by 8, 256 at 28²", 256, 256, 32, (3, 3), 1, 28),
    ("grouped 3×3 by 16, 512 at 14²", 512, 512, 32, (3, 3), 1, 14),
    ("grouped 3×3 by 16, 64 at 56²", 64, 64, 4, (3, 3), 1, 56),
    ("grouped 3×3 by 24, 168 at 28²", 168, 168, 7, (3, 3), 1, 28),
    ("grouped 3×3 by 32, 1024 at 7²", 1024, 1024, 32, (3, 3), 1, 7),
    ("1×7, 192 at 17²", 192, 192, 1, (1, 7), 1, 17),
    ("7×1, 192 at 17²", 192, 192, 1, (7, 1), 1, 17),
    ("1×1, 16 to 96 at 112²", 16, 96, 1, (1, 1), 1, 112),
    ("1×1 s2, 64 to 128 at 56²", 64, 128, 1, (1, 1), 2, 56),
    ("4×4 s4, 3 to 96 at 224²", 3, 96, 1, (4, 4), 4, 224),
]


def write(case, count, path):
    """The network with some convolutions of this kind."""
    _, inputs, outputs, groups, kernel, stride, size = case
    random = numpy.random.default_rng(0)
    constants, nodes = [], []

    def constant(name, *shape):
        values = random.standard_normal(shape, dtype=numpy.float32) / numpy.sqrt(numpy.prod(shape[1:]))
        constants.append(numpy_helper.from_array(values.astype(numpy.float32), name))
        return name

    nodes.append(helper.make_node("Conv", ["images", constant("first", inputs, 4, 1, 1)], ["x0"]))
    pads = [(k - stride + 1) // 2 if stride > 1 else k // 2 for k in kernel]
    chained = inputs == outputs and stride == 1
    pooled = []
    for i in range(count):
        weight = constant(f"w{i}", outputs, inputs // groups, *kernel)
        source = f"x{i}" if chained else "x0"
        nodes.append(helper.make_node("Conv", [source, weight], [f"x{i + 1}"], kernel_shape=kernel, group=groups,
                                      strides=[stride, stride], pads=pads + pads))
        if not chained:
            nodes.append(helper.make_node("GlobalAveragePool", [f"x{i + 1}"], [f"p{i}"]))
            pooled.append(f"p{i}")
    if chained:
        nodes.append(helper.make_node("GlobalAveragePool", [f"x{count}"], ["pooled"]))
    else:
        nodes.append(helper.make_node("Concat", pooled, ["pooled"], axis=1))
    nodes.append(helper.make_node("Flatten", ["pooled"], ["out"]))
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 4, size, size])],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, ["N", None])], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def convnet(program, path, batch, seconds):
    command = [program, "bench", path, "--batch", str(batch), "--threads", str(THREADS), "--seconds", str(seconds), "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["ms_min"]


def runtime(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def least(session, images, seconds):
    found, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, {"images": images})
        found.append(time.perf_counter() - start)
    return 1000 * min(found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--only", default="")
    parser.add_argument("--convnet", default="target/release/convnet")
    given = parser.parse_args()
    print(f"| batch {given.batch} | convnet, ms | ONNX Runtime, ms | times as long |\n|---|---|---|---|")
    for case in CASES:
        if given.only not in case[0]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            paths = [str(Path(folder, f"{count}.onnx")) for count in (MORE, FEWER)]
            for count, path in zip((MORE, FEWER), paths):
                write(case, count, path)
            images = numpy.random.default_rng(0).standard_normal((given.batch, 4, case[6], case[6]), dtype=numpy.float32)
            sessions = [runtime(path) for path in paths]
            ours, theirs = [], []
            for _ in range(given.rounds):
                ours.append([convnet(given.convnet, path, given.batch, given.seconds) for path in paths])
                theirs.append([least(session, images, given.seconds) for session in sessions])
            ours, theirs = ((min(x[0] for x in found) - min(x[1] for x in found)) / (MORE - FEWER) for found in (ours, theirs))
            print(f"| {case[0]} | {ours:.3f} | {theirs:.3f} | {ours / theirs:.2f} |", flush=True)


if __name__ == "__main__":
    main()
