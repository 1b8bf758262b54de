"""Tries public bug reports on the `convnet` command: field_reports.py [numbers or words]. Prints a line a report.

The reports, with their addresses, stand in docs/field-reports.md. Each is one function here: it makes the reporter's
files, runs the command, and compares what came out with PyTorch's, Pillow's or ONNX Runtime's value, or with the same
command on files that nobody could read otherwise. `right` is the value; `refused` is an error that names the cause,
where an error is what the reporter should have had; `wrong` is all else. Ends with 1 if one is wrong.

Needs torch, torchvision, onnx, onnxruntime, numpy, pillow and safetensors, and the command in CONVNET
(default: target/debug/convnet).
"""
import io
import json
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import warnings
import zipfile

import numpy
import onnx
import onnxruntime
import torch
import torchvision
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from safetensors.numpy import load_file
from safetensors.torch import save_file
from torch.nn.utils import prune

ROOT = pathlib.Path(__file__).resolve().parent.parent
CONVNET = os.path.abspath(os.environ.get("CONVNET", ROOT / "target/debug/convnet"))
COLOURS = {"blue": (40, 60, 200), "green": (40, 190, 60), "red": (200, 50, 40)}
REPORTS = []


class Wrong(Exception):
    """What came out is not what had to."""


class Refused(Exception):
    """An error was the right answer, and it came."""


def report(address):
    """Adds a function to the list, under the report's address."""

    def add(function):
        REPORTS.append((address, function))
        return function

    return add


