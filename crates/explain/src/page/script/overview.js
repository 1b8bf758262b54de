
/* The filters of the first layer, and what became of the channels of all layers. */

function showFilters() {
  const { filters } = page, section = byId("filters");
  section.hidden = !filters;
  if (!filters) return;
  const node = nodes.get(filters.node);
  const shelf = make("div", { class: filters.count > 12 ? "strip filters" : "strip filters few" });
  section.append(make("p", { class: "note" }, `${filters.count} filters of ${filters.height} × ${filters.width} pixels, in `
    + `${nodeName(node)}. Press one to see its channel.`), shelf);
  const canvases = Array.from({ length: filters.count }, (_, i) => {
    const canvas = make("canvas");
    const choose = button("", () => {
      chooseLayer(filters.node);
      state.cell = null;
      state.channel = i;
      changed("channel");
      reveal();
    }, { "aria-label": `Filter ${i}` });
    choose.append(canvas, make("span", {}, String(i)));
    choose.style.setProperty("--shape", `${filters.width} / ${filters.height}`);
    shelf.append(choose);
    return canvas;
  });
  reachable([...shelf.children], 0);
  shelf.addEventListener("focusin", () => reachable([...shelf.children], [...shelf.children].indexOf(document.activeElement)));
  shelf.addEventListener("keydown", (event) => {
    const all = [...shelf.children], by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    all[Math.min(Math.max(all.indexOf(document.activeElement) + by, 0), all.length - 1)].focus();
  });
  picture(filters.strip).then((image) => canvases.forEach((canvas, i) => drawTile(canvas, image, filters, i)));
}

const layerButton = (node) => button(nodeName(node), () => {
  chooseLayer(node.id);
  reveal();
}, { class: "plain" });

function showActivity() {
  const section = byId("activity"), dead = page.activity.reduce((sum, one) => sum + one.dead, 0);
  section.hidden = page.activity.length === 0;
  const images = page.images.length === 1 ? "this image" : `these ${page.images.length} images`;
  section.append(make("p", { class: "note" }, dead > 0
    ? `${counted(dead, "channel")} of a ReLU ${dead === 1 ? "was" : "were"} zero everywhere in ${images}.`
    : `No channel of a ReLU was zero everywhere in ${images}.`), weakNote());
  const heads = ["layer", "channels", "dead", "zeros", "values"];
  const body = make("tbody", {}, ...page.activity.map((one) => {
    const node = nodes.get(one.node), bar = make("span", { class: "bar" });
    bar.style.width = `${100 * one.zeros}%`;
    return make("tr", {}, make("th", { scope: "row" }, layerButton(node), make("span", { class: "note" }, ` ${node.op}`)),
      make("td", {}, whole(one.channels)), make("td", { class: one.dead ? "dead" : null }, one.dead ? whole(one.dead) : "–"),
      make("td", { class: "zeros" }, make("span", { class: "track" }, bar), make("span", {}, percent(one.zeros))),
      make("td", {}, histogram(one.histogram, one.least, one.most, `Values of ${nodeName(node)}`)));
  }));
  section.append(make("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": "Activity by layer" },
    make("table", { class: "activity" },
      make("thead", {}, make("tr", {}, ...heads.map((name) => make("th", { scope: "col" }, name)))), body)));
}
