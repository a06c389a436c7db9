/* Crash reports: the list of them, of a process or of all, and one of them with its last words. */

import { call } from "./api.js";
import { crashFacts, shownLines } from "./crash-text.js";
import { $, element } from "./document.js";
import { FetchedView, facts } from "./fetched-view.js";
import { counted, duration, printable, timeOf } from "./text.js";

export class CrashView extends FetchedView {
  constructor() {
    super($("view-crashes"));
  }

  /** Without a name the reports of all processes are shown; an opened one does not change any more. */
  concerns(name) {
    return !this.rest && (this.spec === "" || name === this.spec);
  }

  async fetch(spec, rest) {
    if (rest) return { report: await call("GET", `v1/crashes/${encodeURIComponent(rest)}`) };
    return call("GET", `v1/crashes${spec ? `?name=${encodeURIComponent(spec)}` : ""}`);
  }

  draw({ crashes, note, report }, spec) {
    if (report) return drawnReport(report, spec);
    const missing = note ? element("p", { class: "quiet" }, `Some may be missing: ${printable(note)}.`) : "";
    if (!crashes.length) {
      const whose = spec === "" ? "Nothing" : "It";
      const text = `${whose} has not ended unexpectedly, as far as is known.`;
      return [element("h3", null, "Crash reports"), element("p", { class: "quiet" }, text), missing];
    }
    const heads = ["When", ...(spec === "" ? ["Process"] : []), "How", "Run", "Age", "Times"];
    const latestFirst = crashes.toSorted((a, b) => b.ended - a.ended);
    const rows = latestFirst.map((info) => {
      const href = `#crashes/${encodeURIComponent(info.name)}/${info.seq}`;
      const link = element("a", { href, "data-key": href }, printable(info.how));
      const cells = [timeOf(info.ended), link, String(info.run), ageOf(info), String(info.times + info.unreported)];
      if (spec === "") cells.splice(1, 0, info.name);
      return element("tr", null, cells.map((cell, place) => element("td", { "data-head": heads[place] }, cell)));
    });
    const head = element("tr", null, heads.map((text) => element("th", { scope: "col" }, text)));
    const table = element("table", null, element("thead", null, head), element("tbody", null, rows));
    return [element("h3", null, counted(crashes.length, "crash report")), table, missing];
  }
}

const ageOf = (info) => (info.kind === "failed-start" || info.age === null ? "–" : duration(info.age));

function drawnReport(report, spec) {
  const back = element("a", { href: `#crashes${spec ? `/${encodeURIComponent(spec)}` : ""}` }, "All reports");
  // Those that have said something first, as a reader looks for that.
  const words = Object.entries(report.output).sort(([, a], [, b]) => Boolean(b.lines?.length) - Boolean(a.lines?.length));
  return [
    element("p", { class: "back" }, back),
    element("h3", { class: "bad" }, printable(report.how)),
    element(
      "div",
      { class: "report" },
      element("div", null, words.map(([stream, output]) => lastWords(stream, output))),
      facts(crashFacts(report).map(([term, text]) => [term, printable(text)])),
    ),
  ];
}

function lastWords(stream, output) {
  const { head, lines } = shownLines(stream, output);
  const title = element("h4", null, head);
  if (!lines.length) return [title];
  return [title, element("pre", { tabindex: "0", "aria-label": head }, lines.map(printable).join("\n"))];
}
