/* Settings that outlive a reload. */

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
