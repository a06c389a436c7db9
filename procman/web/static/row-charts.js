/* The figures in the rows of the list: how much CPU and memory each process uses, with a small chart of both. */

import { draw, newChart, scaleFor, thinned } from "./chart.js";
import { put } from "./document.js";
import { memory, percent } from "./text.js";

// The least that fills a chart: small values look small.
const LEAST = { cpu: 10, rss: 1 << 20 };
// A chart is about as many pixels wide.
const POINTS = 40;
const TEXTS = { cpu: percent, rss: memory };

export class RowCharts {
  constructor(figures, sight) {
    this.figures = figures;
    this.sight = sight;
  }

  drawAll() {
    for (const row of this.sight.rows) this.draw(row);
  }

  draw(row) {
    const name = row.dataset.spec;
    const cell = row.querySelector(".figures");
    const latest = this.figures.latest(name);
    cell.toggleAttribute("data-none", !latest);
    if (!latest) return;
    for (const [what, text] of Object.entries(TEXTS)) {
      const part = cell.querySelector(`.${what}`);
      put(part.querySelector(".value"), Number.isNaN(latest[what]) ? "–" : text(latest[what]));
      let svg = part.querySelector("svg");
      if (!svg) {
        svg = newChart({ class: "chart", "aria-hidden": "true" });
        part.prepend(svg);
      }
      const points = this.figures.points(name, what);
      const few = thinned(points, POINTS);
      const longest = this.figures.longest * Math.ceil(points.length / POINTS);
      draw(svg, few, this.figures.span(), 1.15 * scaleOf(points, what), longest);
    }
  }

  /** The head of a group has what all of its processes use together. */
  drawGroups(groups, membersOf) {
    for (const [name, { element }] of groups) {
      const all = membersOf(name)
        .map(({ info }) => this.figures.latest(info.namespec))
        .filter(Boolean);
      element.querySelector(".figures").toggleAttribute("data-none", !all.length);
      for (const [what, text] of Object.entries(TEXTS)) {
        const known = all.map((latest) => latest[what]).filter((value) => !Number.isNaN(value));
        const sum = known.reduce((total, value) => total + value, 0);
        put(element.querySelector(`.${what} .value`), known.length ? text(sum) : "–");
      }
    }
  }
}

const scaleOf = (points, what) =>
  what === "cpu" ? scaleFor(points, LEAST.cpu) : points.reduce((top, [, value]) => (value > top ? value : top), LEAST.rss);
