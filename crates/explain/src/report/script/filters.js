
/* The filters of the first layer: before and after training, or on their way through it. */

const { filters } = report;
/* Pictures are enlarged by whole factors, to about so many pixels. */
const ENLARGED = 440, LEAST = 40;
/* Up to so many stand side by side; of more, one is shown at a time, each for so many milliseconds when they are played. */
const SIDE_BY_SIDE = 2, FRAME = 600;

const enlargedBy = ({ height, width }) => Math.max(Math.floor(ENLARGED / width), Math.ceil(LEAST / height), 1);
const tooWide = (one) => one.width * enlargedBy(one) > ENLARGED;

function enlarged(one) {
  const by = enlargedBy(one);
  return make("img", { src: one.picture, alt: `Filters ${one.when}`, width: one.width * by, height: one.height * by });
}

function filterFigure(one) {
  const image = enlarged(one);
  return make("figure", {}, tooWide(one) ? scrolling(`Filters ${one.when}`, { class: "strip" }, image) : image,
    make("figcaption", {}, one.when));
}

/* Frames on top of each other, with a slider that shows one of them, and a button that goes through them. */
function film() {
  const last = filters.length - 1;
  const frames = filters.map((one) => make("figure", {}, enlarged(one), make("figcaption", {}, one.when)));
  const stack = make("div", { class: "frames" }, ...frames);
  const slider = make("input", { type: "range", min: 0, max: last, step: 1, "aria-label": "Time of training" });
  let timer = null;
  function show(at) {
    slider.value = at;
    slider.setAttribute("aria-valuetext", filters[at].when);
    frames.forEach((frame, i) => frame.classList.toggle("now", i === at));
  }
  function pause() {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  }
  const play = button("Play", () => {
    if (timer !== null) {
      pause();
      return;
    }
    if (slider.valueAsNumber === last) show(0);
    play.textContent = "Pause";
    timer = setInterval(() => {
      show(slider.valueAsNumber + 1);
      if (slider.valueAsNumber === last) pause();
    }, FRAME);
  });
  slider.addEventListener("input", () => {
    pause();
    show(slider.valueAsNumber);
  });
  show(last);
  return [make("div", { class: "toolbar player" }, play, slider), make("div", { class: "filters" },
    filters.some(tooWide) ? scrolling("Filters", { class: "strip" }, stack) : stack)];
}

fillSection("filters", filters.length > 0, () => {
  const many = filters.length > SIDE_BY_SIDE;
  return [note("The filters of the first convolution, enlarged. After training, edges and colours should be seen in them rather "
    + `than noise.${many ? " Move the slider, or press Play, to see how they became so." : ""}`),
  ...many ? film() : [make("div", { class: "filters" }, ...filters.map(filterFigure))]];
});
