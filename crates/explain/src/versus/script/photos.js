
/* The same photo through both: what each network sees, what it answers, and what spoke for its answers. */

const { photos } = report;
const photoTabs = make("div", { class: "tabs", role: "tablist", "aria-label": "Photos" });
const photoPanel = make("div", { id: "photo", role: "tabpanel", tabindex: 0 });

function view(uri, label) {
  const image = make("img", { src: uri, alt: label, class: "thumb" });
  image.addEventListener("load", () => image.classList.toggle("coarse", image.naturalWidth < COARSE));
  return image;
}

const sameClass = (one, other) => one.class === other.class && one.name === other.name;
const sameMap = (one, other) => sameClass(one, other) && one.method === other.method;

function answersTold(photo) {
  const [first, second] = photo.sides.map(({ answers }) => answers[0]);
  return sameClass(first, second) ? ["both: ", bdi(first.name)] : [bdi(first.name), " / ", bdi(second.name)];
}

function verdict({ answers: [first] }, truth) {
  const told = truth === null ? "" : first.class === truth ? ", right" : ", wrong";
  return make("p", { class: "verdict" }, make("strong", {}, bdi(first.name)), ` with ${percent(first.probability)}${told}`);
}

function photoSide(photo, side) {
  const seen = photo.sides[side];
  return make("div", { class: `side ${SIDES[side]}` }, make("h3", {}, sideName(side)),
    view(seen.photo, `What ${names[side]} sees of ${photo.name}`),
    make("div", {}, verdict(seen, photo.truth), make("ol", { class: "bars", "aria-label": "Answers" },
      ...seen.answers.map((answer) => make("li", { class: answer.class === photo.truth ? "right" : null }, bdi(answer.name),
        make("span", { class: "number" }, percent(answer.probability)), track(answer.probability))))));
}

/* The maps of both networks for one class, beside each other. */
function mapPair(photo, asked) {
  return make("li", {}, make("h4", {}, `${asked.method} for `, bdi(asked.name)), make("div", { class: "duo" },
    ...photo.sides.map(({ heats, answers }, side) => {
      const heat = heats.find((one) => sameMap(one, asked)), answer = answers.find((one) => sameClass(one, asked));
      return make("figure", {},
        heat ? view(heat.picture, `${asked.method} for ${asked.name}, ${names[side]}`) : make("p", { class: "absent" }, "no map"),
        make("figcaption", {}, sideName(side), ...answer ? [` ${percent(answer.probability)}`] : []));
    })));
}

function showPhoto(at) {
  const photo = photos[at], tabs = [...photoTabs.children];
  tabs.forEach((tab, i) => tab.setAttribute("aria-selected", String(i === at)));
  reachable(tabs, at);
  const maps = photo.sides.flatMap(({ heats }) => heats);
  const asked = maps.filter((map, i) => maps.findIndex((other) => sameMap(other, map)) === i);
  photoPanel.setAttribute("aria-label", photo.name);
  photoPanel.replaceChildren(
    make("p", { class: "photo-name" }, bdi(photo.name),
      ...photo.truth === null ? [] : [" is ", make("strong", {}, named(photo.truth))]),
    make("div", { class: "through" }, ...photo.sides.map((_, side) => photoSide(photo, side))),
    ...asked.length > 0 ? [make("ul", { class: "maps" }, ...asked.map((map) => mapPair(photo, map)))] : []);
}

function photoTab(photo, at) {
  const tab = button(make("img", { src: photo.sides[0].photo, alt: "" }), () => showPhoto(at),
    { role: "tab", class: "tab", "aria-controls": "photo", title: photo.name });
  tab.append(make("span", {}, make("span", {}, bdi(photo.name)), make("span", { class: "note" }, ...answersTold(photo))));
  return tab;
}

fillSection("photos", photos.length > 0, () => {
  photoTabs.append(...photos.map(photoTab));
  photoTabs.hidden = photos.length === 1;
  rove(photoTabs, () => [...photoTabs.children]);
  showPhoto(0);
  const mapped = photos.some(({ sides }) => sides.some(({ heats }) => heats.length > 0));
  return [note(`What each network sees, and what it answers.${mapped ? " The maps show what spoke for a class." : ""}`),
    photoTabs, photoPanel];
});
