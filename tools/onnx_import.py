"""Exports torchvision's networks by both of PyTorch's exporters and holds `convnet run` against PyTorch: onnx_import.py
[names]. Prints the table of docs/parity.md.

Without names: one network of each family by both exporters, once more with the batch fixed at 1 and constants left
unfolded, and the small models that the onnx package ships for its own tests, with the outputs that it ships for them.
Set up by bench/setup.sh.
"""
import glob
import os
import subprocess
import sys
import tempfile
import warnings

import numpy
import onnx
import onnx.backend.test.runner
import torch

from parity import CONVNET, calibrate, network

NAMES = ["alexnet", "vgg11", "vgg16_bn", "googlenet", "resnet18", "resnet50", "densenet121"]
EXPORTERS = {
    "TorchScript, opset 17": dict(dynamo=False, opset_version=17, dynamic_axes={"x": {0: "N"}}),
    "TorchScript, opset 9, batch 1, not folded": dict(dynamo=False, opset_version=9, do_constant_folding=False,
                                                      training=torch.onnx.TrainingMode.PRESERVE,
                                                      keep_initializers_as_inputs=True),
    "dynamo, opset 18": dict(dynamo=True, opset_version=18, dynamic_shapes=({0: torch.export.Dim("N", min=1, max=64)},)),
    "dynamo, opset 20, not optimized, external data": dict(dynamo=True, opset_version=20, optimize=False,
                                                           external_data=True),
}


def run(model, x, y):
    return subprocess.run([CONVNET, "run", model, "--input", x, "--output", y], capture_output=True, text=True)


def cell(found, expected):
    difference = numpy.abs(found.astype(numpy.float64) - expected)
    return f"{difference.max() / numpy.sqrt(numpy.square(expected, dtype=numpy.float64).mean()):.1e}"


def exported(name, folder):
    net = calibrate(network(name, 1000), torch.randn(8, 3, 224, 224))
    images = torch.randn(3, 3, 224, 224)
    x, y, model = (os.path.join(folder, file) for file in ("x.npy", "y.npy", "m.onnx"))
    numpy.save(x, images.numpy())
    with torch.inference_mode():
        expected = net(images).numpy()
    for exporter, options in EXPORTERS.items():
        fixed = not ("dynamic_axes" in options or "dynamic_shapes" in options)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(net, (images[:1] if fixed else images,), model, input_names=["x"], verbose=False, **options)
        net.eval()
        done = run(model, x, y)
        result = cell(numpy.load(y), expected) if done.returncode == 0 else f"**{done.stderr.strip()}**"
        print(f"| {name} | {exporter} | {result} |", flush=True)


def light(path, folder):
    model = onnx.load(path)
    known = {tensor.name for tensor in model.graph.initializer}
    (images,) = [value for value in model.graph.input if value.name not in known]
    runner = onnx.backend.test.runner.Runner
    name = os.path.basename(path).removesuffix(".onnx")
    x, y = (os.path.join(folder, file) for file in ("x.npy", "y.npy"))
    numpy.save(x, numpy.asarray(runner.generate_dummy_data(images, seed=0, name=name, random=False), dtype=numpy.float32))
    with open(path.removesuffix(".onnx") + "_output_0.pb", "rb") as file:
        expected = onnx.numpy_helper.to_array(onnx.TensorProto.FromString(file.read()))
    done = run(path, x, y)
    result = cell(numpy.load(y), expected) if done.returncode == 0 else done.stderr.strip().replace(path, name + ".onnx")
    print(f"| {name} | onnx {onnx.__version__} | {result} |", flush=True)


def main():
    print("| network | exporter | largest difference over the RMS |\n|---|---|---|")
    for name in sys.argv[1:] or NAMES:
        with tempfile.TemporaryDirectory() as folder:
            exported(name, folder)
    if not sys.argv[1:]:
        data = os.path.join(os.path.dirname(onnx.__file__), "backend", "test", "data", "light")
        for path in sorted(glob.glob(os.path.join(data, "*.onnx"))):
            with tempfile.TemporaryDirectory() as folder:
                light(path, folder)


if __name__ == "__main__":
    main()
