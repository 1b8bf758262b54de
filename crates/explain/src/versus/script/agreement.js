
/* Which images both have right, and which only one, to look at. */

const { agreement, differing } = report;
const imageShelf = make("div", { class: "shelf", role: "toolbar" }), imageDetail = make("div", { class: "detail" });
const groupHead = make("h3"), groupNote = note("");

/* The counts in two rows and two columns, with how each is told. */
const GROUPS = [["both", () => ["both right"]], ["first", () => ["only ", sideName(0)]],
  ["second", () => ["only ", sideName(1)]], ["neither", () => ["neither right"]]];
const groupButtons = new Map();

function showImage(at) {
  const image = report.images[at], shown = [...imageShelf.children];
  shown.forEach((one) => one.setAttribute("aria-pressed", String(one.place === at)));
  reachable(shown, shown.findIndex((one) => one.place === at));
  imageDetail.replaceChildren(
    make("figure", { class: "card" }, thumb(at), make("figcaption", {}, fileName(image),
      make("p", {}, "is ", make("strong", {}, named(image.truth))))),
    make("div", { class: "duo" }, ...image.answers.map((answers, side) => make("div", { class: `side ${SIDES[side]}` },
      sideName(side), answersOf({ truth: image.truth, answers })))));
}

function chooseImage(at) {
  const { name, truth, answers } = report.images[at];
  showImage(at);
  say(`${name} is ${nameOf(truth)}. ${answers.map(([[cls]], side) => `${names[side]}: ${nameOf(cls)}`).join(". ")}.`);
}

function showGroup({ kind, images, more }) {
  groupButtons.forEach((choose, of) => choose.setAttribute("aria-pressed", String(of === kind)));
  groupHead.replaceChildren(...GROUPS.find(([of]) => of === kind)[1]());
  groupNote.textContent = `${more > 0 ? `${whole(images.length)} of ${counted(images.length + more, "image")}`
    : counted(images.length, "image")}, the surest answers first. Press one.`;
  imageShelf.setAttribute("aria-label", `Images: ${groupHead.textContent}`);
  imageShelf.replaceChildren(...images.map((at) => {
    const choose = button(thumb(at), () => chooseImage(at));
    choose.place = at;
    return choose;
  }));
  showImage(images[0]);
}

function groupCell([kind, told]) {
  const count = agreement[kind], share = count / Math.max(agreement.images, 1), area = make("span", { class: "area" });
  area.style.setProperty("--side-length", `${(100 * Math.sqrt(share)).toFixed(1)}%`);
  const parts = [make("span", { class: "box" }, area), make("span", {}, make("strong", {}, whole(count)), make("br"), ...told(),
    make("br"), make("span", { class: "note" }, percent(share)))];
  const group = differing.find((one) => one.kind === kind && one.images.length > 0);
  if (!group) return make("div", { class: `group ${kind}` }, ...parts);
  const choose = button("", () => {
    showGroup(group);
    say(`${groupHead.textContent}: ${groupNote.textContent}`);
  }, { class: `group ${kind}` });
  choose.append(...parts);
  groupButtons.set(kind, choose);
  return choose;
}

fillSection("agreement", agreement, () => {
  const quad = make("div", { class: "quad", role: "group", "aria-label": "Right answers" }, ...GROUPS.map(groupCell));
  const begin = differing.find(({ images }) => images.length > 0);
  const parts = [make("p", { class: "told", dir: "auto" }, agreement.told)];
  if (!begin) return [...parts, quad];
  rove(imageShelf, () => [...imageShelf.children], () => {
    const [first, ...others] = imageShelf.children, row = others.findIndex(({ offsetTop }) => offsetTop > first.offsetTop);
    return row < 0 ? others.length + 1 : row + 1;
  });
  showGroup(begin);
  return [...parts, note(`${counted(agreement.images, "image")}; a square's area is its share. Press a part to see its images. `
    + "Keys: Tab, arrows."),
  make("div", { class: "agree" }, quad, make("div", { class: "side" }, groupHead, groupNote, imageShelf, imageDetail))];
});
