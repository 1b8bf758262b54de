"""Writes small pictures in every format that convnet reads, and what Pillow makes of them.

    python tools/picture_samples.py crates/convnet/tests/pictures

Needs numpy and Pillow with QOI (12.0 or later).

`NAME.EXT` is a picture. `expected.json` holds for each the size, mode and pixels that Pillow gives (turned by its Exif
orientation; of several frames the first), and which of the file's beginnings Pillow loads with
LOAD_TRUNCATED_IMAGES = False.
"""

import io
import json
import struct
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageFile, ImageOps, __version__

# Shares of a file, per cent, that are tried as a file cut short.
CUTS = [*range(10, 100, 10), 95, 98, 99]


def photo(width, height, seed=0):
    rng = np.random.default_rng(seed)
    x, y = np.meshgrid(np.linspace(0, 3, width), np.linspace(0, 2, height))
    planes = [np.sin(x * (k + 1) + y * (3 - k)) * 90 + 128 for k in range(3)]
    noise = rng.integers(-6, 7, (height, width, 3))
    return Image.fromarray(np.clip(np.stack(planes, -1) + noise, 0, 255).astype("uint8"))


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif(orientation, thumbnail=None):
    data = Image.Exif()
    data[0x0112] = orientation
    raw = data.tobytes()
    if thumbnail is None:
        return raw
    # A JPEG of its own, its end marker included, inside the segment.
    return raw + thumbnail


def big_endian(orientation):
    """One entry of an image file directory in Motorola's order of bytes."""
    return b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, 0x0112, 3, 1, orientation, 0, 0)


def at_end(png):
    """The chunk of Exif data behind the pixels, where the standard allows it too."""
    at = png.index(b"eXIf") - 4
    end = at + 12 + struct.unpack(">I", png[at : at + 4])[0]
    return png[:at] + png[end:-12] + png[at:end] + png[-12:]


def clear(image):
    """The same with an opacity from 0 to 255 across it."""
    width, height = image.size
    opacity = np.tile(np.linspace(0, 255, width).astype("uint8"), (height, 1))
    image = image.copy()
    image.putalpha(Image.fromarray(opacity))
    return image


def see_through():
    """Pictures of which pixels are transparent: Pillow's convert("RGB") keeps the colours below."""
    rgb, grey = photo(23, 17), photo(23, 17).convert("L")
    palette = rgb.quantize(16)
    yield "clear.png", encoded(clear(rgb), "PNG")
    yield "clear-grey.png", encoded(clear(grey), "PNG")
    yield "clear-palette.png", encoded(palette, "PNG", transparency=bytes(range(0, 256, 16)))
    yield "clear-index.png", encoded(palette, "PNG", transparency=3)
    yield "clear-level.png", encoded(grey, "PNG", transparency=grey.getpixel((4, 4)))
    yield "clear-colour.png", encoded(rgb, "PNG", transparency=rgb.getpixel((4, 4)))
    yield "clear.gif", encoded(palette, "GIF", transparency=3)
    yield "clear.webp", encoded(clear(rgb), "WEBP", lossless=True, exact=True)
    yield "clear.tiff", encoded(clear(rgb), "TIFF")
    yield "clear.bmp", encoded(clear(rgb), "BMP")
    yield "clear.qoi", encoded(clear(rgb), "QOI")


def samples():
    yield from see_through()
    rgb, grey = photo(23, 17), photo(23, 17).convert("L")
    thumbnail = encoded(photo(8, 6), "JPEG")
    yield "baseline.jpg", encoded(rgb, "JPEG", quality=90)
    yield "progressive.jpg", encoded(rgb, "JPEG", quality=90, progressive=True)
    yield "grey.jpe", encoded(grey, "JPEG")
    yield "cmyk.jpg", encoded(rgb.convert("CMYK"), "JPEG", quality=90)
    yield "subsampled.jfif", encoded(rgb, "JPEG", subsampling=2)
    yield "restarts.jpeg", encoded(rgb, "JPEG", restart_marker_blocks=1)
    yield "thumbnail.jpg", encoded(rgb, "JPEG", exif=exif(1, thumbnail))
    yield "trailing.jpg", encoded(rgb, "JPEG") + b"what a camera appends \xff\xd8\xff\xe0" * 3
    for orientation in range(2, 9):
        yield f"turned-{orientation}.jpg", encoded(rgb, "JPEG", quality=90, exif=exif(orientation))
    yield "turned.png", encoded(rgb, "PNG", exif=exif(6))
    yield "turned.webp", encoded(rgb, "WEBP", lossless=True, exif=exif(8))
    for orientation in range(2, 9):
        yield f"turned-{orientation}.png", encoded(rgb, "PNG", exif=exif(orientation))
        yield f"turned-{orientation}.webp", encoded(rgb, "WEBP", lossless=True, exif=exif(orientation))
        yield f"turned-{orientation}.tiff", encoded(rgb, "TIFF", tiffinfo={0x0112: orientation})
    yield "turned-big-endian.jpg", encoded(rgb, "JPEG", quality=90, exif=big_endian(5))
    yield "turned-at-end.png", at_end(encoded(rgb, "PNG", exif=exif(6)))
    yield "rgb.png", encoded(rgb, "PNG")
    yield "grey.png", encoded(grey, "PNG")
    yield "palette.png", encoded(rgb.quantize(16), "PNG")
    yield "lossless.webp", encoded(rgb, "WEBP", lossless=True)
    yield "lossy.webp", encoded(rgb, "WEBP", quality=90)
    yield "rgb.bmp", encoded(rgb, "BMP")
    yield "grey.dib", encoded(grey, "BMP")
    yield "palette.bmp", encoded(rgb.quantize(16), "BMP")
    for compression in ["raw", "tiff_lzw", "tiff_deflate", "packbits"]:
        yield f"{compression}.tiff", encoded(rgb, "TIFF", compression=compression)
    yield "grey.tif", encoded(grey, "TIFF")
    yield "still.gif", encoded(rgb.quantize(32), "GIF")
    frames = [photo(23, 17, seed).quantize(32) for seed in range(3)]
    yield "moving.gif", encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    yield "rgb.qoi", encoded(rgb, "QOI")
    yield "rgb.ppm", encoded(rgb, "PPM")
    yield "grey.pgm", encoded(grey, "PPM")


def loaded(content):
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        turned = ImageOps.exif_transpose(image)
        return turned.convert("L" if turned.mode in ("L", "LA") else "RGB")


def loads(content):
    try:
        loaded(content)
    except Exception:
        return False
    return True


def main(folder):
    assert not ImageFile.LOAD_TRUNCATED_IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    expected = {}
    for name, content in samples():
        (folder / name).write_bytes(content)
        image = loaded(content)
        expected[name] = {
            "width": image.width,
            "height": image.height,
            "channels": len(image.getbands()),
            "pixels": image.tobytes().hex(),
            "cuts": {percent: loads(content[: len(content) * percent // 100]) for percent in CUTS},
        }
    text = json.dumps({"pillow": __version__, "files": expected}, indent=None, separators=(",", ":"))
    (folder / "expected.json").write_text(text + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
