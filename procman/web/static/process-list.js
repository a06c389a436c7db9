/* All processes and their rows: learnt from the stream of events, sorted, filtered and counted.
 *
 * A change touches the row of its process, where that is in view; the others are brought up to date together, once a
 * second. The list is sorted and sifted anew only where a row may have to move.
 */

import { forgetUndo, say } from "./dialogs.js";
import { $, arrange, put } from "./document.js";
import { GroupFolds } from "./group-folds.js";
import { newGroup, newRow, showRow, showTime } from "./process-row.js";
import { detailOf, flapsNow, isUp, kindOf, whyOf } from "./process-state.js";
import { counted } from "./text.js";

// How long the pointer must have rested before rows change places, in milliseconds.
const RESTED = 600;
// So long after a change that moves no row the list is put in order all the same: groups may fold then.
const SETTLED = 2000;
// After this time a change is counted at once, in milliseconds, else with the next second: each count is drawn.
const COUNTED = 1500;

/** Calls `added(row)`, `changed(process)`, `removed(name, row)`, `named()` where there are other names, `placed()`,
 * and `counted(counts)`, the number of each kind. */
export class ProcessList {
  /** `order` sorts; `sight` knows which rows are in view. */
  constructor({ order, sight, listener }) {
    this.order = order;
    this.sight = sight;
    this.listener = listener;
    this.known = new Map(); // by namespec: {info, at, kind, flaps, reason, why, row}
    this.stale = new Set(); // the rows out of view that show an earlier state
    this.countedAt = -Infinity;
    this.uncounted = false;
    this.groups = new Map(); // by name: {element, list, sum, show}
    this.folds = new GroupFolds(this);
    this.kind = ""; // the kind that is shown; "" for all
    this.words = []; // the words that a row must contain to be shown
    this.resting = 0; // when the pointer will have rested for long enough
    this.placing = 0;
    this.settling = 0;
  }

  snapshot({ names, processes }) {
    const there = new Set(names);
    for (const name of [...this.known.keys()]) if (!there.has(name)) this.forget(name);
    this.learn(processes);
    this.place(true);
    this.listener.named();
    $("processes").removeAttribute("aria-busy");
  }

  change({ processes, gone = [] }) {
    gone.forEach((name) => this.forget(name));
    const { moved, more } = this.learn(processes);
    if (moved || gone.length) {
      this.place(false);
    } else {
      this.uncounted = true;
      if (performance.now() - this.countedAt >= COUNTED) this.count();
      this.settling ||= setTimeout(() => this.place(false), SETTLED);
    }
    if (more || gone.length) this.listener.named();
  }

  /** Whether a row belongs elsewhere now, and whether there are new ones. */
  learn(processes) {
    let more = false;
    let moved = this.isFiltered || this.order.by !== "name";
    for (const info of processes) {
      const before = this.known.get(info.namespec);
      const flaps = flapsNow(info);
      const kind = kindOf(info, before, flaps);
      // Supervisor's description of a process that ended at once says no more than that.
      const reason = info.ending || info.spawnerr || (kind === "failed" && before ? before.reason : "");
      const why = whyOf(info, kind, before);
      const process = { info, at: performance.now(), kind, flaps, reason, why, row: before?.row ?? newRow(info) };
      this.known.set(info.namespec, process);
      const moves = !before || (kind === "failed") !== (before.kind === "failed");
      more ||= !before;
      moved ||= moves;
      if (!before) this.listener.added(process.row);
      announce(before, process);
      if (before && !isUp(before.info) && isUp(info)) forgetUndo(info.namespec);
      if (moves || this.sight.rows.has(process.row)) this.showNow(process);
      else this.stale.add(process.row);
      this.listener.changed(process);
    }
    return { moved, more };
  }

  showNow(process) {
    this.stale.delete(process.row);
    showRow(process);
  }

  /** A row has come into view. */
  entered(row) {
    const process = this.known.get(row.dataset.spec);
    if (!process) return;
    if (this.stale.has(row)) this.showNow(process);
    else showTime(process);
  }

  forget(name) {
    forgetUndo(name);
    const row = this.known.get(name)?.row;
    row?.remove();
    this.known.delete(name);
    this.stale.delete(row);
    this.listener.removed(name, row);
  }

  /** The pointer is over the list: no row may change its place just now. */
  pointed() {
    this.resting = performance.now() + RESTED;
  }

  /** Put every row where it belongs: at once, or when no pointer is about to press something. */
  place(atOnce) {
    clearTimeout(this.placing);
    clearTimeout(this.settling);
    this.settling = 0;
    const wait = this.resting - performance.now();
    if (!atOnce && wait > 0) {
      this.placing = setTimeout(() => this.place(false), wait);
      this.count();
      return;
    }
    const focused = document.activeElement;
    const members = this.order.byGroup(this.known);
    for (const [name, group] of this.groups) {
      if (!members.has(name)) {
        group.element.remove();
        this.groups.delete(name);
      }
    }
    const failed = [];
    const others = [];
    for (const [name, processes] of members) {
      const calm = processes.filter((process) => process.kind !== "failed").map((process) => process.row);
      failed.push(...processes.filter((process) => process.kind === "failed").map((process) => process.row));
      if (name === null || (processes.length === 1 && processes[0].info.name === name)) {
        others.push(...calm);
        continue;
      }
      const group = this.group(name);
      arrange(group.list, calm);
      others.push(group.element);
    }
    arrange($("trouble").querySelector("ul"), failed);
    arrange($("others").querySelector("ul"), others);
    this.folds.decide(members);
    this.sift();
    this.listener.placed();
    // A row loses the focus when it is moved.
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  group(name) {
    if (!this.groups.has(name)) this.groups.set(name, newGroup(name, () => this.folds.toggle(name)));
    return this.groups.get(name);
  }

  /** The processes that are in a group of this name. */
  membersOf(name) {
    return [...this.known.values()].filter(({ info }) => info.group === name);
  }

  get isFiltered() {
    return Boolean(this.kind || this.words.length);
  }

  /** Show what the filter lets through, and count. */
  sift() {
    const passes = ({ info, kind }) => {
      const text = `${info.namespec} ${info.statename}`.toLowerCase();
      return (!this.kind || kind === this.kind) && this.words.every((word) => text.includes(word));
    };
    for (const process of this.known.values()) process.row.hidden = !passes(process);
    const filtered = this.isFiltered;
    $("processes").toggleAttribute("data-filtered", filtered);
    for (const { element, list } of this.groups.values()) {
      element.hidden = filtered && ![...list.children].some((row) => !row.hidden);
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
    this.countedAt = performance.now();
    this.uncounted = false;
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
      group.element.toggleAttribute("data-failed", failed > 0);
    }
    this.listener.counted(counts);
  }

  /** Once a second: the times in view go on, and what is out of view is brought up to date. */
  tick() {
    for (const row of this.stale) showRow(this.known.get(row.dataset.spec));
    this.stale.clear();
    if (this.uncounted) this.count();
    for (const row of this.sight.rows) showTime(this.known.get(row.dataset.spec));
    let calmed = false;
    for (const process of this.known.values()) {
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

/** Tell screen readers of a process that has failed, or has recovered. */
function announce(before, process) {
  if (!before || before.kind === process.kind) return;
  const { info, kind } = process;
  const state = info.statename.toLowerCase();
  if (kind === "failed") say(`${info.namespec} needs attention: ${state}, ${detailOf(process)}`);
  else if (before.kind === "failed" && kind === "running") say(`${info.namespec} is running again`);
}
