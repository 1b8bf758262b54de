
/* Tables that are sorted by pressing a heading. */

/* Columns have a `head`, the `value` of a row to sort by, which may be null, and what to `show`; numbers start with the
   largest. */
function sortable({ label, columns, rows, sorted, foot = [] }) {
  const body = make("tbody");
  let order = sorted;
  const heads = columns.map((column, i) => {
    const head = make("th", { scope: "col", class: column.text ? null : "figure" });
    head.append(button(column.head, () => {
      order = order?.column === i ? { column: i, up: !order.up } : { column: i, up: Boolean(column.text) };
      show();
      say(`Sorted by ${column.head}, ${order.up ? "ascending" : "descending"}`);
    }, { class: "sort", title: column.title ?? null }));
    return head;
  });
  const lines = new Map(rows.map((row) => [row, make("tr", {}, ...columns.map((column, i) =>
    make(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: column.text ? null : "figure" },
      ...[column.show(row)].flat())))]));
  function compare(one, other) {
    const { value } = columns[order.column], [a, b] = [value(one), value(other)];
    // What is not known stands last either way.
    if (a === null || b === null) return (a === null) - (b === null);
    const by = typeof a === "string" ? a.localeCompare(b) : a - b;
    return order.up ? by : -by;
  }
  function show() {
    heads.forEach((head, i) => {
      if (order?.column === i) head.setAttribute("aria-sort", order.up ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    });
    body.replaceChildren(...(order ? [...rows].sort(compare) : rows).map((row) => lines.get(row)));
  }
  show();
  const table = make("table", { class: "sortable" }, make("thead", {}, make("tr", {}, ...heads)), body);
  if (foot.length > 0) {
    table.append(make("tfoot", {}, make("tr", {}, ...foot.map((text, i) =>
      make(i === 0 ? "th" : "td", { scope: i === 0 ? "row" : null, class: columns[i].text ? null : "figure" }, text)))));
  }
  return scrolling(label, { class: "scrolls" }, table);
}

/* A column of shares with bars. */
const shares = (head, title, value) => ({
  head, title, value, show: (row) => value(row) === null ? "–"
    : make("span", { class: "barred" }, track(value(row)), make("span", {}, percent(value(row)))),
});
