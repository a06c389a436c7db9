/* The lines of the log that is shown: a bounded number of them, scrolled to the newest or where the reader stopped. */

import { $, element } from "./document.js";
import { partsOf } from "./log-text.js";
import { StickyBox } from "./sticky-box.js";
import { timeOf } from "./text.js";

// The number of lines that are kept; twice as many while the reader has scrolled back, more where they asked for older ones.
export const LINES = 3000;
const MOST = 50_000;
// The most characters without an end of line that are kept as one line.
const LONGEST = 16_000;

export class LogLines {
  /** Calls `atEnd` whenever the view is (again) at the newest line, and `drawn` with the lines that are new. */
  constructor({ atEnd, drawn }) {
    this.box = $("lines");
    this.view = new StickyBox(this.box, $("newest"), atEnd);
    this.drawn = drawn;
    this.bound = LINES;
    this.drawing = false; // the next frame shows what is waiting
    this.forget();
  }

  forget() {
    this.waiting = []; // lines that are not shown yet: [text, time]
    this.rest = ""; // the last line, which has no end yet
    this.last = null; // its element
  }

  clear({ older = false } = {}) {
    this.forget();
    this.bound = older ? MOST : LINES;
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

  /** `time` in seconds since the epoch; null: not known. */
  take(text, time) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    if (this.rest.length > LONGEST) {
      lines.push(this.rest);
      this.rest = "";
    }
    // Lines that would scroll out at once need not be shown.
    this.waiting = this.waiting.concat(lines.map((line) => [line, time])).slice(-this.bound);
    if (!this.drawing) {
      this.drawing = true;
      requestAnimationFrame(() => this.draw());
    }
  }

  /** A line of the page's own. */
  note(text) {
    this.take(`${this.rest ? "\n" : ""}[procman: ${text}]\n`, null);
  }

  /** Resolves when there is room for more text: a flood is read no faster than it can be shown. */
  async ready() {
    if (this.waiting.length >= this.bound) await new Promise((resolve) => requestAnimationFrame(resolve));
  }

  draw() {
    this.drawing = false;
    this.last?.remove();
    const added = this.waiting.map(([text, time]) => line(text, time));
    this.waiting = [];
    this.last = this.rest ? line(this.rest, null) : null;
    if (this.last) added.push(this.last);
    // A reader who has scrolled back keeps the lines in view.
    const bound = this.stuck ? this.bound : 2 * this.bound;
    if (added.length >= bound) {
      this.box.replaceChildren(...added.slice(-bound));
    } else {
      const surplus = this.box.childElementCount + added.length - bound;
      for (let count = 0; count < surplus; count++) this.box.firstElementChild.remove();
      this.box.append(...added);
    }
    if (this.stuck) this.view.toEnd();
    this.drawn(added);
  }
}

/** Its element. Thousands of them are made in a frame, so what most lines do not need is not looked for. */
function line(text, time) {
  const made = document.createElement("div");
  for (const [part, classes] of partsOf(text)) made.append(classes ? element("span", { class: classes }, part) : part);
  if (text.startsWith("[procman: ")) made.className = "note";
  if (time !== null) made.dataset.time = timeText(time);
  return made;
}

let latest = { second: 0, text: "" };

/** Many lines have the time of the one before. */
function timeText(time) {
  const second = Math.floor(time);
  if (second !== latest.second) latest = { second, text: `${timeOf(second)}  ` };
  return latest.text;
}