def convnet(*arguments, cwd=None):
    """Runs the command and returns its exit status, output and messages."""
    done = subprocess.run([CONVNET, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=600)
    if done.returncode not in (0, 1, 2):
        raise Wrong(f"exit status {done.returncode}: {done.stderr.strip()[-200:]}")
    return done


def done(*arguments, **options):
    """Runs the command, which must succeed."""
    result = convnet(*arguments, **options)
    if result.returncode:
        raise Wrong(f"refused: {brief(result.stderr)}")
    return result


def brief(text):
    lines = text.strip().splitlines()
    first = next((i for i, line in enumerate(lines) if line.startswith("error")), 0)
    return " / ".join(" ".join(line.split()) for line in lines[first:first + 3])[:300]


def need(condition, otherwise):
    if not condition:
        raise Wrong(otherwise)


def refused(result, *words):
    """That the command failed and said each of these words; none of them may be missing."""
    need(result.returncode, f"succeeded: {brief(result.stdout)}")
    missing = [word for word in words if word.lower() not in result.stderr.lower()]
    need(not missing, f"refused without saying {missing}: {brief(result.stderr)}")
    raise Refused(brief(result.stderr))


def close(found, expected, tolerance=1e-3):
    found, expected = numpy.asarray(found, numpy.float64), numpy.asarray(expected, numpy.float64)
    need(found.shape == expected.shape, f"shape {found.shape} instead of {expected.shape}")
    difference = abs(found - expected).max() if found.size else 0.0
    need(numpy.isfinite(found).all() and difference <= tolerance,
         f"differs by {difference:.3g}: {found.ravel()[:4]} instead of {expected.ravel()[:4]}")


# The eye: a network that says what it sees.

def model(path, nodes, weights, input_shape, outputs, opset=17, output_shape=None):
    graph = helper.make_graph(
        nodes, "g", [helper.make_tensor_value_info("x", TensorProto.FLOAT, input_shape)],
        [helper.make_tensor_value_info(outputs, TensorProto.FLOAT, output_shape)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)


def eye(path, side=32, channels=3):
    """Writes a network whose logits are 8 times the mean of each channel in each quarter, and a last one of 0."""
    count = 4 * channels
    weight = numpy.zeros((count + 1, count), numpy.float32)
    weight[:count] = 8 * numpy.eye(count)
    model(path, [helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[side // 2] * 2, strides=[side // 2] * 2),
                 helper.make_node("Flatten", ["p"], ["f"]),
                 helper.make_node("Gemm", ["f", "w", "b"], ["y"], transB=1)],
          {"w": weight, "b": numpy.zeros(count + 1, numpy.float32)}, ["N", channels, side, side], "y",
          output_shape=["N", count + 1])


def seen(folder, image, side=32, channels=3):
    """The mean of each channel in each quarter, in levels of 0 to 255, as `predict` sees the picture."""
    path = folder / f"eye{side}x{channels}.onnx"
    eye(path, side, channels)
    result = done("predict", path, image, "--json", "--top", 4 * channels + 1)
    values = {p["index"]: p["probability"] for p in json.loads(result.stdout)[0]["predictions"]}
    last = values.pop(4 * channels)
    return numpy.array([numpy.log(values[i] / last) for i in range(4 * channels)]) / 8 * 255


def saw(folder, image, expected, side=32, channels=3, tolerance=1.0):
    """That `predict` sees the picture as it sees Pillow's: a plain PNG of the network's size."""
    plain = folder / "plain.png"
    expected.save(plain)
    close(seen(folder, image, side, channels), seen(folder, plain, side, channels), tolerance)


def ramp(side=32):
    """A picture with another colour in each corner."""
    y, x = numpy.mgrid[0:side, 0:side] / (side - 1)
    return numpy.stack([x, y, 1 - x], 2)


# Photos and runs.

def photos(root, per_class=12, size=(32, 32), splits=("train", "test"), classes=COLOURS, seed=0, ending="png"):
    draw = numpy.random.default_rng(seed)
    for split in splits:
        for name, colour in classes.items():
            folder = root / split / name
            folder.mkdir(parents=True, exist_ok=True)
            for i in range(per_class if split == splits[0] else max(per_class // 2, 1)):
                pixels = numpy.array(colour) + draw.normal(0, 25, (size[1], size[0], 3))
                Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(folder / f"{i:03}.{ending}")
    return root


def train(data, out, *options):
    return done("train", "lenet", "--data", data, "--epochs", 4, "--batch", 8, "--out", out, *options)


def accuracy(result):
    return json.loads(result.stdout)["top1"]


def metrics(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def counts(data):
    """How many images of each class and split are counted by `data inspect`."""
    return {line.split()[0]: tuple(map(int, line.split()[1:3]))
            for line in done("data", "inspect", data).stdout.splitlines() if re.match(r"^  .*\S +\d+ +\d+ ", line)}


def ran(folder, network, x, *options):
    """What `run` makes of an input."""
    numpy.save(folder / "x.npy", x)
    done("run", network, "--input", folder / "x.npy", "--output", folder / "y.npy", *options)
    return numpy.load(folder / "y.npy")


def runtime(path, x):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def classifier(path, nodes, weights, channels, input_shape, features, **options):
    """A network of one layer that is asked about, between the input `x` and `h`, and a head over its flattened map."""
    draw = numpy.random.default_rng(3)
    head = {"hw": draw.normal(0, 0.3, (4, features)).astype(numpy.float32), "hb": numpy.zeros(4, numpy.float32)}
    model(path, [*nodes, helper.make_node("Flatten", ["h"], ["hf"]),
                 helper.make_node("Gemm", ["hf", "hw", "hb"], ["y"], transB=1)],
          {**weights, **head}, ["N", channels, *input_shape], "y", output_shape=["N", 4], **options)


def same_as_runtime(folder, path, shape, tolerance=1e-4):
    """That `run` gives ONNX Runtime's figures, or refuses by naming the node."""
    x = numpy.random.default_rng(5).normal(0, 3, shape).astype(numpy.float32)
    expected = runtime(path, x)
    numpy.save(folder / "x.npy", x)
    result = convnet("run", path, "--input", folder / "x.npy", "--output", folder / "y.npy")
    if result.returncode:
        raise Refused(brief(result.stderr))
    close(numpy.load(folder / "y.npy"), expected, tolerance)


# Pictures.

@report("pytorch/vision#2218")
def sixteen_bits_of_grey(folder):
    grey = (ramp()[..., 0] * 65535).astype(numpy.uint16)
    Image.fromarray(grey).save(folder / "x.png")
    saw(folder, folder / "x.png", Image.fromarray((grey >> 8).astype(numpy.uint8)).convert("RGB"), tolerance=1.5)


@report("libvips/libvips#1283")
def four_inks(folder):
    picture = Image.fromarray((ramp() * 255).astype(numpy.uint8)).convert("CMYK")
    picture.save(folder / "x.jpg", quality=100)
    saw(folder, folder / "x.jpg", Image.open(folder / "x.jpg").convert("RGB"), tolerance=4)


def transparent(folder, picture):
    """That a picture is seen as Pillow's `convert("RGB")` gives it, on which PyTorch trains, or that it is said."""
    eye(folder / "eye.onnx")
    if "transparen" not in done("predict", folder / "eye.onnx", picture).stderr:
        saw(folder, picture, Image.open(picture).convert("RGB"))


@report("NVIDIA/DIGITS#85")
def transparent_pixels(folder):
    pixels = numpy.dstack([ramp() * 255, numpy.zeros((32, 32))]).astype(numpy.uint8)
    Image.fromarray(pixels).save(folder / "x.png")
    transparent(folder, folder / "x.png")
    grey = numpy.dstack([ramp()[..., 0] * 255, ramp()[..., 1] * 255]).astype(numpy.uint8)
    Image.fromarray(grey).save(folder / "la.png")
    transparent(folder, folder / "la.png")


@report("NVIDIA/DIGITS#85")
def a_folder_of_transparent_photos(folder):
    """Colours under an alpha of 0, as a mask or a fourth channel leaves them: Pillow trains on the colours."""
    data = photos(folder / "data", per_class=24)
    for picture in data.glob("*/*/*.png"):
        pixels = numpy.array(Image.open(picture))
        Image.fromarray(numpy.dstack([pixels, numpy.zeros((32, 32), numpy.uint8)])).save(picture)
    result = train(data, folder / "run")
    if "transparen" not in result.stdout + result.stderr:
        score = accuracy(done("eval", folder / "run", "--json"))
        need(score == 1.0, f"all images are the same white, and nothing says so: accuracy {score:.4f}")


@report("layumi/University1652-Baseline#17")
def palette_with_transparency(folder):
    picture = Image.fromarray((ramp() * 255).astype(numpy.uint8)).quantize(16)
    picture.save(folder / "x.png", transparency=bytes(range(0, 256, 16)))
    transparent(folder, folder / "x.png")
    picture.save(folder / "plain palette.png")
    saw(folder, folder / "plain palette.png", picture.convert("RGB"))
    bits = Image.fromarray(ramp()[..., 0] > 0.5)
    bits.save(folder / "bit.png")
    saw(folder, folder / "bit.png", bits.convert("RGB"))


@report("pytorch/vision#2950")
def smaller_without_aliases(folder):
    stripes = numpy.zeros((512, 512, 3), numpy.uint8)
    stripes[:, ::16] = 255
    stripes[200:] //= 2
    Image.fromarray(stripes).save(folder / "x.png")
    saw(folder, folder / "x.png", Image.open(folder / "x.png").resize((32, 32), Image.BILINEAR))


@report("MedMNIST/experiments#7")
def grey_for_colour_and_back(folder):
    colour = Image.fromarray((ramp() * 255).astype(numpy.uint8))
    colour.save(folder / "x.png")
    colour.convert("L").save(folder / "l.png")
    saw(folder, folder / "l.png", colour.convert("L").convert("RGB"))
    saw(folder, folder / "x.png", colour.convert("L"), channels=1)


@report("weecology/DeepForest#1324")
def very_large_pictures(folder):
    Image.fromarray(numpy.full((14000, 14000), 90, numpy.uint8)).save(folder / "x.png", compress_level=1)
    eye(folder / "eye.onnx")
    result = convnet("predict", folder / "eye.onnx", folder / "x.png")
    if result.returncode:
        refused(result, "x.png", "14000")
    saw(folder, folder / "x.png", Image.new("RGB", (32, 32), (90, 90, 90)))


@report("ultralytics/ultralytics#14534")
def wide_photos(folder):
    """What tells the classes stands at the left end; the same pictures are seen alike by all commands."""
    draw = numpy.random.default_rng(0)
    for split, count in (("train", 24), ("test", 12)):
        for name, colour in COLOURS.items():
            (folder / "data" / split / name).mkdir(parents=True)
            for i in range(count):
                pixels = draw.normal(120, 25, (32, 160, 3))
                pixels[:, :20] = colour
                Image.fromarray(pixels.clip(0, 255).astype(numpy.uint8)).save(
                    folder / "data" / split / name / f"{i}.png")
            # One picture of another size, so that the folder has no common one.
            Image.new("RGB", (170, 40), colour).save(folder / "data" / split / name / "other.png")
    told = done("train", "lenet", "--data", folder / "data", "--epochs", 8, "--batch", 8, "--out", folder / "run")
    score = accuracy(done("eval", folder / "run", "--json"))
    pictures = sorted((folder / "data/test").glob("*/*.png"))
    named = json.loads(done("predict", folder / "run", *pictures, "--json").stdout)
    right = sum(n["predictions"][0]["class"] == p.parent.name for n, p in zip(named, pictures)) / len(pictures)
    need(abs(right - score) < 1e-6, f"eval scores {score:.4f}, predict {right:.4f}")
    if score < 0.9:
        need("crop" in (told.stdout + told.stderr + done("data", "inspect", folder / "data").stdout).lower()
             or " cut" in told.stdout + told.stderr,
             f"the ends of wide pictures are cut off and nothing says so: accuracy {score:.4f}")


# Folders.

@report("pytorch/vision#2831")
def a_notebook_left_its_checkpoints(folder):
    data = photos(folder / "data")
    for split in ("train", "test"):
        hidden = data / split / ".ipynb_checkpoints"
        hidden.mkdir()
        shutil.copy(data / "train/red/000.png", hidden)
    need(counts(data) == {name: (12, 6) for name in COLOURS}, f"counted {counts(data)}")


@report("SanjaySoniLV/ProjectKestrel#58")
def companions_of_a_mac(folder):
    data = photos(folder / "data")
    for picture in list(data.glob("*/*/*.png")):
        (picture.parent / f"._{picture.name}").write_bytes(b"\0\5\26\7\0\2\0\0Mac OS X        " + bytes(4000))
        (picture.parent / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
        (picture.parent / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0")
    result = convnet("data", "inspect", data)
    need(result.returncode == 0, f"refused: {brief(result.stderr)}")
    need(counts(data) == {name: (12, 6) for name in COLOURS}, f"counted {counts(data)}")


@report("huggingface/pytorch-image-models#957")
def an_empty_class_folder(folder):
    data = photos(folder / "data")
    for split in ("train", "test"):
        (data / split / "amber").mkdir()
    refused(convnet("train", "lenet", "--data", data, "--out", folder / "run"), "amber")


@report("ultralytics/ultralytics#13936")
def a_test_set_without_one_class(folder):
    data = photos(folder / "data")
    train(data, folder / "run")
    need(accuracy(done("eval", folder / "run", "--json")) == 1.0, "the network did not learn")
    part = photos(folder / "part", classes={n: COLOURS[n] for n in ("green", "red")}, seed=1)
    result = convnet("eval", folder / "run", "--data", part, "--json")
    if result.returncode:
        refused(result, "blue")
    need(accuracy(result) == 1.0, f"accuracy {accuracy(result):.4f} on two of three classes, PyTorch by names 1.0")


@report("ultralytics/ultralytics#26182")
def a_test_set_with_one_class_more(folder):
    data = photos(folder / "data")
    train(data, folder / "run")
    more = photos(folder / "more", classes={"amber": (200, 150, 20), **COLOURS}, seed=1)
    refused(convnet("eval", folder / "run", "--data", more, "--json"), "amber")


@report("open-edge-platform/anomalib#3058")
def endings_in_capitals(folder):
    data = photos(folder / "data")
    for picture in list(data.glob("*/*/*.png")):
        picture.rename(picture.with_suffix(".PNG"))
    need(counts(data) == {name: (12, 6) for name in COLOURS}, f"counted {counts(data)}")
    photo = folder / "DSC_0001.JPG"
    Image.new("RGB", (32, 32), (90, 120, 150)).save(photo, "JPEG", quality=100)
    saw(folder, photo, Image.open(photo), tolerance=2)


@report("huggingface/datasets#5098")
def links_to_pictures(folder):
    """The class is the folder that the link stands in, not the one of the picture that it points to."""
    data = photos(folder / "data")
    pool = folder / "pool" / "others"
    pool.mkdir(parents=True)
    for picture in list(data.glob("*/red/*.png")):
        target = pool / f"{picture.parent.parent.name}-{picture.name}"
        picture.rename(target)
        picture.symlink_to(target)
    need(counts(data) == {name: (12, 6) for name in COLOURS}, f"counted {counts(data)}")


@report("fastai/fastai#2270")
def links_to_folders(folder):
    data = photos(folder / "data")
    (data / "test").rename(folder / "common")
    (data / "test").symlink_to(folder / "common")
    (data / "train/red").rename(folder / "all red ones")
    (data / "train/red").symlink_to(folder / "all red ones")
    need(counts(data) == {name: (12, 6) for name in COLOURS}, f"counted {counts(data)}")


@report("notAI-tech/NudeNet#163")
def names_beyond_ascii(folder):
    classes = {"синий цвет": COLOURS["blue"], "赤 🟥": COLOURS["red"]}
    data = photos(folder / "мои фото", classes=classes)
    run = folder / "мой run"
    train(data, run)
    shutil.copy(next(data.glob("test/赤 🟥/*.png")), folder / "тест 1.png")
    named = json.loads(done("predict", run, folder / "тест 1.png", "--json").stdout)[0]
    need(named["predictions"][0]["class"] == "赤 🟥", f"predicted {named['predictions'][0]}")
    done("convert", run / "best.safetensors", folder / "сеть 1.onnx")
    named = json.loads(done("predict", folder / "сеть 1.onnx", folder / "тест 1.png", "--json").stdout)[0]
    need(named["predictions"][0]["class"] == "赤 🟥", f"predicted {named['predictions'][0]} by the ONNX file")


@report("pratikkayal/PlantDoc-Dataset#4")
def the_same_picture_in_both_splits(folder):
    data = photos(folder / "data")
    shutil.copy(data / "train/red/000.png", data / "test/red/leak.png")
    result = done("train", "lenet", "--data", data, "--epochs", 1, "--out", folder / "run")
    text = result.stdout + result.stderr
    need("leak.png" in text or "both" in text, "an image of the training set is tested on, and nothing says so")


@report("jhl-Det/CVA-Net#27")
def the_same_picture_in_two_classes(folder):
    data = photos(folder / "data")
    shutil.copy(data / "train/red/000.png", data / "train/blue/copy.png")
    result = done("train", "lenet", "--data", data, "--epochs", 1, "--out", folder / "run")
    text = result.stdout + result.stderr
    need("copy.png" in text, "an image has two classes, and nothing says so")


# Training and scores.

@report("huggingface/pytorch-image-models#807")
def fewer_than_five_classes(folder):
    data = photos(folder / "data")
    train(data, folder / "run")
    named = json.loads(done("predict", folder / "run", data / "test/red/000.png", "--json").stdout)[0]["predictions"]
    need(len(named) == 3, f"{len(named)} predictions of three classes")
    close(sum(p["probability"] for p in named), 1, 1e-5)


@report("signatrix/regnet#3")
def top_five_of_three(folder):
    data = photos(folder / "data")
    text = train(data, folder / "run").stdout + done("eval", folder / "run").stdout
    need("top-5" not in text, "prints a top-5 accuracy of three classes, which is always 100%")


@report("tflearn/tflearn#75")
def a_smaller_last_batch(folder):
    """32 images, two of which are named wrongly: the mean over batches would be another."""
    data = photos(folder / "data", per_class=20)
    train(data, folder / "run")
    for i, name in enumerate(("blue", "green")):
        shutil.copy(data / "test/red/000.png", data / f"test/{name}/x{i}.png")
    found = [json.loads(done("eval", folder / "run", "--json", "--batch", b).stdout) for b in (1, 3, 7, 64)]
    close([f["top1"] for f in found], [30 / 32] * 4, 1e-6)
    close([f["loss"] for f in found], [found[0]["loss"]] * 4, 1e-4)


@report("dreamquark-ai/tabnet#537")
def fewer_images_than_a_batch(folder):
    data = photos(folder / "data", per_class=4)
    result = convnet("train", "lenet", "--data", data, "--batch", 256, "--epochs", 8, "--out", folder / "run")
    if result.returncode:
        raise Refused(brief(result.stderr))
    lines = metrics(folder / "run")
    need(lines[-1]["steps"] == 8, f"{lines[-1]['steps']} steps in 8 epochs")
    need(0 < lines[-1]["train_loss"] < lines[0]["train_loss"], f"losses {[l['train_loss'] for l in lines]}")


@report("ultralytics/yolov5#292")
def the_rate_after_a_pause(folder):
    """A run that is killed and resumed has the rates, losses and weights of one that is not."""
    data = photos(folder / "data", per_class=300)
    options = ("--epochs", 12, "--batch", 4, "--seed", 3, "--schedule", "cosine", "--optimizer", "sgd", "--lr", "0.01")
    done("train", "lenet", "--data", data, "--out", folder / "whole", *options)
    process = subprocess.Popen([CONVNET, "train", "lenet", "--data", str(data), "--out", str(folder / "cut"),
                                *map(str, options)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    log = folder / "cut/metrics.jsonl"
    while process.poll() is None and not (log.exists() and log.read_text().count("\n") >= 4):
        time.sleep(0.002)
    process.kill()
    process.wait()
    before = len(metrics(folder / "cut"))
    need(before < 12, "the run was over before it was killed")
    done("train", "--resume", folder / "cut")
    whole, cut = metrics(folder / "whole"), metrics(folder / "cut")
    for key in ("lr", "train_loss", "test_loss"):
        close([line[key] for line in cut], [line[key] for line in whole], 1e-9)
    same = (folder / "whole/last.safetensors").read_bytes() == (folder / "cut/last.safetensors").read_bytes()
    need(same, "other weights")


@report("pytorch/pytorch#5059")
def draws_of_many_workers(folder):
    """Crops and mirrorings are an image's own: the weights are the same bytes with any number of threads."""
    data = photos(folder / "data")
    for threads in (1, 2, 5):
        train(data, folder / f"run{threads}", "--crop", 4, "--flip", "--threads", threads)
    bytes_of = [(folder / f"run{threads}/last.safetensors").read_bytes() for threads in (1, 2, 5)]
    need(bytes_of[0] == bytes_of[1] == bytes_of[2], "the weights depend on the number of threads")
    train(data, folder / "plain")
    need(bytes_of[0] != (folder / "plain/last.safetensors").read_bytes(), "nothing was augmented")


@report("mlfoundations/open_clip#413")
def more_epochs_after_the_end(folder):
    data = photos(folder / "data")
    train(data, folder / "run")
    refused(convnet("train", "--resume", folder / "run", "--epochs", 9), "epochs", "4", "9")


@report("gpleiss/efficient_densenet_pytorch#51")
def a_validation_set_that_is_augmented(folder):
    data = photos(folder / "data")
    train(data, folder / "run", "--crop", 4, "--flip")
    best = max(metrics(folder / "run"), key=lambda line: (line["test_top1"], -line["test_loss"]))
    found = [json.loads(done("eval", folder / "run", "--json").stdout) for _ in range(3)]
    close([f["loss"] for f in found], [best["test_loss"]] * 3, 1e-5)


@report("tensorflow/tensorflow#35634")
def the_best_epoch(folder):
    """Of epochs that classify alike the one with the lowest loss is the best."""
    data = photos(folder / "data")
    train(data, folder / "run")
    lines = metrics(folder / "run")
    best = max(line["test_top1"] for line in lines)
    lowest = min(line["test_loss"] for line in lines if line["test_top1"] == best)
    found = json.loads(done("eval", folder / "run", "--json").stdout)
    need(found["top1"] == best, f"eval scores {found['top1']}, the best epoch {best}")
    need(found["loss"] <= lowest + 1e-5,
         f"of the epochs with accuracy {best} one of loss {found['loss']:.3g} is kept, not that of {lowest:.3g}")


# Weights.

def resnet(seed=0, classes=10, **options):
    torch.manual_seed(seed)
    net = torchvision.models.resnet18(num_classes=classes, **options).eval()
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean, -0.5, 0.5)
            torch.nn.init.uniform_(module.running_var, 0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.3, 1)
    return net


def same_as_torch(folder, weights, net, tolerance=2e-3):
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = net(x).numpy()
    found = ran(folder, "resnet18@torchvision", x.numpy(), "--weights", weights, "--classes", expected.shape[1])
    close(found, expected, tolerance * abs(expected).max())


@report("tracel-ai/burn#5383")
def weights_laid_out_otherwise(folder):
    net = resnet().to(memory_format=torch.channels_last)
    torch.save(net.state_dict(), folder / "a.pth")
    same_as_torch(folder, folder / "a.pth", net)
    state = resnet(1).state_dict()
    both = torch.stack([state["fc.weight"].t(), torch.zeros(512, 10)])
    state["fc.weight"] = both[0].t()
    state["bn1.weight"] = torch.tensor(0.5).expand(64)
    torch.save(state, folder / "b.pth")
    net = resnet(1)
    net.load_state_dict(state)
    same_as_torch(folder, folder / "b.pth", net)


@report("raven-ml/raven#81")
def half_precision(folder):
    for kind in (torch.float16, torch.bfloat16, torch.float64):
        state = {n: v.to(kind) if v.is_floating_point() else v for n, v in resnet().state_dict().items()}
        net = resnet()
        net.load_state_dict(state)
        save_file(state, folder / "a.safetensors")
        same_as_torch(folder, folder / "a.safetensors", net)
        torch.save(state, folder / "a.pth")
        same_as_torch(folder, folder / "a.pth", net)


@report("pytorch/pytorch#123510")
def a_name_longer_than_a_known_one(folder):
    state = resnet().state_dict()
    state["fc.weight.scale"] = torch.tensor(3.0)
    state["layer1.0.conv1.bias.0"] = torch.ones(64)
    torch.save(state, folder / "a.pth")
    numpy.save(folder / "x.npy", numpy.zeros((1, 3, 64, 64), numpy.float32))
    refused(convnet("run", "resnet18@torchvision", "--weights", folder / "a.pth", "--classes", 10,
                    "--input", folder / "x.npy", "--output", folder / "y.npy"), "fc.weight.scale")


@report("gzuidhof/nn-transfer#3")
def another_epsilon(folder):
    """The ONNX file says 1e-3: as a network it must be kept, as weights of a network with 1e-5 it does not fit."""
    net = resnet(norm_layer=lambda channels: torch.nn.BatchNorm2d(channels, eps=0.3))
    x = torch.randn(2, 3, 64, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (x,), str(folder / "a.onnx"), input_names=["x"], dynamo=False, opset_version=17,
                          training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                          dynamic_axes={"x": {0: "N"}})
    with torch.inference_mode():
        expected = net(x).numpy()
    close(ran(folder, folder / "a.onnx", x.numpy()), expected, 2e-3 * abs(expected).max())
    numpy.save(folder / "x.npy", x.numpy())
    result = convnet("run", "resnet18@torchvision", "--weights", folder / "a.onnx", "--classes", 10,
                     "--input", folder / "x.npy", "--output", folder / "z.npy")
    if result.returncode:
        refused(result, "eps")
    close(numpy.load(folder / "z.npy"), expected, 2e-3 * abs(expected).max())


@report("ruotianluo/pytorch-faster-rcnn#145")
def counters_that_are_missing(folder):
    """PyTorch before 0.4.1 wrote no `num_batches_tracked`, others with one dimension (JDAI-CV/fast-reid#164)."""
    net = resnet()
    state = {n: v for n, v in net.state_dict().items() if not n.endswith("num_batches_tracked")}
    torch.save(state, folder / "a.pth")
    same_as_torch(folder, folder / "a.pth", net)
    torch.save({n: v.reshape(1) if v.ndim == 0 else v for n, v in net.state_dict().items()}, folder / "b.pth")
    same_as_torch(folder, folder / "b.pth", net)


@report("microsoft/onnxconverter-common#268")
def weights_beyond_half_precision(folder):
    draw = numpy.random.default_rng(0)
    weights = {"w": draw.normal(0, 1e6, (64, 192)).astype(numpy.float32), "b": numpy.zeros(64, numpy.float32),
               "v": draw.normal(0, 1e-3, (3, 64)).astype(numpy.float32), "c": numpy.zeros(3, numpy.float32)}
    model(folder / "m.onnx", [helper.make_node("Flatten", ["x"], ["f"]),
                              helper.make_node("Gemm", ["f", "w", "b"], ["h"], transB=1),
                              helper.make_node("Relu", ["h"], ["r"]),
                              helper.make_node("Gemm", ["r", "v", "c"], ["y"], transB=1)],
          weights, ["N", 3, 8, 8], "y", output_shape=["N", 3])
    x = draw.normal(0, 1, (1, 3, 8, 8)).astype(numpy.float32)
    expected = runtime(folder / "m.onnx", x)
    numpy.save(folder / "x.npy", x)
    result = convnet("run", folder / "m.onnx", "--f16-weights", "--input", folder / "x.npy", "--output",
                     folder / "y.npy")
    if result.returncode:
        refused(result, "half")
    if not any(word in result.stderr for word in ("half", "65504", "range")):
        close(numpy.load(folder / "y.npy"), expected, 0.01 * abs(expected).max())


@report("pytorch/vision#1266")
def strides_of_another_resnet(folder):
    """An ONNX file of the paper's ResNet-50, whose weights have the shapes of torchvision's, but not its strides."""
    torch.manual_seed(0)
    net = torchvision.models.resnet50(num_classes=10).eval()
    for layer in (net.layer2, net.layer3, net.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    x = torch.randn(1, 3, 64, 64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (x,), str(folder / "a.onnx"), input_names=["x"], dynamo=False, opset_version=17,
                          training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    with torch.inference_mode():
        expected = net(x).numpy()
    close(ran(folder, folder / "a.onnx", x.numpy()), expected, 2e-3 * abs(expected).max())
    result = convnet("convert", folder / "a.onnx", folder / "b.onnx", "--model", "resnet50@torchvision",
                     "--classes", 10, "--input", "3x64x64")
    if not result.returncode:
        x0 = numpy.load(folder / "x.npy")
        close(runtime(folder / "b.onnx", x0), expected, 2e-3 * abs(expected).max())
    result = convnet("run", "resnet50@torchvision", "--weights", folder / "a.onnx", "--classes", 10,
                     "--input", folder / "x.npy", "--output", folder / "z.npy")
    if result.returncode:
        refused(result, "stride")
    close(numpy.load(folder / "z.npy"), expected, 2e-3 * abs(expected).max())


@report("ahendriksen/msd_pytorch#3")
def a_pruned_network(folder):
    """`weight_orig` is not the weight: its mask is missing."""
    net = resnet()
    for module in net.modules():
        if isinstance(module, torch.nn.Conv2d):
            prune.l1_unstructured(module, "weight", 0.5)
    torch.save(net.state_dict(), folder / "a.pth")
    x = torch.randn(2, 3, 64, 64)
    numpy.save(folder / "x.npy", x.numpy())
    result = convnet("run", "resnet18@torchvision", "--weights", folder / "a.pth", "--classes", 10,
                     "--input", folder / "x.npy", "--output", folder / "y.npy")
    if result.returncode:
        refused(result, "weight_orig")
    with torch.inference_mode():
        close(numpy.load(folder / "y.npy"), net(x).numpy(), 1e-3)


@report("tracel-ai/burn#5392")
def a_storage_that_is_cut_off(folder):
    torch.save(resnet().state_dict(), folder / "a.pth")
    with zipfile.ZipFile(folder / "a.pth") as whole, zipfile.ZipFile(folder / "b.pth", "w") as cut:
        largest = max(whole.infolist(), key=lambda entry: entry.file_size).filename
        for entry in whole.infolist():
            data = whole.read(entry)
            cut.writestr(entry.filename, data[: len(data) // 2] if entry.filename == largest else data)
    numpy.save(folder / "x.npy", numpy.zeros((1, 3, 64, 64), numpy.float32))
    refused(convnet("run", "resnet18@torchvision", "--weights", folder / "b.pth", "--classes", 10,
                    "--input", folder / "x.npy", "--output", folder / "y.npy"), "b.pth", "layer4")


@report("Cadene/pretrained-models.pytorch#5")
def a_momentum_of_zero(folder):
    """Training goes on from the ONNX file: statistics move as the file's momentum says, or as PyTorch's 0.1."""
    data = photos(folder / "data")
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4, momentum=0.0), torch.nn.ReLU(),
                              torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 3)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.randn(1, 3, 32, 32),), str(folder / "a.onnx"), input_names=["x"], dynamo=False,
                          opset_version=17, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False,
                          dynamic_axes={"x": {0: "N"}})
    moment = [a.f for n in onnx.load(folder / "a.onnx").graph.node for a in n.attribute if a.name == "momentum"]
    need(moment == [1.0], f"PyTorch wrote momentum {moment}")
    result = convnet("train", folder / "a.onnx", "--data", data, "--epochs", 2, "--batch", 8, "--out", folder / "run")
    if result.returncode:
        raise Refused(brief(result.stderr))
    mean = next(v for n, v in load_file(folder / "run/last.safetensors").items() if n.endswith("running_mean"))
    said = "momentum" in result.stdout + result.stderr
    need(abs(mean).max() == 0 or said, f"the file's momentum keeps the statistics, and they moved to {mean}")


@report("microsoft/onnxruntime#20594")
def external_data_that_is_not_there(folder):
    draw = numpy.random.default_rng(0)
    weights = {"w": draw.normal(0, 1, (8, 3, 3, 3)).astype(numpy.float32)}
    classifier(folder / "m.onnx", [helper.make_node("Conv", ["x", "w"], ["c"]),
                                   helper.make_node("GlobalAveragePool", ["c"], ["h"])], weights, 3, (16, 16), 8)
    onnx.save_model(onnx.load(folder / "m.onnx"), folder / "e.onnx", save_as_external_data=True, location="e.data",
                    size_threshold=0)
    x = draw.normal(0, 1, (2, 3, 16, 16)).astype(numpy.float32)
    close(ran(folder, folder / "e.onnx", x), runtime(folder / "m.onnx", x), 1e-4)
    whole = (folder / "e.data").read_bytes()
    (folder / "e.data").write_bytes(whole[:100])
    result = convnet("run", folder / "e.onnx", "--input", folder / "x.npy", "--output", folder / "y.npy")
    need(result.returncode, "takes a data file that is cut off")
    (folder / "e.data").unlink()
    refused(convnet("run", folder / "e.onnx", "--input", folder / "x.npy", "--output", folder / "y.npy"), "e.data")


# ONNX.

@report("pytorch/pytorch#75252")
def batch_statistics_in_a_file(folder):
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4, track_running_stats=False),
                              torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
                              torch.nn.Linear(4, 3)).eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.randn(4, 3, 16, 16),), str(folder / "a.onnx"), input_names=["x"], dynamo=False,
                          opset_version=17)
    x = torch.randn(4, 3, 16, 16)
    numpy.save(folder / "x.npy", x.numpy())
    result = convnet("run", folder / "a.onnx", "--input", folder / "x.npy", "--output", folder / "y.npy")
    if result.returncode:
        raise Refused(brief(result.stderr))
    close(numpy.load(folder / "y.npy"), net(x).detach().numpy())


@report("microsoft/onnxruntime#26584")
def a_network_exported_while_it_trains(folder):
    """`training_mode` 1 takes the batch's statistics, on which an image's class depends on its neighbours."""
    net = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.ReLU(),
                              torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 3)).train()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(net, (torch.randn(4, 3, 16, 16),), str(folder / "a.onnx"), input_names=["x"], dynamo=False,
                          opset_version=17, dynamic_axes={"x": {0: "N"}}, do_constant_folding=False,
                          training=torch.onnx.TrainingMode.TRAINING)
    numpy.save(folder / "x.npy", numpy.zeros((4, 3, 16, 16), numpy.float32))
    refused(convnet("run", folder / "a.onnx", "--input", folder / "x.npy", "--output", folder / "y.npy"), "training")


@report("Tencent/ncnn#1609")
def bounds_of_a_clip(folder):
    draw = numpy.random.default_rng(0)
    w = draw.normal(0, 1, (8, 3, 3, 3)).astype(numpy.float32)
    said = []
    for opset, node, more in ((13, helper.make_node("Clip", ["c", "lo", "hi"], ["r"]),
                               {"lo": numpy.float32(0), "hi": numpy.float32(6)}),
                              (9, helper.make_node("Clip", ["c"], ["r"], min=0.0, max=6.0), {})):
        more = {n: numpy.array(v) for n, v in more.items()}
        classifier(folder / "m.onnx", [helper.make_node("Conv", ["x", "w"], ["c"]), node,
                                       helper.make_node("GlobalAveragePool", ["r"], ["h"])],
                   {"w": w, **more}, 3, (16, 16), 8, opset=opset)
        try:
            same_as_runtime(folder, folder / "m.onnx", (2, 3, 16, 16))
        except Refused as error:
            said.append(error)
    if said:
        raise said[0]


@report("microsoft/onnxruntime#24681")
def averages_over_padding(folder):
    """Against ONNX's own reference, which the runtime of the report did not follow."""
    from onnx.reference import ReferenceEvaluator
    wrong, errors, right = [], [], 0
    for opset in (11, 19, 22):
        for pads in ((0, 0, 1, 1), (1, 1, 0, 0), (1, 0, 1, 2), (1, 1, 1, 1)):
            for counted in (0, 1):
                node = helper.make_node("AveragePool", ["x"], ["h"], kernel_shape=[3, 3], strides=[2, 2], pads=pads,
                                        count_include_pad=counted)
                rows, columns = (11 + pads[0] + pads[2] - 3) // 2 + 1, (11 + pads[1] + pads[3] - 3) // 2 + 1
                classifier(folder / "m.onnx", [node], {}, 2, (11, 11), 2 * rows * columns, opset=opset)
                x = numpy.random.default_rng(0).normal(0, 1, (2, 2, 11, 11)).astype(numpy.float32)
                expected = ReferenceEvaluator(str(folder / "m.onnx")).run(None, {"x": x})[0]
                numpy.save(folder / "x.npy", x)
                result = convnet("run", folder / "m.onnx", "--input", folder / "x.npy", "--output", folder / "y.npy")
                if result.returncode:
                    errors.append(f"{pads}, {counted}: {brief(result.stderr)}")
                elif abs(numpy.load(folder / "y.npy") - expected).max() > 1e-4:
                    wrong.append((opset, pads, counted))
                else:
                    right += 1
    need(not wrong, f"{len(wrong)} of 24 differ from ONNX's reference: {wrong}")
    if errors:
        raise Refused(f"{right} of 24 right, {len(errors)} refused: {errors[0]}")


@report("tracel-ai/burn#4253")
def uneven_padding(folder):
    draw = numpy.random.default_rng(0)
    w = draw.normal(0, 1, (4, 3, 3, 3)).astype(numpy.float32)
    said, right = [], 0
    for options, side in (({"pads": [0, 0, 1, 1]}, (12, 11)), ({"pads": [1, 0, 0, 2]}, (11, 12)),
                          ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (12, 12)),
                          ({"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (12, 12)),
                          ({"auto_pad": "VALID"}, (12, 12))):
        node = helper.make_node("Conv", ["x", "w"], ["c"], **options)
        classifier(folder / "m.onnx", [node, helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2]),
                                       helper.make_node("GlobalAveragePool", ["p"], ["h"])],
                   {"w": w}, 3, side, 4)
        try:
            same_as_runtime(folder, folder / "m.onnx", (2, 3, *side))
            right += 1
        except Refused as error:
            said.append(str(error))
        except Wrong as error:
            raise Wrong(f"{options}: {error}")
    if said:
        raise Refused(f"{right} of 5 right, {len(said)} refused: {said[0]}")


@report("sonos/tract#2847")
def dilated_pools(folder):
    for kind, opset in (("MaxPool", 17), ("AveragePool", 19)):
        node = helper.make_node(kind, ["x"], ["h"], kernel_shape=[2, 2], dilations=[2, 3], strides=[1, 2])
        classifier(folder / f"{kind}.onnx", [node], {}, 2, (9, 9), 2 * 7 * 3, opset=opset)
    said = []
    for kind in ("MaxPool", "AveragePool"):
        try:
            same_as_runtime(folder, folder / f"{kind}.onnx", (2, 2, 9, 9))
        except Refused as error:
            said.append(error)
    if said:
        raise said[0]


@report("NervanaSystems/ngraph#805")
def kinds_of_padding(folder):
    draw = numpy.random.default_rng(0)
    said = []
    for mode in ("reflect", "edge", "constant"):
        nodes = [helper.make_node("Pad", ["x", "pads"], ["p"], mode=mode), helper.make_node("Conv", ["p", "w"], ["c"]),
                 helper.make_node("GlobalAveragePool", ["c"], ["h"])]
        weights = {"pads": numpy.array([0, 0, 1, 1, 0, 0, 1, 1]),
                   "w": draw.normal(0, 1, (4, 3, 3, 3)).astype(numpy.float32)}
        classifier(folder / "m.onnx", nodes, weights, 3, (8, 8), 4)
        try:
            same_as_runtime(folder, folder / "m.onnx", (2, 3, 8, 8))
        except Refused as error:
            said.append(error)
    if said:
        raise said[0]


@report("NeuralNetworkVerification/Marabou#239")
def what_a_gemm_says(folder):
    """A last layer with its weight not transposed, and with factors before the product and the bias."""
    draw = numpy.random.default_rng(0)
    said, right = [], 0
    for options in ({"transB": 0}, {"alpha": 0.5}, {"beta": 2.0}, {"transB": 0, "alpha": -2.0, "beta": 0.0}):
        shape = (3, 4) if options.get("transB", 1) else (4, 3)
        weights = {"w": draw.normal(0, 1, (4, 3, 3, 3)).astype(numpy.float32),
                   "g": draw.normal(0, 1, shape).astype(numpy.float32), "b": numpy.float32([1, 2, 3])}
        nodes = [helper.make_node("Conv", ["x", "w"], ["c"]), helper.make_node("GlobalAveragePool", ["c"], ["p"]),
                 helper.make_node("Flatten", ["p"], ["f"]),
                 helper.make_node("Gemm", ["f", "g", "b"], ["y"], **{"transB": 1, **options})]
        model(folder / "m.onnx", nodes, weights, ["N", 3, 8, 8], "y", output_shape=["N", 3])
        try:
            same_as_runtime(folder, folder / "m.onnx", (2, 3, 8, 8))
            right += 1
        except Refused as error:
            said.append(error)
        except Wrong as error:
            raise Wrong(f"{options}: {error}")
    if said:
        raise Refused(f"{right} of 4 right: {said[0]}")


@report("apache/tvm#19420")
def softmax_before_opset_13(folder):
    """Over all that follows the axis, which is 1 where none is given; on a map of 1 x 1 that is the channels."""
    draw = numpy.random.default_rng(0)
    weights = {"w": draw.normal(0, 1, (4, 3, 3, 3)).astype(numpy.float32)}
    said, right = [], 0
    for opset, options in ((11, {}), (11, {"axis": 1}), (12, {"axis": 2}), (13, {}), (13, {"axis": 1})):
        for pooled in (True, False):
            nodes = [helper.make_node("Conv", ["x", "w"], ["c"]),
                     helper.make_node("GlobalAveragePool", ["c"], ["p"]) if pooled
                     else helper.make_node("MaxPool", ["c"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
                     helper.make_node("Softmax", ["p"], ["s"], **options), helper.make_node("Flatten", ["s"], ["y"])]
            model(folder / "m.onnx", nodes, weights, ["N", 3, 8, 8], "y", opset,
                  ["N", 4 if pooled else 36])
            try:
                same_as_runtime(folder, folder / "m.onnx", (2, 3, 8, 8))
                right += 1
            except Refused as error:
                said.append(error)
            except Wrong as error:
                raise Wrong(f"opset {opset}, {options}, {'pooled' if pooled else 'a map'}: {error}")
    if said:
        raise Refused(f"{right} of 10 right: {said[0]}")


@report("ultralytics/ultralytics#13851")
def a_softmax_in_the_file(folder):
    path = folder / "eye32x3.onnx"
    eye(path)
    Image.new("RGB", (32, 32), (200, 100, 50)).save(folder / "x.png")
    proto = onnx.load(path)
    proto.graph.node[-1].output[0] = "z"
    proto.graph.node.append(helper.make_node("Softmax", ["z"], ["y"], axis=-1))
    onnx.save(proto, folder / "s.onnx")
    found = [[p["probability"] for p in json.loads(done("predict", m, folder / "x.png", "--json").stdout)[0]
              ["predictions"]] for m in (path, folder / "s.onnx")]
    close(found[1], found[0], 1e-5)


def main():
    warnings.simplefilter("ignore")
    wanted = sys.argv[1:]
    bad = 0
    for number, (address, function) in enumerate(REPORTS, 1):
        if wanted and not any(word == str(number) or word in f"{address} {function.__name__}" for word in wanted):
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                function(pathlib.Path(folder))
                verdict, detail = "right", ""
            except Refused as error:
                verdict, detail = "refused", str(error)
            except Wrong as error:
                verdict, detail = "wrong", str(error)
                bad += 1
            detail = detail.replace(folder + "/", "")
        print(f"{number:2} {verdict:8} {address} {function.__name__}{': ' if detail else ''}{detail}", flush=True)
    sys.exit(bool(bad))


if __name__ == "__main__":
    main()
