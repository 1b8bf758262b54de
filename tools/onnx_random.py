"""Compares `convnet run` with ONNX Runtime on random small models.

    python tools/onnx_random.py --count 5000 --seed 0 --convnet target/release/convnet

A model is drawn from its number alone (seed + i), so that one that differs can be drawn again: `--seed NUMBER --count 1
--keep FOLDER`. Models that ONNX Runtime refuses are not counted. A model that convnet refuses is counted by its reason; one
that it answers otherwise than ONNX Runtime is printed, and the exit status is 1. Needs numpy, onnx and onnxruntime.
"""
import argparse
import collections
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

# Largest difference over the RMS of the output.
TOLERANCE = 2e-4


class Model:
    """Nodes that are drawn one after the other. A value is a name and its shape, the images included."""

    def __init__(self, number):
        self.rng = numpy.random.default_rng(number)
        self.opset = self.pick([7, 8, 9, 10, 11, 12, 13, 13, 14, 15, 16, 17, 17, 18, 18, 19, 20, 21, 22, 23])
        self.nodes, self.tensors, self.count = [], [], 0
        batch, channels = self.pick([1, 2, 2, 3]), self.pick([1, 1, 2, 3, 4, 8])
        height, width = self.below(9) + 1, self.below(9) + 1
        if self.chance(0.15):
            height = width = 1
        self.last = self.chance(0.25)
        shape = (batch, height, width, channels) if self.last else (batch, channels, height, width)
        self.fixed = self.chance(0.4)
        self.values = [("x", shape)]
        self.shape = shape
        if self.last and self.chance(0.85):
            x = self.normalized(self.values[0]) if self.chance(0.4) else self.values[0]
            self.transposed(x, [0, 3, 1, 2])
        elif self.chance(0.1):
            self.transform_input(self.values[0])
        for _ in range(self.below(7) + 1):
            self.step()

    def below(self, n):
        return int(self.rng.integers(n))

    def chance(self, p):
        return self.rng.random() < p

    def pick(self, choices):
        return choices[self.below(len(choices))]

    def name(self, prefix="v"):
        self.count += 1
        return f"{prefix}{self.count}"

    # Constants.

    def constant(self, value, prefix="c"):
        value = numpy.asarray(value)
        name = self.name(prefix)
        if self.chance(0.25):
            self.nodes.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(value)))
        else:
            self.tensors.append(numpy_helper.from_array(value, name))
        return name

    def whole(self, *values):
        return self.constant(numpy.array(values, dtype=numpy.int64))

    def weights(self, *shape):
        values = numpy.asarray(self.rng.uniform(-1, 1, shape), dtype=numpy.float32)
        roll = self.rng.random()
        if not shape:
            return self.constant(values)
        if roll < 0.1 and len(shape) > 1:
            order = [int(i) for i in self.rng.permutation(len(shape))]
            name, stored = self.name("w"), self.constant(values.transpose(numpy.argsort(order)).copy())
            # Axis i of what Transpose gives is axis order⁻¹[i] of what is stored.
            self.nodes.append(helper.make_node("Transpose", [stored], [name], perm=[int(i) for i in order]))
            return name
        if roll < 0.15 and self.opset >= 13 and len(shape) >= 1 and shape[0] > 1:
            cut = 1 + self.below(shape[0] - 1)
            name = self.name("w")
            self.nodes.append(helper.make_node(
                "Concat", [self.constant(values[:cut]), self.constant(values[cut:])], [name], axis=self.pick([0, -len(shape)])))
            return name
        if roll < 0.2:
            name = self.name("w")
            factor = numpy.float32(self.rng.uniform(0.5, 2))
            op = self.pick(["Mul", "Div", "Add", "Sub"])
            self.nodes.append(helper.make_node(op, [self.constant(values), self.constant(factor)], [name]))
            return name
        if roll < 0.25 and self.opset >= 10:
            name = self.name("w")
            stored = self.constant(values[::-1].copy())
            ends = [-(2 ** 31)]
            self.nodes.append(helper.make_node(
                "Slice", [stored, self.whole(-1), self.whole(*ends), self.whole(0), self.whole(-1)], [name]))
            return name
        return self.constant(values)

    # Nodes.

    def emit(self, op, inputs, **settings):
        """Adds a node if it can be: its output's shape is told by ONNX Runtime itself."""
        name = self.name()
        self.nodes.append(helper.make_node(op, inputs, [name], name=f"node_{name}", **settings))
        shape = self.measured(name)
        if shape is None or 0 in shape or numpy.prod(shape) > 20000:
            self.nodes.pop()
            return None
        self.values.append((name, shape))
        return self.values[-1]

    def built(self, outputs, fixed=True):
        batch = self.shape[0] if fixed else "N"
        inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, *self.shape[1:]])]
        outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "random", inputs, outputs, self.tensors)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8 if self.opset < 21 else 10)

    def images(self):
        return self.rng.normal(size=self.shape).astype(numpy.float32)

    def measured(self, name):
        result = runtime(self.built([name]), numpy.ones(self.shape, numpy.float32), name)
        return None if result is None else result.shape

    def recent(self, rank=None):
        wanted = [value for value in self.values if rank is None or len(value[1]) == rank]
        if not wanted:
            return None
        return wanted[-1] if self.chance(0.7) else self.pick(wanted)

    def step(self):
        kinds = [self.conv, self.pool, self.pool, self.global_pool, self.norm, self.activation, self.dropout, self.scale,
                 self.join, self.join, self.pad, self.vectors, self.vectors, self.dense, self.dense, self.softmax,
                 self.layout, self.channels, self.squeeze, self.alias]
        self.pick(kinds)()

    def window(self, shape, kernel=None):
        kernel = kernel or [self.below(4) + 1, self.below(4) + 1]
        settings = {"strides": [self.below(3) + 1, self.below(3) + 1]}
        roll = self.rng.random()
        if roll < 0.5:
            settings["pads"] = [self.below(kernel[i % 2]) for i in range(4)]
        elif roll < 0.6:
            pads = [self.below(kernel[0]), self.below(kernel[1])]
            settings["pads"] = pads * 2
        elif roll < 0.85:
            settings["auto_pad"] = self.pick(["SAME_UPPER", "SAME_LOWER", "VALID"])
        return kernel, settings

    def conv(self):
        value = self.recent(4)
        if not value:
            return
        channels = value[1][1]
        groups = self.pick([1, 1, 1] + [g for g in range(1, channels + 1) if channels % g == 0])
        outputs = groups * (self.below(4) + 1)
        kernel, settings = self.window(value[1])
        if self.chance(0.3):
            settings["dilations"] = [self.below(2) + 1, self.below(2) + 1]
        inputs = [value[0], self.weights(outputs, channels // groups, *kernel)]
        if self.chance(0.5):
            inputs.append(self.weights(outputs))
        self.emit("Conv", inputs, group=groups, **settings)

    def pool(self):
        value = self.recent(4)
        if not value:
            return
        kernel, settings = self.window(value[1])
        op = self.pick(["MaxPool", "AveragePool"])
        if self.opset >= 10 and self.chance(0.5):
            settings["ceil_mode"] = 1
        if op == "AveragePool" and self.chance(0.5):
            settings["count_include_pad"] = 1
        if self.chance(0.05) and (op == "MaxPool" and self.opset >= 10 or self.opset >= 19):
            settings["dilations"] = [2, 1]
        self.emit(op, [value[0]], kernel_shape=kernel, **settings)

    def global_pool(self):
        value = self.recent(4)
        if not value:
            return
        if self.chance(0.5):
            self.emit(self.pick(["GlobalAveragePool", "GlobalMaxPool"]), [value[0]])
            return
        op = self.pick(["ReduceMean", "ReduceMax"])
        axes = self.pick([[2, 3], [3, 2], [1, 2]])
        if self.opset >= 11 and self.chance(0.5):
            axes = [axis - 4 for axis in axes]
        keep = self.below(2)
        if self.opset >= 18:
            self.emit(op, [value[0], self.whole(*axes)], keepdims=keep)
        else:
            self.emit(op, [value[0]], axes=axes, keepdims=keep)

    def norm(self):
        value = self.recent()
        channels = value[1][1] if len(value[1]) > 1 else 1
        if self.chance(0.2) and len(value[1]) == 4:
            self.emit("LRN", [value[0]], size=self.pick([1, 3, 5, 2]), alpha=0.3, beta=0.7, bias=1.5)
            return
        variance = self.constant(self.rng.uniform(0.5, 2, channels).astype(numpy.float32))
        rest = [self.weights(channels) for _ in range(3)]
        self.emit("BatchNormalization", [value[0], *rest, variance], epsilon=1e-3)

    def activation(self):
        value = self.recent()
        op = self.pick(["Relu", "LeakyRelu", "Sigmoid", "Tanh", "Clip", "Silu"])
        if op == "Clip" and self.opset >= 11:
            self.emit(op, [value[0], self.constant(numpy.float32(-0.5)), self.constant(numpy.float32(0.75))])
        elif op == "Clip":
            self.emit(op, [value[0]], min=-0.5, max=0.75)
        elif op == "Silu":
            gate = self.emit("Sigmoid", [value[0]])
            if gate:
                self.emit("Mul", self.pick([[value[0], gate[0]], [gate[0], value[0]]]))
        else:
            self.emit(op, [value[0]])

    def dropout(self):
        value = self.recent()
        if self.opset < 12:
            self.emit("Dropout", [value[0]], ratio=0.3)
        elif self.chance(0.3):
            # ONNX Runtime drops nothing at a ratio of 0.
            training = self.constant(numpy.array(self.chance(0.5)))
            self.emit("Dropout", [value[0], self.constant(numpy.float32(0)), training])
        else:
            self.emit("Dropout", [value[0], self.constant(numpy.float32(0.3))])

    def scale(self):
        value = self.recent()
        shape = value[1]
        forms = [(), (1,), shape[-1:], (1,) * len(shape)]
        if len(shape) == 4:
            forms += [(shape[1], 1, 1), (1, shape[1], 1, 1), (1, 1, 1, shape[3]), shape[1:]]
        constant = self.constant(self.rng.uniform(0.5, 2, self.pick(forms)).astype(numpy.float32))
        inputs = [value[0], constant]
        if self.chance(0.3):
            inputs.reverse()
        self.emit(self.pick(["Add", "Sub", "Mul", "Div", "Add", "Mul"]), inputs)

    def normalized(self, value):
        channels = value[1][3]
        for op in ("Sub", "Div"):
            constant = self.constant(self.rng.uniform(0.5, 2, channels).astype(numpy.float32))
            value = self.emit(op, [value[0], constant]) or value
        return value

    def join(self):
        first = self.recent()
        alike = [value for value in self.values if value[1] == first[1]]
        op = self.pick(["Concat", "Concat", "Add", "Mul", "Sum"])
        if op == "Concat":
            axis = self.pick([1, 1, 1, -len(first[1]) + 1, len(first[1]) - 1])
            fits = [v for v in self.values if len(v[1]) == len(first[1])
                    and all(i == axis % len(first[1]) or a == b for i, (a, b) in enumerate(zip(v[1], first[1])))]
            others = [self.pick(fits)[0] for _ in range(self.below(3))]
            if self.opset < 11 and axis < 0:
                return
            inputs = [first[0], *others]
            self.rng.shuffle(inputs)
            self.emit(op, inputs, axis=axis)
        else:
            if op == "Mul" and len(first[1]) == 4 and self.chance(0.5):
                alike = [v for v in self.values if len(v[1]) == 4 and v[1][:2] == first[1][:2]]
            self.emit(op, self.pick([[first[0], self.pick(alike)[0]], [self.pick(alike)[0], first[0]]]))

    def pad(self):
        value = self.recent(4)
        if not value:
            return
        pads = [0, 0, self.below(3), self.below(3), 0, 0, self.below(3), self.below(3)]
        if self.opset < 11:
            self.emit("Pad", [value[0]], pads=pads, value=self.pick([0.0, 0.5]))
        else:
            self.emit("Pad", [value[0], self.whole(*pads), self.constant(numpy.float32(self.pick([0, 0.5])))])

    def vectors(self):
        value = self.recent()
        shape, name = value[1], value[0]
        count = int(numpy.prod(shape[1:]))
        form = self.pick(["flatten", "flatten", "reshape", "shape"])
        if form == "flatten":
            axes = [1, 1, 1 - len(shape), -1]
            axis = self.pick(axes if self.opset >= 11 else [1])
            self.emit("Flatten", [name], axis=axis)
        elif form == "reshape":
            batch = self.pick([0, -1, shape[0]])
            self.emit("Reshape", [name, self.whole(batch, count if batch == -1 else self.pick([-1, count]))])
        elif self.opset >= 10:
            sizes = self.name()
            first = self.name()
            target = self.name()
            self.nodes.append(helper.make_node("Shape", [name], [sizes]))
            self.nodes.append(helper.make_node("Slice", [sizes, self.whole(0), self.whole(1)], [first]))
            self.nodes.append(helper.make_node("Concat", [first, self.whole(-1)], [target], axis=0))
            if not self.emit("Reshape", [name, target]):
                del self.nodes[-3:]

    def dense(self):
        value = self.recent(2)
        if value is None:
            self.vectors()
            value = self.recent(2)
        if value is None:
            return
        features, outputs = value[1][1], self.below(6) + 1
        if self.chance(0.5):
            turned = self.below(2)
            matrix = self.weights(*((outputs, features) if turned else (features, outputs)))
            bias = self.weights(*self.pick([(outputs,), (1, outputs), (1,), ()])) if self.chance(0.7) or self.opset < 11 else None
            settings = {"transB": turned, "alpha": self.pick([1.0, 0.5]), "beta": self.pick([1.0, 2.0])}
            self.emit("Gemm", [value[0], matrix] + ([bias] if bias else []), **settings)
        else:
            product = self.emit("MatMul", [value[0], self.weights(features, outputs)])
            if product and self.chance(0.6):
                self.emit("Add", [product[0], self.weights(outputs)])

    def softmax(self):
        value = self.recent()
        axes = [1, 1, len(value[1]) - 1] + ([-1] if self.opset >= 11 else [])
        self.emit(self.pick(["Softmax", "LogSoftmax"]), [value[0]], axis=self.pick(axes))

    def transposed(self, value, perm):
        return self.emit("Transpose", [value[0]], perm=perm)

    def layout(self):
        value = self.recent(4)
        if not value:
            return
        if not self.transposed(value, self.pick([[0, 2, 3, 1], [0, 2, 3, 1], [0, 3, 1, 2], [0, 1, 3, 2]])):
            return
        value = self.values[-1]
        for _ in range(self.below(3)):
            self.pick([self.activation, self.scale, self.vectors, self.join, self.global_pool, self.last_product, self.squeeze])()
        if self.chance(0.6) and len(value[1]) == 4:
            self.transposed(self.recent(4), [0, 3, 1, 2])

    def last_product(self):
        value = self.recent(4)
        if value:
            self.emit("MatMul", [value[0], self.weights(value[1][3], self.below(4) + 1)])

    def channels(self):
        value = self.recent(4)
        if not value:
            return
        count = value[1][1]
        form = self.pick(["gather", "slice", "transform"])
        if form == "gather":
            indices = [self.below(count) for _ in range(self.below(3) + 1)]
            self.emit("Gather", [value[0], self.whole(*indices)], axis=1)
        elif form == "transform":
            self.transform_input(value)
        elif self.opset >= 10:
            step = self.pick([1, 1, 2, -1])
            start, end = self.below(count), self.pick([count, 2 ** 31 - 1, -1])
            if step < 0:
                start, end = self.pick([-1, count]), self.pick([-(2 ** 31), 0])
            self.emit("Slice", [value[0], self.whole(start), self.whole(end), self.whole(self.pick([1, -3])), self.whole(step)])

    def transform_input(self, value):
        """What torchvision's GoogLeNet does with its input."""
        parts = []
        for channel in range(value[1][1]):
            name = self.name()
            self.nodes.append(helper.make_node("Gather", [value[0], self.constant(numpy.int64(channel))], [name], axis=1))
            if self.opset >= 13:
                part = self.emit("Unsqueeze", [name, self.whole(1)])
            else:
                part = self.emit("Unsqueeze", [name], axes=[1])
            part = part and self.emit("Mul", [part[0], self.constant(numpy.float32(self.rng.uniform(0.5, 2)))])
            part = part and self.emit("Add", [part[0], self.constant(numpy.float32(self.rng.uniform(-1, 1)))])
            if not part:
                return
            parts.append(part[0])
        self.emit("Concat", parts, axis=1)

    def squeeze(self):
        value = self.recent()
        shape = value[1]
        ones = [i for i in range(1, len(shape)) if shape[i] == 1]
        form = self.pick(["squeeze", "unsqueeze", "bare", "pixel"])
        if form == "bare":
            self.emit("Squeeze", [value[0]])
        elif form == "squeeze" and ones:
            axes = [i - len(shape) if self.chance(0.3) and self.opset >= 11 else i for i in ones]
            self.sized("Squeeze", value, axes)
        elif form == "unsqueeze" and len(shape) == 2:
            self.sized("Unsqueeze", value, self.pick([[2, 3], [1, 2], [1, 3]]))
        elif form == "pixel":
            rest = [s for s in shape[1:] if s != 1]
            if len(rest) <= 1:
                rest = rest or [1]
                self.emit("Reshape", [value[0], self.whole(-1, *self.pick([rest, [1, 1] + rest, rest + [1, 1]]))])
            elif len(rest) == 2 and len(shape) == 4:
                self.emit("Reshape", [value[0], self.whole(-1, *self.pick([[1] + rest, rest + [1]]))])

    def sized(self, op, value, axes):
        if self.opset >= 13:
            self.emit(op, [value[0], self.whole(*axes)])
        else:
            self.emit(op, [value[0]], axes=axes)

    def alias(self):
        value = self.recent()
        if self.chance(0.5):
            self.emit("Identity", [value[0]])
        else:
            self.emit("Cast", [value[0]], to=TensorProto.FLOAT)


def runtime(model, images, output):
    """What ONNX Runtime gives; nothing if it refuses."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return session.run([output], {"x": images})[0]
    except Exception:
        return None


def ours(convnet, path, images, folder, output):
    """What convnet gives, or why it refuses."""
    x, y = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")

    def run(images):
        numpy.save(x, images)
        command = [convnet, "run", path, "--input", x, "--output", y, "--threads", "1", *output]
        return subprocess.run(command, capture_output=True, text=True)

    done = run(images)
    if "as (N, H, W, C)" in done.stderr or "they are last in the file" in done.stderr:
        done = run(numpy.ascontiguousarray(images.transpose(0, 3, 1, 2)))
    if done.returncode not in (0, 1, 2):
        return None, f"CRASH {done.returncode}: {done.stderr}"
    return (numpy.load(y), "") if done.returncode == 0 else (None, done.stderr)


def difference(found, expected):
    if found.shape == (1, *expected.shape):
        # A Squeeze without axes: of a model for any number of images it drops their axis where there is one.
        found = found[0]
    if found.shape != expected.shape:
        return f"shape {found.shape}, expected {expected.shape}"
    strange = ~numpy.isfinite(expected)
    if not numpy.array_equal(found[strange], expected[strange], equal_nan=True):
        return "other values that are not finite"
    found, expected = found[~strange].astype(numpy.float64), expected[~strange].astype(numpy.float64)
    if expected.size == 0:
        return None
    rms = numpy.sqrt(numpy.square(expected).mean())
    worst = numpy.abs(found - expected).max()
    return f"differs by {worst:.2e}, rms {rms:.2e}" if not worst <= TOLERANCE * rms + 1e-6 else None


def reason(text):
    """A refusal without names and numbers."""
    line = next((line for line in text.splitlines() if line.startswith("error")), text.strip())
    line = re.sub(r"`[^`]*`", "_", line)
    return re.sub(r"-?\d+", "#", line)[:150]


def trial(number, convnet, keep):
    model = Model(number)
    names = [name for name, _ in model.values[1:]]
    if not names:
        return "empty", "", number
    several = len(names) > 1 and model.chance(0.15)
    output = model.pick(names) if several else names[-1]
    outputs = sorted({output, *(model.pick(names) for _ in range(2))}) if several else [output]
    images = model.images()
    made = model.built(outputs, model.fixed)
    expected = runtime(made, images, output)
    if expected is None:
        return "not run by ONNX Runtime", "", number
    with tempfile.TemporaryDirectory() as folder:
        folder = keep or folder
        path = os.path.join(folder, f"{number}.onnx")
        onnx.save(made, path)
        found, text = ours(convnet, path, images, folder, ["--output-name", output] if len(outputs) > 1 else [])
    if text.startswith("CRASH"):
        return "WRONG", text, number
    if found is None:
        return "refused", reason(text), number
    problem = difference(found, expected)
    return ("WRONG", problem, number) if problem else ("same", "", number)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--convnet", default=os.environ.get("CONVNET", "target/release/convnet"))
    parser.add_argument("--keep", help="a folder for the models")
    args = parser.parse_args()
    counts, reasons, examples = collections.Counter(), collections.Counter(), {}
    with concurrent.futures.ProcessPoolExecutor(args.workers) as pool:
        jobs = [pool.submit(trial, args.seed + i, args.convnet, args.keep) for i in range(args.count)]
        for job in concurrent.futures.as_completed(jobs):
            kind, text, number = job.result()
            counts[kind] += 1
            if kind == "WRONG":
                print(f"model {number}: {text}", flush=True)
            if kind == "refused":
                reasons[text] += 1
                examples.setdefault(text, number)
    print(", ".join(f"{count} {kind}" for kind, count in counts.most_common()))
    for text, count in reasons.most_common():
        print(f"{count:6} {text}   (as model {examples[text]})")
    sys.exit(1 if counts["WRONG"] else 0)


if __name__ == "__main__":
    main()
