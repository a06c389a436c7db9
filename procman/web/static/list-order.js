/* The order of the list: by name in groups, or all processes by a figure of theirs, the largest first. */

const natural = new Intl.Collator("en", { numeric: true });
const KINDS = ["failed", "busy", "running", "stopped"];

export class ListOrder {
  /** `latest(name)` gives the figures of a process: {cpu, rss}, or null. */
  constructor(latest) {
    this.by = "name";
    this.latest = latest;
    this.sorted = []; // by name; sorted anew only when there are other names
  }

  /** A map of the processes of each group; with another order than by name, one list of all, under the name null. */
  byGroup(known) {
    const all = this.byName(known);
    if (this.by !== "name") {
      const value = VALUES[this.by];
      const values = new Map(all.map((process) => [process, value(process, this.latest) || 0]));
      return new Map([[null, all.sort((a, b) => values.get(b) - values.get(a))]]);
    }
    const groups = new Map();
    for (const process of all) {
      const { group } = process.info;
      if (!groups.has(group)) groups.set(group, []);
      groups.get(group).push(process);
    }
    return groups;
  }

  byName(known) {
    if (this.sorted.length !== known.size || this.sorted.some(({ namespec }) => !known.has(namespec))) {
      this.sorted = [...known.values()].map(({ info }) => info);
      this.sorted.sort((a, b) => natural.compare(a.group, b.group) || natural.compare(a.name, b.name));
    }
    return this.sorted.map(({ namespec }) => known.get(namespec));
  }

  /** Whether new figures may change it. */
  get followsFigures() {
    return this.by === "cpu" || this.by === "rss";
  }
}

const VALUES = {
  state: ({ kind }) => -KINDS.indexOf(kind),
  cpu: ({ info }, latest) => latest(info.namespec)?.cpu,
  rss: ({ info }, latest) => latest(info.namespec)?.rss,
  restarts: ({ info }) => info.restarts,
  // The youngest first: what was started last is what one looks for.
  start: ({ info }) => (info.pid ? info.start : 0),
};
