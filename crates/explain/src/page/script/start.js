
/* The top of the page, and the first look. */

const { network } = page;
byId("about").textContent = `${whole(network.parameters)} parameters, ${whole(network.macs)} multiply-accumulates an image, `
  + `reads ${times(network.input)}, tells ${counted(network.classes.length, "class", "classes")} apart.`;

const tabs = page.images.map((image, i) => {
  const tab = button("", () => chooseImage(i), { role: "tab", class: "tab", "aria-controls": "panels" });
  tab.append(make("img", { src: image.photo, alt: "" }), make("span", {}, image.name));
  return tab;
});

function chooseImage(i) {
  if (i === state.image) return;
  state.image = i;
  changed("image");
  chooseLayer(state.layer, true);
  markTabs();
}

function markTabs() {
  tabs.forEach((tab, i) => tab.setAttribute("aria-selected", String(i === state.image)));
  reachable(tabs, state.image);
}

const pictures = byId("pictures");
pictures.hidden = tabs.length < 2;
pictures.append(...tabs);
rove(pictures, () => tabs);
markTabs();

showFilters();
showActivity();
changed("image");
const first = page.nodes.find((node) => node.window) ?? page.nodes[0];
chooseLayer(first.id);
if (net.items.length > 0) draw();
