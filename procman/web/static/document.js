/* The document: access to its elements, and the settings of the page that outlive a reload. */

export const $ = (id) => document.getElementById(id);

/** Sets a text only where it differs, so that the rest of the page need not be laid out again. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A new element. Texts are texts, never markup; attributes that are null or false are left out. */
export const element = (tag, attributes, ...children) => filled(document.createElement(tag), attributes, children);

/** The same, of an SVG. */
export const shape = (tag, attributes, ...children) =>
  filled(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);

function filled(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== ""));
  return made;
}

/** Makes these the children of a list, with as few moves as possible. */
export function arrange(list, children) {
  let next = list.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else list.insertBefore(child, next);
  }
  while (next) {
    const stray = next;
    next = next.nextElementSibling;
    stray.remove();
  }
}

/** Switches a toggle button; returns whether it is pressed now. */
export function toggle(button) {
  const pressed = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(pressed));
  return pressed;
}

export function stored(name) {
  try {
    return localStorage.getItem(`procman-${name}`);
  } catch {
    return null; // the browser stores nothing
  }
}

export function store(name, text) {
  try {
    localStorage.setItem(`procman-${name}`, text);
  } catch {
    // The setting lasts until the page is closed.
  }
}
