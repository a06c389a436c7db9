/* Which groups are folded: those that the reader has folded, and where there are many processes, those that are well. */

import { BASE } from "./api.js";
import { store, stored } from "./document.js";

// More processes than that are many.
const MANY = 40;
// One entry for each master: several may be behind the same proxy.
const CHOICES = `folds ${new URL(BASE).pathname}`;

export class GroupFolds {
  constructor(processes) {
    this.processes = processes;
    this.chosen = storedChoices(); // by the name of a group: whether it is folded
    this.folded = new Set();
  }

  /** Decides for each group of which the reader has chosen nothing; not for the one that has the focus. */
  decide(members) {
    const many = this.processes.known.size > MANY;
    for (const [name, { element, show }] of this.processes.groups) {
      const well = many && members.get(name).every(({ kind }) => kind === "running" || kind === "failed");
      const folds = this.chosen.get(name) ?? well;
      if (folds !== this.folded.has(name) && element.querySelector("ul").contains(document.activeElement)) continue;
      if (folds) this.folded.add(name);
      else this.folded.delete(name);
      show(folds);
    }
  }

  toggle(name) {
    const folds = !this.folded.delete(name);
    if (folds) this.folded.add(name);
    this.chosen.set(name, folds);
    this.processes.groups.get(name).show(folds);
    const there = [...this.chosen].filter(([chosen]) => this.processes.groups.has(chosen));
    store(CHOICES, JSON.stringify(Object.fromEntries(there)));
  }
}

function storedChoices() {
  try {
    return new Map(Object.entries(JSON.parse(stored(CHOICES) ?? "{}")));
  } catch {
    return new Map(); // this page did not store that
  }
}
