"""Checkpoints in all the styles that people write them in, for three networks: which load, and with the right result.

    pth_styles.py CONVNET [--network NAME] [--style PART] [--keep FOLDER]

Writes each file with PyTorch, runs `CONVNET run NETWORK --weights FILE` on one input and compares the output with
PyTorch's. Needs PyTorch, torchvision, NumPy and safetensors. A style that must be refused passes if it is refused with
the words that it asks for. Ends with the number of styles that pass for all networks.
"""
import argparse
import collections
import copy
import datetime
import gzip
import io
import os
import pathlib
import pickle
import subprocess
import tarfile
import tempfile
import types
import zipfile

import numpy as np
import torch
import torchvision

CLASSES = 7
SIDE = 64


def resnet18():
    return torchvision.models.resnet18(num_classes=CLASSES)


def densenet121():
    return torchvision.models.densenet121(num_classes=CLASSES)


def googlenet():
    return torchvision.models.googlenet(num_classes=CLASSES, aux_logits=False, init_weights=False)


NETWORKS = {
    "resnet18": resnet18,
    "densenet121": densenet121,
    "googlenet@torchvision": googlenet,
}
# A part of each network that holds several layers, and its last layer.
PART = {"resnet18": "layer1", "densenet121": "features", "googlenet@torchvision": "inception3a"}
LAST = {"resnet18": "fc", "densenet121": "classifier", "googlenet@torchvision": "fc"}


class Wrapper(torch.nn.Module):
    """A network inside of another module, under a name."""

    def __init__(self, name, model):
        super().__init__()
        self.add_module(name, model)


class Averages(collections.OrderedDict):
    """A subclass of OrderedDict, as many projects have one."""


class Config:
    """A class of the user's own."""

    def __init__(self):
        self.rate, self.name, self.steps = 0.1, "mine", [1, 2, 3]


class Frozen(collections.namedtuple("Frozen", "epoch accuracy")):
    pass


def other(model):
    """The same network with other weights: what must not be taken."""
    changed = copy.deepcopy(model)
    with torch.no_grad():
        for p in changed.parameters():
            p.add_(0.05)
    return changed.state_dict()


def prefixed(state, prefix):
    return collections.OrderedDict((prefix + name, tensor) for name, tensor in state.items())


def optimizer(model, kind=torch.optim.SGD, **settings):
    """An optimizer's state after a step."""
    model = copy.deepcopy(model)
    optimizer = kind(model.parameters(), lr=1e-3, **settings)
    for p in model.parameters():
        p.grad = torch.full_like(p, 1e-3)
    optimizer.step()
    return optimizer.state_dict()


def nested(state):
    tree = {}
    for name, tensor in state.items():
        *folders, last = name.split(".")
        at = tree
        for folder in folders:
            at = at.setdefault(folder, {})
        at[last] = tensor
    return tree


def lightning(model, prefix="model."):
    return {
        "epoch": 3,
        "global_step": 1200,
        "pytorch-lightning_version": "2.1.0",
        "state_dict": prefixed(model.state_dict(), prefix),
        "loops": {"fit_loop": {"state_dict": {}, "epoch_progress": {"total": {"ready": 4}}}},
        "callbacks": {"ModelCheckpoint{'monitor': 'val_loss'}": {"best_model_score": torch.tensor(0.25),
                                                                 "dirpath": "/runs", "kth_value": torch.tensor(1.0)}},
        "optimizer_states": [optimizer(model, torch.optim.Adam)],
        "lr_schedulers": [{"base_lrs": [0.1], "last_epoch": 3, "milestones": collections.Counter({30: 1})}],
        "hparams_name": "hparams",
        "hyper_parameters": argparse.Namespace(lr=0.1, layers=[1, 2], data=pathlib.PurePosixPath("/data")),
    }


def imagenet_example(model):
    return {
        "epoch": 90,
        "arch": "resnet18",
        "state_dict": prefixed(model.state_dict(), "module."),
        "best_acc1": torch.tensor(69.75),
        "optimizer": optimizer(model, momentum=0.9),
        "scheduler": {"step_size": 30, "gamma": 0.1, "base_lrs": [0.1], "last_epoch": 90},
    }


def averaged(model):
    average = torch.optim.swa_utils.AveragedModel(model)
    return average.state_dict()


def part_replaced(state, start, new):
    return collections.OrderedDict(
        (new + name[len(start):] if name.startswith(start) else name, tensor) for name, tensor in state.items())


