"""Uses the pages that `convnet report` writes, in a browser.

A page must load in time without an error or a request, fit the screens of a phone and of a desk in light and dark and a
sheet of paper, be used by keyboard alone, take every name as a text, and show of its data what it says it shows.

Needs playwright and a Chromium: `pip install playwright`, and `--browser /usr/bin/chromium`.
"""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

SCREENS = [(1440, 900), (390, 844)]
PAPER = 720
TABS = 3000

FOCUS = """() => {
  const element = document.activeElement;
  if (!element || element === document.body) return null;
  const style = getComputedStyle(element);
  const seen = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return [element.closest("section, nav")?.id ?? "", element.className || element.tagName, seen];
}"""

# A box may scroll in itself; what sticks out of its section otherwise is cut or pushes the page.
WIDE = """() => [...document.querySelectorAll("body *")].filter((element) => {
  const box = element.getBoundingClientRect();
  for (let up = element; up; up = up.parentElement) {
    if (getComputedStyle(up).overflowX !== "visible") return false;
  }
  return box.width > 0 && box.right > document.documentElement.clientWidth + 1;
}).map((element) => element.className || element.tagName)"""

# What names could have become, had they been taken for markup.
STRANGE = """() => {
  const all = [...document.querySelectorAll("body *")];
  const strange = all.filter((one) => [...one.attributes].some(({ name }) => /^on|^xlink:href$/i.test(name)));
  const known = ["report", ""];
  return [...strange, ...all.filter((one) => one.localName === "foreignObject" || one.localName === "iframe"
    || one.localName === "script" && !known.includes(one.id)
    || one.localName === "img" && !one.src.startsWith("data:"))].map((one) => one.localName)
    .concat(document.scripts.length === 2 ? [] : [`${document.scripts.length} scripts`]);
}"""

HAS = """() => {
  const data = JSON.parse(document.getElementById("report").textContent);
  return { summary: true, facts: data.facts.length > 0 || data.recipe !== "", curves: data.curves !== "",
    calibration: data.reliability !== "", classes: data.by_class.length > 0, confusion: data.confusion.flat().length > 0,
    worst: data.worst.length > 0, suspects: data.suspects.length > 0, near: data.near_by !== "", points: data.points.length > 0,
    filters: data.filters.length > 0, layers: data.layers.length > 0 };
}"""

# The plane of points, and what it would be without points.
DRAWN = """() => {
  const canvas = document.querySelector("canvas.plane"), blank = document.createElement("canvas");
  [blank.width, blank.height] = [canvas.width, canvas.height];
  return [canvas.toDataURL(), blank.toDataURL()];
}"""

# The sum of what the cells of the matrix say of themselves.
TOLD = """(cells) => cells.map((cell) => cell.ariaLabel.match(/.*: ([\\d,]+) of /s)[1].replaceAll(",", ""))
  .reduce((sum, count) => sum + Number(count), 0)"""

# Focuses the cell of a row and a column, if it is in the matrix.
CELL = """(place) => {
  const cell = [...document.querySelectorAll(".matrix [role='gridcell']")].find((one) => one.place.join(" ") === place);
  cell?.focus();
  return cell !== undefined && document.activeElement === cell;
}"""

DATA = "JSON.parse(document.getElementById('report').textContent)"


