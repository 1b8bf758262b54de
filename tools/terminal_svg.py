"""Draws a command's coloured output as an SVG: terminal_svg.py OUT.svg TITLE < OUTPUT.

The README's picture:
    COLUMNS=96 CLICOLOR_FORCE=1 target/release/convnet show googlenet --depth 2 \
        | python3 tools/terminal_svg.py docs/show.svg "convnet show googlenet --depth 2"
"""
import html
import re
import sys

FOREGROUND = {"30": "#484f58", "31": "#ff7b72", "32": "#7ee787", "33": "#f2cc60", "34": "#79c0ff", "35": "#d2a8ff",
              "36": "#76e3ea", "37": "#e6edf3", "90": "#8b949e", "91": "#ffa198", "92": "#56d364", "93": "#e3b341",
              "94": "#a5d6ff", "95": "#e2c5ff", "96": "#b3f0ff", "97": "#ffffff"}
WIDTH, HEIGHT, PAD, TOP = 8.43, 19, 16, 40


def spans(line):
    """Text with its style, from a line with escape sequences."""
    style, at = {}, 0
    for match in re.finditer(r"\x1b\[([0-9;]*)m", line):
        if match.start() > at:
            yield line[at:match.start()], dict(style)
        at = match.end()
        for code in (match.group(1) or "0").split(";"):
            if code in ("0", ""):
                style.clear()
            elif code == "1":
                style["font-weight"] = "bold"
            elif code == "2":
                style["opacity"] = "0.6"
            elif code in FOREGROUND:
                style["fill"] = FOREGROUND[code]
    if at < len(line):
        yield line[at:], dict(style)


def main():
    out, title = sys.argv[1], sys.argv[2]
    lines = sys.stdin.read().rstrip("\n").split("\n")
    columns = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    width, height = columns * WIDTH + 2 * PAD, len(lines) * HEIGHT + TOP + PAD
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
             f'viewBox="0 0 {width:.0f} {height:.0f}"><title>{html.escape(title)}</title>',
             f'<rect width="100%" height="100%" rx="8" fill="#0d1117"/>',
             '<g fill="#30363d">' + "".join(f'<circle cx="{18 + 18 * i}" cy="18" r="6"/>' for i in range(3)) + "</g>",
             f'<g font-family="ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace" font-size="14" '
             f'fill="#e6edf3" xml:space="preserve">']
    for row, line in enumerate(lines):
        column = 0
        for text, style in spans(line):
            # Blanks are places, not text: viewers differ in how wide they draw them.
            for word in re.finditer(r"\S+(?: \S+)*", text):
                x = PAD + (column + word.start()) * WIDTH
                attributes = "".join(f' {key}="{value}"' for key, value in style.items())
                parts.append(f'<text x="{x:.1f}" y="{TOP + 14 + row * HEIGHT}" '
                             f'textLength="{len(word.group()) * WIDTH:.1f}"{attributes}>{html.escape(word.group())}</text>')
            column += len(text)
    parts.append("</g></svg>\n")
    with open(out, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))


if __name__ == "__main__":
    main()
