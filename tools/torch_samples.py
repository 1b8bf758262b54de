#!/usr/bin/env python3
"""Runs the samples of PyTorch's vocabulary under crates/pytorch/tests/torch by PyTorch, and writes beside each what it prints.

With --check nothing is written: what differs is told, and the exit code is 1.
"""

import argparse
import pathlib
import subprocess
import sys


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = pathlib.Path(__file__).resolve().parent.parent
    parser.add_argument('--folder', type=pathlib.Path, default=root / 'crates/pytorch/tests/torch')
    parser.add_argument('--check', action='store_true')
    options = parser.parse_args()
    different = 0
    samples = sorted(options.folder.glob('*.py'))
    for sample in samples:
        result = subprocess.run([sys.executable, '-W', 'ignore', sample], capture_output=True, text=True)
        if result.returncode != 0:
            sys.exit(f'{sample}: {result.stderr}')
        out = sample.with_suffix('.out')
        if not options.check:
            out.write_text(result.stdout)
        elif out.read_text() != result.stdout:
            different += 1
            print(f'{sample}: PyTorch prints something else now')
    import torch
    print(f'{len(samples)} samples judged by PyTorch {torch.__version__}, {different} differ')
    sys.exit(1 if different else 0)


if __name__ == '__main__':
    main()
