/* The lines of the log that is shown: a bounded number of them, scrolled to the newest or where the reader stopped. */

import { $ } from "./document.js";
import { StickyBox } from "./sticky-box.js";
import { printable, withoutEscapes } from "./text.js";

// The longest part of a line that is shown, in characters.
const LINE = 4000;

// The number of lines that are kept; twice as many while the reader has scrolled back.
export const LINES = 3000;
// The most characters without an end of line that are kept as one line.
const LONGEST = 16_000;

/** Calls `atEnd` whenever the view is (again) at the newest line. */
export class LogLines {
  constructor(atEnd) {
    this.box = $("lines");
    this.view = new StickyBox(this.box, $("newest"), atEnd);
    this.drawing = false; // the next frame shows what is waiting
    this.forget();
  }

  forget() {
    this.waiting = []; // lines that are not shown yet
    this.rest = ""; // the last line, which has no end yet
    this.last = null; // its element
  }

  clear() {
    this.forget();
    this.box.replaceChildren();
  }

  get stuck() {
    return this.view.stuck;
  }

  stick(stuck) {
    this.view.stick(stuck);
  }

  restick() {
    this.view.restick();
  }

  take(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    if (this.rest.length > LONGEST) {
      lines.push(this.rest);
      this.rest = "";
    }
    // Lines that would scroll out at once need not be shown.
    this.waiting = this.waiting.concat(lines).slice(-LINES);
    if (!this.drawing) {
      this.drawing = true;
      requestAnimationFrame(() => this.draw());
    }
  }

  /** Resolves when there is room for more text: a flood is read no faster than it can be shown. */
  async ready() {
    if (this.waiting.length >= LINES) await new Promise((resolve) => requestAnimationFrame(resolve));
  }

  draw() {
    this.drawing = false;
    const added = document.createDocumentFragment();
    const line = (text) => {
      const element = document.createElement("div");
      element.textContent = plain(text);
      if (text.startsWith("[procman: ")) element.className = "note";
      added.append(element);
      return element;
    };
    this.last?.remove();
    this.waiting.forEach(line);
    this.waiting = [];
    this.last = this.rest ? line(this.rest) : null;
    this.box.append(added);
    // A reader who has scrolled back keeps the lines in view.
    const bound = this.stuck ? LINES : 2 * LINES;
    while (this.box.childElementCount > bound) this.box.firstElementChild.remove();
    if (this.stuck) this.view.toEnd();
  }
}

/** A line of a log as a terminal would leave it: a progress bar returns to the start of its line and overwrites it. */
function plain(line) {
  const text = withoutEscapes(line).replace(/\r+$/, "");
  const last = printable(text.slice(text.lastIndexOf("\r") + 1));
  return last.length > LINE ? `${last.slice(0, LINE)}… (${last.length - LINE} more characters)` : last;
}
