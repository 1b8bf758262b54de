
/* The filters of the first convolution over the epochs. */

/* How wide the large picture may be, and how long each is shown when they are played. */
const WIDEST = 480, SHOWN_FOR = 500;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/* The pictures that are here, by their epochs. */
const filterPictures = new Map();
let filterEpochs = [], epochShown = null, playing = null;

const filterPicture = make("img", { class: "coarse", alt: "" }), filterCaption = make("figcaption");
const filterSlider = make("input", { type: "range", min: 0, max: 0, value: 0, step: 1, "aria-label": "Epoch of the filters" });
const playButton = button("Play", () => (playing === null ? play() : stopPlaying()), { class: "play" });
const filterThumbs = make("ol", { class: "thumbs" });
byId("filters").append(
  note("What the first convolution looks for, a square a filter."),
  make("div", { class: "toolbar" }, filterSlider, playButton),
  make("figure", {}, make("div", { class: "large" }, filterPicture), filterCaption), filterThumbs);

const toldEpochOf = (epoch) => epoch === 0 ? "before training" : `after epoch ${epoch}`;

/* Whole pixels of the picture become whole pixels of the page, as many as there is room for. */
function fitPicture() {
  const { naturalWidth: width, naturalHeight: height } = filterPicture, room = filterPicture.parentElement.clientWidth;
  if (width === 0 || room === 0) return;
  const times = Math.max(Math.floor(Math.min(WIDEST, room) / Math.max(width, height)), 1);
  filterPicture.style.width = `${times * width}px`;
}
filterPicture.addEventListener("load", fitPicture);
new ResizeObserver(fitPicture).observe(filterPicture.parentElement);

function showFilters(epoch) {
  epochShown = epoch;
  const at = filterEpochs.indexOf(epoch), told = toldEpochOf(epoch);
  filterSlider.value = at;
  mark(filterSlider, "aria-valuetext", told);
  if (filterPicture.src !== filterPictures.get(epoch)) filterPicture.src = filterPictures.get(epoch);
  filterPicture.alt = `The first filters ${told}`;
  put(filterCaption, told[0].toUpperCase() + told.slice(1));
  [...filterThumbs.children].forEach((item, i) => mark(item.firstChild, "aria-pressed", String(i === at)));
  const item = filterThumbs.children[at];
  filterThumbs.scrollLeft = item.offsetLeft - (filterThumbs.clientWidth - item.offsetWidth) / 2;
}

filterSlider.addEventListener("input", () => {
  stopPlaying();
  showFilters(filterEpochs[filterSlider.valueAsNumber]);
});

function stopPlaying() {
  clearInterval(playing);
  playing = null;
  put(playButton, "Play");
}

function play() {
  put(playButton, "Stop");
  if (epochShown === filterEpochs.at(-1)) showFilters(filterEpochs[0]);
  playing = setInterval(() => {
    const next = filterEpochs[filterEpochs.indexOf(epochShown) + 1];
    if (next === undefined || calm.matches) stopPlaying();
    else showFilters(next);
  }, SHOWN_FOR);
}

/* The slider does by keyboard what these do, with one tab stop. */
function thumbOf() {
  const item = make("li", {}, button(make("img", { class: "coarse", alt: "" }), () => {
    stopPlaying();
    showFilters(filterEpochs[[...filterThumbs.children].indexOf(item)]);
  }, { tabindex: -1 }));
  item.firstChild.append(make("span"));
  return item;
}

/* Epochs come, and the server drops some of those between; who looks at the latest goes on to the next. */
function listFilters() {
  const follows = epochShown === null || (epochShown === filterEpochs.at(-1) && playing === null);
  filterEpochs = [...filterPictures.keys()].sort((one, other) => one - other);
  filterSlider.max = Math.max(filterEpochs.length - 1, 0);
  playButton.disabled = filterEpochs.length < 2;
  fillList(filterThumbs, filterEpochs, thumbOf, (item, epoch) => {
    const [image, name] = item.firstChild.children, picture = filterPictures.get(epoch);
    if (image.src !== picture) image.src = picture;
    put(name, String(epoch));
    item.firstChild.title = toldEpochOf(epoch);
    mark(item.firstChild, "aria-label", `The first filters ${toldEpochOf(epoch)}`);
  });
  if (filterEpochs.length === 0) return;
  const nearest = filterEpochs.reduce((best, epoch) => Math.abs(epoch - epochShown) < Math.abs(best - epochShown) ? epoch : best);
  showFilters(follows ? filterEpochs.at(-1) : nearest);
}

/* Fetches what is new of the pictures, and drops what the server no longer has. */
async function updateFilters(run, fetchPicture) {
  offer("filters", run.filters.length > 0);
  const gone = [...filterPictures.keys()].filter((epoch) => !run.filters.includes(epoch));
  const come = run.filters.filter((epoch) => !filterPictures.has(epoch));
  for (const epoch of gone) {
    URL.revokeObjectURL(filterPictures.get(epoch));
    filterPictures.delete(epoch);
  }
  for (const epoch of come) {
    const picture = await fetchPicture(epoch);
    // It may have been dropped since the list was made.
    if (picture !== null) filterPictures.set(epoch, picture);
  }
  if (gone.length + come.length > 0) listFilters();
}
