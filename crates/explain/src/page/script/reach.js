
/* The effective receptive field: what the middle cell of a layer depends on, of what it could see. */

const reachMap = make("canvas", { role: "img" }), reachLight = lightOf(null), reachCaption = make("figcaption");
const reachFigure = make("figure", { class: "look reach" }, imageFrame(reachMap, reachLight), reachCaption);

/* The field of a layer, or of the nearest layers before it. */
function reachOf(node) {
  for (const queue = [node], met = new Set(queue); queue.length > 0;) {
    const at = queue.shift(), found = page.fields.find((one) => one.node === at.id);
    if (found) return found;
    for (const id of at.inputs) {
      const before = nodes.get(id);
      if (!before || met.has(before)) continue;
      met.add(before);
      queue.push(before);
    }
  }
  return null;
}

function showReach() {
  const node = nodeNow(), reach = reachOf(node);
  reachFigure.hidden = !reach;
  if (!reach) return;
  const from = nodes.get(reach.node), field = fieldOf(from, ...reach.middle), side = Math.max(1, Math.round(reach.size));
  const levels = kept(reach, () => bytes(reach.levels));
  fill(reachMap, reach.width, reach.height, VIRIDIS, (i) => levels[i] / 255);
  reachMap.setAttribute("aria-label", `How much the middle cell of ${nodeName(from)} depends on each pixel`);
  putLight(reachLight, field);
  const theoretical = !field || field.whole ? "the whole image" : `${field.size.map(whole).join(" × ")} pixels (frame)`;
  const name = from === node ? "" : ` of ${nodeName(from)}, a layer before`;
  reachCaption.replaceChildren(make("strong", {}, `Receptive field of the middle cell${name}`), make("br"),
    `Theoretical ${theoretical}, effective about ${whole(side)} × ${whole(side)}.`, make("br"),
    `Bright pixels count most. Mean of ${counted(reach.images, "image")}.`);
}

on("layer", showReach);
