#!/usr/bin/env python3
"""Makes the font that the charts embed: Inter Regular, reduced to the characters of charts.

Usage: make_font.py PACKAGE OUT.ttf
PACKAGE is the unpacked npm package @fontsource/inter (`npm pack @fontsource/inter`).
Needs fonttools. The same package gives the same bytes.
"""

import sys
from pathlib import Path

from fontTools import subset, ttLib

CHARACTERS = "".join(map(chr, range(0x20, 0x7F))) + "·×–−…é"


def main() -> None:
    package, out = map(Path, sys.argv[1:])
    font = ttLib.TTFont(package / "files" / "inter-latin-400-normal.woff", recalcTimestamp=False)
    options = subset.Options()
    options.layout_features = []
    options.hinting = False
    options.name_IDs = [0, 1, 2, 13, 14]
    subsetter = subset.Subsetter(options)
    subsetter.populate(text=CHARACTERS)
    subsetter.subset(font)
    font.flavor = None
    font.save(out)


main()
