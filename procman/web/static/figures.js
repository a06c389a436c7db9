/* CPU and memory of the last hour: asked for while somebody looks, and kept by the page alone.
 *
 * The master keeps no figures and wakes for none. While this tab is hidden, or has no connection, nothing is asked:
 * the lines of the charts are interrupted there. All processes share the times of their samples.
 */

import { call } from "./api.js";

// Between two samples, in milliseconds; the second comes sooner, since a share of CPU takes two of them.
const INTERVAL = 10_000;
const FIRST = 2_000;
// The pause is this many times as long as the answer took, at least: a busy master, or a large one, is asked less often.
const PATIENCE = 10;
export const SLOTS = 360; // an hour of them
export const HOUR = 3_600_000;
// A chart shows so much of the past at least, in milliseconds.
const LEAST = 120_000;

/** Calls `sampled()` after each sample. */
export class Figures {
  constructor(sampled) {
    this.sampled = sampled;
    this.wanted = false; // there is a connection
    this.timer = 0;
    this.asking = false;
    this.took = 0; // how long the latest answer took, in milliseconds
    this.began = 0; // when the first sample was taken, in milliseconds since the epoch
    this.count = 0; // samples, so the next one goes into slot count % SLOTS
    this.times = new Float64Array(SLOTS);
    this.series = new Map(); // by namespec: {pid, seconds, at, cpu, rss, latest}
    document.addEventListener("visibilitychange", () => this.go());
  }

  start() {
    this.wanted = true;
    this.go();
  }

  stop() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.timer = 0;
  }

  go() {
    const looks = document.visibilityState === "visible";
    if (!looks || !this.wanted) {
      clearTimeout(this.timer);
      this.timer = 0;
    } else if (!this.timer && !this.asking) {
      this.ask();
    }
  }

  async ask() {
    this.timer = 0;
    this.asking = true;
    const asked = performance.now();
    try {
      const { figures } = await call("GET", "v1/figures");
      if (this.wanted) this.take(figures, Date.now());
    } catch {
      // The next sample will do; a lost connection is shown elsewhere.
    }
    this.took = performance.now() - asked;
    this.asking = false;
    if (!this.wanted || document.visibilityState !== "visible") return;
    this.timer = setTimeout(() => this.ask(), this.count === 1 ? FIRST : Math.max(INTERVAL, this.took * PATIENCE));
  }

  take(figures, now) {
    this.began ||= now;
    const slot = this.count++ % SLOTS;
    this.times[slot] = now;
    for (const one of this.series.values()) {
      one.cpu[slot] = one.rss[slot] = NaN;
      one.latest = null;
    }
    for (const { namespec, pid, cpu, rss, processes } of figures) {
      const one = this.series.get(namespec) ?? this.add(namespec);
      // Of another run, the seconds begin anew.
      const share = one.pid === pid && now > one.at ? (100_000 * Math.max(0, cpu - one.seconds)) / (now - one.at) : NaN;
      Object.assign(one, { pid, seconds: cpu, at: now, latest: { cpu: share, rss, processes } });
      one.cpu[slot] = share;
      one.rss[slot] = rss;
    }
    this.sampled();
  }

  add(name) {
    const empty = () => new Float32Array(SLOTS).fill(NaN);
    const one = { pid: 0, seconds: 0, at: 0, cpu: empty(), rss: empty(), latest: null };
    this.series.set(name, one);
    return one;
  }

  forget(name) {
    this.series.delete(name);
  }

  /** {cpu, rss, processes} of the latest sample; null where the process was not up. `cpu` is NaN after the first. */
  latest(name) {
    return this.series.get(name)?.latest ?? null;
  }

  /** The time that charts show, in milliseconds since the epoch. */
  span() {
    const end = this.count ? this.times[(this.count - 1) % SLOTS] : Date.now();
    return { start: end - Math.min(HOUR, Math.max(LEAST, end - this.began)), end };
  }

  /** The samples of a process as [time, value], the oldest first; `what` is cpu (percent of a core) or rss (bytes). */
  points(name, what) {
    const values = this.series.get(name)?.[what];
    const points = [];
    if (!values) return points;
    const { start } = this.span();
    for (let number = Math.max(0, this.count - SLOTS); number < this.count; number++) {
      const slot = number % SLOTS;
      if (this.times[slot] >= start) points.push([this.times[slot], values[slot]]);
    }
    return points;
  }

  /** The longest time between two samples that belong to one line, in milliseconds. */
  get longest() {
    return 3.5 * Math.max(INTERVAL, this.took * PATIENCE);
  }
}