def look(browser, path, width, height, scheme):
    """A page on a screen, and a list that fills with what goes wrong in it."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion="reduce")
    wrong = []
    page.on("pageerror", lambda error: wrong.append(f"error: {error}"))
    page.on("console", lambda message: wrong.append(f"{message.type}: {message.text}")
            if message.type in ("error", "warning") else None)
    page.on("dialog", lambda dialog: (wrong.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    own = path.absolute().as_uri()
    page.on("request", lambda request: wrong.append(f"request: {request.url[:80]}")
            if request.url != own and not request.url.startswith("data:") else None)
    page.goto(own)
    page.wait_for_selector("#contents a")
    return page, wrong


def fits(browser, path):
    """Screens, themes and paper."""
    wrong = []
    for width, height in SCREENS:
        for scheme in ["light", "dark"]:
            page, found = look(browser, path, width, height, scheme)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                found.append(f"{wide} pixels wide: {page.evaluate(WIDE)[:3]}")
            if is_light(page) != (scheme == "light"):
                found.append("the ground has the other theme's colour")
            wrong += [f"{width} {scheme}: {one}" for one in found]
            page.close()
    page, found = look(browser, path, PAPER, 1000, "dark")
    page.emulate_media(media="print")
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > PAPER:
        found.append(f"{wide} pixels wide: {page.evaluate(WIDE)[:3]}")
    if not is_light(page):
        found.append("the paper is dark")
    if page.locator("#contents").is_visible():
        found.append("the list of sections is printed")
    cut = "[...document.querySelectorAll('.scrolls')].filter((one) => one.scrollHeight > one.clientHeight + 1).length"
    if page.evaluate(cut):
        found.append("a table is cut")
    page.close()
    return wrong + [f"paper: {one}" for one in found]


def is_light(page):
    levels = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)")
    return sum(levels) > 384


def sections(browser, path, seconds):
    """How long it takes to load; the sections shown are those with data, each with its entry."""
    page, wrong = look(browser, path, *SCREENS[0], "light")
    took = page.evaluate("performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd") / 1000
    if took > seconds:
        wrong.append(f"{took:.1f} s to load")
    expected = [name for name, has in page.evaluate(HAS).items() if has]
    shown = page.evaluate("[...document.querySelectorAll('main section')].filter((one) => !one.hidden).map((one) => one.id)")
    entries = page.evaluate("[...document.querySelectorAll('#contents a')].map((one) => one.hash.slice(1))")
    if shown != expected:
        wrong.append(f"shows {shown}, has {expected}")
    if entries != shown:
        wrong.append(f"lists {entries}, shows {shown}")
    strange = page.evaluate(STRANGE)
    if strange:
        wrong.append(f"names became {strange[:3]}")
    page.close()
    return took, wrong


def by_keyboard(browser, path):
    """Every part is reached by Tab, with a focus that is seen."""
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
    expected = page.evaluate("[...document.querySelectorAll('nav, main section:not([hidden])')]"
                             ".filter((one) => one.querySelector('a, button, summary, [tabindex]')).map((one) => one.id)")
    wrong += [f"Tab does not reach {section}" for section in expected if section not in reached]
    page.close()
    return sum(len(names) for names in reached.values()), wrong


def tables(page):
    """Headings sort by Enter, both ways."""
    wrong = []
    for table in page.locator("main > section > .scrolls > table.sortable").all():
        head, rows = table.locator("thead th").nth(1), table.locator("tbody tr")
        numbers = "(rows) => rows.map((row) => parseFloat(row.children[1].textContent.replaceAll(',', '')))"
        for direction in ["descending", "ascending"]:
            head.locator("button").press("Enter")
            if head.get_attribute("aria-sort") != direction:
                wrong.append(f"{head.inner_text()} is not {direction}")
            values = rows.evaluate_all(numbers)
            if values != sorted(values, reverse=direction == "descending"):
                wrong.append(f"{head.inner_text()} is not sorted")
    return wrong


def matrix(page):
    """Arrow keys move between cells, and Enter shows the images of a cell."""
    wrong = []
    cells = page.locator(".matrix [role='gridcell']")
    if cells.count() < 2:
        return wrong
    counts = page.evaluate(f"{DATA}.confusion.flat().reduce((sum, count) => sum + count, 0)")
    size = page.evaluate(f"{DATA}.confusion.length")
    place = "document.activeElement.place?.join(' ')"
    page.locator(".matrix [tabindex='0']").focus()
    page.keyboard.press("Control+Home")
    begin, way = page.evaluate(place), []
    for key in ["ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp", "End", "Home"]:
        page.keyboard.press(key)
        way.append(page.evaluate(place))
    if way[3] != begin or way[5] != begin or len(set(way)) < 4:
        wrong.append(f"arrow keys lead from {begin} to {way}")
    if cells.count() == size * size:
        shown = cells.evaluate_all(TOLD)
        if shown != counts:
            wrong.append(f"the cells tell of {shown} images, there are {counts}")
    for truth, predicted, images in page.evaluate(f"{DATA}.cells.slice(0, 20).map((one) => "
                                                  "[one.truth, one.predicted, one.images.length])"):
        if not page.evaluate(CELL, f"{truth} {predicted}"):
            continue
        page.keyboard.press("Enter")
        cards = page.locator(".cell-panel .card").count()
        if cards != images:
            wrong.append(f"cell {truth} {predicted} shows {cards} of {images} images")
        if page.evaluate(place) != f"{truth} {predicted}":
            wrong.append(f"cell {truth} {predicted} loses the focus")
    return wrong


def suspects(page):
    """All pages are turned, and together have all suspects."""
    count = page.evaluate(f"{DATA}.suspects.length")
    if count == 0:
        return []
    seen, after = page.locator("#suspects .card").count(), page.locator("#suspects").get_by_role("button", name="Next")
    while after.count() and after.get_attribute("aria-disabled") == "false":
        after.press("Enter")
        seen += page.locator("#suspects .card").count()
    return [] if seen == count else [f"{seen} of {count} suspects are shown"]


def plane(page):
    """Arrow keys lead from point to point, the pointer finds one, and classes are coloured by Enter."""
    if not page.evaluate(f"{DATA}.points.length > 20"):
        return []
    wrong, said = [], set()
    canvas = page.locator("canvas.plane")
    canvas.focus()
    for key in ["ArrowRight", "ArrowUp", "ArrowLeft", "ArrowDown"] * 3:
        page.keyboard.press(key)
        said.add(page.locator("#said").inner_text())
    if len(said) < 2:
        wrong.append("arrow keys do not move from point to point")
    before, blank = page.evaluate(DRAWN)
    if before == blank:
        wrong.append("no points are drawn")
    first = page.locator(".legend button").first
    pressed = first.get_attribute("aria-pressed")
    first.press("Enter")
    if page.locator(".legend button").first.get_attribute("aria-pressed") == pressed or page.evaluate(DRAWN)[0] == before:
        wrong.append("a class is not coloured by Enter")
    return wrong


def near(page):
    """All pages are turned, and together have all pairs; those whose labels differ are marked."""
    pairs = page.evaluate(f"{DATA}.near_by === '' ? [] : {DATA}.near.map((one) => one.first.label !== one.second.label)")
    if not pairs:
        return []
    marks, after = [], page.locator("#near").get_by_role("button", name="Next")
    while True:
        marks += page.locator(".near > li").evaluate_all("(all) => all.map((one) => one.innerText.includes('labels differ'))")
        if not after.count() or after.get_attribute("aria-disabled") == "true":
            break
        after.press("Enter")
    return [] if marks == pairs else [f"{len(marks)} of {len(pairs)} pairs are shown, or the marks are wrong"]


def film(page):
    """The slider shows each frame by keyboard, Play all of them once, and nothing moves."""
    whens = page.evaluate(f"{DATA}.filters.map((one) => one.when)")
    if len(whens) < 3:
        return []
    wrong, slider, play = [], page.locator("#filters input"), page.locator(".player button")
    shown = "[...document.querySelectorAll('.frames figure')].filter((one) => getComputedStyle(one).visibility === 'visible').map((one) => one.innerText.trim())"
    height = "document.getElementById('filters').offsetHeight"
    heights = set()
    slider.press("Home")
    for i, when in enumerate(whens):
        heights.add(page.evaluate(height))
        told = [slider.get_attribute("aria-valuetext"), *page.evaluate(shown)]
        if told != [when, when]:
            wrong.append(f"frame {i} is {told}")
        slider.press("ArrowRight")
    play.press("Enter")
    if page.evaluate(shown) != whens[:1] or play.inner_text() != "Pause":
        wrong.append("Play does not begin")
    page.wait_for_timeout(700)
    play.press("Enter")
    held = page.evaluate(shown)
    page.wait_for_timeout(700)
    if held in (whens[:1], whens[-1:]) or page.evaluate(shown) != held or play.inner_text() != "Play":
        wrong.append(f"Pause does not hold: {held}")
    play.press("Enter")
    page.wait_for_timeout(600 * len(whens))
    if page.evaluate(shown) != whens[-1:] or play.inner_text() != "Play":
        wrong.append("Play does not end")
    heights.add(page.evaluate(height))
    return wrong + ([f"heights {heights}"] if len(heights) > 1 else [])


def used(browser, path):
    page, wrong = look(browser, path, *SCREENS[0], "light")
    for use in [tables, matrix, suspects, near, plane, film]:
        wrong += use(page)
    for fold in page.locator("summary").all():
        fold.press("Enter")
    blank = page.evaluate("[...document.querySelectorAll('img')].filter((one) => one.complete && one.naturalWidth === 0).length")
    if blank:
        wrong.append(f"{blank} pictures are not seen")
    page.close()
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--browser", default="/usr/bin/chromium", help="a Chromium")
    parser.add_argument("--seconds", type=float, default=2.0, help="in which a page must have loaded")
    parser.add_argument("pages", nargs="+", type=Path, help="pages written by `convnet report`")
    arguments = parser.parse_args()
    failures = 0
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=arguments.browser, args=["--no-sandbox"])
        for path in arguments.pages:
            took, wrong = sections(browser, path, arguments.seconds)
            stops, found = by_keyboard(browser, path)
            wrong += found + fits(browser, path) + used(browser, path)
            print(f"{path.name}: {took:.1f} s to load, {stops} stops; {'; '.join(wrong) or 'nothing wrong'}")
            failures += bool(wrong)
        browser.close()
    raise SystemExit(f"{failures} pages are wrong" if failures else 0)


if __name__ == "__main__":
    main()
