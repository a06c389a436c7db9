/* The search in the lines of the log that are shown. Nothing in the lines changes: the browser paints what was found. */

import { $, put, toggle } from "./document.js";
import { counted } from "./text.js";

// The most places in one line that are painted.
const MOST = 20;

export class LogSearch {
  constructor() {
    this.words = "";
    this.current = null; // the line that was gone to
    this.found = globalThis.Highlight ? new Highlight() : null;
    globalThis.CSS?.highlights?.set("found", this.found);
    $("find").addEventListener("input", () => this.search());
    $("find").addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      this.go(event.shiftKey ? -1 : 1);
    });
    $("only").addEventListener("click", () => $("lines").toggleAttribute("data-only", toggle($("only"))));
  }

  clear() {
    $("find").value = "";
    if ($("only").getAttribute("aria-pressed") === "true") $("only").click();
    this.search();
  }

  /** Other words: all lines are searched. */
  search() {
    this.words = $("find").value.toLowerCase();
    this.current = null;
    this.found?.clear();
    for (const line of $("lines").querySelectorAll("[data-found]")) line.removeAttribute("data-found");
    $("only").hidden = !this.words;
    $("lines").toggleAttribute("data-searched", Boolean(this.words));
    this.look([...$("lines").children]);
  }

  /** These lines are new. */
  look(lines) {
    if (this.found?.size > MOST * $("lines").childElementCount + 1000) {
      this.search(); // it has many of lines that have gone
      return;
    }
    if (this.words) {
      for (const line of lines) {
        if (!line.textContent.toLowerCase().includes(this.words)) continue;
        line.toggleAttribute("data-found", true);
        for (const range of this.rangesIn(line)) this.found?.add(range);
      }
    }
    this.tell();
  }

  /** Where the words stand in a line, whose colours may cut them. */
  rangesIn(line) {
    const nodes = [];
    const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
    let length = 0;
    while (walker.nextNode()) {
      nodes.push([length, walker.currentNode]);
      length += walker.currentNode.length;
    }
    const at = (place) => {
      const [start, node] = nodes.findLast(([begins]) => begins <= place);
      return [node, place - start];
    };
    const text = line.textContent.toLowerCase();
    const ranges = [];
    const next = (from) => text.indexOf(this.words, from);
    for (let place = next(0); place >= 0 && ranges.length < MOST; place = next(place + this.words.length)) {
      const range = new StaticRange({
        startContainer: at(place)[0],
        startOffset: at(place)[1],
        endContainer: at(place + this.words.length - 1)[0],
        endOffset: at(place + this.words.length - 1)[1] + 1,
      });
      ranges.push(range);
    }
    return ranges;
  }

  /** To the next line that has it, or the one before; at first to the last one. */
  go(step) {
    const lines = [...$("lines").querySelectorAll("[data-found]")];
    if (!lines.length) return;
    const place = this.current?.isConnected ? lines.indexOf(this.current) + step : lines.length - 1;
    this.current?.removeAttribute("data-current");
    this.current = lines[(place + lines.length) % lines.length];
    this.current.setAttribute("data-current", "");
    this.current.scrollIntoView({ block: "center" });
    this.tell(lines);
  }

  tell(lines = $("lines").querySelectorAll("[data-found]")) {
    const place = this.current ? [...lines].indexOf(this.current) + 1 : 0;
    const count = counted(lines.length, "line");
    put($("found"), !this.words ? "" : place ? `${place} of ${count}` : count);
  }
}
