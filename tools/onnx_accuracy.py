"""Trains LeNet, exports it, and counts the test images that ONNX Runtime gets right: onnx_accuracy.py.

The pixels are normalized once by what the model's properties tell, once by its own nodes (`--with-preprocessing`). The
counts must be those of `convnet eval`, and every single answer that of `convnet run`. Set up by bench/setup.sh.
"""
import gzip
import json
import os
import subprocess
import tempfile

import numpy
import onnx
import onnxruntime

HERE = os.path.dirname(os.path.abspath(__file__))
CONVNET = os.environ.get("CONVNET", os.path.join(HERE, "../target/release/convnet"))
DATA = os.path.join(HERE, "../crates/convnet/assets/fashion-mnist-mini")


def convnet(*arguments):
    return subprocess.run([CONVNET, *arguments], check=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True).stdout


def idx(name):
    with gzip.open(os.path.join(DATA, name)) as file:
        content = file.read()
    shape = [int.from_bytes(content[at:at + 4], "big") for at in range(4, 4 + 4 * content[3], 4)]
    return numpy.frombuffer(content, numpy.uint8, offset=4 + 4 * content[3]).reshape(shape)


def main():
    pixels = idx("t10k-images-idx3-ubyte.gz")[:, None].astype(numpy.float32) / 255
    labels = idx("t10k-labels-idx1-ubyte.gz")
    with tempfile.TemporaryDirectory() as folder:
        path = lambda name: os.path.join(folder, name)
        convnet("train", "lenet", "--out", path("run"))
        best = path("run/best.safetensors")
        ours = json.loads(convnet("eval", path("run"), "--json"))
        print(f"convnet eval: {round(ours['top1'] * ours['images'])} of {ours['images']}")
        for flags in ([], ["--with-preprocessing"]):
            convnet("convert", best, path("m.onnx"), *flags)
            told = {p.key: p.value for p in onnx.load(path("m.onnx")).metadata_props}
            settings = json.loads(told["preprocess"])
            assert settings["fit"] == "pad" and settings["input"] == [1, 32, 32], settings
            padded = numpy.pad(pixels, ((0, 0), (0, 0), (2, 2), (2, 2)))
            images = ((padded - settings["mean"][0]) / settings["std"][0]).astype(numpy.float32)
            session = onnxruntime.InferenceSession(path("m.onnx"), providers=["CPUExecutionProvider"])
            theirs = session.run(None, {"input": images})[0].argmax(1)
            numpy.save(path("x.npy"), images)
            convnet("run", path("m.onnx"), "--input", path("x.npy"), "--output", path("y.npy"))
            same = int((numpy.load(path("y.npy")).argmax(1) == theirs).sum())
            right = int((theirs == labels).sum())
            print(f"ONNX Runtime {' '.join(flags) or 'with the properties'}: {right} of {len(labels)}, {same} answers the same")


if __name__ == "__main__":
    main()
