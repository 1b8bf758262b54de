"""Other people's PyTorch files, read by convnet and judged by PyTorch: pytorch_files.py CONVNET FOLDER… [--json].

For every .py file below each folder: which of its classes and functions make a network without arguments, and what
PyTorch says of each (names and shapes of the state dict, an input size that works, logits of random weights in
evaluation mode); --also names calls with arguments. Then convnet is asked for the same by `FILE:ENTRY`: does it read
the network, are names and shapes equal, are the logits within 1e-4 of their RMS, or within ten times what PyTorch's own
float32 is away from its float64 where that is more. PyTorch's facts are kept under --golden
and not computed again. Nothing is fetched. Exit status 1 if convnet errs where its graph has all the operations, or
refuses without a line.
"""
import argparse
import json
import os
import pathlib
import re
import resource
import struct
import subprocess
import sys
import tempfile

# What PyTorch runs in evaluation mode for the layers that the graph has, without what only moves numbers about.
KNOWN = """convolution native_batch_norm native_layer_norm relu relu_ leaky_relu silu silu_ hardtanh hardtanh_ sigmoid
sigmoid_ tanh mul mul_ max_pool2d_with_indices avg_pool2d mean _adaptive_avg_pool2d addmm mm add add_ cat _softmax
_log_softmax _native_batch_norm_legit_no_training""".split()
MOVES = """view _unsafe_view reshape transpose t permute clone detach alias expand unsqueeze squeeze slice select split
split_with_sizes empty constant_pad_nd lift_fresh _to_copy copy_""".split()
SIZES = [(3, 32, 32), (3, 224, 224), (3, 299, 299), (1, 28, 28), (1, 32, 32)]


def module_of(path):
    """The module's dotted name and the folder that imports start from: the first without an __init__.py."""
    parts, folder = [path.stem], path.parent
    while (folder / "__init__.py").exists():
        parts.insert(0, folder.name)
        folder = folder.parent
    return ".".join(part for part in parts if part != "__init__"), folder


def facts(path, golden, sizes, largest, also):
    """In a process of its own: writes PyTorch's facts of the file's networks into the folder `golden`."""
    import contextlib
    import importlib
    import inspect
    import io

    import numpy
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    torch.nn.init.trunc_normal_ = lambda tensor, *args, **kwargs: tensor

    class Recorded(TorchDispatchMode):
        def __init__(self):
            super().__init__()
            self.seen = set()

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.seen.add(function.overloadpacket.__name__)
            return function(*args, **(kwargs or {}))

    def entry(name, made):
        torch.manual_seed(sum(map(ord, name)))
        with torch.no_grad():
            for module in made.modules():
                if isinstance(module, torch.nn.BatchNorm2d):
                    for tensor, low, high in ((module.weight, 0.5, 1.5), (module.bias, -0.2, 0.2),
                                              (module.running_mean, -0.2, 0.2), (module.running_var, 0.5, 1.5)):
                        if tensor is not None:
                            tensor.uniform_(low, high)
                elif isinstance(module, (torch.nn.Conv2d, torch.nn.Linear)):
                    torch.nn.init.kaiming_normal_(module.weight)
                    if module.bias is not None:
                        module.bias.uniform_(-0.1, 0.1)
        made.eval()
        state = made.state_dict()
        told = {"entry": name, "state": {key: list(tensor.shape) for key, tensor in state.items()},
                "parameters": sum(parameter.numel() for parameter in made.parameters())}
        for size in sizes:
            inputs = torch.randn(2, *size)
            try:
                with torch.no_grad(), Recorded() as recorded:
                    logits = made(inputs)
            except Exception as error:
                told["error"] = f"{type(error).__name__}: {error}"[:300]
                continue
            if not isinstance(logits, torch.Tensor) or logits.dim() != 2:
                told["error"] = "its output is not one row an image"
                continue
            told.pop("error", None)
            told["input"], told["operations"] = size, sorted(recorded.seen)
            if told["parameters"] <= largest:
                # How far float32 is from float64 here: no other order of sums is nearer.
                with torch.no_grad():
                    exact = made.double()(inputs.double())
                told["rounding"] = float((exact - logits).abs().max() / exact.square().mean().sqrt())
                made.float()
                torch.save(state, golden / f"{name}.pth")
                numpy.save(golden / f"{name}.input.npy", inputs.numpy())
                numpy.save(golden / f"{name}.logits.npy", logits.numpy())
                told["weights"] = True
            break
        return told

    found, error = [], None
    name, root = module_of(path)
    # Behind the installed packages, so that a copy of torchvision gets its compiled half.
    sys.path.append(str(root))
    sys.argv = [str(path)]
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            module = importlib.import_module(name)
            if not os.path.samefile(module.__file__, path) and open(module.__file__).read() != path.read_text():
                raise ImportError(f"`{name}` is {module.__file__}")
            for key, value in vars(module).items():
                if getattr(value, "__module__", None) != module.__name__ or not callable(value) or key.startswith("_"):
                    continue
                if inspect.isclass(value) and not issubclass(value, torch.nn.Module):
                    continue
                try:
                    needed = [p for p in inspect.signature(value).parameters.values()
                              if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
                    made = None if needed else value()
                except Exception:
                    continue
                if isinstance(made, torch.nn.Module) and made.state_dict():
                    found.append(entry(key, made))
            for call in also:
                found.append(entry(call, eval(call, vars(module))))
        except Exception as problem:
            error = f"{type(problem).__name__}: {problem}"[:300]
    (golden / "facts.json").write_text(json.dumps({"file": str(path), "error": error, "entries": found}, indent=1))


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (12 << 30, 12 << 30))


