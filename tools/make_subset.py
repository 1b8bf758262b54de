#!/usr/bin/env python3
"""Makes the bundled subset of Fashion-MNIST: the first K images of each class, in the file's order.

    tools/make_subset.py [FOLDER] [OUT]

FOLDER holds the official four files (Debian: `apt install dataset-fashion-mnist`, which puts them into
/usr/share/datasets/fashion-mnist, the default). OUT is crates/convnet/assets/fashion-mnist-mini by default.
Training images come from the training file and test images from the test file. The same input gives the
same bytes: nothing but the images, their order and zlib decides them.
"""

import gzip
import hashlib
import pathlib
import struct
import sys

CLASSES = 10
PER_CLASS = {"train": 1000, "t10k": 200}


def read_idx(path):
    """Returns the dimensions and the bytes of an IDX file of unsigned bytes."""
    raw = gzip.decompress(path.read_bytes())
    if raw[:3] != b"\x00\x00\x08":
        sys.exit(f"{path}: not an IDX file of unsigned bytes")
    rank = raw[3]
    dims = struct.unpack(f">{rank}I", raw[4 : 4 + 4 * rank])
    return dims, raw[4 + 4 * rank :]


def idx(dims, data):
    """The bytes of an IDX file of unsigned bytes."""
    return b"\x00\x00\x08" + bytes([len(dims)]) + struct.pack(f">{len(dims)}I", *dims) + data


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    source = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist")
    out = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else root / "crates/convnet/assets/fashion-mnist-mini"
    out.mkdir(parents=True, exist_ok=True)
    for split, wanted in PER_CLASS.items():
        (count, height, width), pixels = read_idx(source / f"{split}-images-idx3-ubyte.gz")
        (labelled,), labels = read_idx(source / f"{split}-labels-idx1-ubyte.gz")
        if count != labelled:
            sys.exit(f"{split}: {count} images, {labelled} labels")
        taken, kept = [0] * CLASSES, []
        for i, label in enumerate(labels):
            if taken[label] < wanted:
                taken[label] += 1
                kept.append(i)
        if taken != [wanted] * CLASSES:
            sys.exit(f"{split}: fewer than {wanted} images in a class: {taken}")
        size = height * width
        images = b"".join(pixels[i * size : (i + 1) * size] for i in kept)
        files = {
            f"{split}-images-idx3-ubyte.gz": idx((len(kept), height, width), images),
            f"{split}-labels-idx1-ubyte.gz": idx((len(kept),), bytes(labels[i] for i in kept)),
        }
        for name, raw in files.items():
            packed = gzip.compress(raw, compresslevel=9, mtime=0)
            (out / name).write_bytes(packed)
            print(f"{name}: {len(packed)} bytes, SHA-256 of the content {hashlib.sha256(raw).hexdigest()}")


if __name__ == "__main__":
    main()
