"""Writes the small ONNX models that crates/convnet/tests/onnx.rs reads, with what ONNX Runtime gives for them.

Each sample is NAME.onnx with NAME.npy beside it, the output for images whose element i is ((37·i) mod 101 − 50) / 50.
Models that must be refused are in refused/, where NAME.txt is part of the message. Set up by bench/setup.sh.
"""
import os
import shutil

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../crates/convnet/tests/onnx")
REFUSED = os.path.join(FOLDER, "refused")
RNG = numpy.random.default_rng(7)


def images(shape):
    count = int(numpy.prod(shape))
    return (((37 * numpy.arange(count)) % 101 - 50) / 50).astype(numpy.float32).reshape(shape)


def weights(*shape):
    return RNG.uniform(-0.5, 0.5, shape).astype(numpy.float32)


def positive(*shape):
    return RNG.uniform(0.5, 1.5, shape).astype(numpy.float32)


def whole(*values):
    return numpy.array(values, dtype=numpy.int64)


def node(op, inputs, output, **settings):
    """A node by its inputs, of which one that is left out is an empty name: "x  scales"."""
    return helper.make_node(op, inputs.split(" "), [output], name=output + "_node", **settings)


def model(nodes, constants, shape=(2, 4, 9, 8), opset=17, ir=8, batch="N", rank=None, as_inputs=False):
    tensors = [value if isinstance(value, TensorProto) else numpy_helper.from_array(value, name)
               for name, value in constants.items()]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch or shape[0], *shape[1:]])]
    if as_inputs:
        inputs += [helper.make_tensor_value_info(t.name, t.data_type, list(t.dims)) for t in tensors]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, rank and [None] * rank)]
    graph = helper.make_graph(nodes, "sample", inputs, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=ir)


def sample(name, nodes, constants=None, shape=(2, 4, 9, 8), last=False, one_by_one=False, stamp=None, **options):
    """A model and its output. `last`: it takes the images of `shape` with their channels last; `one_by_one`: its batch is
    fixed at 1; `stamp`: the version of operators that is written, where ONNX Runtime knows an older one."""
    x = images(shape)
    x = x.transpose(0, 2, 3, 1) if last else x
    made = model(nodes, constants or {}, (1 if one_by_one else shape[0], *x.shape[1:]), **options)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    parts = [x[i:i + 1] for i in range(shape[0])] if one_by_one else [x]
    numpy.save(os.path.join(FOLDER, name + ".npy"), numpy.concatenate([session.run(None, {"x": part})[0] for part in parts]))
    if stamp:
        made.opset_import[0].version = stamp
    onnx.save(made, os.path.join(FOLDER, name + ".onnx"))


def refused(name, message, made):
    with open(os.path.join(REFUSED, name + ".onnx"), "wb") as file:
        file.write(made.SerializeToString())
    with open(os.path.join(REFUSED, name + ".txt"), "w") as file:
        file.write(message + "\n")


