"""Compares the pages that `convnet draw` writes with its pictures, in a browser.

For each network, direction and depth the page's script must give the same SVG, to the byte, as `convnet draw` gives for
that depth. Then a page is used by keyboard: every stop is reached, every scope folds and unfolds, nothing is wider than the
screen, no script fails.

Needs playwright and a Chromium: `pip install playwright`, and `--browser /usr/bin/chromium`.
"""

import argparse
import re
import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

NETWORKS = ["lenet", "alexnet", "nin", "googlenet", "googlenet@torchvision", "resnet50", "densenet",
            "densenet121@torchvision", "preresnet164@paper"]


def draw(command, network, path, *options):
    subprocess.run([command, "draw", network, "-o", str(path), *options], check=True)
    return path.read_text()


def compare(page, command, network, direction, folder):
    """How many depths there are, and those at which the page's SVG differs."""
    deepest = page.evaluate("net.deepest")
    differing = []
    for depth in range(1, deepest + 1):
        svg = draw(command, network, folder / "a.svg", "--direction", direction, "--depth", str(depth))
        expected = re.search(r'<g class="drawing">(.*)</g></svg>', svg, re.S).group(1)
        shown = page.evaluate(f"(unfoldTo({depth}), paint(net, net.root, frameOf(net, net.root)))")
        if shown != expected:
            differing.append(depth)
    return deepest, differing


def use(page):
    """Folds and unfolds everything by keyboard; gives what went wrong."""
    wrong = []
    page.evaluate("unfoldTo(1)")
    page.locator("svg.net [tabindex='0']").focus()
    page.keyboard.press("Home")
    count = page.evaluate("stops().length")
    seen = set()
    for _ in range(count):
        seen.add(page.evaluate("current"))
        page.keyboard.press("ArrowDown")
    if len(seen) != count:
        wrong.append(f"{len(seen)} of {count} stops reached")
    for key in sorted(key for key in seen if key.startswith("i")):
        before = page.evaluate("drawing.querySelector('.drawing').innerHTML")
        page.evaluate(f"focusOn(stops().find((stop) => stop.dataset.stop === '{key}'))")
        page.keyboard.press("Enter")
        if page.evaluate("drawing.querySelector('.drawing').innerHTML") == before:
            wrong.append(f"{key} does not unfold")
        if page.evaluate("document.activeElement.dataset.stop") != key:
            wrong.append(f"{key} loses the focus")
        page.keyboard.press("Enter")
        if page.evaluate("paint(net, net.root, frameOf(net, net.root))") != page.evaluate(
                "(draw(), paint(net, net.root, frameOf(net, net.root)))"):
            wrong.append(f"{key} does not fold again")
    if not page.locator("#figures dt").count():
        wrong.append("no figures are shown")
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        wrong.append("the page is wider than the screen")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--command", default="target/release/convnet", help="the command")
    parser.add_argument("--browser", default="/usr/bin/chromium", help="a Chromium")
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    arguments = parser.parse_args()
    failures = 0
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        browser = playwright.chromium.launch(executable_path=arguments.browser, args=["--no-sandbox"])
        for network in arguments.networks:
            for direction in ["down", "right"]:
                draw(arguments.command, network, folder / "a.html", "--direction", direction)
                width = 390 if direction == "down" else 1200
                page = browser.new_page(viewport={"width": width, "height": 800})
                errors = []
                page.on("pageerror", lambda error: errors.append(str(error)))
                page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
                page.goto(f"file://{folder}/a.html")
                deepest, differing = compare(page, arguments.command, network, direction, folder)
                wrong = use(page) + errors
                told = f"depths {differing} differ" if differing else f"{deepest} depths equal"
                print(f"{network} {direction}: {told}; {'; '.join(wrong) or 'usable by keyboard'}")
                failures += bool(differing or wrong)
                page.close()
        browser.close()
    raise SystemExit(f"{failures} pages are wrong" if failures else 0)


if __name__ == "__main__":
    main()
