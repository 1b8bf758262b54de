#!/usr/bin/env python3
"""Makes the font that the charts embed: Inter Regular with the Latin, Greek and Cyrillic letters.

Usage: make_font.py PACKAGE OUT.ttf
PACKAGE is the unpacked npm package @fontsource/inter (`npm pack @fontsource/inter`), which has a file for each
script. Needs fonttools. The same package gives the same bytes.
"""

import sys
import tempfile
from pathlib import Path

from fontTools import merge, subset, ttLib

FILES = ["latin", "latin-ext", "vietnamese", "greek", "cyrillic", "cyrillic-ext"]
RANGES = [
    (0x20, 0x7E), (0xA0, 0x17F),  # Latin with its accents
    (0x180, 0x24F), (0x1E00, 0x1EFF),  # of Africa, Romania, Vietnam
    (0x370, 0x3FF),  # Greek
    (0x400, 0x52F),  # Cyrillic
    (0x2010, 0x2026), (0x2030, 0x2044), (0x20A0, 0x20BF), (0x2116, 0x2122),  # dashes, quotes, money, № and ™
    (0x2212, 0x2212), (0x2260, 0x2265),  # signs
]


def part(path: Path, folder: Path) -> Path:
    """One file without its rules of layout, which the charts do not follow and which are not merged."""
    font = ttLib.TTFont(path, recalcTimestamp=False)
    for table in ("GSUB", "GPOS", "GDEF", "DSIG", "STAT", "fvar", "meta"):
        if table in font:
            del font[table]
    font.flavor = None
    out = folder / (path.stem + ".ttf")
    font.save(out)
    return out


def main() -> None:
    package, out = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        files = [part(package / "files" / f"inter-{name}-400-normal.woff", Path(folder)) for name in FILES]
        font = merge.Merger().merge([str(file) for file in files])
    first = ttLib.TTFont(package / "files" / "inter-latin-400-normal.woff", recalcTimestamp=False)
    font.recalcTimestamp = False
    font["head"].created, font["head"].modified = first["head"].created, first["head"].modified
    font["head"].fontRevision = first["head"].fontRevision
    font["name"] = first["name"]
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.glyph_names = False
    options.notdef_outline = True
    options.name_IDs = [0, 1, 2, 13, 14]
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=[code for low, high in RANGES for code in range(low, high + 1)])
    subsetter.subset(font)
    font.save(out)


main()
