/* What a process uses: CPU and memory of the last hour as two charts, kept by this page since it was opened. */

import { HEIGHT, WIDTH, draw, newChart, scaleFor } from "./chart.js";
import { $, element, put, shape } from "./document.js";
import { duration, memory, percent, timeOf } from "./text.js";

const MIB = 1 << 20;
const CHARTS = {
  cpu: { title: "CPU", unit: "of one core", text: percent, least: 10, base: 10 },
  rss: { title: "Memory", unit: "resident, with shared pages", text: memory, least: MIB, base: 2 },
};

export class UsageView {
  constructor(figures) {
    this.figures = figures;
    this.box = $("view-usage");
    this.spec = null;
    this.parts = new Map(); // by what a chart shows: its elements
  }

  open({ spec }) {
    this.spec = spec;
    this.box.replaceChildren(...Object.entries(CHARTS).map(([what, about]) => this.figure(what, about)));
    this.note = element("p", { class: "quiet" });
    this.box.append(this.note);
    this.draw();
  }

  close() {
    this.spec = null;
    this.parts.clear();
    this.box.replaceChildren();
  }

  changed() {}
  interrupt() {}
  reconnect() {}

  figure(what, { title, unit }) {
    const id = `usage-${what}`;
    const svg = newChart({ class: "chart", role: "img" });
    svg.prepend(shape("path", { class: "grid", d: `M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}` }));
    const part = {
      svg,
      now: element("b", null),
      words: element("span", { class: "quiet" }),
      scale: ["", "", ""].map(() => element("span", null)),
      ends: ["", ""].map(() => element("span", null)),
      at: element("span", { class: "at", hidden: true }),
      points: [],
    };
    part.plot = element("div", { class: "plot" }, svg, part.at);
    part.plot.addEventListener("pointermove", (event) => this.point(what, event));
    part.plot.addEventListener("pointerleave", () => (part.at.hidden = true));
    this.parts.set(what, part);
    return element(
      "figure",
      { class: "usage", "aria-labelledby": id },
      element("h3", { id }, title, " ", element("span", { class: "quiet" }, unit)),
      element("p", { class: "now" }, part.now, " ", part.words),
      element("div", { class: "scale quiet", "aria-hidden": "true" }, part.scale),
      part.plot,
      element("div", { class: "axis quiet", "aria-hidden": "true" }, part.ends),
    );
  }

  draw() {
    if (this.spec === null) return;
    const span = this.figures.span();
    const latest = this.figures.latest(this.spec);
    for (const [what, { text, least, base, title }] of Object.entries(CHARTS)) {
      const part = this.parts.get(what);
      part.points = this.figures.points(this.spec, what).filter(([, value]) => !Number.isNaN(value));
      const top = scaleFor(part.points, least, base);
      draw(part.svg, this.figures.points(this.spec, what), span, top, this.figures.longest);
      [top, top / 2, 0].forEach((value, place) => put(part.scale[place], value ? text(value) : "0"));
      [span.start, span.end].forEach((time, place) => put(part.ends[place], timeOf(time / 1000)));
      const now = latest && !Number.isNaN(latest[what]) ? text(latest[what]) : "–";
      put(part.now, now);
      put(part.words, summary(part.points, text));
      part.svg.setAttribute("aria-label", `${title}: now ${now}, ${summary(part.points, text)}`);
      part.at.hidden = true;
    }
    put(this.note, this.noteText(latest));
  }

  noteText(latest) {
    if (!this.figures.began) return "The first figures arrive in a moment.";
    const since = duration((Date.now() - this.figures.began) / 1000);
    const many = latest && latest.processes > 1 ? `All ${latest.processes} processes that it consists of count. ` : "";
    const none = latest ? "" : "It has no process now. ";
    return `${none}${many}This page has asked for figures for ${since}, while it was looked at; it keeps the last hour.`;
  }

  /** Shows the value under the pointer. */
  point(what, event) {
    const part = this.parts.get(what);
    const box = part.svg.getBoundingClientRect();
    const span = this.figures.span();
    const time = span.start + ((event.clientX - box.left) / box.width) * (span.end - span.start);
    const nearest = part.points.reduce(
      (best, point) => (!best || Math.abs(point[0] - time) < Math.abs(best[0] - time) ? point : best),
      null,
    );
    part.at.hidden = !nearest;
    if (!nearest) return;
    put(part.at, `${CHARTS[what].text(nearest[1])} at ${timeOf(nearest[0] / 1000)}`);
    const place = (nearest[0] - span.start) / (span.end - span.start);
    part.at.style.left = `${(100 * place).toFixed(2)}%`;
    part.at.toggleAttribute("data-right", place > 0.5);
  }
}

function summary(points, text) {
  if (!points.length) return "no figures yet";
  const values = points.map(([, value]) => value);
  const most = values.reduce((a, b) => Math.max(a, b));
  const average = values.reduce((a, b) => a + b) / values.length;
  return `average ${text(average)}, most ${text(most)}`;
}
