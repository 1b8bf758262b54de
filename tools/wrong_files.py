"""What CPython and PyTorch say of the files of crates/pytorch/tests/wrong: wrong_files.py [NAME…].

Each NAME.py is imported in a process of its own, its network built and called on the input of inputs.toml; the last
lines that Python prints go to NAME.pytorch: `no error` where it has none, `hangs` after ten seconds, `out of memory`
beyond 3 GB. Needs PyTorch; nothing is compared, the files are for those who judge convnet's own messages.
"""
import argparse
import pathlib
import subprocess
import sys
import tomllib

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "crates" / "pytorch" / "tests" / "wrong"
# Refuses what would leave the file: a wrong file may try.
CALL = """
import importlib.util, inspect, resource, sys
def audit(event, args):
    if event in ("os.system", "subprocess.Popen", "socket.connect"):
        raise PermissionError(event)
sys.path.append(sys.argv[3])
import torch
sys.addaudithook(audit)
torch.set_num_threads(1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + (3 << 30), used + (3 << 30)))
spent = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
resource.setrlimit(resource.RLIMIT_CPU, (spent + 10, spent + 12))
spec = importlib.util.spec_from_file_location(sys.argv[1].rsplit("/", 1)[1][:-3], sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
nets = [v for k, v in vars(module).items() if k in ("net", "model")]
nets = nets or [v for v in vars(module).values() if inspect.isclass(v) and issubclass(v, torch.nn.Module) and v.__module__ == module.__name__]
assert nets, "no network"
net = nets[-1]() if inspect.isclass(nets[-1]) else nets[-1]
out = net.eval()(torch.randn(2, *map(int, sys.argv[2].split("x"))))
print("no error:", f"output {tuple(out.shape)}" if isinstance(out, torch.Tensor) else f"output {out!r:.60}", file=sys.stderr)
"""


def said(path, size):
    command = [sys.executable, "-c", CALL, str(path), size, str(FOLDER)]
    try:
        run = subprocess.run(command, capture_output=True, timeout=40, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return "hangs"
    if run.returncode in (-24, -9):
        return "hangs"
    text = run.stderr.decode("utf-8", "replace").replace(str(FOLDER) + "/", "")
    if run.returncode < 0:
        return f"the interpreter dies of signal {-run.returncode}"
    if "MemoryError" in text or "not enough memory" in text:
        return "out of memory\n" + text.strip().split("\n")[-1][:300]
    lines = [line for line in text.strip().split("\n") if line.strip()]
    placed = [i for i, line in enumerate(lines) if path.name in line]
    kept = lines[placed[-1]:placed[-1] + 2] + lines[max(placed[-1] + 2, len(lines) - 3):] if placed else lines[-2:]
    return "\n".join(line[:300] for line in kept)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="files, without .py (default: all)")
    options = parser.parse_args()
    sizes = tomllib.loads((FOLDER / "inputs.toml").read_text())
    for name in options.names or sorted(sizes):
        path = FOLDER / f"{name}.py"
        answer = said(path, sizes[name])
        path.with_suffix(".pytorch").write_text(answer + "\n", encoding="utf-8")
        print(f"{name}: {answer.splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    main()
