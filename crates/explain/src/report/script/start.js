
/* The list of sections, and what paper needs. */

const sections = [...document.querySelectorAll("main > section:not([hidden])")];
const links = sections.map((section) => make("a", { href: `#${section.id}` },
  section.dataset.entry ?? section.querySelector("h2").textContent));
byId("contents").append(...links);

/* The section that is read is the last one that has begun. */
function markSection() {
  const line = innerHeight / 3;
  const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
  const begun = sections.findLastIndex((section) => section.getBoundingClientRect().top <= line);
  const now = atEnd ? sections.length - 1 : Math.max(begun, 0);
  links.forEach((link, i) => {
    if (i !== now) {
      link.removeAttribute("aria-current");
    } else if (!link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "true");
      const list = byId("contents");
      list.scrollLeft = link.offsetLeft - (list.clientWidth - link.offsetWidth) / 2;
    }
  });
}

addEventListener("scroll", markSection, { passive: true });
addEventListener("resize", markSection);
markSection();

const folded = [...document.querySelectorAll("details")];
let unfolded = [];
addEventListener("beforeprint", () => {
  unfolded = folded.filter((one) => !one.open);
  unfolded.forEach((one) => { one.open = true; });
});
addEventListener("afterprint", () => unfolded.forEach((one) => { one.open = false; }));