def channels_last(model):
    return copy.deepcopy(model).to(memory_format=torch.channels_last).state_dict()


def transposed(state):
    strided = lambda t: t.t().contiguous().t() if t.dim() == 2 else t
    return collections.OrderedDict((name, strided(t)) for name, t in state.items())


def sliced(state):
    """Each tensor as a part of a longer one."""
    cut = lambda t: torch.stack([t, t + 1], -1)[..., 0] if t.is_floating_point() else t
    return collections.OrderedDict((name, cut(t)) for name, t in state.items())


def one_storage(state):
    """All tensors of a state dict as views of one storage."""
    floats = {name: t for name, t in state.items() if t.is_floating_point()}
    flat = torch.cat([t.reshape(-1) for t in floats.values()])
    out, at = collections.OrderedDict(state), 0
    for name, t in floats.items():
        out[name] = flat[at:at + t.numel()].view(t.shape)
        at += t.numel()
    return out


def with_thop(state):
    out = collections.OrderedDict(state)
    for name in {n.rpartition(".")[0] for n in state}:
        out[name + ".total_ops"] = torch.zeros(1, dtype=torch.float64)
        out[name + ".total_params"] = torch.zeros(1, dtype=torch.float64)
    out["total_ops"] = torch.zeros(1, dtype=torch.float64)
    return out


def converted(state, dtype):
    return collections.OrderedDict((n, t.to(dtype) if t.is_floating_point() else t) for n, t in state.items())


def without_counters(state):
    return collections.OrderedDict((n, t) for n, t in state.items() if not n.endswith("num_batches_tracked"))


def beside(model, **more):
    return {"state_dict": model.state_dict(), **more}


