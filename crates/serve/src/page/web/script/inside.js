
/* The whole network at work on the image: a page of its own, shown in this one. */

const insideNote = note("Every layer at work on this image, down to the arithmetic of a cell. It takes some seconds.");
const opened = make("div", { class: "opened", hidden: true });
/* The bytes that the shown page is of. */
let insideOf = null, making = false;

const lookInside = button("Look inside", async () => {
  if (!allowed(lookInside)) return;
  const { blob } = answered;
  making = true;
  allow(lookInside, false);
  insideNote.textContent = "The page is made …";
  say("The page is made");
  try {
    const { page } = await post("api/explain", blob);
    insideOf = blob;
    opened.hidden = false;
    opened.replaceChildren(make("iframe", { src: page, title: "The network at work on the image" }));
    insideNote.replaceChildren(make("a", { href: page, target: "_blank", rel: "noopener" }, "Open it in a tab of its own"));
    say("The network at work on the image is below");
    byId("inside").scrollIntoView({ block: "start" });
  } catch (problem) {
    insideNote.replaceChildren(...withCode(problem.message));
  }
  making = false;
  markInside();
});

const older = note("The image has changed since.", { hidden: true });
byId("inside").append(make("div", { class: "toolbar" }, lookInside, insideNote, older), opened);

function markInside() {
  allow(lookInside, Boolean(answered) && !making);
  older.hidden = !insideOf || insideOf === answered?.blob;
}

on("answers", markInside);
