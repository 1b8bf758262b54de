"""One peer on one network, alive between measurements: worker.py PEER NETWORK BATCH FOLDER.

Reads a number of seconds a line, runs that long, and answers `[least, median]` in ms as JSON. `FOLDER` holds
`net.onnx` for the peers that take it (see `export`). Peers that train are called `train-…`. BENCH_THREADS says how many
threads each computes with [2].
"""
import json
import os
import statistics
import subprocess
import sys
import time

THREADS = int(os.environ.get("BENCH_THREADS", "2"))


def torch_infer(network, batch, channels_last):
    import torch
    torch.set_num_threads(THREADS)
    net = network.make(network.classes).eval().requires_grad_(False)
    images = torch.randn(batch, *network.shape)
    if channels_last:
        net, images = net.to(memory_format=torch.channels_last), images.contiguous(memory_format=torch.channels_last)

    def run():
        with torch.inference_mode():
            net(images)
    return run


def torch_train(network, batch, channels_last):
    """Forward, cross-entropy, backward and SGD with momentum 0.9."""
    import torch
    from networks import train_size
    torch.set_num_threads(THREADS)
    layout = torch.channels_last if channels_last else torch.contiguous_format
    shape, classes = train_size(network)
    net = network.make(classes).train().to(memory_format=layout)
    images = torch.randn(batch, *shape).contiguous(memory_format=layout)
    labels = torch.randint(0, classes, (batch,))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3, momentum=0.9, foreach=True)

    def run():
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(net(images), labels).backward()
        optimizer.step()
    return run


def images_of(network, batch):
    import numpy
    return numpy.random.default_rng(0).standard_normal((batch, *network.shape), dtype=numpy.float32)


def onnxruntime(network, batch, folder):
    import onnxruntime
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = THREADS, 1
    session = onnxruntime.InferenceSession(os.path.join(folder, "net.onnx"), options, providers=["CPUExecutionProvider"])
    images = images_of(network, batch)
    return lambda: session.run(None, {"images": images})


def openvino(network, batch, folder):
    import openvino
    settings = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": THREADS, "INFERENCE_PRECISION_HINT": "f32"}
    model = openvino.Core().compile_model(os.path.join(folder, "net.onnx"), "CPU", settings)
    request = model.create_infer_request()
    request.set_input_tensor(openvino.Tensor(images_of(network, batch)))
    return request.infer


def mnn(network, batch, folder):
    convert = os.path.join(os.path.dirname(sys.executable), "mnnconvert")
    source, target = os.path.join(folder, "net.onnx"), os.path.join(folder, "net.mnn")
    subprocess.run([convert, "-f", "ONNX", "--modelFile", source, "--MNNModel", target, "--bizCode", "x"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    import MNN.expr
    import MNN.nn
    runtime = MNN.nn.create_runtime_manager(({"backend": "CPU", "precision": "high", "numThread": THREADS},))
    net = MNN.nn.load_module_from_file(target, ["images"], ["logits"], runtime_manager=runtime)
    images = images_of(network, batch)
    value = MNN.expr.placeholder(list(images.shape), MNN.expr.NCHW)
    value.write(images)
    value = MNN.expr.convert(value, MNN.expr.NC4HW4)
    return lambda: net.forward(value).read()


def ncnn(network, batch, folder):
    pnnx = os.path.join(os.path.dirname(sys.executable), "pnnx")
    shape = ",".join(map(str, (batch, *network.shape)))
    subprocess.run([pnnx, "net.onnx", f"inputshape=[{shape}]", "fp16=0"], cwd=folder, check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    import ncnn
    import numpy
    net = ncnn.Net()
    net.opt.num_threads = THREADS
    for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    net.load_param(os.path.join(folder, "net.ncnn.param"))
    net.load_model(os.path.join(folder, "net.ncnn.bin"))
    image = images_of(network, batch)[0]

    def run():
        extractor = net.create_extractor()
        extractor.input("in0", ncnn.Mat(image))
        numpy.array(extractor.extract("out0")[1])
    return run


PEERS = {
    "PyTorch": lambda network, batch, folder: torch_infer(network, batch, False),
    "channels_last": lambda network, batch, folder: torch_infer(network, batch, True),
    "ONNX Runtime": onnxruntime,
    "OpenVINO": openvino,
    "MNN": mnn,
    "ncnn": ncnn,
}
TRAINERS = {
    "PyTorch": lambda network, batch, folder: torch_train(network, batch, False),
    "channels_last": lambda network, batch, folder: torch_train(network, batch, True),
}


def export(network, batch, folder, train=False):
    """Writes the network as `net.onnx`, for whoever does not read PyTorch."""
    import torch
    from networks import train_size
    shape, classes = train_size(network) if train else (network.shape, network.classes)
    net = network.make(classes).eval()
    torch.onnx.export(net, (torch.randn(batch, *shape),), os.path.join(folder, "net.onnx"), dynamo=False,
                      input_names=["images"], output_names=["logits"])


def measure(run, seconds):
    times, start = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - start < seconds:
        before = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - before))
    return [min(times), statistics.median(times)]


def main():
    from networks import NETWORKS
    peer, name, batch, folder = sys.argv[1:5]
    network, batch = NETWORKS[name], int(batch)
    # What libraries print goes to standard error: standard output carries the answers alone.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    if peer in ("export", "export-train"):
        return export(network, batch, folder, peer == "export-train")
    kind, peers = (peer.removeprefix("train-"), TRAINERS) if peer.startswith("train-") else (peer, PEERS)
    run = peers[kind](network, batch, folder)
    run(), run()
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(measure(run, float(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