def styles():
    """Name → function of (model, network's name) that gives what is saved, settings of torch.save, and what is wanted:
    None to load, `("key", KEY)` to load with it, `("refuse", WORDS)` to be refused."""
    sd = lambda m: m.state_dict()
    table = {
        "state dict": lambda m, n: sd(m),
        "state dict, plain dict": lambda m, n: dict(sd(m)),
        "state dict, legacy format": (lambda m, n: sd(m), {"_use_new_zipfile_serialization": False}),
        "state dict, pickle protocol 3": (lambda m, n: sd(m), {"pickle_protocol": 3}),
        "state dict, pickle protocol 4": (lambda m, n: sd(m), {"pickle_protocol": 4}),
        "state dict, pickle protocol 5": (lambda m, n: sd(m), {"pickle_protocol": 5}),
        "legacy format, protocol 4": (
            lambda m, n: sd(m), {"_use_new_zipfile_serialization": False, "pickle_protocol": 4}),
        "parameters, not tensors": lambda m, n: {**dict(m.named_parameters()), **dict(m.named_buffers())},
        "without counters": lambda m, n: without_counters(sd(m)),
        "half precision": (lambda m, n: converted(sd(m), torch.float16), {}, ("near", 0.05)),
        "bfloat16": (lambda m, n: converted(sd(m), torch.bfloat16), {}, ("near", 0.4)),
        "double precision": lambda m, n: converted(sd(m), torch.float64),
        "channels last": lambda m, n: channels_last(m),
        "transposed matrices": lambda m, n: transposed(sd(m)),
        "slices of longer tensors": lambda m, n: sliced(sd(m)),
        "views of one storage": lambda m, n: one_storage(sd(m)),
        "views of one storage, legacy": (
            lambda m, n: one_storage(sd(m)), {"_use_new_zipfile_serialization": False}),
        "subclass of OrderedDict": lambda m, n: Averages(sd(m)),
        "defaultdict": lambda m, n: collections.defaultdict(list, sd(m)),
        "list of pairs": lambda m, n: list(sd(m).items()),
        "nested dictionaries": lambda m, n: nested(sd(m)),
        "tuple of epoch and state dict": lambda m, n: (3, sd(m)),
        "list with state dict and optimizer": lambda m, n: [sd(m), optimizer(m)],
        "DataParallel": lambda m, n: prefixed(sd(m), "module."),
        "torch.compile": lambda m, n: prefixed(sd(m), "_orig_mod."),
        "DataParallel and torch.compile": lambda m, n: prefixed(sd(m), "module._orig_mod."),
        "prefix model.": lambda m, n: prefixed(sd(m), "model."),
        "prefix net.": lambda m, n: prefixed(sd(m), "net."),
        "prefix backbone.": lambda m, n: prefixed(sd(m), "backbone."),
        "prefix module.NETWORK.": lambda m, n: prefixed(sd(m), f"module.{n.split('@')[0]}."),
        "prefix encoder.model.": lambda m, n: prefixed(sd(m), "encoder.model."),
        "a part in DataParallel": lambda m, n: part_replaced(sd(m), PART[n] + ".", PART[n] + ".module."),
        "a part compiled": lambda m, n: part_replaced(sd(m), PART[n] + ".", PART[n] + "._orig_mod."),
        "a part in DataParallel, all in it": lambda m, n: prefixed(
            part_replaced(sd(m), PART[n] + ".", PART[n] + ".module."), "module."),
        "backbone and head": lambda m, n: collections.OrderedDict(
            (("head." if k.startswith(LAST[n]) else "backbone.") + k, t) for k, t in sd(m).items()),
        "last layer in a Sequential": lambda m, n: part_replaced(sd(m), LAST[n] + ".", LAST[n] + ".0."),
        "key state_dict": lambda m, n: {"state_dict": sd(m)},
        "key model_state_dict": lambda m, n: {"epoch": 5, "model_state_dict": sd(m), "loss": 0.25,
                                              "optimizer_state_dict": optimizer(m)},
        "key model": lambda m, n: {"model": sd(m), "optimizer": optimizer(m), "epoch": 1},
        "key net": lambda m, n: {"net": sd(m), "acc": 93.2, "epoch": 200},
        "key params": lambda m, n: {"params": sd(m)},
        "key params and params_ema": lambda m, n: {"params": sd(m), "params_ema": other(m)},
        "key weights": lambda m, n: {"weights": sd(m)},
        "key of one's own": lambda m, n: {"my_great_network": sd(m), "note": "x"},
        "keys in keys": lambda m, n: {"checkpoint": {"models": {"student": sd(m)}}},
        "model and model_ema": lambda m, n: {"model": sd(m), "model_ema": other(m), "epoch": 3},
        "model_ema by key": (
            lambda m, n: {"model": other(m), "model_ema": sd(m), "epoch": 3}, {}, ("key", "model_ema")),
        "state_dict_ema by key": (
            lambda m, n: {"state_dict": other(m), "state_dict_ema": sd(m)}, {}, ("key", "state_dict_ema")),
        "ema in model by key": (
            lambda m, n: {"state": {"model": other(m), "ema": sd(m)}}, {}, ("key", "ema")),
        "two copies in one dict, by key": (
            lambda m, n: {"state_dict": {**prefixed(other(m), "model."), **prefixed(sd(m), "ema_model.")}}, {},
            ("key", "ema_model")),
        "two copies in one dict, no key": (
            lambda m, n: {"state_dict": {**prefixed(other(m), "model."), **prefixed(sd(m), "ema_model.")}}, {},
            ("refuse", "not in the network: `")),
        "AveragedModel": lambda m, n: averaged(m),
        "ImageNet example": lambda m, n: imagenet_example(m),
        "ImageNet example, legacy": (
            lambda m, n: imagenet_example(m), {"_use_new_zipfile_serialization": False}),
        "Lightning": lambda m, n: lightning(m),
        "Lightning, no prefix": lambda m, n: lightning(m, ""),
        "timm": lambda m, n: {"epoch": 1, "arch": n, "state_dict": sd(m), "optimizer": optimizer(m, torch.optim.AdamW),
                              "version": 2, "args": argparse.Namespace(lr=0.5, aa=None), "metric": 71.5,
                              "amp_scaler": {"scale": 65536.0, "growth_factor": 2.0}},
        "torchvision's references": lambda m, n: {"model": sd(m), "optimizer": optimizer(m, momentum=0.9), "epoch": 9,
                                                  "lr_scheduler": {"last_epoch": 9, "_step_count": 10},
                                                  "args": argparse.Namespace(device="cuda"), "model_ema": averaged(m)},
        "optimizer Adam with tensors": lambda m, n: {"model": sd(m), "optim": optimizer(m, torch.optim.Adam)},
        "random states": lambda m, n: beside(m, torch_rng=torch.get_rng_state(), numpy_rng=np.random.get_state(),
                                             rng=[torch.get_rng_state()]),
        "argparse.Namespace": lambda m, n: beside(m, args=argparse.Namespace(lr=0.1, gpus=[0, 1])),
        "SimpleNamespace": lambda m, n: beside(m, args=types.SimpleNamespace(lr=0.1)),
        "Counter, sets, bytes": lambda m, n: beside(m, seen=collections.Counter("abca"), ids={1, 2}, raw=b"\x00\xff" * 300,
                                                    fixed=frozenset({3}), buffer=bytearray(b"abc"), z=1 + 2j),
        "NumPy scalars and arrays": lambda m, n: beside(m, best=np.float64(0.75), n=np.int64(3),
                                                        history=np.arange(6.0).reshape(2, 3), names=np.array(["a", "b"])),
        "Path and datetime": lambda m, n: beside(m, root=pathlib.PurePosixPath("/data"), at=datetime.datetime(2024, 5, 17),
                                                 took=datetime.timedelta(hours=2), day=datetime.date(2024, 5, 17)),
        "object of one's own class": lambda m, n: beside(m, config=Config(), best=Frozen(3, 0.5)),
        "function and class by name": lambda m, n: beside(m, act=torch.nn.functional.relu, kind=torch.nn.ReLU,
                                                          device=torch.device("cpu"), dtype=torch.float32),
        "large and negative numbers": lambda m, n: beside(m, seed=2**70, low=-2**31 - 5, nothing=None, yes=True),
        "profiled by thop": lambda m, n: with_thop(sd(m)),
        "whole model": lambda m, n: m,
        "whole model, legacy": (lambda m, n: m, {"_use_new_zipfile_serialization": False}),
        "whole model in a checkpoint": lambda m, n: {"model": m, "epoch": 3},
        "whole DataParallel": lambda m, n: torch.nn.DataParallel(m),
        "whole model in a wrapper": lambda m, n: Wrapper("backbone", m),
        "object that holds it": lambda m, n: argparse.Namespace(state_dict=sd(m), epoch=2),
        "NumPy arrays": lambda m, n: {k: t.numpy() for k, t in sd(m).items()},
        "NumPy arrays in a checkpoint": lambda m, n: {"epoch": 3, "state_dict": {k: t.numpy() for k, t in sd(m).items()}},
        "pickle.dump of a state dict": (lambda m, n: sd(m), "pickle"),
        "pickle.dump, protocol 2": (lambda m, n: sd(m), "pickle 2"),
        "pickle.dump of NumPy arrays": (lambda m, n: {k: t.numpy() for k, t in sd(m).items()}, "pickle"),
        "safetensors": (lambda m, n: sd(m), "safetensors"),
        "safetensors with prefix": (lambda m, n: prefixed(sd(m), "model."), "safetensors"),
        "weights of another network": (
            lambda m, n: torchvision.models.mobilenet_v3_small().state_dict(), {}, ("refuse", "missing in the file")),
        "NaN in a weight": (lambda m, n: spoilt(sd(m), float("nan")), {}, ("refuse", "has NaN at [")),
        "infinity in a weight": (lambda m, n: spoilt(sd(m), float("inf")), {}, ("refuse", "has inf at [")),
        "TorchScript": (lambda m, n: m, "jit", ("refuse", "TorchScript archive")),
        ".npz": (lambda m, n: {k: t.numpy() for k, t in sd(m).items()}, "npz", ("refuse", "an .npz of NumPy arrays")),
        "zip with a .pth in it": (lambda m, n: sd(m), "zip", ("refuse", "unpack it")),
        ".tar.gz": (lambda m, n: sd(m), "tar.gz", ("refuse", "gzip data")),
        ".tar": (lambda m, n: sd(m), "tar", ("refuse", "a tar archive")),
        ".gz": (lambda m, n: sd(m), "gz", ("refuse", "gzip data")),
        "HDF5": (lambda m, n: b"\x89HDF\r\n\x1a\n" + b"\0" * 2000, "bytes", ("refuse", "HDF5")),
        "Git LFS pointer": (lambda m, n: b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "bytes",
                            ("refuse", "Git LFS pointer")),
        "HTML page": (lambda m, n: b"\n<!DOCTYPE html><html></html>", "bytes", ("refuse", "an HTML page")),
        "empty file": (lambda m, n: b"", "bytes", ("refuse", "is empty")),
        "code in the pickle": (lambda m, n: {"state_dict": sd(m), "x": Evil()}, {}, ("refuse", "would run code")),
    }
    return {name: entry if isinstance(entry, tuple) else (entry, {}) for name, entry in table.items()}


