
/* The list of sections: which there are, and which is read. */

const links = [...document.querySelectorAll("#contents a")];

/* A section without anything to show is left out, with its link. */
function offer(id, there) {
  byId(id).hidden = !there;
  links.find((link) => link.hash === `#${id}`).hidden = !there;
}

/* The section that is read is the last one that has begun. */
function markSection() {
  const there = links.filter((link) => !link.hidden), line = innerHeight / 3;
  const atEnd = innerHeight + scrollY >= document.documentElement.scrollHeight - 2;
  const begun = there.findLastIndex((link) => document.querySelector(link.hash).getBoundingClientRect().top <= line);
  const now = there[atEnd ? there.length - 1 : Math.max(begun, 0)];
  for (const link of links) {
    if (link !== now) {
      link.removeAttribute("aria-current");
    } else if (!link.hasAttribute("aria-current")) {
      link.setAttribute("aria-current", "true");
      const list = byId("contents");
      list.scrollLeft = link.offsetLeft - (list.clientWidth - link.offsetWidth) / 2;
    }
  }
}

addEventListener("scroll", markSection, { passive: true });
addEventListener("resize", markSection);

/* There is nothing to see before the first answer, and what it fills does not jump afterwards. */
function reveal() {
  const main = document.querySelector("main");
  if (!main.hidden) return;
  main.hidden = false;
  markSection();
}
