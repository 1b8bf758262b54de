
/* Arrow keys, Home and End move among `elements`, of which one is reached by Tab. */
function rove(holder, elements, columns = () => 1) {
  holder.addEventListener("keydown", (event) => {
    const all = elements(), at = all.indexOf(document.activeElement);
    if (at < 0) return;
    const to = {
      ArrowRight: at + 1, ArrowLeft: at - 1, ArrowDown: at + columns(), ArrowUp: at - columns(), Home: 0, End: all.length - 1,
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    const next = all[Math.min(Math.max(to, 0), all.length - 1)];
    next.focus();
    next.click();
  });
}

const reachable = (elements, chosen) =>
  elements.forEach((element, i) => { element.tabIndex = i === Math.max(chosen, 0) ? 0 : -1; });
