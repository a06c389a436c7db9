/* The view that follows the journal: of a process, or of everything, as it happens.
 *
 * It has a connection only while it is open. It keeps a bounded number of lines, and twice as many while the reader
 * has scrolled back. After a lost connection it goes on behind the last number; what the journal has forgotten
 * meanwhile arrives as a record of a gap.
 */

import { openStream } from "./api.js";
import { $, element, put } from "./document.js";
import { gravityOf, whatHappened } from "./journal-text.js";
import { StickyBox } from "./sticky-box.js";
import { printable, timeOf } from "./text.js";

// How many records it begins with, and how many it keeps.
const PAST = 200;
export const RECORDS = 1000;
// The delay before a stream that has ended is resumed, in milliseconds.
const RESUME_DELAY = 1000;

export class EventsView {
  /** `life` gives what is another one for another master, whose numbers begin anew. */
  constructor(processes, life) {
    this.processes = processes;
    this.life = life;
    this.of = null; // the life of the master whose records are shown
    this.box = $("records");
    this.view = new StickyBox(this.box, $("newest-records"), () => this.countMissed(0));
    this.spec = null; // null while the view is closed
    this.controller = null;
    this.timer = 0;
    this.last = 0; // the number of the latest record that is shown
    this.missed = 0; // records that came while the reader had scrolled back
    this.waiting = []; // records that are not shown yet
    this.drawing = false;
    $("of-kind").addEventListener("change", () => this.begin());
    $("of-name").addEventListener("change", () => this.begin());
    $("of-name").addEventListener("focus", () => this.suggest());
  }

  open({ spec, again }) {
    if (again && this.controller) return;
    this.spec = spec;
    $("of-name-label").hidden = spec !== "";
    this.begin();
  }

  close() {
    this.spec = null;
    this.stop();
    this.clear();
    $("of-name").value = "";
    $("of-kind").value = "";
  }

  changed() {}

  interrupt() {
    if (this.spec === null) return;
    this.stop();
    put($("events-note"), "The connection was lost.");
  }

  reconnect() {
    if (this.spec !== null && !this.controller) this.follow();
  }

  stop() {
    clearTimeout(this.timer);
    this.controller?.abort();
    this.controller = null;
  }

  clear() {
    this.last = 0;
    this.waiting = [];
    this.countMissed(0);
    this.box.replaceChildren();
  }

  /** Starts anew: another process, or another filter. */
  begin() {
    this.stop();
    this.clear();
    this.view.stick(true);
    this.follow();
  }

  /** The names that the filter can have. */
  suggest() {
    const names = new Set([...this.processes.known.keys(), ...this.groups()]);
    $("names").replaceChildren(...[...names].sort().map((name) => element("option", { value: name })));
  }

  groups() {
    return new Set([...this.processes.known.values()].map(({ info }) => info.group));
  }

  /** What is asked for: the process of this view, or what the filter names; a group is all of it. */
  name() {
    const name = this.spec || $("of-name").value.trim();
    return !this.processes.known.has(name) && this.groups().has(name) ? `${name}:*` : name;
  }

  path() {
    const query = new URLSearchParams({ follow: "1" });
    if (this.last) query.set("since", String(this.last));
    else query.set("limit", String(PAST));
    if (this.name()) query.set("name", this.name());
    if ($("of-kind").value) query.set("kind", $("of-kind").value);
    return `v1/journal?${query}`;
  }

  async follow() {
    clearTimeout(this.timer);
    if (this.life() !== this.of) this.clear();
    this.of = this.life();
    const controller = (this.controller = new AbortController());
    put($("events-note"), "");
    try {
      const reader = await openStream(this.path(), controller.signal);
      let rest = "";
      put($("events-note"), this.last ? "" : "Nothing has happened yet. It appears here when it does.");
      for (;;) {
        const { done, value } = await reader.read();
        if (done || controller.signal.aborted) break;
        const lines = (rest + value).split("\n");
        rest = lines.pop();
        this.take(lines.filter(Boolean).map((line) => JSON.parse(line)));
        while (this.waiting.length >= RECORDS) await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    } catch (error) {
      if (this.controller !== controller || controller.signal.aborted) return;
      this.controller = null;
      // Refused, so it would be refused again; a lost connection comes back, and `reconnect` is called.
      put($("events-note"), error instanceof TypeError ? "The connection was lost." : `${error.message}.`);
      if (error instanceof TypeError) this.resumeLater();
      return;
    }
    if (this.controller !== controller || controller.signal.aborted) return;
    this.controller = null;
    put($("events-note"), "The stream has ended.");
    this.resumeLater();
  }

  /** Proxies cut streams. */
  resumeLater() {
    this.timer = setTimeout(() => {
      if (this.spec !== null && !this.controller && document.body.dataset.link === "live") this.follow();
    }, RESUME_DELAY);
  }

  take(records) {
    if (!records.length) return;
    put($("events-note"), "");
    this.last = records.at(-1).seq;
    this.waiting = this.waiting.concat(records).slice(-RECORDS);
    if (!this.view.stuck) this.countMissed(this.missed + records.length);
    if (this.drawing) return;
    this.drawing = true;
    requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.drawing = false;
    if (this.spec === null) return;
    const added = document.createDocumentFragment();
    for (const record of this.waiting) added.append(line(record));
    this.waiting = [];
    this.box.append(added);
    const bound = this.view.stuck ? RECORDS : 2 * RECORDS;
    while (this.box.childElementCount > bound) this.box.firstElementChild.remove();
    if (this.view.stuck) this.view.toEnd();
  }

  countMissed(count) {
    this.missed = count;
    put($("newest-records"), count ? `${count} new` : "Newest");
  }
}

function line(record) {
  const { seq, time, cause, kind } = record;
  const name = record.name || record.group || "procman";
  const title = record.name ? `What happened to ${name}` : null;
  const whose = record.name
    ? element("a", { href: `#events/${encodeURIComponent(name)}`, title }, printable(name))
    : element("span", null, printable(name));
  whose.className = "whose";
  const numbers = `#${seq}${cause === undefined ? "" : ` ← #${cause}`}`;
  return element(
    "div",
    { class: "record", "data-kind": kind, "data-gravity": gravityOf(record) },
    element("time", { datetime: new Date(time * 1000).toISOString() }, timeOf(time, { fine: true })),
    whose,
    element("span", { class: "what" }, printable(whatHappened(record))),
    element("span", { class: "quiet" }, numbers),
  );
}
