/* A view whose contents are fetched: when it opens, when its process changes, and when a lost connection is back.
 *
 * Nothing is polled. Contents that are the same are not drawn again; what the reader has selected is not drawn away.
 */

import { element } from "./document.js";
import { printable } from "./text.js";

// Between two requests at least, in milliseconds: a process may change many times a second.
const PAUSE = 500;
// How long a selection is waited for, each time, in milliseconds.
const SELECTION = 1000;

export class FetchedView {
  constructor(box) {
    this.box = box;
    this.spec = null; // null while the view is closed
    this.rest = "";
    this.turn = 0; // answers of earlier turns are of no interest
    this.timer = 0;
    this.asked = -Infinity;
    this.shown = ""; // what is drawn, as JSON
  }

  open({ spec, rest }) {
    this.forget();
    this.spec = spec;
    this.rest = rest;
    this.load();
  }

  close() {
    this.forget();
    this.spec = null;
  }

  forget() {
    this.turn += 1;
    clearTimeout(this.timer);
    this.timer = 0;
    this.shown = "";
    this.box.replaceChildren();
    this.box.scrollTop = 0;
  }

  /** Whether a change of that process is seen in this view. */
  concerns(name) {
    return name === this.spec;
  }

  changed(process) {
    if (process && !this.concerns(process.info.namespec)) return;
    this.later(Math.max(0, this.asked + PAUSE - performance.now()));
  }

  interrupt() {}

  reconnect() {
    if (this.spec !== null) this.load();
  }

  later(delay) {
    if (!this.timer) this.timer = setTimeout(() => this.load(), delay);
  }

  async load() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.asked = performance.now();
    const turn = ++this.turn;
    let found;
    try {
      found = await this.fetch(this.spec, this.rest);
    } catch (error) {
      if (turn === this.turn) this.fail(error.message);
      return;
    }
    if (turn === this.turn) this.show(found);
  }

  /** What stood there before stays. */
  fail(message) {
    this.box.querySelector(".failure")?.remove();
    this.box.prepend(element("p", { class: "failure", role: "status" }, `${printable(message)}.`));
    this.shown = "";
  }

  show(found) {
    const text = JSON.stringify(found);
    if (text === this.shown) return;
    const selection = getSelection();
    if (this.shown && !selection.isCollapsed && this.box.contains(selection.anchorNode)) {
      this.later(SELECTION);
      return;
    }
    const key = this.box.contains(document.activeElement) ? document.activeElement.dataset.key : undefined;
    const top = this.box.scrollTop;
    this.box.replaceChildren(...this.draw(found, this.spec));
    this.shown = text;
    this.box.scrollTop = top;
    if (key !== undefined) this.box.querySelector(`[data-key="${CSS.escape(key)}"]`)?.focus({ preventScroll: true });
  }
}

/** A list of terms and what is said of them; those of which nothing is said are left out. */
export function facts(rows) {
  const said = rows.filter(([, content]) => content && (!Array.isArray(content) || content.length));
  return element(
    "dl",
    { class: "facts" },
    said.map(([term, content]) => [element("dt", null, term), element("dd", null, content)]),
  );
}
