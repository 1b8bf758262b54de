
/* The images that excite the chosen channel most, each with what the most excited cell sees of it. */

const excitingTitle = make("h3", { id: "exciting-title" }), excitingNote = make("p", { class: "note" });
const gallery = make("div", { class: "exciting", role: "listbox", "aria-labelledby": "exciting-title" });
const excitingCaption = make("p", { class: "note" });
const exciting = make("div", {}, excitingTitle, excitingNote, gallery, excitingCaption);

const excitingOf = () => [...gallery.children];
rove(gallery, excitingOf, () => columnsOf(excitingOf()));

function chooseExciting(chosen) {
  const all = excitingOf();
  for (const option of all) option.setAttribute("aria-selected", String(option === chosen));
  reachable(all, all.indexOf(chosen));
  excitingCaption.textContent = chosen.title;
}

function excitingOption(node, [at, value, row, column]) {
  const { images, sprite } = page.exciting, { name, label } = images[at];
  const place = mapOf(node) ? `, at row ${row}, column ${column}` : "";
  const told = `${name}${label ? ` (${label})` : ""}: ${shown(value)}${place}`;
  const canvas = make("canvas"), option = make("div", { role: "option", title: told, "aria-label": told },
    imageFrame(canvas, lightOf(fieldOf(node, row, column))), make("span", {}, shown(value)));
  option.addEventListener("click", () => chooseExciting(option));
  option.addEventListener("focus", () => chooseExciting(option));
  picture(sprite.picture).then((image) => drawTile(canvas, image, sprite, at));
  return option;
}

function showExciting() {
  const node = nodeNow(), layer = page.exciting?.channels[node.id], best = layer?.[state.channel] ?? [];
  exciting.hidden = !layerNow();
  excitingTitle.textContent = `Images that excite ${mapOf(node) ? "channel" : "value"} ${channelName(node, state.channel)} most`;
  excitingTitle.hidden = gallery.hidden = excitingCaption.hidden = best.length === 0;
  gallery.replaceChildren(...best.map((one) => excitingOption(node, one)));
  if (best.length > 0) {
    const framed = gallery.querySelector(".field:not([hidden])");
    excitingNote.textContent = `From ${page.exciting.told}.${framed ? " The frame is what the most excited cell sees." : ""}`;
    chooseExciting(gallery.firstChild);
  } else if (page.exciting) {
    excitingNote.textContent = layer && state.channel in layer ? `None of ${page.exciting.told} excites it.`
      : `Images that excite it most: not kept for this ${layer ? "channel" : "layer"}.`;
  } else {
    excitingNote.replaceChildren("Add ", make("code", {}, "--data DATA"), " to see the images that excite a channel most.");
  }
}

on("channel", showExciting);
