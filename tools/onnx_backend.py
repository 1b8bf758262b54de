"""The onnx package's own backend tests of the operators that classifiers are made of, on images or vectors: onnx_backend.py
[-v] [names]. Prints how many convnet gives right, refuses, and gives wrong; -v also which and why.

A test counts whose first input is float32 of two or four dimensions, or of any number up to four where the operator has no
axes; where onnx defines an operator by others, so does the test of these (`NAME_expanded`). It becomes a model of images:
vectors are flattened from maps of one pixel, further inputs that depend on the images are channels of the same ones, all
others are constants.
Set up by bench/setup.sh; CONVNET names another binary.
"""
import collections
import os
import re
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx
from onnx import TensorProto, helper, numpy_helper

CONVNET = os.environ.get("CONVNET", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/release/convnet"))
OPERATORS = set("""Abs Add AveragePool BatchNormalization Cast CastLike Celu Clip Concat Conv DepthToSpace Div Dropout Elu Erf Exp
Expand Flatten Gather Gelu Gemm GlobalAveragePool GlobalMaxPool GroupNormalization HardSigmoid HardSwish Identity
InstanceNormalization LRN LayerNormalization LeakyRelu Log LogSoftmax LpNormalization LpPool MatMul Max MaxPool Mean Min Mish Mul
Neg PRelu Pad Pow RMSNormalization Reciprocal ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceSum ReduceSumSquare Relu
Reshape Resize Selu Shrink Sigmoid Slice Softmax Softplus Softsign SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tanh
ThresholdedRelu Tile Transpose Unsqueeze Upsample""".split())
# Of these, all are of each element by itself.
EACH = set("""Abs Add Cast CastLike Celu Clip Div Elu Erf Exp Gelu HardSigmoid HardSwish Identity LeakyRelu Log Max Mean Min Mish Mul
Neg PRelu Pow Reciprocal Relu Selu Shrink Sigmoid Softplus Softsign Sqrt Sub Sum Swish Tanh ThresholdedRelu""".split())
# Of these, every input depends on the images.
PAIRS = {"Add", "Sub", "Mul", "Div", "Max", "Min", "Sum", "Mean", "Concat"}


def cases():
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return collect_testcases(None)


def operators(all_cases):
    """The operator of each test by the test's name; that of `NAME_expanded` is NAME's."""
    found = {case.name: case.model.graph.node[0].op_type for case in all_cases if len(case.model.graph.node) == 1}
    for case in all_cases:
        base = re.sub(r"_expanded(_ver\d+)?$", "", case.name)
        if base != case.name and base in found:
            found[case.name] = found[base]
    return found


def wanted(case, operator):
    if operator not in OPERATORS or not case.data_sets:
        return False
    inputs = case.data_sets[0][0]
    ranks = range(5) if operator in EACH else (2, 4)
    arrays = bool(inputs) and all(isinstance(value, (numpy.ndarray, numpy.generic)) for value in inputs)
    return arrays and inputs[0].dtype == numpy.float32 and inputs[0].ndim in ranks and inputs[0].size > 0


def images(case, operator):
    """The test as a model of images, the images, and the output that is expected."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    graph = model.graph
    values = [numpy.asarray(value) for value in case.data_sets[0][0]]
    names = [value.name for value in graph.input]
    if operator in EACH and values[0].ndim not in (2, 4):
        values = [value.reshape((1,) * (4 - value.ndim) + value.shape) if value.dtype == numpy.float32 and value.ndim < 4 and
                  (operator in PAIRS or i == 0) else value for i, value in enumerate(values)]
    first = values[0]
    with_images = len(values) if operator in PAIRS else 1
    shapes = [value.shape for value in values[:with_images]]
    if any(len(shape) != first.ndim or (shape[0], *shape[2:]) != (first.shape[0], *first.shape[2:]) for shape in shapes):
        with_images = 1
    del graph.input[:]
    graph.initializer.extend(numpy_helper.from_array(value, name)
                             for name, value in zip(names[with_images:], values[with_images:]))
    whole = numpy.concatenate(values[:with_images], axis=1)
    maps = whole.reshape(*whole.shape, 1, 1) if whole.ndim == 2 else whole
    graph.input.append(helper.make_tensor_value_info("images", TensorProto.FLOAT, maps.shape))
    before, source = [], "images"
    if whole.ndim == 2:
        before.append(helper.make_node("Flatten", [source], ["vectors"]))
        source = "vectors"
    start = 0
    version = model.opset_import[0].version
    for name, value in list(zip(names, values))[:with_images]:
        end = start + value.shape[1]
        if with_images == 1:
            before.append(helper.make_node("Identity", [source], [name]))
        elif version < 10:
            before.append(helper.make_node("Slice", [source], [name], starts=[start], ends=[end], axes=[1]))
        else:
            limits = [f"{name}_{what}" for what in ("start", "end", "axis")]
            graph.initializer.extend(numpy_helper.from_array(numpy.array([at]), limit)
                                     for at, limit in zip((start, end, 1), limits))
            before.append(helper.make_node("Slice", [source, *limits], [name]))
        start = end
    nodes = [*before, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    output = graph.output[0].name
    expected = numpy.asarray(case.data_sets[0][1][0])
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))
    return model, maps, expected


def outcome(case, operator, folder):
    model, maps, expected = images(case, operator)
    x, y, path = (os.path.join(folder, file) for file in ("x.npy", "y.npy", "m.onnx"))
    numpy.save(x, maps)
    onnx.save(model, path)
    done = subprocess.run([CONVNET, "run", path, "--input", x, "--output", y], capture_output=True, text=True)
    if done.returncode not in (0, 1, 2) or "panicked" in done.stderr:
        return "PANIC", done.stderr.strip()[:200]
    if done.returncode != 0:
        return "refused", done.stderr.strip().splitlines()[0].replace(path, "")[:200]
    found = numpy.load(y)
    if found.size != expected.size:
        return "WRONG", f"shape {found.shape}, expected {expected.shape}"
    difference = numpy.abs(found.reshape(expected.shape) - expected)
    limit = 1e-3 * numpy.abs(expected) + 1e-5
    same = numpy.where(numpy.isfinite(expected), difference <= limit, True)
    return ("right", "") if same.all() else ("WRONG", f"differs by {difference.max():.2e}")


def main():
    names = [name for name in sys.argv[1:] if not name.startswith("-")]
    counts = collections.Counter()
    with tempfile.TemporaryDirectory() as folder:
        all_cases = [case for case in cases() if case.model is not None]
        by_name = operators(all_cases)
        for case in all_cases:
            operator = by_name.get(case.name)
            if not wanted(case, operator) or (names and case.name not in names):
                continue
            what, why = outcome(case, operator, folder)
            counts[what] += 1
            if "-v" in sys.argv and what != "right" or what.isupper():
                print(f"{case.name}: {what}: {why}", flush=True)
    print(f"{sum(counts.values())} tests: " + ", ".join(f"{count} {what}" for what, count in sorted(counts.items())))
    sys.exit(bool(counts["WRONG"] or counts["PANIC"]))


if __name__ == "__main__":
    main()
