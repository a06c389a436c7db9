/* All processes and their rows: learnt from the stream of events, sorted, filtered and counted. */

import { BASE } from "./api.js";
import { forgetUndo, say } from "./dialogs.js";
import { $, arrange, put, store, stored } from "./document.js";
import { newGroup, newRow, showRow, showTime } from "./process-row.js";
import { byName, detailOf, flapsNow, isUp, kindOf, whyOf } from "./process-state.js";
import { counted } from "./text.js";

// How long the pointer must have rested before rows change places, in milliseconds.
const RESTED = 600;
// One entry for each master: several may be behind the same proxy.
const FOLDS = `folded ${new URL(BASE).pathname}`;

/** Calls `added(row)`, `changed(process)`, `removed(name, row)`, and `counted(counts)`, the number of each kind. */
export class ProcessList {
  constructor(listener) {
    this.listener = listener;
    this.known = new Map(); // by namespec: {info, at, kind, flaps, reason, why, row}
    this.groups = new Map(); // by name: {element, list, sum}
    this.folded = storedFolds();
    this.kind = ""; // the kind that is shown; "" for all
    this.words = []; // the words that a row must contain to be shown
    this.resting = 0; // when the pointer will have rested for long enough
    this.placing = 0;
  }

  snapshot({ names, processes }) {
    const there = new Set(names);
    for (const name of this.known.keys()) if (!there.has(name)) this.forget(name);
    this.learn(processes);
    this.place(true);
    $("processes").removeAttribute("aria-busy");
  }

  change({ processes, gone = [] }) {
    gone.forEach((name) => this.forget(name));
    this.learn(processes);
    this.place(false);
  }

  learn(processes) {
    for (const info of processes) {
      const before = this.known.get(info.namespec);
      const flaps = flapsNow(info);
      const kind = kindOf(info, before, flaps);
      // Supervisor's description of a process that ended at once says no more than that.
      const reason = info.ending || info.spawnerr || (kind === "failed" && before ? before.reason : "");
      const why = whyOf(info, kind, before);
      const process = { info, at: performance.now(), kind, flaps, reason, why, row: before?.row ?? newRow(info) };
      this.known.set(info.namespec, process);
      if (!before) this.listener.added(process.row);
      announce(before, process);
      if (before && !isUp(before.info) && isUp(info)) forgetUndo(info.namespec);
      showRow(process);
      this.listener.changed(process);
    }
  }

  forget(name) {
    forgetUndo(name);
    const row = this.known.get(name)?.row;
    row?.remove();
    this.known.delete(name);
    this.listener.removed(name, row);
  }

  /** The pointer is over the list: no row may change its place just now. */
  pointed() {
    this.resting = performance.now() + RESTED;
  }

