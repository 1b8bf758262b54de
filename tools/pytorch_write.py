"""Holds the PyTorch code that convnet writes against PyTorch: pytorch_write.py CONVNET [options].

For every network of the zoo, and for N models of tools/onnx_random.py or the --onnx files: the file is written by
`show --format pytorch`, loaded by PyTorch, and its state dict compared by name and shape with the weights that convnet
draws; both compute the same images with the same weights, and the outputs may differ by 1e-4 of their RMS.
"""
import argparse
import importlib.util
import json
import os
import subprocess
import sys
import tempfile

import numpy
import onnx
import torch
from safetensors.torch import load_file, save_file

TOLERANCE = 1e-4


class Refused(Exception):
    """A model that convnet does not read."""


def command(*arguments):
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return done.stdout


def load(path):
    """The file's network: what its last lines call."""
    spec = importlib.util.spec_from_file_location("written", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with open(path) as file:
        name = file.read().split("    model = ")[-1].split("(")[0]
    return getattr(module, name)(), module.INPUT_SIZE


def randomize(net):
    """Weights that keep activations near 1, and statistics of normalizations near their first values."""
    generator = torch.Generator().manual_seed(1)
    for name, tensor in net.state_dict().items():
        if not tensor.dtype.is_floating_point:
            continue
        if tensor.dim() > 1:
            bound = (3 / tensor[0].numel()) ** 0.5
            values = (torch.rand(tensor.shape, generator=generator) * 2 - 1) * bound
        elif name.endswith(("running_var", "weight")):
            values = torch.rand(tensor.shape, generator=generator) + 0.5
        else:
            values = torch.rand(tensor.shape, generator=generator) - 0.5
        with torch.no_grad():
            tensor.copy_(values)


def compare(convnet, model, folder, weights=None):
    """The largest difference over the RMS; `weights` are those of the model itself."""
    code = os.path.join(folder, "net.py")
    if weights is not None and subprocess.run([convnet, "show", model], capture_output=True).returncode:
        raise Refused(subprocess.run([convnet, "show", model], capture_output=True, text=True).stderr.strip())
    with open(code, "w") as file:
        file.write(command(convnet, "show", model, "--format", "pytorch"))
    torch.manual_seed(0)
    net, size = load(code)
    net.eval()
    drawn = os.path.join(folder, "drawn.safetensors")
    if weights is None:
        randomize(net)
        state = {k: v.clone() for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
        save_file(state, drawn)
    else:
        command(convnet, "convert", weights, drawn)
        state = load_file(drawn)
        own = {k for k in net.state_dict() if not k.endswith("num_batches_tracked")}
        extra = set(state) - own
        if own - set(state):
            raise RuntimeError(f"PyTorch has {sorted(own - set(state))[:4]}, the model has not")
        shared = {name for name in extra if any(torch.equal(state[name], state[other]) for other in own
                                                if state[other].shape == state[name].shape)}
        if extra - shared:
            raise RuntimeError(f"the model has {sorted(extra - shared)[:4]}, PyTorch has not")
        batches = {k: v for k, v in net.state_dict().items() if k.endswith("num_batches_tracked")}
        net.load_state_dict({**batches, **{k: v for k, v in state.items() if k in own}}, strict=True)
    images = torch.randn(2, *size, generator=torch.Generator().manual_seed(2))
    x, y = os.path.join(folder, "x.npy"), os.path.join(folder, "y.npy")
    numpy.save(x, images.numpy())
    given = ["--weights", drawn] if weights is None else []
    command(convnet, "run", model, *given, "--input", x, "--output", y)
    with torch.inference_mode():
        expected = net(images).numpy().astype(numpy.float64)
    found = numpy.load(y)
    if found.shape != expected.shape:
        raise RuntimeError(f"PyTorch gives {expected.shape}, convnet {found.shape}")
    return numpy.abs(found - expected).max() / numpy.sqrt(numpy.square(expected).mean())


def compare_graph(stem):
    """A network that crates/pytorch/examples/random_code.rs wrote, against the outputs that it gives."""
    net, _ = load(stem + ".py")
    net.eval()
    weights, values = load_file(stem + ".weights.safetensors"), load_file(stem + ".values.safetensors")
    own = {k: v for k, v in net.state_dict().items() if not k.endswith("num_batches_tracked")}
    if set(own) != set(weights):
        raise RuntimeError(f"names differ: {sorted(set(own) ^ set(weights))[:4]}")
    net.load_state_dict({**net.state_dict(), **weights}, strict=True)
    with torch.inference_mode():
        found = net(values["images"]).double()
    expected = values["output"].double()
    if found.shape != expected.shape:
        raise RuntimeError(f"PyTorch gives {tuple(found.shape)}, convnet {tuple(expected.shape)}")
    return float((found - expected).abs().max() / expected.square().mean().sqrt())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("convnet")
    parser.add_argument("--random", type=int, default=0, metavar="N", help="random ONNX models as well")
    parser.add_argument("--only", nargs="*", help="these networks alone")
    parser.add_argument("--onnx", nargs="*", default=[], help="ONNX files as well")
    parser.add_argument("--graphs", metavar="FOLDER", help="what `cargo run -p convnet-pytorch --example random_code` wrote")
    options = parser.parse_args()
    listed = json.loads(command(options.convnet, "list", "--json"))
    names = [entry["name"] for entry in (listed if isinstance(listed, list) else listed["networks"])]
    jobs = [(name, name, None) for name in (names if options.only is None else options.only)]
    jobs += [(os.path.basename(path), path, path) for path in options.onnx]
    if options.graphs:
        stems = {path.split(".")[0] for path in os.listdir(options.graphs)}
        jobs += [(f"graph {stem}", os.path.join(options.graphs, stem), "graph") for stem in sorted(stems, key=int)]
    with tempfile.TemporaryDirectory() as models:
        if options.random:
            sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
            import onnx_random
            for seed in range(options.random):
                path = os.path.join(models, f"random{seed}.onnx")
                made = onnx_random.Model(seed)
                names = [name for name, _ in made.values[1:]]
                if names:
                    onnx.save(made.built(names[-1:], made.fixed), path)
                    jobs.append((f"random {seed}", path, path))
        failed = refused = 0
        for label, model, weights in jobs:
            with tempfile.TemporaryDirectory() as folder:
                try:
                    if weights == "graph":
                        difference = compare_graph(model)
                    else:
                        difference = compare(options.convnet, model, folder, weights)
                    good = difference < TOLERANCE
                    verdict = f"{difference:.1e}"
                except Refused as error:
                    refused += 1
                    print(f"     {label}: convnet does not read it: {str(error)[:120]}", flush=True)
                    continue
                except Exception as error:
                    good, verdict = False, f"{type(error).__name__}: {str(error)[:300]}"
                failed += not good
                print(f"{'ok  ' if good else 'FAIL'} {label}: {verdict}", flush=True)
    tried = len(jobs) - refused
    print(f"{tried - failed} of {tried} networks give PyTorch's outputs within {TOLERANCE} of the RMS")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
