"""What CPython and PyTorch say of the files of crates/pytorch/tests/wrong: wrong_files.py [NAME…].

Each NAME.py is imported in a process of its own, its network built and called on the input of inputs.toml; the last
lines that Python prints go to NAME.pytorch: `no error` where it has none, `hangs` after ten seconds, `out of memory`
beyond 3 GB. Needs PyTorch; nothing is compared, the files are for those who judge convnet's own messages.
"""
import argparse
import importlib.util
import inspect
import os
import pathlib
import resource
import signal
import sys
import tempfile
import time
import tomllib
import traceback

import torch

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "crates" / "pytorch" / "tests" / "wrong"
SECONDS = 10
MEMORY = 3 << 30


def refuse(event, _arguments):
    """A wrong file may try what leaves it."""
    if event in ("os.system", "subprocess.Popen", "socket.connect"):
        raise PermissionError(f"{event} is refused here")


def call(path, size):
    """Builds the file's network and calls it, the last where there are several."""
    used = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    sys.addaudithook(refuse)
    sys.path.append(str(FOLDER))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    nets = [value for key, value in vars(module).items() if key in ("net", "model")]
    nets = nets or [value for value in vars(module).values()
                    if inspect.isclass(value) and issubclass(value, torch.nn.Module) and value.__module__ == path.stem]
    if not nets:
        raise LookupError("no network in the file")
    net = nets[-1]() if inspect.isclass(nets[-1]) else nets[-1]
    out = net.eval()(torch.randn(2, *map(int, size.split("x"))))
    told = f"output {tuple(out.shape)}" if isinstance(out, torch.Tensor) else f"output {out!r:.60}"
    print("no error:", told, file=sys.stderr)


def child(path, size, output):
    """The forked process: what Python prints to stderr goes to `output`."""
    os.dup2(output, 2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    try:
        call(path, size)
    except BaseException:
        traceback.print_exc(limit=-12)
    finally:
        sys.stderr.flush()
        os._exit(0)


def said(path, size):
    with tempfile.TemporaryFile() as output:
        process = os.fork()
        if process == 0:
            child(path, size, output.fileno())
        end = time.monotonic() + SECONDS
        done, status = os.waitpid(process, os.WNOHANG)
        while not done and time.monotonic() < end:
            time.sleep(0.02)
            done, status = os.waitpid(process, os.WNOHANG)
        if not done:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return "hangs"
        if os.WIFSIGNALED(status):
            return f"the interpreter dies of signal {os.WTERMSIG(status)}"
        output.seek(0)
        text = output.read().decode("utf-8", "replace").replace(str(FOLDER) + "/", "")
    lines = [line for line in text.strip().split("\n") if line.strip(" ^~")]
    if "MemoryError" in text or "t allocate memory" in text:
        return "out of memory\n" + lines[-1][:300]
    # The last line of the file itself, and what went wrong there.
    placed = [number for number, line in enumerate(lines) if path.name in line]
    kept = lines[placed[-1]:placed[-1] + 2] if placed else []
    kept += lines[max(placed[-1] + 2 if placed else 0, len(lines) - (1 if placed else 2)):]
    return "\n".join(line[:300] for line in kept)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="files, without .py (default: all)")
    options = parser.parse_args()
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)
    sizes = tomllib.loads((FOLDER / "inputs.toml").read_text())
    for name in options.names or sorted(sizes):
        path = FOLDER / f"{name}.py"
        answer = said(path, sizes[name])
        path.with_suffix(".pytorch").write_text(answer + "\n", encoding="utf-8")
        print(f"{name}: {answer.splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
