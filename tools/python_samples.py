"""What CPython prints for the samples of crates/pytorch/tests/python: python_samples.py [--check] [NAME…].

Runs each NAME.py in a process of its own and writes what it prints to NAME.out. With --check nothing is written: the
outputs that differ are told, and the exit status is 1 if there are any. Each sample is run twice with another seed for
the hashes of strings, so that one whose output rests on the order of a set is refused.
"""
import argparse
import os
import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "crates" / "pytorch" / "tests" / "python"


def printed(path, seed):
    """What the file prints, run from its own folder; an error if it fails or prints to stderr."""
    environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": "1"}
    run = subprocess.run([sys.executable, "-P", "-W", "ignore::SyntaxWarning", path.name], cwd=path.parent, env=environment, timeout=20,
                         capture_output=True, text=True, encoding="utf-8")
    if run.returncode or run.stderr:
        sys.exit(f"{path}: exit status {run.returncode}\n{run.stderr}")
    return run.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("names", nargs="*", help="samples, without .py (default: all)")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    paths = [FOLDER / f"{name}.py" for name in options.names] or sorted(FOLDER.glob("*.py"))
    stale = 0
    for path in paths:
        output = printed(path, 1)
        if output != printed(path, 2):
            sys.exit(f"{path}: its output depends on the hashes of strings")
        if not output:
            sys.exit(f"{path}: it prints nothing")
        beside = path.with_suffix(".out")
        if options.check:
            if not beside.exists() or beside.read_text(encoding="utf-8") != output:
                print(f"{beside.name} is not what CPython prints")
                stale += 1
        else:
            beside.write_text(output, encoding="utf-8")
    print(f"{len(paths)} samples" + (f", {stale} differ" if options.check else ""))
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