  /** Put every row where it belongs: at once, or when no pointer is about to press something. */
  place(atOnce) {
    clearTimeout(this.placing);
    const wait = this.resting - performance.now();
    if (!atOnce && wait > 0) {
      this.placing = setTimeout(() => this.place(false), wait);
      this.count();
      return;
    }
    const focused = document.activeElement;
    const members = this.members();
    for (const [name, group] of this.groups) {
      if (!members.has(name)) {
        group.element.remove();
        this.groups.delete(name);
      }
    }
    const failed = [];
    const others = [];
    for (const [name, processes] of members) {
      const alone = processes.length === 1 && processes[0].info.name === name;
      const calm = processes.filter((process) => process.kind !== "failed").map((process) => process.row);
      failed.push(...processes.filter((process) => process.kind === "failed").map((process) => process.row));
      if (alone) {
        others.push(...calm);
        continue;
      }
      const group = this.group(name);
      arrange(group.list, calm);
      others.push(group.element);
    }
    arrange($("trouble").querySelector("ul"), failed);
    arrange($("others").querySelector("ul"), others);
    this.sift();
    // A row loses the focus when it is moved.
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  /** The processes of each group, in order. */
  members() {
    const all = [...this.known.values()].sort(byName);
    const members = new Map(all.map((process) => [process.info.group, []]));
    all.forEach((process) => members.get(process.info.group).push(process));
    return members;
  }

  group(name) {
    if (!this.groups.has(name)) {
      const save = () => store(FOLDS, JSON.stringify([...this.folded].filter((folded) => this.groups.has(folded))));
      this.groups.set(name, newGroup(name, this.folded, save));
    }
    return this.groups.get(name);
  }

  /** Show what the filter lets through, and count. */
  sift() {
    const passes = ({ info, kind }) => {
      const text = `${info.namespec} ${info.statename}`.toLowerCase();
      return (!this.kind || kind === this.kind) && this.words.every((word) => text.includes(word));
    };
    for (const process of this.known.values()) process.row.hidden = !passes(process);
    for (const { element, list } of this.groups.values()) {
      const filtered = this.kind || this.words.length;
      element.hidden = Boolean(filtered) && ![...list.children].some((row) => !row.hidden);
    }
    $("trouble").hidden = ![...$("trouble").querySelectorAll(".row")].some((row) => !row.hidden);
    const shown = [...this.known.values()].some((process) => !process.row.hidden);
    $("others").hidden = ![...$("others").querySelector("ul").children].some((child) => !child.hidden);
    $("nothing").hidden = shown;
    $("unfilter").hidden = this.known.size === 0;
    const none = "There are no programs yet. Add one to the configuration, then run procmanctl update.";
    put($("nothing").querySelector(".text"), this.known.size ? "No process matches." : none);
    this.count();
  }

  count() {
    const counts = { failed: 0, busy: 0, running: 0, stopped: 0 };
    const groups = new Map();
    for (const { info, kind } of this.known.values()) {
      counts[kind] += 1;
      const sums = groups.get(info.group) ?? { all: 0, running: 0, failed: 0 };
      sums.all += 1;
      if (kind in sums) sums[kind] += 1;
      groups.set(info.group, sums);
    }
    for (const button of $("kinds").children) {
      const { kind } = button.dataset;
      put(button.querySelector("b"), String(counts[kind]));
      button.hidden = !counts[kind] && this.kind !== kind;
    }
    for (const [name, group] of this.groups) {
      const { all, running, failed } = groups.get(name) ?? { all: 0, running: 0, failed: 0 };
      const attention = failed ? `, ${counted(failed, "needs", "need")} attention` : "";
      put(group.sum, `${running} of ${all} running${attention}`);
    }
    this.listener.counted(counts);
  }

  /** Once a second: the times go on. */
  tick() {
    let calmed = false;
    for (const process of this.known.values()) {
      showTime(process);
      if (!process.flaps || flapsNow(process.info, (performance.now() - process.at) / 1000)) continue;
      process.flaps = false;
      process.kind = kindOf(process.info, null, false);
      calmed = true;
      showRow(process);
      this.listener.changed(process);
    }
    if (calmed) this.place(false);
  }
}

/** The filter above the list: words to search for, and a kind of process. */
export class Filter {
  constructor(processes) {
    this.processes = processes;
    $("filter").addEventListener("input", () => this.apply());
    $("kinds").addEventListener("click", (event) => {
      const kind = event.target.closest("button")?.dataset.kind;
      if (!kind) return;
      processes.kind = processes.kind === kind ? "" : kind;
      this.apply();
    });
    $("unfilter").addEventListener("click", () => {
      processes.kind = "";
      this.clear();
      $("filter").focus();
    });
  }

  clear() {
    $("filter").value = "";
    this.apply();
  }

  apply() {
    this.processes.words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const button of $("kinds").children) {
      button.setAttribute("aria-pressed", String(button.dataset.kind === this.processes.kind));
    }
    this.processes.sift();
  }
}

/** Tell screen readers of a process that has failed, or has recovered. */
function announce(before, process) {
  if (!before || before.kind === process.kind) return;
  const { info, kind } = process;
  const state = info.statename.toLowerCase();
  if (kind === "failed") say(`${info.namespec} needs attention: ${state}, ${detailOf(process)}`);
  else if (before.kind === "failed" && kind === "running") say(`${info.namespec} is running again`);
}

function storedFolds() {
  try {
    return new Set(JSON.parse(stored(FOLDS) ?? "[]"));
  } catch {
    return new Set(); // this page did not store that
  }
}
