// Elements that every page makes. Texts come in as text nodes: names of files, layers and classes may hold anything.

const byId = (id) => document.getElementById(id);

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

function button(content, action, attributes = {}) {
  const element = make("button", { type: "button", ...attributes }, content);
  element.addEventListener("click", action);
  return element;
}

const say = (text) => { byId("said").textContent = text; };
