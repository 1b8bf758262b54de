"""Writes the small CIFAR files under crates/formats/samples/cifar: two images in each of pickle's protocols.

    /opt/venv/bin/python tools/cifar_samples.py

`ten-P` and `hundred-P` are as Python 3 writes them in protocol P, `two-P` as Python 2 did, whose `str` is bytes: the
files that are distributed were written so, in protocol 2. Each is read back and compared before it is kept.
"""

import argparse
import io
import pickle
import struct
from pathlib import Path

import numpy as np

PIXELS = 3072
NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "Lkw-Größe"]


class Python2(pickle._Pickler):
    """Python's own pickler with Python 2's instructions for `str`."""

    dispatch = dict(pickle._Pickler.dispatch)

    def save_text(self, obj):
        data = obj if isinstance(obj, bytes) else obj.encode("latin1")
        if self.proto == 0:
            quoted = repr(data)[1:]
            self.write(pickle.STRING + quoted.encode("ascii") + b"\n")
        elif len(data) < 256:
            self.write(pickle.SHORT_BINSTRING + bytes([len(data)]) + data)
        else:
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)
        self.memoize(obj)

    dispatch[bytes] = save_text
    dispatch[str] = save_text


def python2(obj, protocol):
    out = io.BytesIO()
    Python2(out, protocol).dump(obj)
    return out.getvalue().replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n")


def same(read, expected):
    assert read.keys() == expected.keys(), (read.keys(), expected.keys())
    for key, value in expected.items():
        if isinstance(value, np.ndarray):
            assert (read[key] == value).all() and read[key].dtype == value.dtype, key
        else:
            assert read[key] == value, key


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    folder = Path(__file__).parent.parent / "crates/formats/samples/cifar"
    parser.add_argument("--folder", type=Path, default=folder)
    folder = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    index = np.arange(2 * PIXELS)
    data = ((index * 37 + index // 256 * 11) % 256).astype(np.uint8).reshape(2, PIXELS)
    ten = {"batch_label": "training batch 1 of 5", "labels": [6, 9], "data": data, "filenames": ["a.png", "b.png"]}
    hundred = {"filenames": ["a.png", "b.png"], "fine_labels": [99, 19], "coarse_labels": [13, 0], "data": data}
    names = {"num_cases_per_batch": 10000, "label_names": NAMES, "num_vis": PIXELS}
    arrays = {**hundred, "fine_labels": np.array([99, 19]), "coarse_labels": [np.int16(13), np.uint8(0)]}
    files = {"arrays": (pickle.dumps(arrays, 4), arrays)}
    for protocol in range(6):
        files[f"ten-{protocol}"] = (pickle.dumps(ten, protocol), ten)
        files[f"hundred-{protocol}"] = (pickle.dumps(hundred, protocol), hundred)
        files[f"names-{protocol}"] = (pickle.dumps(names, protocol), names)
        if protocol <= 2:
            files[f"two-{protocol}"] = (python2(ten, protocol), ten)
    for name, (content, expected) in files.items():
        same(pickle.loads(content, encoding="latin1"), expected)
        (folder / f"{name}.pickle").write_bytes(content)
        print(f"{name}.pickle: {len(content)} bytes, read back by Python as written")


if __name__ == "__main__":
    main()