def shapes(path):
    """Names and shapes of a file of safetensors."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return {name: tensor["shape"] for name, tensor in header.items() if name != "__metadata__"}


def convnet(program, *arguments):
    try:
        return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, timeout=600)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(arguments, 124, "", "it took more than ten minutes")


def judged(program, path, told, golden):
    """What convnet makes of one network: a verdict and its reason."""
    import numpy

    net = f"{path}:{told['entry']}"
    # What counts batches in training is no weight: convnet has none.
    counted = lambda state: {key: shape for key, shape in state.items() if not key.endswith("num_batches_tracked")}
    size = "x".join(map(str, told["input"]))
    with tempfile.TemporaryDirectory() as folder:
        ours, output = pathlib.Path(folder, "w.safetensors"), pathlib.Path(folder, "y.npy")
        run = convnet(program, "convert", net, ours, "--seed", 0, "--input", size)
        if run.returncode:
            message = run.stderr.strip()
            placed = re.search(r"\.py:\d+", message)
            return ("refused" if placed and run.returncode in (1, 2) else "refused without a line"), message
        theirs, ours = counted(told["state"]), counted(shapes(ours))
        if theirs != ours:
            wrong = sorted(set(map(str, theirs.items())) ^ set(map(str, ours.items())))
            return "other names or shapes", f"{len(wrong)} differ, {', '.join(wrong[:4])}"
        if not told.get("weights"):
            return "equal names", ""
        run = convnet(program, "run", net, "--weights", golden / f"{told['entry']}.pth",
                      "--input", golden / f"{told['entry']}.input.npy", "--output", output, "--logits")
        if run.returncode:
            return "does not run", run.stderr.strip()
        right, got = numpy.load(golden / f"{told['entry']}.logits.npy"), numpy.load(output)
        if right.shape != got.shape:
            return "other logits", f"{got.shape}, expected {right.shape}"
        error = float(numpy.abs(right - got).max() / numpy.sqrt((right.astype(numpy.float64) ** 2).mean()))
        within = max(1e-4, 10 * told.get("rounding", 0))
        return ("equal logits" if error <= within else "other logits"), f"{error:.1e} of the RMS, within {within:.0e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("convnet", help="the command")
    parser.add_argument("folders", nargs="+", type=pathlib.Path)
    parser.add_argument("--golden", type=pathlib.Path, default=pathlib.Path("/work/corpus/golden"),
                        help="where PyTorch's facts are kept")
    parser.add_argument("--input", help="CxHxW, tried first")
    parser.add_argument("--largest", type=float, default=12, help="millions of parameters up to which logits are compared")
    parser.add_argument("--also", action="append", default=[], metavar="FILE.py:CALL",
                        help="a network that needs arguments: 'resnet.py:ResNet(20, num_classes=10)'")
    parser.add_argument("--facts-only", action="store_true", help="ask PyTorch, not convnet")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    sizes = ([tuple(map(int, options.input.split("x")))] if options.input else []) + SIZES
    if options.one:
        path, golden = map(pathlib.Path, options.one)
        if not options.input and {"torchvision", "imagenet"} & set(path.parts):
            sizes = [SIZES[1], SIZES[2]]
        also = [call for name, call in (given.split(":", 1) for given in options.also) if name == path.name]
        return facts(path, golden, sizes, options.largest * 1e6, also)
    rows = []
    for folder in options.folders:
        folder = folder.resolve()
        for path in sorted(folder.rglob("*.py")):
            golden = options.golden / folder.parent.name / folder.name / path.relative_to(folder).with_suffix("")
            if not (golden / "facts.json").exists():
                golden.mkdir(parents=True, exist_ok=True)
                again = [word for call in options.also for word in ("--also", call)]
                again += ["--input", options.input] if options.input else []
                command = [sys.executable, __file__, options.convnet, str(folder), "--largest", str(options.largest), *again,
                           "--one", str(path), str(golden)]
                try:
                    run = subprocess.run(command, capture_output=True, text=True, timeout=900, preexec_fn=limited)
                    problem = run.stderr[-300:]
                except subprocess.TimeoutExpired:
                    problem = "it took PyTorch more than 15 minutes"
                if not (golden / "facts.json").exists():
                    (golden / "facts.json").write_text(json.dumps({"file": str(path), "error": problem, "entries": []}))
            told = json.loads((golden / "facts.json").read_text())
            for entry in told["entries"]:
                row = {"file": str(path), "entry": entry["entry"]}
                if "input" not in entry:
                    rows.append({**row, "verdict": "no input size", "why": entry["error"]})
                    continue
                row["lacks"] = sorted(set(entry["operations"]) - set(KNOWN) - set(MOVES))
                if not options.facts_only:
                    row["verdict"], row["why"] = judged(options.convnet, path, entry, golden)
                    if not options.json:
                        print(f"{path}:{entry['entry']}: {row['verdict']}"
                              + (f" (needs {', '.join(row['lacks'])})" if row["lacks"] else ""), row["why"], flush=True)
                rows.append(row)
    return report(rows, options)


def report(rows, options):
    if options.json:
        print(json.dumps(rows, indent=1))
    verdicts = sorted({row.get("verdict", "facts only") for row in rows})
    groups = [("all operations known", [row for row in rows if row.get("lacks") == []]),
              ("needs others", [row for row in rows if row.get("lacks")]),
              ("PyTorch does not run it", [row for row in rows if "lacks" not in row])]
    table = sys.stderr if options.json else sys.stdout
    print("\n| networks | of files | all | " + " | ".join(verdicts) + " |\n" + "|---" * (3 + len(verdicts)) + "|", file=table)
    for name, group in groups:
        counts = [sum(row.get("verdict", "facts only") == verdict for row in group) for verdict in verdicts]
        print(f"| {name} | {len({row['file'] for row in group})} | {len(group)} | " + " | ".join(map(str, counts)) + " |", file=table)
    fine = {"equal logits", "equal names"}
    wrong = [row for row in groups[0][1] if row.get("verdict", "equal names") not in fine]
    wrong += [row for row in groups[1][1] if row.get("verdict", "refused") not in fine | {"refused"}]
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
