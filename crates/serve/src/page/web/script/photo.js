
/* Images that are there already: chosen, dropped, pasted, or taken by the camera. */

/* Kinds that browsers do not count among images, and the network reads. */
const KINDS = "image/*,.qoi,.pnm,.pbm,.pgm,.ppm,.pam,.tif,.tiff";

/* What a file holds now. It may change on the disk, or be a folder, which would fail only while it is sent. */
async function bytesOf(blob) {
  try {
    return new Blob([await blob.arrayBuffer()], { type: blob.type });
  } catch {
    throw new Problem(`${blob.name} cannot be read.`);
  }
}

function lookAtBlob(blob, told) {
  const address = URL.createObjectURL(blob);
  enter("photo", () => {
    photo.removeAttribute("src");
    URL.revokeObjectURL(address);
  });
  photo.src = address;
  photo.alt = told;
  byId("file").textContent = told;
  lookAt({ subject: {}, blob: () => bytesOf(blob), every: 0 });
}

// What a browser cannot show, the network may still read.
photo.addEventListener("error", () => {
  photo.hidden = true;
  byId("file").append(" The browser cannot show it.");
});

/* What is dropped or pasted comes from anywhere on the page: what became of it must be seen. */
const reveal = (id) => byId(id).scrollIntoView({ block: "nearest" });

function refuse(text) {
  tellProblem(text);
  reveal("problem");
}

function takeFiles(files) {
  const [file] = files, others = files.length - 1;
  if (file.size > model.mostBytes) {
    refuse(`${file.name} has ${sized(file.size)}, and the server takes ${sized(model.mostBytes)} at most.`);
    return;
  }
  const left = others === 1 ? "the other file was" : `the other ${others} files were`;
  const more = others > 0 ? ` One image at a time: ${left} not taken.` : "";
  lookAtBlob(file, `${file.name}, ${sized(file.size)}.${more}`);
  if (more) say(more);
  reveal("image");
}

const chooser = make("input", { type: "file", accept: KINDS, hidden: true });
chooser.addEventListener("change", () => {
  if (chooser.files.length > 0) takeFiles([...chooser.files]);
  // The same file can be chosen again.
  chooser.value = "";
});
sourceOf.photo = button("Choose a file", () => chooser.click());
byId("sources").append(sourceOf.photo, chooser);

/* Dropped anywhere. A link or a picture of another page is no file, and must not open in place of this page either. */

const dropped = (event) => ["Files", "text/uri-list"].some((kind) => event.dataTransfer.types.includes(kind));
const dropping = (now) => document.body.classList.toggle("dropping", now);

addEventListener("dragover", (event) => {
  if (!dropped(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "copy";
  dropping(true);
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) dropping(false);
});
addEventListener("drop", (event) => {
  dropping(false);
  if (!dropped(event)) return;
  event.preventDefault();
  const files = [...event.dataTransfer.files];
  if (files.length > 0) takeFiles(files);
  else refuse("That is no file: save the image first, or copy it and paste it here.");
});

addEventListener("paste", (event) => {
  const files = [...event.clipboardData.files];
  if (files.length > 0) takeFiles(files);
  else refuse("There is no image in the clipboard.");
});
