
/* How a program asks. */

/* An address as a shell takes it between single quotes. */
const quoted = (address) => `'${new URL(address, document.baseURI).href.replaceAll("'", "%27")}'`;

function recipe(text, command) {
  return [make("p", {}, text), make("div", { class: "recipe" },
    make("div", { class: "scrolls", tabindex: 0, role: "region", "aria-label": "Command" },
      make("pre", {}, make("code", {}, command))),
    copying("Copy", command))];
}

byId("programs").append(
  ...recipe(`The ${ANSWERS} likeliest classes of an image of at most ${sized(model.mostBytes)}:`,
    `curl -H 'Content-Type: image/png' --data-binary @image.png ${quoted(`api/predict?top=${ANSWERS}`)}`),
  ...recipe("Tensors by the Open Inference Protocol v2 of KServe, which clients of Triton speak too. Its inputs and outputs:",
    `curl ${quoted(model.v2)}`),
  make("p", { class: "note" }, ...withCode("A server that has a token is shown it with `-H 'Authorization: Bearer TOKEN'`.")));