class Evil:
    def __reduce__(self):
        return os.system, ("touch /tmp/pth_styles_was_here",)


def spoilt(state, value):
    state = copy.deepcopy(state)
    weight = next(t for name, t in reversed(state.items()) if t.dim() == 2)
    weight[1, 2] = value
    return state


def write(value, how, path):
    if isinstance(how, dict):
        return torch.save(value, path, **how)
    if how.startswith("pickle"):
        return path.write_bytes(pickle.dumps(value, int(how[6:] or 4)))
    if how == "bytes":
        return path.write_bytes(value)
    if how == "safetensors":
        import safetensors.torch
        return safetensors.torch.save_file({k: t.contiguous() for k, t in value.items()}, path)
    if how == "jit":
        return torch.jit.trace(value, torch.zeros(1, 3, SIDE, SIDE)).save(str(path))
    if how == "npz":
        return path.write_bytes(packed(lambda f: np.savez(f, **value)))
    inner = packed(lambda f: torch.save(value, f))
    if how == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
            file.writestr("weights.pth", inner)
    elif how == "gz":
        path.write_bytes(gzip.compress(inner, 1))
    else:
        with tarfile.open(path, "w:gz" if how == "tar.gz" else "w", compresslevel=1) if how == "tar.gz" else tarfile.open(
                path, "w") as file:
            info = tarfile.TarInfo("weights.pth")
            info.size = len(inner)
            file.addfile(info, io.BytesIO(inner))


