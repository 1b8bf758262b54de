
/* What each layer costs. */

fillSection("layers", report.layers.length > 0, () => {
  const { layers } = report, total = (key) => layers.reduce((sum, layer) => sum + layer[key], 0);
  const longest = Math.max(...layers.map((layer) => layer.milliseconds), 0), time = total("milliseconds");
  const largest = Math.max(...layers.map((layer) => layer.bytes), 0);
  const barred = (share, text) => make("span", { class: "barred" }, track(share), make("span", {}, text));
  return [note("Time of inference of one batch, and memory, by layer, in the order in which they run. Press a heading to sort."), sortable({
    label: "Layers", rows: layers, columns: [
      {
        head: "layer", text: true, value: (layer) => layers.indexOf(layer),
        show: (layer) => [bdi(layer.path || layer.op), make("span", { class: "note" }, layer.path ? ` ${layer.op}` : "")],
      },
      {
        head: "ms", title: "Milliseconds", value: (layer) => layer.milliseconds,
        show: (layer) => barred(longest > 0 ? layer.milliseconds / longest : 0, lasting(layer.milliseconds)),
      },
      { head: "share", title: "Share of the time", value: (layer) => layer.milliseconds,
        show: (layer) => time > 0 ? percent(layer.milliseconds / time) : "–" },
      { head: "parameters", value: (layer) => layer.parameters, show: (layer) => whole(layer.parameters) },
      { head: "MACs", title: "Multiply-accumulates for one image", value: (layer) => layer.macs, show: (layer) => many(layer.macs) },
      {
        head: "output", title: "Memory of its output for one image", value: (layer) => layer.bytes,
        show: (layer) => barred(largest > 0 ? layer.bytes / largest : 0, sized(layer.bytes)),
      },
    ],
    foot: ["all", lasting(time), "", whole(total("parameters")), many(total("macs")), sized(total("bytes"))],
  })];
});
