"""Uses the pages that `convnet explain` writes, in a browser.

A page must load without an error or a request, fit the screens of a phone and of a desk in light and dark, be used by
keyboard alone, and compute what the network computed: cells are clicked at random in every layer with a window, and the
sum that the page shows may differ from the network's value by 1e-4 of the largest product, no more.

Needs playwright and a Chromium: `pip install playwright`, and `--browser /usr/bin/chromium`.
"""

import argparse
import random
from pathlib import Path

from playwright.sync_api import sync_playwright

SCREENS = [(1440, 900), (390, 844)]
TOLERANCE = 1e-4
TABS = 400

FOCUS = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const section = element.closest("section, #pictures"), style = getComputedStyle(element);
  const seen = element.closest("svg") !== null || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0);
  return [section ? section.id : "", element.id || element.className.baseVal || element.className || element.tagName, seen];
}"""

WINDOWS = """() => {
  const { nodes, images } = JSON.parse(document.getElementById("page").textContent);
  return nodes.filter((node) => node.window && images[0].layers[node.id]).map((node) => [node.id, node.path, node.shape]);
}"""

SUMS = """() => {
  const shown = document.querySelector(".arithmetic");
  const all = (role) => [...shown.querySelectorAll(`[data-role="${role}"]`)].map((one) => Number(one.value));
  const { kind, at } = shown.dataset;
  return { kind, at, sum: all("sum")[0], value: all("value")[0], products: all("product") };
}"""


def look(browser, path, width, height, scheme):
    """A page on a screen, and a list that fills with what goes wrong in it."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning") else None)
    own = path.absolute().as_uri()
    page.on("request", lambda request: wrong.append(f"request: {request.url[:80]}")
            if request.url != own and not request.url.startswith("data:") else None)
    page.goto(own)
    page.wait_for_selector(".arithmetic[data-at]", state="attached")
    return page, wrong


def fits(browser, path):
    """Screens and themes."""
    wrong = []
    for width, height in SCREENS:
        for scheme in ["light", "dark"]:
            page, found = look(browser, path, width, height, scheme)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                found.append(f"{wide} pixels wide")
            levels = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
            if (sum(levels) > 384) != (scheme == "light"):
                found.append(f"the ground is {levels}")
            wrong += [f"{width} {scheme}: {one}" for one in found]
            page.close()
    return wrong


def by_keyboard(browser, path):
    """Every part is reached by Tab, and answers to arrows and Enter."""
    page, wrong = look(browser, path, *SCREENS[0], "light")
    reached = {}
    for _ in range(TABS):
        page.keyboard.press("Tab")
        focus = page.evaluate(FOCUS)
        if focus is None:
            break
        section, name, seen = focus
        reached.setdefault(section, []).append(name)
        if not seen:
            wrong.append(f"no focus is seen on {section} {name}")
    expected = page.evaluate("[...document.querySelectorAll('#pictures:not([hidden]), main section:not([hidden])')]"
                             ".filter((one) => one.querySelector('button, select, [tabindex]')).map((one) => one.id)")
    wrong += [f"Tab does not reach {section}" for section in expected if section not in reached]
    chosen = "document.getElementById('layer-choice').value"
    page.locator("svg.net [tabindex='0']").focus()
    page.keyboard.press("Home")
    layers = set()
    for _ in range(page.evaluate("stops().length")):
        layers.add(page.evaluate(chosen))
        page.keyboard.press("ArrowDown")
    rows = page.evaluate("drawing.querySelectorAll('.row[data-n]').length")
    if len(layers) < min(rows, 2):
        wrong.append(f"{len(layers)} layers chosen by arrow keys among {rows} rows")
    box = page.evaluate("stops().find((stop) => stop.dataset.stop.startsWith('i'))?.dataset.stop")
    if box:
        page.evaluate(f"focusOn(stops().find((stop) => stop.dataset.stop === '{box}'))")
        before = page.evaluate("net.open.join()")
        page.keyboard.press("Enter")
        if page.evaluate("net.open.join()") == before:
            wrong.append(f"{box} does not fold by Enter")
    maps = [node for node, _, shape in page.evaluate(WINDOWS) if len(shape) == 3]
    if maps:
        choose(page, maps[0])
        at = page.evaluate(SUMS)["at"]
        page.locator("canvas.map").focus()
        for key in ["ArrowDown", "ArrowRight", "ArrowUp"]:
            page.keyboard.press(key)
        if page.evaluate(SUMS)["at"] == at:
            wrong.append("arrow keys do not move the cell")
        options = page.locator(".strip [role='option']")
        if options.count() > 1:
            page.locator(".strip [role='option'][tabindex='0']").focus()
            page.keyboard.press("End")
            page.keyboard.press("Home")
            if options.first.get_attribute("aria-selected") != "true":
                wrong.append("arrow keys do not choose a channel")
    tabs = page.locator("#pictures [role='tab']")
    for i in range(tabs.count()):
        tabs.nth(i).focus()
        page.keyboard.press("Enter")
        if tabs.nth(i).get_attribute("aria-selected") != "true":
            wrong.append(f"image {i} is not chosen by Enter")
    count = sum(len(names) for names in reached.values())
    page.close()
    return count, wrong


