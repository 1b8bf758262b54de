
/* A shelf of many things, of which a page is shown at a time. */

const PAGE = 24;

/* Shows the first page, and gives what turns the pages; `one` makes an element of a thing and its place. */
function pager(things, shelf, one, called) {
  const place = make("span", { class: "number" }), pages = Math.ceil(things.length / PAGE);
  let current = 0;
  const turn = (by) => () => {
    current = Math.min(Math.max(current + by, 0), pages - 1);
    show();
    say(`Page ${current + 1} of ${pages}`);
  };
  // A button that is disabled would lose the focus at the last page.
  const before = button("Previous", turn(-1)), after = button("Next", turn(1));
  function show() {
    const from = current * PAGE, some = things.slice(from, from + PAGE);
    place.textContent = `${from + 1} to ${from + some.length} of ${whole(things.length)}`;
    before.setAttribute("aria-disabled", String(current === 0));
    after.setAttribute("aria-disabled", String(current === pages - 1));
    shelf.replaceChildren(...some.map((thing, i) => one(thing, from + i)));
  }
  show();
  return pages > 1 ? [before, place, after] : [make("span", { class: "number" }, counted(things.length, called))];
}
