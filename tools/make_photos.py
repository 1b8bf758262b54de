"""Writes a folder of generated photos, the same for the same seed: a small set as people bring one.

    python tools/make_photos.py photos                     240 of 4 classes, 48 to train and 12 to test on of each
    python tools/make_photos.py many --train 1200 --test 50    more of them
    python tools/make_photos.py eight --classes 8          with four more classes

Each is a JPEG of about 300 x 200 pixels, one in four upright: a texture or a shape of random colour, size, place and
angle on a cloudy ground, under uneven light, with small things strewn over it, and with noise.
Needs numpy and Pillow.
"""

import argparse
import math
from pathlib import Path

import numpy
from PIL import Image, ImageDraw, ImageFilter

CLASSES = ["stripes", "checks", "discs", "crosses", "triangles", "rings", "waves", "stars"]


def clouds(random, width, height, colours):
    """A ground that goes from one colour to another."""
    share = Image.fromarray((random.random((random.integers(3, 7), random.integers(3, 7))) * 255).astype("uint8"))
    share = numpy.asarray(share.resize((width, height), Image.Resampling.BICUBIC), dtype=float)[..., None] / 255
    return colours[0] * share + colours[1] * (1 - share)


def pattern(random, kind, width, height):
    """How much of the second colour each pixel has, of a texture."""
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    angle, period = random.uniform(0, math.pi), random.uniform(20, 50)
    u = (x * math.cos(angle) + y * math.sin(angle)) / period + random.uniform(0, 1)
    v = (-x * math.sin(angle) + y * math.cos(angle)) / period + random.uniform(0, 1)
    if kind == "waves":
        u = u + random.uniform(0.3, 0.6) * numpy.sin(v * random.uniform(2, 4))
    band = numpy.sin(2 * math.pi * u)
    if kind == "checks":
        band = band * numpy.sin(2 * math.pi * v)
    mask = Image.fromarray(((band > 0) * 255).astype("uint8"))
    return mask.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 2)))


def polygon(centre, radius, turn, corners, inner=1.0):
    """The corners of a regular polygon, or of a star where every other corner lies further in."""
    points = []
    for corner in range(corners):
        angle = turn + 2 * math.pi * corner / corners
        reach = radius * (inner if corner % 2 else 1.0)
        points.append((centre[0] + reach * math.cos(angle), centre[1] + reach * math.sin(angle)))
    return points


def shapes(random, kind, width, height):
    """How much of the second colour each pixel has, of some shapes."""
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    for _ in range(random.integers(1, 4)):
        radius = random.uniform(0.2, 0.4) * min(width, height)
        centre = (random.uniform(0.1, 0.9) * width, random.uniform(0.1, 0.9) * height)
        turn = random.uniform(0, 2 * math.pi)
        box = [centre[0] - radius, centre[1] - radius, centre[0] + radius, centre[1] + radius]
        if kind == "discs":
            draw.ellipse(box, fill=255)
        elif kind == "rings":
            draw.ellipse(box, outline=255, width=max(3, int(radius / 3)))
        elif kind == "triangles":
            draw.polygon(polygon(centre, radius, turn, 3), fill=255)
        elif kind == "stars":
            draw.polygon(polygon(centre, radius, turn, 10, 0.45), fill=255)
        else:
            for quarter in (turn, turn + math.pi / 2):
                reach = (radius * math.cos(quarter), radius * math.sin(quarter))
                ends = [centre[0] - reach[0], centre[1] - reach[1], centre[0] + reach[0], centre[1] + reach[1]]
                draw.line(ends, fill=255, width=max(4, int(radius / 3)))
    return mask.filter(ImageFilter.GaussianBlur(random.uniform(0.5, 2)))


def photo(random, kind):
    width, height = (int(side * random.uniform(0.85, 1.15)) for side in (300, 200))
    if random.random() < 0.25:
        width, height = height, width
    colours = random.uniform(20, 235, (3, 3))
    colours[1] = (colours[0] + random.uniform(-40, 40, 3)).clip(0, 255)
    while abs(colours[2].mean() - colours[:2].mean()) < 60:
        colours[2] = random.uniform(0, 255, 3)
    texture = kind in ("stripes", "checks", "waves")
    mask = (pattern if texture else shapes)(random, kind, width, height)
    share = numpy.asarray(mask, dtype=float)[..., None] / 255 * random.uniform(0.8, 1)
    pixels = clouds(random, width, height, colours[:2]) * (1 - share) + colours[2] * share
    image = Image.fromarray(pixels.clip(0, 255).astype("uint8"))
    draw = ImageDraw.Draw(image)
    for _ in range(random.integers(3, 12)):
        x, y, size = random.uniform(0, width), random.uniform(0, height), random.uniform(2, 9)
        draw.rectangle([x, y, x + size, y + size * random.uniform(0.3, 2)], fill=tuple(random.integers(0, 256, 3).tolist()))
    ramp = numpy.linspace(*random.uniform(0.75, 1.15, 2), width)[None, :, None]
    pixels = numpy.asarray(image, dtype=float) * ramp
    pixels += random.normal(0, random.uniform(5, 25), pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype("uint8"))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", type=int, default=48, help="of each class [48]")
    parser.add_argument("--test", type=int, default=12, help="of each class [12]")
    parser.add_argument("--classes", type=int, default=4, choices=range(2, len(CLASSES) + 1), metavar="2..8")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for split, count in (("train", given.train), ("test", given.test)):
        for number, kind in enumerate(CLASSES[: given.classes]):
            folder = given.folder / split / kind
            folder.mkdir(parents=True, exist_ok=True)
            for index in range(count):
                random = numpy.random.default_rng([given.seed, number, index, split == "test"])
                photo(random, kind).save(folder / f"{index:05}.jpg", quality=int(random.integers(75, 96)))


if __name__ == "__main__":
    main()
