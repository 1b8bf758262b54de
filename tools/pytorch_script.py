"""`convnet script` beside CPython and PyTorch, line by line: pytorch_script.py CONVNET FILE…

Both run each file; what they print must be equal but for the numbers of tensors: a printed tensor must have the same
number of values, and add up to 1 where PyTorch's does (probabilities). Exit status 1 if anything differs.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile

TENSOR = re.compile(r"tensor\((\[.*?\])(, grad_fn=<\w+>)?\)", re.S)
NUMBER = re.compile(r"-?(?:\d+\.?\d*(?:e[+-]?\d+)?|inf|nan)")


def printed(command):
    run = subprocess.run(command, capture_output=True, text=True, timeout=900)
    if run.returncode:
        sys.exit(f"{' '.join(command)}: exit status {run.returncode}\n{run.stderr[-2000:]}")
    return run.stdout


def tensors(text):
    """The text with each tensor's numbers replaced by #, and each tensor's numbers."""
    values = []

    def replaced(match):
        values.append([float(number) for number in NUMBER.findall(match[1])])
        shape = re.sub(r"\s+", " ", NUMBER.sub("#", match[1]))
        return f"tensor({shape}{match[2] or ''})"

    return TENSOR.sub(replaced, text).splitlines(), values


def compared(ours, theirs):
    """What differs between two outputs, as lines."""
    (ours, our_values), (theirs, their_values) = tensors(ours), tensors(theirs)
    wrong = []
    for number in range(max(len(ours), len(theirs))):
        ours_line, theirs_line = (lines[number] if number < len(lines) else None for lines in (ours, theirs))
        if ours_line != theirs_line:
            wrong.append(f"line {number + 1}: {ours_line!r}, PyTorch prints {theirs_line!r}")
    for number, (got, right) in enumerate(zip(our_values, their_values), start=1):
        if abs(sum(right) - 1) < 1e-2 and abs(sum(got) - 1) >= 1e-2:
            wrong.append(f"tensor {number}: adds up to {sum(got):.4f}, PyTorch's to 1")
    return wrong, len(theirs), len(their_values)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("convnet", help="the command")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        # Two packages that scripts import for plots and data, and that need not be there for a listing.
        for name in ("matplotlib/__init__", "matplotlib/pyplot"):
            path = os.path.join(folder, f"{name}.py")
            os.makedirs(os.path.dirname(path), exist_ok=True)
            open(path, "w").close()
        for file in options.files:
            os.environ["PYTHONPATH"] = folder
            theirs = printed([sys.executable, file])
            ours = printed([options.convnet, "script", file])
            wrong, lines, count = compared(ours, theirs)
            print(f"{file}: {lines} lines, {count} tensors" + (f", {len(wrong)} differ" if wrong else ", equal"))
            for line in wrong[:20]:
                print(f"  {line}")
            failed = failed or bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