def choose(page, node):
    page.select_option("#layer-choice", str(node))
    page.wait_for_selector(f".arithmetic[data-at^='{node} ']", state="attached")


def off(page):
    """By how much the shown sum is off, relative to the largest product; None where no arithmetic is shown."""
    shown = page.evaluate(SUMS)
    if shown["sum"] is None or shown["value"] is None:
        return None
    scale = max((abs(product) for product in shown["products"]), default=abs(shown["value"]))
    difference = abs(shown["sum"] - shown["value"])
    return difference / scale if scale else difference


def sums(browser, path, cells, rng):
    """Cells checked, the worst difference, and what went wrong."""
    page, wrong = look(browser, path, *SCREENS[0], "light")
    nodes = page.evaluate(WINDOWS)
    images = max(page.locator("#pictures [role='tab']").count(), 1)
    checked, worst = {}, 0.0

    def check(name, place):
        nonlocal worst
        difference = off(page)
        if difference is None:
            return
        kind = page.evaluate(SUMS)["kind"]
        checked[kind] = checked.get(kind, 0) + 1
        worst = max(worst, difference)
        if not difference <= TOLERANCE:
            wrong.append(f"{name} {place}: off by {difference:.1e}")

    for image in range(images):
        if images > 1:
            page.locator("#pictures [role='tab']").nth(image).click()
        for node, name, shape in nodes:
            choose(page, node)
            known = page.locator(".arithmetic .known button")
            for i in range(known.count()):
                known.nth(i).click()
                page.wait_for_selector(f".arithmetic .known button:nth-of-type({i + 1})[aria-pressed='true']")
                check(name, f"known cell {i}")
            for _ in range(cells):
                options = page.locator(".strip [role='option']")
                if options.count():
                    channel = options.nth(rng.randrange(options.count()))
                    channel.click()
                    number = channel.get_attribute("data-channel")
                    page.wait_for_selector(f".arithmetic[data-at^='{node} {number} ']", state="attached")
                    row, column = rng.randrange(shape[1]), rng.randrange(shape[2])
                    box = page.locator("canvas.map").bounding_box()
                    page.locator("canvas.map").click(position={"x": (column + 0.5) * box["width"] / shape[2],
                                                               "y": (row + 0.5) * box["height"] / shape[1]})
                    at = page.evaluate(SUMS)["at"]
                    if at != f"{node} {number} {row} {column}":
                        wrong.append(f"{name}: a click on {number} {row} {column} chose {at}")
                    check(name, at)
                elif page.locator("#value-choice").is_visible():
                    value = rng.randrange(shape[0])
                    page.fill("#value-choice", str(value))
                    page.keyboard.press("Enter")
                    page.wait_for_selector(f".arithmetic[data-at='{node} {value} 0 0']", state="attached")
                    check(name, value)
    page.close()
    return checked, worst, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--browser", default="/usr/bin/chromium", help="a Chromium")
    parser.add_argument("--cells", type=int, default=5, help="random cells of each layer and image")
    parser.add_argument("--seed", type=int, default=0, help="which cells")
    parser.add_argument("pages", nargs="+", type=Path, help="pages written by `convnet explain`")
    arguments = parser.parse_args()
    failures = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.browser, args=["--no-sandbox"])
        for path in arguments.pages:
            wrong = fits(browser, path)
            stops, found = by_keyboard(browser, path)
            checked, worst, different = sums(browser, path, arguments.cells, random.Random(arguments.seed))
            wrong += found + different
            told = ", ".join(f"{count} {kind}" for kind, count in sorted(checked.items())) or "no cells"
            print(f"{path.name}: {stops} stops; {told}, off by {worst:.1e} at most; {'; '.join(wrong) or 'nothing wrong'}")
            failures += bool(wrong)
        browser.close()
    raise SystemExit(f"{failures} pages are wrong" if failures else 0)


if __name__ == "__main__":
    main()
