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


def sample(name, nodes, constants=None, shape=(2, 4, 9, 8), **options):
    made = model(nodes, constants or {}, shape, **options)
    path = os.path.join(FOLDER, name + ".onnx")
    onnx.save(made, path)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    numpy.save(os.path.join(FOLDER, name + ".npy"), session.run(None, {"x": images(shape)})[0])


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


def refusals():
    one = {"w": weights(3, 4, 1, 1)}
    conv = node("Conv", "x w", "y")
    refused("shuffle", "node `y_node` (Reshape): from [4, 9, 8] to [2, 2, 9, 8]",
            model([node("Reshape", "x t", "y")], {"t": whole(-1, 2, 2, 9, 8)}))
    refused("gate", "node `y_node` (Mul): no layer computes it on two values",
            model([node("Sigmoid", "x", "s"), node("Mul", "x s", "y")], {}))
    refused("unknown", "node `y_node` (Erf): no layer computes it", model([node("Erf", "x", "y")], {}))
    refused("domain", "of the set `com.example`", model([helper.make_node("Conv", ["x", "w"], ["y"], domain="com.example")], one))
    refused("even_lrn", "size is 4, expected an odd number", model([node("LRN", "x", "y", size=4)], {}))
    refused("same_average", "no padding that is the same on opposite sides",
            model([node("AveragePool", "x", "y", kernel_shape=[2, 2], pads=[0, 0, 1, 1])], {}))
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
    refused("outputs", 'it has outputs ["y", "z"], expected one', two)
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
        [node("Expand", "s shape", f"c{i}") for i in range(5)] + [node("Relu", "x", "y")],
        {"s": weights(2), "shape": whole(1 << 21, 2)}))
    refused("from_nothing", "elements of weights that are in no file", model(
        [helper.make_node("ConstantOfShape", ["s"], ["w"]), node("Flatten", "x", "f"), node("MatMul", "f w", "y")],
        {"s": whole(288, 1 << 20)}))
    refused("integers", "to whole numbers, which no layer does",
            model([node("Cast", "x", "i", to=TensorProto.INT64), node("Cast", "i", "y", to=TensorProto.FLOAT)], {}))
    refused("padded", "pads are", model([node("Pad", "x", "y", pads=[0, 0, 1 << 60, 0, 0, 0, 0, 0])], {}, opset=9))
    refused("kernel", "kernel_shape is", model([node("MaxPool", "x", "y", kernel_shape=[1 << 60, 1])], {}))
    for name, location in (("traversal", "../external.bin"), ("absolute", "/etc/passwd"), ("missing", "none.bin")):
        outside = TensorProto(name="w", dims=[3, 4, 1, 1], data_type=1, data_location=TensorProto.EXTERNAL)
        outside.external_data.add(key="location", value=location)
        expected = "none.bin" if name == "missing" else "expected a file in the model's folder or below"
        refused(name, expected, model([conv], {"w": outside}))


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(REFUSED)
    for write in (windows, layers, arithmetic, shapes, constants, refusals):
        write()


if __name__ == "__main__":
    main()
