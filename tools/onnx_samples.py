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
    return helper.make_node(op, inputs.split(), [output], name=output + "_node", **settings)


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


def refusals():
    one = {"w": weights(3, 4, 1, 1)}
    conv = node("Conv", "x w", "y")
    refused("shuffle", "node `y_node` (Reshape): from [4, 9, 8] to [2, 2, 9, 8]",
            model([node("Reshape", "x t", "y")], {"t": whole(-1, 2, 2, 9, 8)}))
    refused("ratio", "node `y_node` (Div): no layer computes it on two values",
            model([node("Sigmoid", "x", "s"), node("Div", "x s", "y")], {}))
    refused("unknown", "node `y_node` (Erf): no layer computes it", model([node("Erf", "x", "y")], {}))
    refused("domain", "of the set `com.example`", model([helper.make_node("Conv", ["x", "w"], ["y"], domain="com.example")], one))
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
    refused("cut", "1 of 9 along axis 2, expected all", model(
        [node("Slice", "x zero one two", "y")], {"zero": whole(0), "one": whole(1), "two": whole(2)}))
    for name, location in (("traversal", "../external.bin"), ("absolute", "/etc/passwd"), ("missing", "none.bin")):
        outside = TensorProto(name="w", dims=[3, 4, 1, 1], data_type=1, data_location=TensorProto.EXTERNAL)
        outside.external_data.add(key="location", value=location)
        expected = "none.bin" if name == "missing" else "expected a file in the model's folder or below"
        refused(name, expected, model([conv], {"w": outside}))


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(REFUSED)
    for write in (windows, layers, arithmetic, shapes, constants, refusals, pools, orders, channels):
        write()


if __name__ == "__main__":
    main()
