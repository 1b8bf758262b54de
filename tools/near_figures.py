"""Tries thresholds for images that show the same picture: what changed copies keep, and how many others look alike.

    /opt/venv/bin/python tools/near_figures.py --fashion-mnist /usr/share/datasets/fashion-mnist

The same hash (64 low frequencies of the cosine transform at 32 × 32, above their median or not) and the same correlation as
`crates/convnet/src/data/near.rs`. For each number of bits and each least correlation it prints the share of changed copies
that are found, and how many pairs of different images are taken for copies.
"""

import argparse
import gzip
import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

BITS = (4, 6, 8, 10)
LIKENESS = (0.9, 0.95, 0.98, 0.99)
WAVES = np.cos(np.pi * np.arange(32)[:, None] * (2 * np.arange(32) + 1) / 64).astype(np.float32)


def look(image):
    grey = image.convert("L")
    small = grey.resize((32, 32), Image.BOX if grey.width >= 32 else Image.BILINEAR)
    pixels = np.asarray(small, np.float32)
    values = (WAVES @ pixels @ WAVES.T)[:8, :8].ravel()
    bits = (values > np.median(values[1:])).astype(np.uint8)
    bits[0] = 0
    pixels = pixels.ravel() - pixels.mean()
    return np.packbits(bits).view(np.uint64)[0], pixels / (np.linalg.norm(pixels) + 1e-6)


def changed(image):
    for quality in (90, 60, 30):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        yield f"jpeg {quality}", Image.open(io.BytesIO(out.getvalue()))
    width, height = image.size
    yield "half", image.resize((width // 2, height // 2), Image.BILINEAR)
    yield "double", image.resize((width * 2, height * 2), Image.BICUBIC)
    yield "brighter", ImageEnhance.Brightness(image).enhance(1.15)
    yield "flatter", ImageEnhance.Contrast(image).enhance(0.85)
    yield "blurred", image.filter(ImageFilter.GaussianBlur(1))
    edge = max(1, width // 50)
    yield "2% cut off", image.crop((edge, edge, width - edge, height - edge))


def photo(rng, kind):
    """Stripes, chequers, discs or boxes in two colours with noise, 300 × 200."""
    y, x = np.mgrid[0:200, 0:300].astype(np.float32)
    angle, pitch, phase = rng.uniform(0, np.pi), rng.uniform(0.02, 0.2), rng.uniform(0, 6)
    first, second = rng.uniform(30, 220, (2, 3))
    if kind == 0:
        part = (np.sin(pitch * (x * np.cos(angle) + y * np.sin(angle)) + phase) + 1) / 2
    elif kind == 1:
        part = (np.floor(x * pitch / 2) + np.floor(y * pitch / 2)) % 2
    else:
        part = np.zeros_like(x)
        for _ in range(rng.integers(3, 9)):
            left, top, size = rng.uniform(0, 300), rng.uniform(0, 200), rng.uniform(10, 50)
            inside = (x - left) ** 2 + (y - top) ** 2 < size**2
            if kind == 3:
                inside = (abs(x - left) < size) & (abs(y - top) < size / 2)
            part[inside] = 1
    pixels = first * part[..., None] + second * (1 - part[..., None]) + rng.normal(0, 12, (200, 300, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def report(name, images):
    looks = [look(image) for image in images]
    found = {}
    for image, (code, pixels) in zip(images, looks):
        for what, other in changed(image):
            code2, pixels2 = look(other)
            found.setdefault(what, []).append((int(np.bitwise_count(code ^ code2)), float(pixels @ pixels2)))
    for bits in BITS:
        for what, pairs in found.items():
            shares = [np.mean([b <= bits and r >= least for b, r in pairs]) for least in LIKENESS]
            print(f"{name}, {bits} bits, {what}: found " + ", ".join(f"{share:.0%}" for share in shares))


def alike(name, first, second, same):
    """How many of `second` have another image in `first` that is taken for a copy."""
    codes, pixels = np.array([code for code, _ in first]), np.array([p for _, p in first])
    for bits in BITS:
        best = np.zeros(len(second))
        for place, (code, own) in enumerate(second):
            near = np.bitwise_count(codes ^ code) <= bits
            if same:
                near[place] = False
            best[place] = (pixels[near] @ own).max(initial=0)
        counts = [int((best > 0).sum())] + [int((best >= least).sum()) for least in LIKENESS]
        print(f"{name}, {bits} bits: of {len(second)} images {counts[0]} by the hash alone, {counts[1:]} by both")


def idx(path):
    return np.frombuffer(gzip.open(path).read()[16:], np.uint8).reshape(-1, 28, 28)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fashion-mnist", type=Path, default=Path("/usr/share/datasets/fashion-mnist"))
    parser.add_argument("--train", type=int, default=20000)
    parser.add_argument("--test", type=int, default=2000)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    print(f"least correlations: {LIKENESS}")
    photos = [photo(rng, number % 4) for number in range(240)]
    report("photos", photos)
    looks = [look(image) for image in photos]
    alike("photos", looks, looks, True)
    train, test = (idx(arguments.fashion_mnist / f"{name}-images-idx3-ubyte.gz") for name in ("train", "t10k"))
    report("Fashion-MNIST", [Image.fromarray(image) for image in test[:300]])
    looks = [[look(Image.fromarray(i)) for i in part] for part in (train[: arguments.train], test[: arguments.test])]
    alike("Fashion-MNIST", *looks, False)


if __name__ == "__main__":
    main()
