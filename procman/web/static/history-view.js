/* What became of a process: its states over the last hours as a band, and its runs with their reasons. */

import { call, specPath } from "./api.js";
import { $, element, store, stored } from "./document.js";
import { FetchedView } from "./fetched-view.js";
import { entryText, folded } from "./runs.js";
import { stateBand } from "./state-band.js";
import { counted, printable } from "./text.js";

// Over how many hours the band may go, how many seconds at least, and the most entries of the list of runs.
const HOURS = [1, 6, 24];
const LEAST = 60;
const ENTRIES = 200;

export class HistoryView extends FetchedView {
  constructor() {
    super($("view-history"));
    this.hours = HOURS.find((hours) => String(hours) === stored("hours")) ?? 1;
  }

  async fetch(spec) {
    const until = Date.now() / 1000;
    const since = until - this.hours * 3600;
    const name = encodeURIComponent(spec);
    const [{ runs }, { processes, known_since: known }] = await Promise.all([
      call("GET", `${specPath(spec)}/runs`),
      call("GET", `v1/journal/spans?since=${since}&until=${until}&name=${name}`),
    ]);
    // Before that there is nothing to be seen.
    const start = Math.min(Math.max(since, known ?? since), until - LEAST);
    return { runs, since: start, until, spans: processes.find((one) => one.namespec === spec)?.spans ?? [] };
  }

  draw(found) {
    const spans = element("div", { class: "choice", role: "group", "aria-label": "Time shown" });
    for (const hours of HOURS) {
      const pressed = String(hours === this.hours);
      const words = { type: "button", "aria-pressed": pressed, "data-key": `hours ${hours}` };
      const button = element("button", words, `${hours} h`);
      button.addEventListener("click", () => {
        this.hours = hours;
        store("hours", String(hours));
        this.load();
      });
      spans.append(button);
    }
    return [
      element("div", { class: "title" }, element("h3", null, "States"), spans),
      stateBand(found),
      element("h3", null, "Runs"),
      ...runsTable(folded(found.runs).reverse()),
    ];
  }
}

function runsTable(entries) {
  if (!entries.length) {
    return [element("p", { class: "quiet" }, "The journal has no run of it: it was not started, or that was long ago.")];
  }
  const heads = ["Run", "Began", "Ran", "Ended", "Reason"];
  const rows = entries.slice(0, ENTRIES).map((runs) => {
    const { number, times, began, ran, ending, stop, start } = entryText(runs);
    const count = times > 1 ? element("span", { class: "badge" }, `${times} times`) : null;
    const cells = [
      [number, " ", count],
      [began],
      [ran],
      [printable(ending), stop ? element("span", { class: "quiet" }, ` ${printable(stop)}`) : null],
      [printable(start)],
    ];
    return element("tr", null, cells.map((cell, place) => element("td", { "data-head": heads[place] }, cell)));
  });
  const head = element("tr", null, heads.map((text) => element("th", { scope: "col" }, text)));
  const table = element("table", null, element("thead", null, head), element("tbody", null, rows));
  const more = entries.length - ENTRIES;
  return [table, more > 0 ? element("p", { class: "quiet" }, `${counted(more, "earlier entry", "earlier entries")}.`) : ""];
}
