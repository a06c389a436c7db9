/* The lines of the log that is shown: a bounded number of them, scrolled to the newest or where the reader stopped. */

import { $ } from "./document.js";

// The longest part of a line that is shown, in characters.
const LINE = 4000;

// https://en.wikipedia.org/wiki/ANSI_escape_code: CSI, OSC and the other strings, then the remaining short sequences.
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])/g;
// Characters with an effect, such as reversing the direction of a text: a symbol is shown instead.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

// The number of lines that are kept; twice as many while the reader has scrolled back.
export const LINES = 3000;
// The most characters without an end of line that are kept as one line.
const LONGEST = 16_000;

/** Calls `atEnd` whenever the view is (again) at the newest line. */
export class LogLines {
  constructor(atEnd) {
    this.atEnd = atEnd;
    this.box = $("lines");
    this.size = "";
    this.drawing = false; // the next frame shows what is waiting
    this.stuck = true; // the view stays at the newest line
    this.forget();
    $("newest").addEventListener("click", () => this.stick(true));
    this.box.addEventListener("scroll", () => this.scrolled());
    new ResizeObserver(() => {
      if (this.resized()) this.restick();
    }).observe(this.box);
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
    if (this.stuck) this.box.scrollTop = this.box.scrollHeight;
  }

  /** Stays at the newest line, or where the reader has scrolled to. */
  stick(stuck) {
    this.stuck = stuck;
    $("newest").hidden = stuck;
    if (!stuck) return;
    this.box.scrollTop = this.box.scrollHeight;
    this.atEnd();
  }

  /** The layout has changed: returns to the newest line if the view was there. */
  restick() {
    if (this.stuck) this.stick(true);
  }

  scrolled() {
    const atTheEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24;
    this.stick(atTheEnd || (this.stuck && this.resized()));
  }

  /** Whether the box has another size than before: then lines have moved although the reader has not scrolled. */
  resized() {
    const size = `${this.box.clientWidth} ${this.box.clientHeight}`;
    const other = size !== this.size;
    this.size = size;
    return other;
  }
}

/** A line of a log without its escape sequences and control characters. */
function plain(line) {
  const text = line.replace(ANSI, "").replace(/\r+$/, "");
  // A progress bar returns to the start of its line and overwrites it.
  const last = text.slice(text.lastIndexOf("\r") + 1);
  const symbolFor = (control) => (control < " " ? String.fromCharCode(0x2400 + control.charCodeAt(0)) : "\ufffd");
  const safe = last.replace(CONTROLS, symbolFor);
  return safe.length > LINE ? `${safe.slice(0, LINE)}… (${safe.length - LINE} more characters)` : safe;
}
