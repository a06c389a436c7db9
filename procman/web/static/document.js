/* The document: access to its elements, and the settings of the page that outlive a reload. */

export const $ = (id) => document.getElementById(id);

/** Sets a text only where it differs, so that the rest of the page need not be laid out again. */
export function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
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