def packed(save):
    buffer = io.BytesIO()
    save(buffer)
    return buffer.getvalue()


def check(convnet, network, path, want, folder, expected):
    """None if it went as wanted, else what was wrong."""
    out = folder / "y.npy"
    out.unlink(missing_ok=True)
    kind, what = want or (None, None)
    command = [convnet, "run", network, "--weights", str(path), "--input", str(folder / "x.npy"), "--output", str(out),
               "--logits", "--classes", str(CLASSES)]
    command += ["--key", what] if kind == "key" else []
    done = subprocess.run(command, capture_output=True, text=True)
    if kind == "refuse":
        if done.returncode == 0:
            return "was not refused"
        return None if what in done.stderr else done.stderr.strip()[:400]
    if done.returncode:
        return done.stderr.strip()[:400]
    error = np.abs(np.load(out) - expected).max() / np.abs(expected).max()
    return None if error < (what if kind == "near" else 1e-4) else f"WRONG: differs by {error:.3g}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("convnet")
    parser.add_argument("--network", choices=NETWORKS)
    parser.add_argument("--style", default="")
    parser.add_argument("--keep", type=pathlib.Path)
    args = parser.parse_args()
    folder = args.keep or pathlib.Path(tempfile.mkdtemp())
    folder.mkdir(exist_ok=True)
    failed = collections.defaultdict(list)
    chosen = {name: style for name, style in styles().items() if args.style in name}
    for network in [args.network] if args.network else NETWORKS:
        torch.manual_seed(1)
        model = NETWORKS[network]()
        for name, buffer in model.named_buffers():
            if name.endswith("running_mean"):
                buffer.normal_(0, 0.1)
            elif name.endswith("running_var"):
                buffer.uniform_(0.5, 1.5)
        model.eval()
        x = torch.randn(2, 3, SIDE, SIDE)
        np.save(folder / "x.npy", x.numpy())
        with torch.no_grad():
            expected = model(x).numpy()
        for name, (make, how, *want) in chosen.items():
            path = folder / ("weights.safetensors" if how == "safetensors" else "weights.pth")
            try:
                write(make(model, network), how, path)
            except Exception as error:
                problem = f"cannot be written: {error!r}"
            else:
                problem = check(args.convnet, network, path, want[0] if want else None, folder, expected)
            if problem:
                failed[name].append((network, problem))
                print(f"{network}: {name}: {problem}", flush=True)
    wanted = {name for name, (_, _, *want) in chosen.items() if not (want and want[0][0] == "refuse")}
    loaded = len(wanted - set(failed))
    print(f"{len(chosen)} styles: {len(chosen) - len(failed)} as wanted; {loaded} of {len(wanted)} load with PyTorch's output")
    raise SystemExit(bool(failed))


if __name__ == "__main__":
    main()