def windows():
    conv = {"w": weights(6, 2, 3, 3), "b": weights(6)}
    sample("conv_asymmetric", [node("Conv", "x w b", "y", pads=[0, 1, 2, 0], strides=[2, 1], dilations=[1, 2], group=2)],
           conv)
    for mode in ("SAME_UPPER", "SAME_LOWER", "VALID"):
        sample("conv_" + mode.lower(), [node("Conv", "x w", "y", auto_pad=mode, strides=[2, 2])], {"w": weights(5, 4, 4, 3)})
        sample("max_pool_" + mode.lower(),
               [node("MaxPool", "x", "y", auto_pad=mode, strides=[2, 2], kernel_shape=[3, 2])])
    sample("conv_unneeded_padding", [node("Conv", "x w", "y", pads=[1, 1, 1, 0], strides=[2, 2])], {"w": weights(5, 4, 3, 3)})
    sample("conv_depthwise", [node("Conv", "x w", "y", pads=[1, 1, 1, 1], group=4)], {"w": weights(8, 1, 3, 3)})
    sample("max_pool_asymmetric", [node("MaxPool", "x", "y", pads=[1, 0, 0, 1], kernel_shape=[2, 3])])
    sample("max_pool_wide", [node("MaxPool", "x", "y", pads=[2, 2, 2, 2], kernel_shape=[3, 3], strides=[2, 2])])
    sample("max_pool_ceil", [node("MaxPool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)])
    sample("average_pool_counts", [node("AveragePool", "x", "y", pads=[1, 0, 2, 1], kernel_shape=[3, 3], count_include_pad=1)])
    sample("average_pool_excludes", [node("AveragePool", "x", "y", pads=[1, 1, 1, 1], kernel_shape=[3, 3], strides=[2, 3])])
    sample("average_pool_ceil", [node("AveragePool", "x", "y", kernel_shape=[2, 3], strides=[2, 2], ceil_mode=1)])
    sample("average_pool_one_window", [node("AveragePool", "x", "y", pads=[0, 0, 1, 2], kernel_shape=[10, 10])])
    sample("global_pools", [node("GlobalMaxPool", "x", "m"), node("GlobalAveragePool", "x", "a"),
                            node("Concat", "m a", "y", axis=1)])
    sample("pad_attributes", [node("Pad", "x", "p", pads=[0, 0, 1, 0, 0, 0, 2, 3]), node("Relu", "p", "y")], opset=9)
    sample("pad_value", [node("Pad", "x pads value", "y")],
           {"pads": whole(0, 0, 1, 2, 0, 0, 0, 1), "value": numpy.float32(-0.5)}, opset=13)
    sample("pad_axes", [node("Pad", "x pads  axes".replace("  ", " none "), "p"), node("Conv", "p w", "y")],
           {"pads": whole(1, 1, 1, 1), "none": numpy.float32(0), "axes": whole(-2, 3), "w": weights(3, 4, 3, 3)}, opset=18)


def layers():
    norm = {"s": positive(4), "b": weights(4), "m": weights(4), "v": positive(4)}
    sample("batch_norm", [node("BatchNormalization", "x s b m v", "y", epsilon=1e-3)], norm, opset=15)
    sample("batch_norm_7", [node("BatchNormalization", "x s b m v", "y", epsilon=1e-3)], norm, opset=7, ir=3, as_inputs=True)
    sample("batch_norm_vector",
           [node("GlobalAveragePool", "x", "g"), node("Flatten", "g", "f"),
            node("BatchNormalization", "f s b m v", "n"), node("Gemm", "n w", "y")], norm | {"w": weights(4, 3)})
    sample("lrn", [node("LRN", "x", "y", size=3, alpha=0.5, beta=0.6, bias=1.5)])
    sample("activations", [node("LeakyRelu", "x", "a", alpha=0.2), node("Sigmoid", "a", "b"), node("Tanh", "b", "c"),
                           node("Add", "a c", "y")])
    sample("clip_attributes", [node("Clip", "x", "y", min=-0.25, max=0.5)], opset=9)
    sample("clip_inputs", [node("Clip", "x low high", "y")], {"low": numpy.float32(-0.5), "high": numpy.float32(0.75)})
    sample("clip_relu6", [node("Clip", "x low", "a"), node("Mul", "a ten", "b"),
                          node("Clip", "b low high", "y")],
           {"low": numpy.float32(0), "high": numpy.float32(6), "ten": numpy.float32(10)})
    flat = [node("Flatten", "x", "f")]
    sample("softmax_9", flat + [node("Softmax", "f", "y")], opset=9)
    sample("softmax_map", [node("Softmax", "x", "y", axis=1)], opset=13)
    sample("log_softmax", flat + [node("LogSoftmax", "f", "y", axis=-1)], opset=13)
    sample("gemm", flat + [node("Gemm", "f w c", "y", alpha=0.5, beta=2.0)], {"w": weights(288, 5), "c": weights(1, 5)})
    sample("gemm_transposed", flat + [node("Gemm", "f w c", "y", transB=1)], {"w": weights(5, 288), "c": weights(1)})
    sample("matmul_add", flat + [node("MatMul", "f w", "m"), node("Add", "m c", "y")], {"w": weights(288, 5), "c": weights(5)})
    sample("reduce_mean", [node("ReduceMean", "x", "y", axes=[2, 3], keepdims=0)], opset=9)
    sample("reduce_mean_18", [node("ReduceMean", "x axes", "y")], {"axes": whole(-1, -2)}, opset=18)
    sample("dropout", [node("Dropout", "x", "d", ratio=0.3), node("Identity", "d", "y")], opset=9)
    sample("dropout_13", [node("Dropout", "x ratio", "d"), node("Relu", "d", "y")], {"ratio": numpy.float32(0.3)}, opset=13)


def arithmetic():
    sample("pixels", [node("Sub", "x mean", "c"), node("Div", "c std", "n"), node("Conv", "n w", "y")],
           {"mean": weights(1, 4, 1, 1), "std": positive(4, 1, 1), "w": weights(3, 4, 1, 1)})
    norm = {"s": positive(4), "b": weights(4), "m": weights(4), "v": positive(4), "k": positive(4, 1, 1), "t": weights(4, 1, 1)}
    scaled = [node("BatchNormalization", "x s b m v", "n"), node("Mul", "n k", "p"), node("Add", "t p", "q")]
    sample("scale_after_norm", scaled + [node("Relu", "q", "y")], norm)
    sample("scale_beside_norm", scaled + [node("Add", "q n", "y")], norm)
    sample("scale_by_alias", [node("BatchNormalization", "x s b m v", "n"), node("Identity", "n", "i"),
                              node("Mul", "i k", "p"), node("Add", "p n", "y")], norm)
    sample("bias_after_conv", [node("Conv", "x w", "c"), node("Add", "c t", "a"), node("Sub", "one a", "y")],
           {"w": weights(4, 4, 3, 3), "t": weights(4, 1, 1), "one": numpy.float32(1)})
    sample("sums", [node("Relu", "x", "r"), node("Sum", "x r x", "s"), node("Sum", "s", "y")])
    sample("shared_weights", [node("Conv", "x w", "a", pads=[1, 1, 1, 1]), node("Conv", "a w", "y")], {"w": weights(4, 4, 3, 3)})
    sample("shared_transposed", [node("GlobalAveragePool", "x", "g"), node("Flatten", "g", "f"), node("Gemm", "f w", "h"),
            node("Gemm", "h w", "y", transB=1)], {"w": weights(4, 4)})


def shapes():
    tail = {"w": weights(288, 3)}
    sample("view_by_shape", [node("Shape", "x", "s"), node("Gather", "s zero", "n", axis=0), node("Unsqueeze", "n", "n1", axes=[0]),
                             node("Concat", "n1 rest", "t", axis=0), node("Reshape", "x t", "f"), node("MatMul", "f w", "y")],
           tail | {"zero": numpy.int64(0), "rest": whole(-1)}, opset=9, rank=2)
    sample("view_by_slice", [node("Shape", "x", "s"), node("Slice", "s zero one", "n"), node("Concat", "n rest", "t", axis=0),
                             node("Reshape", "x t", "f"), node("MatMul", "f w", "y")],
           tail | {"zero": whole(0), "one": whole(1), "rest": whole(288)}, opset=13, rank=2)
    sample("view_fixed_batch", [node("Reshape", "x t", "f"), node("MatMul", "f w", "y")], tail | {"t": whole(2, -1)}, batch=None)
    sample("view_zero", [node("Reshape", "x t", "f"), node("MatMul", "f w", "y")], tail | {"t": whole(0, -1)})
    sample("view_free_batch", [node("Reshape", "x t", "f"), node("MatMul", "f w", "y")], tail | {"t": whole(-1, 288)})
    sample("channels_last", [node("Conv", "x k", "c"), node("Transpose", "c", "l", perm=[0, 2, 3, 1]), node("Relu", "l", "r"),
                             node("Reshape", "r t", "f"), node("MatMul", "f w", "m"), node("Add", "m b", "y")],
           {"k": weights(5, 4, 3, 3), "t": whole(-1, 210), "w": weights(210, 3), "b": weights(3)})
    sample("channels_last_gemm", [node("Transpose", "x", "l", perm=[0, 2, 3, 1]), node("Flatten", "l", "f"),
                                  node("Gemm", "f w", "y", transB=1)], {"w": weights(3, 288)})
    sample("there_and_back", [node("Transpose", "x", "l", perm=[0, 2, 3, 1]), node("Relu", "l", "r"),
                              node("Transpose", "r", "y", perm=[0, 3, 1, 2])])
    sample("squeezed", [node("GlobalAveragePool", "x", "g"), node("Squeeze", "g", "s", axes=[2, 3]),
                        node("Unsqueeze", "s", "u", axes=[2, 3]), node("Conv", "u w", "c"), node("Flatten", "c", "y")],
           {"w": weights(6, 4, 1, 1)}, opset=11)
    sample("squeezed_13", [node("GlobalAveragePool", "x", "g"), node("Squeeze", "g axes", "s"),
                           node("Unsqueeze", "s axes", "u"), node("Conv", "u w", "y")],
           {"w": weights(6, 4, 1, 1), "axes": whole(-2, -1)})


def constants():
    kernel = weights(3, 4, 3, 3)
    sample("constant_node", [helper.make_node("Constant", [], ["w"], value=numpy_helper.from_array(kernel)),
                             node("Conv", "x w", "y")])
    sample("constant_of_shape", [helper.make_node("ConstantOfShape", ["s"], ["w"], value=helper.make_tensor("v", 1, [1], [0.25])),
                                 node("Conv", "x w", "y")], {"s": whole(3, 4, 3, 3)})
    sample("constant_transposed", [node("Flatten", "x", "f"), node("Transpose", "t", "w", perm=[1, 0]), node("MatMul", "f w", "y")],
           {"t": weights(3, 288)})
    sample("constant_computed", [node("Sqrt", "v", "d"), node("Div", "s d", "k"), node("Mul", "w k", "u"), node("Conv", "x u", "y")],
           {"w": kernel, "v": positive(3, 1, 1, 1), "s": weights(3, 1, 1, 1)})
    sample("constant_cast", [node("Cast", "n", "f", to=TensorProto.FLOAT), node("Div", "one f", "k"), node("Mul", "w k", "u"),
                             node("Conv", "x u", "y")], {"w": kernel, "n": whole(4), "one": numpy.float32(1)})
    half = kernel.astype(numpy.float16)
    sample("half", [node("Cast", "w", "c", to=TensorProto.FLOAT), node("Conv", "x c", "y")], {"w": half})
    sample("half_listed", [node("Cast", "w", "c", to=TensorProto.FLOAT), node("Conv", "x c", "y")],
           {"w": helper.make_tensor("w", TensorProto.FLOAT16, half.shape, half.view(numpy.uint16).flatten().tolist())})
    sample("float_listed", [node("Conv", "x w", "y")], {"w": helper.make_tensor("w", 1, kernel.shape, kernel.flatten().tolist())})
    made = model([node("Conv", "x w", "y")], {"w": weights(9, 4, 3, 3)})
    path = os.path.join(FOLDER, "external.onnx")
    onnx.save(made, path, save_as_external_data=True, location="external.bin", size_threshold=0)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    numpy.save(os.path.join(FOLDER, "external.npy"), session.run(None, {"x": images((2, 4, 9, 8))})[0])


def pools():
    pool = dict(kernel_shape=[3, 4], strides=[2, 3], ceil_mode=1)
    for name, pads in (("uneven", [0, 1, 2, 3]), ("wide", [2, 3, 2, 3])):
        sample(f"max_pool_ceil_{name}", [node("MaxPool", "x", "y", pads=pads, **pool)])
        for count, word in ((0, "excludes"), (1, "counts")):
            sample(f"average_pool_ceil_{name}_{word}", [node("AveragePool", "x", "y", pads=pads, count_include_pad=count, **pool)])
    for mode in ("SAME_UPPER", "SAME_LOWER"):
        for count, word in ((0, "excludes"), (1, "counts")):
            sample(f"average_pool_{mode.lower()}_{word}",
                   [node("AveragePool", "x", "y", auto_pad=mode, kernel_shape=[2, 4], count_include_pad=count)])
    beyond = dict(kernel_shape=[4, 11], strides=[2, 5], ceil_mode=1)
    sample("max_pool_beyond", [node("MaxPool", "x", "y", **beyond)])
    sample("average_pool_beyond", [node("AveragePool", "x", "y", pads=[0, 1, 0, 0], count_include_pad=1, **beyond)])


def orders():
    norm = {"s": positive(5), "b": weights(5), "m": weights(5), "v": positive(5)}
    keras = [node("Sub", "x mean", "c"), node("Div", "c std", "n"), node("Transpose", "n", "t", perm=[0, 3, 1, 2]),
             node("Pad", "t pads", "p"), node("Conv", "p w", "d", strides=[2, 2]), node("BatchNormalization", "d s b m v", "e"),
             node("Relu", "e", "r")]
    tensors = norm | {"mean": weights(4), "std": positive(1, 1, 4), "pads": whole(0, 0, 1, 1, 0, 0, 1, 1), "w": weights(5, 4, 3, 3),
                      "k": weights(5, 3), "bias": weights(3)}
    dense = [node("MatMul", "f k", "g"), node("Add", "g bias", "l"), node("Softmax", "l", "y", axis=-1)]
    back = [node("Transpose", "r", "q", perm=[0, 2, 3, 1])]
    sample("keras_mean", keras + back + [node("ReduceMean", "q", "f", axes=[1, 2], keepdims=0)] + dense, tensors, last=True)
    sample("keras_pixel", keras + back + [node("ReduceMean", "q", "g1", axes=[1, 2], keepdims=1), node("Reshape", "g1 to", "f")] + dense,
           tensors | {"to": whole(-1, 5)}, last=True)
    sample("keras_squeeze", keras + [node("GlobalAveragePool", "r", "g1"), node("Squeeze", "g1 axes", "f")] + dense,
           tensors | {"axes": whole(2, 3)}, last=True)
    sample("keras_sums", keras + back + [node("Mul", "q five", "a"), node("Add", "a q", "c1"), node("Concat", "c1 q", "c2", axis=-1),
                                         node("MatMul", "c2 mix", "c3"), node("Transpose", "c3", "y", perm=[0, 3, 1, 2])],
           tensors | {"five": weights(5), "mix": weights(10, 3)}, last=True)
    sample("keras_grey", [node("Reshape", "x to", "r"), node("Conv", "r w", "c"), node("Reshape", "c flat", "y")],
           {"to": whole(-1, 1, 9, 8), "w": weights(3, 1, 9, 8), "flat": whole(-1, 3)}, shape=(2, 1, 9, 8), last=True)
    sample("pixels_moved", [node("GlobalAveragePool", "x", "g"), node("Reshape", "g last", "l"), node("Transpose", "l", "u", perm=[0, 3, 2, 1]),
                            node("Conv", "u w", "y")], {"last": whole(-1, 1, 1, 4), "w": weights(3, 4, 1, 1)})
    sample("concat_vectors", [node("Flatten", "x", "f"), node("Flatten", "x", "h"), node("Concat", "f h", "c", axis=1), node("Gemm", "c w", "y")],
           {"w": weights(12, 3)}, shape=(2, 1, 2, 3))
    sample("concat_one_vector", [node("Flatten", "x", "f"), node("Concat", "f f", "y", axis=1)], shape=(2, 1, 2, 3))
    sample("flatten_negative", [node("Flatten", "x", "f", axis=-3), node("Flatten", "k", "w", axis=-1), node("MatMul", "f w", "y")],
           {"k": weights(4, 72, 3)})
    sample("fixed_batch", [node("Reshape", "x to", "f"), node("MatMul", "f w", "y")], {"to": whole(1, -1), "w": weights(288, 3)},
           one_by_one=True, batch=None)
    sample("opset_28", [node("Cast", "x", "c", to=TensorProto.FLOAT), node("Conv", "c w", "d"), node("Flatten", "d", "y")],
           {"w": weights(3, 4, 9, 8)}, opset=21, ir=10, stamp=28)


def channels():
    def transform(axes, count):
        nodes = []
        for i in range(count):
            nodes += [node("Gather", f"x i{i}", f"g{i}", axis=1), node("Unsqueeze", f"g{i} one" if axes else f"g{i}", f"u{i}", **({} if axes else {"axes": [1]})),
                      node("Mul", f"u{i} scale{i}", f"m{i}"), node("Add", f"m{i} shift{i}", f"a{i}")]
        return nodes + [node("Concat", " ".join(f"a{i}" for i in range(count)), "t", axis=1), node("Conv", "t w", "y")]
    tensors = {"one": whole(1), "w": weights(2, 4, 3, 3)}
    for i in range(4):
        tensors |= {f"i{i}": numpy.int64(i), f"scale{i}": numpy.float32(0.5 + i), f"shift{i}": numpy.float32(i - 1.5)}
    sample("transform_input", transform(True, 4), tensors)
    sample("transform_input_9", transform(False, 4), {name: tensor for name, tensor in tensors.items() if name != "one"}, opset=9)
    sample("channels_turned", [node("Gather", "x order", "g", axis=1), node("Conv", "g w", "y")], {"order": whole(3, 2, 1, 0), "w": tensors["w"]})
    sample("channels_taken", [node("Slice", "x from to axes steps", "s"), node("Mul", "s k", "m"), node("Slice", "x zero one axes", "z"),
                              node("Concat", "m z", "c", axis=1), node("Conv", "c w", "y")],
           {"from": whole(-1), "to": whole(-(1 << 31)), "axes": whole(1), "steps": whole(-2), "zero": whole(0), "one": whole(1),
            "k": weights(2, 1, 1), "w": weights(2, 3, 3, 3)})
    # nn.ZeroPad2d by PyTorch's older exporter.
    sample("zero_pad", [
        helper.make_node("ConstantOfShape", ["missing"], ["zeros"], value=helper.make_tensor("v", TensorProto.INT64, [1], [0])),
        node("Concat", "told zeros", "eight", axis=0), node("Reshape", "eight pairs", "rows"),
        node("Slice", "rows last first axis back", "turned"), node("Transpose", "turned", "columns", perm=[1, 0]),
        node("Reshape", "columns flat", "list"), node("Cast", "list", "pads", to=TensorProto.INT64),
        node("Pad", "x pads", "p", mode="constant"), node("Conv", "p w", "y")],
        {"missing": whole(4), "told": whole(1, 2, 0, 3), "pairs": whole(-1, 2), "last": whole(-1), "first": whole(-(1 << 63) + 1),
         "axis": whole(0), "back": whole(-1), "flat": whole(-1), "w": weights(2, 4, 3, 3)}, opset=13)


def functions():
    for op, settings in (("Elu", dict(alpha=0.5)), ("Selu", {}), ("Celu", dict(alpha=0.5)), ("HardSwish", {}),
                         ("HardSigmoid", {}), ("HardSigmoid", dict(alpha=1 / 6, beta=0.5)), ("Softplus", {}),
                         ("Softsign", {}), ("Abs", {}), ("Exp", {}), ("Erf", {}), ("Neg", {})):
        sample(op.lower() + ("_sixth" if "beta" in settings else ""), [node(op, "x", "y", **settings)])
    sample("mish", [node("Mish", "x", "y")], opset=18)
    sample("gelu", [node("Gelu", "x", "y")], opset=20, ir=9)
    sample("gelu_tanh", [node("Gelu", "x", "y", approximate="tanh")], opset=20, ir=9)
    root, one, half = (numpy.float32(x) for x in (2 ** 0.5, 1, 0.5))
    # As PyTorch's exporters write GELU, as TensorFlow's do, and with the half at x.
    sample("gelu_torch", [node("Div", "x root", "d"), node("Erf", "d", "e"), node("Add", "e one", "a"), node("Mul", "x a", "m"),
                          node("Mul", "m half", "y")], {"root": root, "one": one, "half": half})
    sample("gelu_halved", [node("Mul", "x half", "h"), node("Div", "x root", "d"), node("Erf", "d", "e"), node("Add", "e one", "a"),
                           node("Mul", "h a", "y")], {"root": root, "one": one, "half": half})
    sample("gelu_cubes", [node("Pow", "x three", "c"), node("Mul", "c small", "s"), node("Add", "x s", "p"), node("Mul", "p r", "i"),
                          node("Tanh", "i", "t"), node("Add", "t one", "a"), node("Mul", "x a", "m"), node("Mul", "m half", "y")],
           {"three": numpy.float32(3), "small": numpy.float32(0.044715), "r": numpy.float32((2 / numpy.pi) ** 0.5), "one": one,
            "half": half})
    sample("hardswish_torch", [node("Add", "x three", "a"), node("Clip", "a zero six", "c"), node("Mul", "x c", "m"),
                               node("Div", "m six", "y")],
           {"three": numpy.float32(3), "zero": numpy.float32(0), "six": numpy.float32(6)})
    sample("mish_written", [node("Softplus", "x", "s"), node("Tanh", "s", "t"), node("Mul", "x t", "y")])
    sample("prelu", [node("PRelu", "x w", "y")], {"w": positive(4, 1, 1)})
    sample("prelu_one", [node("PRelu", "x w", "y")], {"w": positive(1)})
    sample("roots", [node("Abs", "x", "a"), node("Add", "a one", "b"), node("Sqrt", "b", "s"), node("Log", "b", "l"),
                     node("Reciprocal", "b", "r"), node("Sub", "s l", "d"), node("Add", "d r", "y")], {"one": one})
    sample("powers", [node("Pow", "x two", "a"), node("Pow", "x three", "b"), node("Sub", "a b", "y")],
           {"two": numpy.float32(2), "three": numpy.float32(3)})


def pairs():
    """Functions of two values that depend on the images."""
    gate = [node("GlobalAveragePool", "x", "g"), node("Sigmoid", "g", "s")]
    mask = [node("ReduceMean", "x", "m", axes=[1]), node("Sigmoid", "m", "s")]
    for op in ("Add", "Sub", "Mul", "Div"):
        sample(op.lower() + "_gate", [*gate, node(op, "x s", "y")])
        sample(op.lower() + "_mask", [*mask, node(op, "s x" if op == "Sub" else "x s", "y")])
    for op in ("Max", "Min"):
        sample(op.lower() + "_three", [node("Sigmoid", "x", "s"), node("Tanh", "x", "t"), node(op, "x s t", "y")])
        sample(op.lower() + "_number", [node(op, "x n", "y")], {"n": numpy.float32(0.25)})
    sample("ratio", [node("Sigmoid", "x", "s"), node("Div", "x s", "y")])
    sample("over", [node("Sigmoid", "x", "s"), node("Div", "n s", "y")], {"n": positive(4, 1, 1)})


def axes():
    """Sums, means and extremes over axes, other sizes, parts, other orders."""
    for op in ("ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare"):
        sample(op.lower() + "_channels", [node(op, "x", "y", axes=[1])])
        sample(op.lower() + "_all", [node(op, "x", "y", axes=[1, 2, 3])])
    sample("reducesum_width", [node("ReduceSum", "x a", "y")], {"a": whole(-1)})
    sample("reducemean_18", [node("ReduceMean", "x a", "y")], {"a": whole(2)}, opset=18)
    for mode in ("reflect", "edge"):
        sample("pad_" + mode, [node("Pad", "x p", "y", mode=mode)], {"p": whole(0, 0, 1, 2, 0, 0, 3, 0)})
    sample("pad_wrap", [node("Pad", "x p", "y", mode="wrap")], {"p": whole(0, 0, 1, 2, 0, 0, 3, 0)}, opset=19, ir=9)
    sample("pad_crops", [node("Pad", "x p", "y")], {"p": whole(0, 0, -1, -2, 0, 0, 1, -1)})
    scales = {"s": numpy.array([1, 1, 2, 1.5], numpy.float32)}
    odd = {"s": numpy.array([1, 1, 0.7, 1.3], numpy.float32)}
    for where in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"):
        for mode in ("nearest", "linear", "cubic"):
            sample(f"resize_{mode}_{where}", [node("Resize", "x  s", "y", mode=mode, coordinate_transformation_mode=where)], scales)
    for rounding in ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"):
        sample("resize_" + rounding, [node("Resize", "x  s", "y", mode="nearest", nearest_mode=rounding)], odd)
    sample("resize_linear_odd", [node("Resize", "x  s", "y", mode="linear")], odd)
    sample("resize_symmetric", [node("Resize", "x  s", "y", mode="linear", coordinate_transformation_mode="half_pixel_symmetric")],
           odd, opset=19, ir=9)
    sample("resize_excluded", [node("Resize", "x  s", "y", mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)], scales)
    sample("resize_sizes", [node("Resize", "x   z", "y", mode="linear")], {"z": whole(2, 4, 5, 12)}, batch=None)
    sample("resize_axes", [node("Resize", "x   z", "y", mode="nearest", axes=[3, 2])], {"z": whole(12, 5)}, opset=18)
    sample("upsample_9", [node("Upsample", "x s", "y", mode="nearest")], {"s": numpy.array([1, 1, 2, 3], numpy.float32)}, opset=9)
    sample("depth_to_space", [node("DepthToSpace", "x", "y", blocksize=2)])
    sample("depth_to_space_crd", [node("DepthToSpace", "x", "y", blocksize=2, mode="CRD")])
    sample("space_to_depth", [node("SpaceToDepth", "x", "y", blocksize=2)], shape=(2, 4, 6, 8))
    sample("cut", [node("Slice", "x zero one two", "y")], {"zero": whole(0), "one": whole(1), "two": whole(2)})
    sample("cut_steps", [node("Slice", "x from to axes steps", "y")],
           {"from": whole(1, 7), "to": whole(9, -9), "axes": whole(2, 3), "steps": whole(2, -3)})
    sample("gathered_rows", [node("Gather", "x i", "y", axis=2)], {"i": whole(8, 0, 0, -2)})
    sample("split", [helper.make_node("Split", ["x"], ["a", "b"], axis=1, num_outputs=2), node("Tanh", "a", "t"),
                     node("Mul", "b t", "y")], opset=18)
    sample("split_lengths", [helper.make_node("Split", ["x", "l"], ["a", "b", "y"], axis=2)], {"l": whole(2, 3, 4)})
    sample("expanded", [node("GlobalAveragePool", "x", "g"), node("Shape", "x", "s"), node("Expand", "g s", "e"), node("Sub", "x e", "y")])
    for groups in (2, 4):
        sample(f"channel_shuffle_{groups}",
               [node("Reshape", "x a", "r"), node("Transpose", "r", "t", perm=[0, 2, 1, 3, 4]), node("Reshape", "t b", "y")],
               {"a": whole(0, groups, 4 // groups, 9, 8), "b": whole(0, 4, 9, 8)})
    sample("pixel_unshuffle", [node("Reshape", "x a", "r"), node("Transpose", "r", "t", perm=[0, 1, 3, 5, 2, 4]), node("Reshape", "t b", "y")],
           {"a": whole(-1, 4, 3, 2, 4, 2), "b": whole(-1, 16, 3, 4)}, shape=(2, 4, 6, 8))
    sample("turned", [node("Transpose", "x", "y", perm=[0, 3, 2, 1])])
    sample("reshaped", [node("Reshape", "x a", "y")], {"a": whole(0, 6, 8, 6)})
    sample("softmax_rows", [node("Softmax", "x", "y", axis=2)])
    sample("softmax_last", [node("Softmax", "x", "y", axis=-1)])
    sample("softmax_all", [node("Softmax", "x", "y", axis=1)], opset=11)


def norms():
    vectors = {"w": positive(4), "b": weights(4)}
    last, first = [0, 2, 3, 1], [0, 3, 1, 2]
    sample("layer_norm", [node("Transpose", "x", "t", perm=last), node("LayerNormalization", "t w b", "n", axis=-1, epsilon=1e-3),
                          node("Transpose", "n", "y", perm=first)], vectors)
    sample("layer_norm_without_bias", [node("Transpose", "x", "t", perm=last), node("LayerNormalization", "t w", "n"),
                                       node("Transpose", "n", "y", perm=first)], {"w": positive(4)})
    sample("layer_norm_vector", [node("Flatten", "x", "f"), node("LayerNormalization", "f w b", "y", axis=1)],
           {"w": positive(288), "b": weights(288)})
    sample("layer_norm_map", [node("LayerNormalization", "x w b", "y", axis=1)],
           {"w": numpy.ones((4, 9, 8), numpy.float32), "b": numpy.zeros((4, 9, 8), numpy.float32)})
    # Without an operator of its own.
    sample("layer_norm_written", [
        node("Transpose", "x", "t", perm=last), node("ReduceMean", "t", "m", axes=[-1]), node("Sub", "t m", "d"),
        node("Pow", "d two", "q"), node("ReduceMean", "q", "v", axes=[-1]), node("Add", "v eps", "e"), node("Sqrt", "e", "s"),
        node("Div", "d s", "n"), node("Mul", "n w", "c"), node("Add", "c b", "a"), node("Transpose", "a", "y", perm=first)],
        {**vectors, "two": numpy.float32(2), "eps": numpy.float32(1e-5)})
    sample("instance_norm", [node("InstanceNormalization", "x w b", "y", epsilon=1e-3)], vectors)
    sample("group_norm", [node("GroupNormalization", "x w b", "y", num_groups=2)], vectors, opset=21, ir=10)
    # nn.GroupNorm by PyTorch's exporters.
    sample("group_norm_torch", [
        node("Reshape", "x a", "r"), node("InstanceNormalization", "r one zero", "n"), node("Shape", "x", "s"),
        node("Reshape", "n s", "u"), node("Mul", "u w", "m"), node("Add", "m b", "y")],
        {"a": whole(0, 2, -1), "one": numpy.ones(2, numpy.float32), "zero": numpy.zeros(2, numpy.float32), "w": positive(4, 1, 1),
         "b": weights(4, 1, 1)})
    sample("lp_pool", [node("LpPool", "x", "y", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0], p=2)])
    sample("global_lp_pool", [node("GlobalLpPool", "x", "y", p=1)])


def shapes_of_any_kind():
    """Constants of any shape, and operators along any axes of values of any rank."""
    for name, shape in (("row", (8,)), ("column", (9, 1)), ("map", (9, 8)), ("image", (4, 9, 8)), ("channel_column", (4, 1, 8))):
        sample("add_" + name, [node("Add", "x t", "y")], {"t": weights(*shape)})
        sample("mul_" + name, [node("Sigmoid", "x", "s"), node("Mul", "t s", "y")], {"t": weights(*shape)})
    sample("add_wider", [node("GlobalAveragePool", "x", "g"), node("Sub", "t g", "y")], {"t": weights(9, 8)})
    sample("add_vector", [node("Flatten", "x", "f"), node("Mul", "f t", "m"), node("Max", "m t", "y")], {"t": weights(288)})
    sample("three_with_numbers", [node("Max", "x t n", "y")], {"t": weights(9, 1), "n": weights(8)})
    sample("power", [node("Abs", "x", "a"), node("Pow", "a p", "y")], {"p": numpy.float32(2.5)})
    sample("power_by_column", [node("Abs", "x", "a"), node("Pow", "a p", "b"), node("Pow", "t b", "y")],
           {"p": positive(8), "t": positive(4, 1, 1)})
    sample("power_of_two", [node("Abs", "x", "a"), node("Sigmoid", "x", "s"), node("Pow", "a s", "y")])
    sample("prelu_by_column", [node("PRelu", "x w", "y")], {"w": positive(8)})
    sample("thresholded", [node("ThresholdedRelu", "x", "y", alpha=0.25)])
    sample("shrink", [node("Shrink", "x", "y", bias=0.25, lambd=0.5)])
    sample("lp_normalization", [node("LpNormalization", "x", "a", axis=1), node("LpNormalization", "x", "b", axis=-1, p=1),
                                node("Mul", "a b", "y")])
    sample("tiled", [node("Tile", "x t", "y")], {"t": whole(1, 2, 1, 3)})
    sample("clip_crossed", [node("Clip", "x low high", "y")], {"low": numpy.float32(0.5), "high": numpy.float32(-0.25)})
    for op in ("Less", "Greater", "LessOrEqual", "GreaterOrEqual", "Equal"):
        sample(op.lower(), [node(op, "x t", "c"), node("Where", "c x n", "y")], {"t": weights(4, 1, 1), "n": numpy.float32(-3)},
               opset=16)
    # What is not chosen is infinite.
    sample("elu_written", [node("Less", "x zero", "c"), node("Mul", "x big", "b"), node("Exp", "b", "e"), node("Sub", "e one", "f"),
                           node("Where", "c f x", "y")],
           {"zero": numpy.float32(0), "big": numpy.float32(300), "one": numpy.float32(1)})
    sample("conditions", [node("Less", "x zero", "c"), node("Greater", "x half", "d"), node("Or", "c d", "e"), node("Not", "e", "g"),
                          node("And", "e t", "h"), node("Where", "h x s", "p"), node("Where", "g p n", "y")],
           {"zero": numpy.float32(0), "half": numpy.float32(0.5), "t": numpy.arange(8) % 2 == 0, "s": weights(9, 1), "n": weights(4, 1, 1)})
    sample("matmul_last", [node("MatMul", "x m", "y")], {"m": weights(8, 5)})
    sample("matmul_first", [node("MatMul", "m x", "y")], {"m": weights(5, 9)})
    sample("matmul_each", [node("MatMul", "x m", "y")], {"m": weights(4, 8, 5)})
    sample("matmul_each_first", [node("MatMul", "m x", "y")], {"m": weights(1, 4, 5, 9)})
    sample("concat_rows", [node("Tanh", "x", "t"), node("Concat", "x t x", "y", axis=2)])
    sample("concat_columns", [node("Tanh", "x", "t"), node("Concat", "x t", "y", axis=-1)])
    sample("gathered_pairs", [node("Flatten", "x", "f"), node("Gather", "f i", "g", axis=1), node("Flatten", "g", "y")],
           {"i": numpy.array([[0, 7, 3], [1, 1, -2]])})
    sample("expand_channels", [node("ReduceMean", "x", "m", axes=[1]), node("Expand", "m s", "e"), node("Sub", "x e", "y")],
           {"s": whole(4, 1, 1)})
    for axis, shape in ((1, (4, 9, 8)), (2, (9, 8)), (3, (8,)), (-2, (1, 8))):
        sample(f"layer_norm_axis_{axis}".replace("-", "m"), [node("LayerNormalization", "x w b", "y", axis=axis)],
               {"w": positive(*shape), "b": weights(*shape)})
    sample("softmax_11_rows", [node("Softmax", "x", "y", axis=2)], opset=11)
    sample("softmax_11_tokens", [node("Reshape", "x t", "r"), node("LogSoftmax", "r", "y", axis=-1)], {"t": whole(0, 4, 72)}, opset=12)
    sample("conv_transpose", [node("ConvTranspose", "x w b", "y", strides=[2, 2])], {"w": weights(4, 3, 2, 2), "b": weights(3)})
    sample("filled_for_each", [node("Shape", "x", "s"), node("Slice", "s zero one", "n"), node("Concat", "n rest", "z", axis=0),
                               helper.make_node("ConstantOfShape", ["z"], ["c"], value=helper.make_tensor("v", 1, [1], [0.25])),
                               node("Concat", "x c", "y", axis=1)], {"zero": whole(0), "one": whole(1), "rest": whole(2, 9, 8)})
    # Outputs that are neither vectors nor maps.
    sample("output_tokens", [node("Reshape", "x t", "r"), node("Softmax", "r", "y", axis=-1)], {"t": whole(0, 4, 72)})
    sample("output_five_axes", [node("Reshape", "x t", "r"), node("Transpose", "r", "y", perm=[0, 2, 1, 3, 4])],
           {"t": whole(-1, 2, 2, 9, 8)})
    sample("output_number", [node("ReduceMean", "x", "y", axes=[1, 2, 3], keepdims=0)])
    # Tokens: a map as (N, pixels, channels), between a map and the classes.
    to, back = {"to": whole(0, 4, 72), "mix": weights(4, 4), "k": weights(4), "m4": weights(4, 3)}, [0, 2, 1]
    sample("tokens", [node("Reshape", "x to", "r"), node("Transpose", "r", "t", perm=back), node("LayerNormalization", "t g k", "n"),
                      node("MatMul", "n mix", "m"), node("Add", "m k", "a"), node("Add", "a t", "s"), node("Softmax", "s", "p", axis=1),
                      node("Mul", "p s", "q"), node("ReduceSum", "q one", "v", keepdims=0), node("MatMul", "v m4", "y")],
           to | {"g": positive(4), "one": whole(1)})
    # Attention, as exporters write queries, keys and values, and with the three taken apart before the images.
    for name, parts in (("gather", [node("Gather", f"t3 i{i}", part, axis=0) for i, part in enumerate("qkv")]),
                        ("split", [helper.make_node("Split", ["t3"], ["q4", "k4", "v4"], axis=0)]
                         + [node("Squeeze", part + "4 zero", part) for part in "qkv"])):
        sample("attention_" + name, [
            node("Reshape", "x to", "r"), node("Transpose", "r", "t", perm=back), node("MatMul", "t w", "w0"), node("Add", "w0 wb", "w1"),
            node("Reshape", "w1 heads", "h"), node("Transpose", "h", "t3", perm=[2, 0, 3, 1, 4]), *parts,
            node("Mul", "q half", "q1"), node("Transpose", "k", "k1", perm=[0, 1, 3, 2]), node("MatMul", "q1 k1", "d"),
            node("Softmax", "d", "p", axis=-1), node("MatMul", "p v", "o"), node("Transpose", "o", "o1", perm=[0, 2, 1, 3]),
            node("Reshape", "o1 flat", "o2"), node("MatMul", "o2 m", "o3"), node("Add", "o3 t", "o4"),
            node("ReduceMean", "o4", "y", axes=[1], keepdims=0)],
            {"to": whole(0, 4, 72), "w": weights(4, 18), "wb": weights(18), "heads": whole(0, 72, 3, 2, 3), "half": numpy.float32(0.5),
             "flat": whole(0, 72, 6), "m": weights(6, 4), "zero": whole(0), **{f"i{i}": numpy.int64(i) for i in range(3)}})
    sample("token_of_class", [
        node("Reshape", "x to", "r"), node("Transpose", "r", "t", perm=back), node("Shape", "x", "s"), node("Slice", "s zero one", "n"),
        node("Concat", "n rest", "z", axis=0), node("Expand", "class z", "c"), node("Concat", "c t", "u", axis=1), node("Add", "u place", "p"),
        node("Softmax", "p", "q", axis=-1), node("Gather", "q first", "f", axis=1), node("MatMul", "f m4", "y")],
        to | {"zero": whole(0), "one": whole(1), "rest": whole(1, 4), "class": weights(1, 1, 4), "place": weights(1, 73, 4),
              "first": numpy.int64(0)})


def resizes():
    for mode in ("linear", "cubic"):
        sample(f"resize_antialias_{mode}", [node("Resize", "x  s", "y", mode=mode, antialias=1)],
               {"s": numpy.array([1, 1, 0.6, 0.45], numpy.float32)}, opset=18)
    sample("resize_antialias_larger", [node("Resize", "x   z", "y", mode="linear", antialias=1)], {"z": whole(2, 4, 5, 13)}, opset=18,
           batch=None)
    for policy in ("not_larger", "not_smaller"):
        sample("resize_" + policy, [node("Resize", "x   z", "y", mode="linear", axes=[2, 3], keep_aspect_ratio_policy=policy)],
               {"z": whole(6, 7)}, opset=18)
    for value in (0.0, 2.5):
        sample(f"resize_crop_{value:.0f}", [node("Resize", "x r  z", "y", mode="linear", coordinate_transformation_mode="tf_crop_and_resize",
                                               extrapolation_value=value)],
               {"r": numpy.array([0, 0, 0.25, -0.2, 1, 1, 0.75, 1.1], numpy.float32), "z": whole(2, 4, 5, 6)}, opset=13, batch=None)
    sample("resize_crop_axes", [node("Resize", "x r  z", "y", mode="nearest", coordinate_transformation_mode="tf_crop_and_resize",
                                     axes=[3, 2])],
           {"r": numpy.array([0.1, 0, 0.9, 0.5], numpy.float32), "z": whole(5, 6)}, opset=18)


def gaps():
    """Poolings whose windows have gaps, and norms of any power."""
    pool = dict(kernel_shape=[3, 2], strides=[2, 1], dilations=[2, 3])
    sample("max_pool_dilated", [node("MaxPool", "x", "y", pads=[1, 1, 1, 0], **pool)])
    sample("max_pool_dilated_ceil", [node("MaxPool", "x", "y", ceil_mode=1, **pool)])
    for count in (0, 1):
        sample(f"average_pool_dilated_{count}", [node("AveragePool", "x", "y", pads=[1, 1, 1, 0], count_include_pad=count, **pool)], opset=19,
               ir=9)
    sample("lp_pool_3", [node("LpPool", "x", "y", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1], p=3)], opset=18)
    sample("lp_pool_dilated", [node("LpPool", "x", "y", kernel_shape=[2, 2], dilations=[2, 2], p=2)], opset=18)
    sample("global_lp_pool_3", [node("GlobalLpPool", "x", "y", p=3)])


def folds():
    """What exporters write around shapes."""
    sample("scattered", [
        node("Shape", "x", "s"), node("Gather", "s two", "h"), node("Mod", "h three", "r"), node("Add", "r one", "c"),
        node("Range", "zero c one", "i"), node("Unsqueeze", "i last", "j"), node("ScatterND", "list j updates", "p"),
        node("Pad", "x p", "y")],
        {"two": numpy.int64(2), "three": numpy.int64(3), "one": numpy.int64(1), "zero": numpy.int64(0), "last": whole(1),
         "list": whole(5, 0, 0, 0, 0, 0, 1, 0), "updates": whole(0)})
    # Standardized weights: by a normalization in training mode, and written out.
    sample("standardized", [
        node("Reshape", "w flat", "r"), helper.make_node("BatchNormalization", ["r", "g", "z", "z2", "o"], ["n", "m", "u"], training_mode=1),
        node("Reshape", "n back", "v"), node("Conv", "x v", "y")],
        {"w": weights(6, 4, 3, 3), "flat": whole(1, 6, -1), "back": whole(6, 4, 3, 3), "g": positive(6), "z": numpy.zeros(6, numpy.float32),
         "z2": numpy.zeros(6, numpy.float32), "o": numpy.ones(6, numpy.float32)}, opset=15)
    sample("standardized_written", [
        node("ReduceMean", "w", "m", axes=[1, 2, 3]), node("Sub", "w m", "d"), node("Mul", "d d", "q"), node("ReduceMean", "q", "v", axes=[1, 2, 3]),
        node("Add", "v eps", "e"), node("Sqrt", "e", "s"), node("Div", "d s", "u"), node("Conv", "x u", "y")],
        {"w": weights(6, 4, 3, 3), "eps": numpy.float32(1e-5)})
    sample("chosen", [node("Equal", "a b", "e"), node("Where", "e c d", "p"), node("Pad", "x p", "y")],
           {"a": whole(0, -1, 2, 0, 0, 0, 0, 0), "b": whole(-1), "c": whole(0), "d": whole(0, 9, 1, 2, 0, 0, 1, 0)})


def strided():
    """A Gather of all images' elements in one row, by places that count the images: PyTorch's `as_strided`."""
    def nodes(each="four"):
        return [
            node("GlobalAveragePool", "x", "g"), node("Reshape", "g all", "r"), node("Shape", "x", "s"), node("Gather", "s zero", "n"),
            node("Range", "zero n one", "i"), node("Mul", f"i {each}", "m"), node("Unsqueeze", "m axes", "u"), node("Add", "u places", "p"),
            node("Gather", "r p", "e"), node("Relu", "e", "y")]
    constants = {"all": whole(-1), "zero": numpy.int64(0), "one": numpy.int64(1), "four": numpy.int64(4), "axes": whole(1, 2, 3)}
    places = numpy.arange(4).reshape(1, 4, 1, 1)
    sample("strided", nodes(), constants | {"places": places})
    sample("strided_reversed", nodes(), constants | {"places": places[:, ::-1].copy()})
    sample("strided_row", nodes(), constants | {"places": numpy.array([2, 3, 0]).reshape(1, 3)} | {"axes": whole(1)})
    fixed = [node("Reshape", "x all", "r"), node("Gather", "r places", "e"), node("Relu", "e", "y")]
    elements = numpy.arange(2 * 288).reshape(2, 4, 72)
    sample("strided_fixed", fixed, {"all": whole(-1), "places": elements.reshape(2, 4, 9, 8)}, batch=None)
    sample("strided_one", fixed, {"all": whole(-1), "places": elements[:1, ::2, :5].reshape(1, 2, 5, 1)}, one_by_one=True, batch=None)
    refused("strided_others", "expected each image's own", model(nodes("one"), constants | {"places": places}))
    refused("strided_apart", "not those of one image, as far apart for each", model(
        fixed, {"all": whole(-1), "places": elements.reshape(2, 4, 9, 8)[::, ::-1] * numpy.array([1, 0]).reshape(2, 1, 1, 1)}, batch=None))
    many = nodes()[2:8] + [node("Add", "p wide", "q"), node("Gather", "x q", "y")]
    refused("strided_many", "expected at most 4096", model(many, constants | {
        "places": numpy.zeros((1, 64, 1, 1), numpy.int64), "wide": numpy.zeros((1, 1, 65, 1), numpy.int64)}))
    refused("strided_relu", "all images' elements in one row", model([node("Reshape", "x all", "r"), node("Relu", "r", "y")], {"all": whole(-1)}))


def refusals():
    one = {"w": weights(3, 4, 1, 1)}
    conv = node("Conv", "x w", "y")
    refused("unknown", "node `y_node` (Sinh): no layer computes it", model([node("Sinh", "x", "y")], {}))
    refused("by_image", "expected the same for every image", model([node("Add", "x t", "y")], {"t": numpy.ones((2, 4, 9, 8), numpy.float32)}, batch=None))
    refused("tokens", "expected a map or a vector: no layer computes on tokens",
            model([node("Reshape", "x t", "r"), node("GlobalAveragePool", "r", "y")], {"t": whole(0, 4, 72)}))
    refused("smoothed", "it smooths before it makes smaller (antialias) and takes the nearest pixel",
            model([node("Resize", "x  s", "y", mode="nearest", antialias=1)], {"s": numpy.array([1, 1, 0.5, 0.5], numpy.float32)},
                  opset=18))
    refused("proportions", "expected height and width",
            model([node("Resize", "x   z", "y", axes=[2], keep_aspect_ratio_policy="not_larger")], {"z": whole(5)}, opset=18))
    refused("two_matrices", "expected the same for every image, and as many otherwise",
            model([node("MatMul", "x m", "y")], {"m": numpy.ones((3, 8, 8), numpy.float32)}))
    refused("corners", "align_corners or a crop by a scale that gives no whole number of pixels",
            model([node("Resize", "x  s", "y", mode="linear", coordinate_transformation_mode="align_corners")],
                  {"s": numpy.array([1, 1, 0.7, 1.3], numpy.float32)}))
    refused("over_images", "over axes [0, 1], expected axes of an image",
            model([node("ReduceSum", "x a", "y")], {"a": whole(0, 1)}))
    refused("split_apart", "9 elements along axis 2 in 2 parts of [4, 4]",
            model([helper.make_node("Split", ["x", "l"], ["y", "z"], axis=2, name="y_node")], {"l": whole(4, 4)}))
    refused("domain", "of the set `com.example`", model([helper.make_node("Conv", ["x", "w"], ["y"], domain="com.example")], one))
    refused("overlapping", "whose windows overlap",
            model([node("ConvTranspose", "x w", "y", strides=[1, 1])], {"w": numpy.ones((4, 3, 2, 2), numpy.float32)}))
    refused("even_lrn", "size is 4, expected an odd number", model([node("LRN", "x", "y", size=4)], {}))
    refused("volume", "its weight has shape [3, 4, 1, 1, 1], expected (O, C/groups, kH, kW)",
            model([conv], {"w": weights(3, 4, 1, 1, 1)}))
    refused("channels", "its weight has shape [3, 5, 1, 1], expected [3, 4, 1, 1]", model([conv], {"w": weights(3, 5, 1, 1)}))
    refused("training", "export the model in inference mode",
            model([node("BatchNormalization", "x s s s s", "y", training_mode=1)], {"s": positive(4)}))
    refused("old", "operators are of version 6, expected 7", model([conv], one, opset=6))
    refused("cycle", "reads `a`, which nothing before it gives",
            model([node("Relu", "a", "b"), node("Relu", "b", "a"), node("Add", "x a", "y")], {}))
    refused("nothing", "its output `y` is given by no node", model([node("Relu", "x", "z")], {}))
    two = model([node("Relu", "x", "y"), node("Relu", "x", "z")], {})
    two.graph.output.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, None))
    refused("outputs", 'it has the outputs `y`, `z`, expected one; choose one of them', two)
    more = model([node("Add", "x z", "y")], {})
    more.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 4, 9, 8]))
    refused("inputs", 'it has inputs ["x", "z"] that are no constants', more)
    free = model([node("Relu", "x", "y")], {}, shape=("N", 4, "H", "W"))
    refused("free", "leaves channels, height or width free; give all three", free)
    refused("sequence", "has 3 dimensions, expected 4", model([node("Relu", "x", "y")], {}, shape=(2, 4, 9)))
    refused("huge_shape", "elements", model([node("Relu", "x", "y")], {}, shape=(1, 1 << 30, 1 << 30, 1 << 30)))
    billion = helper.make_tensor("w", 1, [1, 4, 1, 1], [0.0] * 4)
    billion.dims[0] = 1 << 40
    refused("huge_constant", "constant `w`: ", model([conv], {"w": billion}))
    overflow = helper.make_tensor("w", 1, [1, 4, 1, 1], [0.0] * 4)
    overflow.dims[0] = overflow.dims[1] = 1 << 40
    refused("overflow", "more elements than can be addressed", model([conv], {"w": overflow}))
    refused("filled", "a value of", model(
        [helper.make_node("ConstantOfShape", ["s"], ["w"]), conv], {"s": whole(1 << 40, 4, 1, 1)}))
    refused("repeated", "computed constants take more than 64 MiB", model(
        [node("Expand", "s shape", f"c{i}") for i in range(5)] + [node("Sum", "x c0 c1 c2 c3 c4", "y")],
        {"s": weights(2), "shape": whole(1 << 21, 2)}))
    refused("from_nothing", "elements of weights that are in no file", model(
        [helper.make_node("ConstantOfShape", ["s"], ["w"]), node("Flatten", "x", "f"), node("MatMul", "f w", "y")],
        {"s": whole(288, 1 << 20)}))
    refused("integers", "to whole numbers, which no layer does",
            model([node("Cast", "x", "i", to=TensorProto.INT64), node("Cast", "i", "y", to=TensorProto.FLOAT)], {}))
    refused("padded", "pads are", model([node("Pad", "x", "y", pads=[0, 0, 1 << 60, 0, 0, 0, 0, 0])], {}, opset=9))
    refused("kernel", "kernel_shape is", model([node("MaxPool", "x", "y", kernel_shape=[1 << 60, 1])], {}))
    refused("dropout_trains", "it drops in inference too", model(
        [node("Dropout", "x ratio training", "y")], {"ratio": numpy.float32(0.5), "training": numpy.array(True)}))
    refused("squeeze_one", "without axes it drops that of the images too", model(
        [node("GlobalAveragePool", "x", "g"), node("Squeeze", "g", "y")], {}, shape=(1, 4, 9, 8), batch=None))
    refused("squeeze_free", "so that later axes are others", model([node("Squeeze", "x", "y")], {}, shape=(2, 4, 1, 8)))
    refused("same_leaves_out", "auto_pad with windows that cover 7 of 9 pixels", model(
        [node("MaxPool", "x", "y", kernel_shape=[1, 1], strides=[3, 1], auto_pad="SAME_UPPER")], {}))
    refused("last_out", "its output `y` has channels last", model([node("Transpose", "x", "y", perm=[0, 2, 3, 1])], {}))
    refused("no_axis", "it reads a channel without its axis", model(
        [node("Gather", "x zero", "g", axis=1), node("Relu", "g", "y")], {"zero": numpy.int64(0)}))
    for name, location in (("traversal", "../external.bin"), ("absolute", "/etc/passwd"), ("missing", "none.bin")):
        outside = TensorProto(name="w", dims=[3, 4, 1, 1], data_type=1, data_location=TensorProto.EXTERNAL)
        outside.external_data.add(key="location", value=location)
        expected = "none.bin" if name == "missing" else "expected a file in the model's folder or below"
        refused(name, expected, model([conv], {"w": outside}))


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(REFUSED)
    for write in (windows, layers, arithmetic, shapes, constants, refusals, pools, orders, channels, functions, pairs, axes, norms,
                  folds, shapes_of_any_kind, resizes, gaps, strided):
        write()


if __name__ == "__main__":
    main()
