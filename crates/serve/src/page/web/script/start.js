
/* The top of the page, and an empty sheet. */

byId("title").textContent = model.name;
byId("about").textContent = model.about;
byId("notes").hidden = model.notes.length === 0;
byId("notes").append(...model.notes.map((text) => make("li", { dir: "auto" }, text)));

repaint();
enterDrawing();
