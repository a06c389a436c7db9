/* Several processes that the reader has marked, to act on all of them at once. */

import { $, put } from "./document.js";
import { counted } from "./text.js";

export class MarkedRows {
  constructor(processes) {
    this.processes = processes;
    this.names = new Set();
    this.last = null; // the row that was marked last: with Shift, all rows from there are
    $("processes").addEventListener("click", (event) => {
      if (event.target.matches(".pick")) this.pick(event.target.closest(".row"), event.target.checked, event.shiftKey);
    });
    $("mark-shown").addEventListener("click", () => this.markShown());
    $("unmark").addEventListener("click", () => this.clear());
  }

  toggle(row) {
    this.pick(row, !this.names.has(row.dataset.spec), false);
  }

  pick(row, marked, through) {
    const rows = through && this.last?.isConnected ? between(this.last, row) : [row];
    for (const one of rows) this.set(one, marked);
    this.last = row;
    this.show();
  }

  set(row, marked) {
    row.querySelector(".pick").checked = marked;
    row.toggleAttribute("data-marked", marked);
    if (marked) this.names.add(row.dataset.spec);
    else this.names.delete(row.dataset.spec);
  }

  markShown() {
    for (const { row } of this.processes.known.values()) if (!row.hidden) this.set(row, true);
    this.show();
  }

  clear() {
    for (const name of this.names) {
      const row = this.processes.known.get(name)?.row;
      if (row) this.set(row, false);
    }
    this.names.clear();
    this.show();
  }

  forget(name) {
    if (this.names.delete(name)) this.show();
  }

  show() {
    $("marked").hidden = !this.names.size;
    document.body.toggleAttribute("data-marking", this.names.size > 0);
    put($("marked").querySelector(".text"), `${counted(this.names.size, "process", "processes")} marked`);
  }
}

function between(one, other) {
  const rows = [...document.querySelectorAll("main .row")].filter((row) => row.checkVisibility());
  const places = [rows.indexOf(one), rows.indexOf(other)].sort((a, b) => a - b);
  return places[0] < 0 ? [other] : rows.slice(places[0], places[1] + 1);
}
