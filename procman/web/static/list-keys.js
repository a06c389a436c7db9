/* Keys within the list. It is one stop of the Tab key; the arrow keys go on from there, and letters act on the row. */

import { $ } from "./document.js";

// What moves the focus by how many rows.
const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -Infinity, End: Infinity };
const SIDEWAYS = { ArrowRight: 1, ArrowLeft: -1 };
const VIEWS = {
  l: "log",
  w: "why",
  h: "history",
  c: "crashes",
  u: "usage",
  d: "details",
  p: "options",
  g: "graph",
  e: "events",
};
const ACTIONS = { s: "start", S: "stop", r: "restart" };
// The parts of a row, or of the head of a group, that can have the focus.
const PARTS =
  ":scope > .pick, :scope > .name, :scope > .fold, :scope > * > .outdated, :scope > .figures, :scope > .why, :scope > .actions > *";

export class ListKeys {
  /** `lettersOn()` says whether letters have an effect. */
  constructor({ marked, lettersOn }) {
    this.marked = marked;
    this.lettersOn = lettersOn;
    $("processes").addEventListener("keydown", (event) => this.pressed(event));
    $("processes").addEventListener("focusin", (event) => this.stopAt(event.target.closest(".row, .head")));
  }

  /** The Tab key comes back to this row; at first to the first one. */
  stopAt(line) {
    if (!line || line.contains(this.stop)) return;
    this.stop?.setAttribute("tabindex", "-1");
    this.stop = mainPart(line);
    this.stop.removeAttribute("tabindex");
  }

  /** The list has changed: there is a row that the Tab key comes to. */
  keepAStop() {
    if (!this.stop?.isConnected || !this.stop.checkVisibility()) this.stopAt(lines()[0]);
  }

  pressed(event) {
    const line = event.target.closest(".row, .head");
    if (event.ctrlKey || event.metaKey || event.altKey || !line) return;
    const { key } = event;
    if (key in STEPS) this.step(line, event.target, STEPS[key]);
    else if (key in SIDEWAYS) this.sideways(line, event.target, SIDEWAYS[key]);
    else if (!this.letter(line, key, event.target)) return;
    event.preventDefault();
  }

  step(line, part, count) {
    const all = lines();
    const place = Math.min(all.length - 1, Math.max(0, all.indexOf(line) + count));
    const same = [...all[place].querySelectorAll(PARTS)].find((other) => alike(other, part) && other.checkVisibility());
    const next = same ?? mainPart(all[place]);
    next.focus({ preventScroll: true });
    all[place].scrollIntoView({ block: "nearest" });
  }

  sideways(line, part, count) {
    if (part.matches(".fold") && (part.getAttribute("aria-expanded") === "true") === count < 0) {
      part.click();
      return;
    }
    const parts = [...line.querySelectorAll(PARTS)].filter((other) => other.checkVisibility({ visibilityProperty: true }));
    parts[parts.indexOf(part) + count]?.focus();
  }

  /** Whether the key has a meaning here. */
  letter(line, key, part) {
    const row = line.matches(".row") ? line : null;
    if (key === " " && row && !part.matches("button, .pick")) this.marked.toggle(row);
    else if (!this.lettersOn()) return false;
    else if (key in ACTIONS) press(line.querySelector(`[data-do=${ACTIONS[key]}]`));
    else if (row && key in VIEWS) location.hash = `#${VIEWS[key]}/${encodeURIComponent(row.dataset.spec)}`;
    else return false;
    return true;
  }
}

/** The rows and the heads of groups, as they stand below each other. */
const lines = () => [...document.querySelectorAll("main :is(.row, .group > .head)")].filter((line) => line.checkVisibility());

/** Where there is no button to be seen, the reader may not do it. */
function press(button) {
  if (button?.checkVisibility({ visibilityProperty: true })) button.click();
}

const mainPart = (line) => line.querySelector(":scope > .name, :scope > .fold");

const alike = (one, other) =>
  one.dataset.do ? one.dataset.do === other.dataset.do : one.className === other.className && !other.dataset.do;
