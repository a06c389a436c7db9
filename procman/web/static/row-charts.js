/* The figures in the rows of the list: how much CPU and memory each process uses, with a small chart of both.
 *
 * Only rows in view are drawn, so a thousand of them cost no more than a screenful.
 */

import { draw, newChart, scaleFor } from "./chart.js";
import { put } from "./document.js";
import { memory, percent } from "./text.js";

// The least that fills a chart: small values look small.
const LEAST = { cpu: 10, rss: 1 << 20 };

export class RowCharts {
  constructor(figures) {
    this.figures = figures;
    this.seen = new Set(); // the rows in view
    this.watch = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) this.seen.delete(target);
        else if (this.seen.add(target)) this.draw(target);
      }
    });
  }

  add(row) {
    this.watch.observe(row);
  }

  remove(row) {
    this.watch.unobserve(row);
    this.seen.delete(row);
  }

  drawAll() {
    for (const row of this.seen) this.draw(row);
  }

  draw(row) {
    const name = row.dataset.spec;
    const cell = row.querySelector(".figures");
    const latest = this.figures.latest(name);
    cell.toggleAttribute("data-none", !latest);
    if (!latest) return;
    for (const [what, text] of Object.entries({ cpu: percent, rss: memory })) {
      const part = cell.querySelector(`.${what}`);
      put(part.querySelector(".value"), Number.isNaN(latest[what]) ? "–" : text(latest[what]));
      let svg = part.querySelector("svg");
      if (!svg) {
        svg = newChart({ class: "chart", "aria-hidden": "true" });
        part.prepend(svg);
      }
      const points = this.figures.points(name, what);
      draw(svg, points, this.figures.span(), 1.15 * scaleOf(points, what), this.figures.longest);
    }
  }
}

const scaleOf = (points, what) =>
  what === "cpu" ? scaleFor(points, LEAST.cpu) : points.reduce((top, [, value]) => (value > top ? value : top), LEAST.rss);
