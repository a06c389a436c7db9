/* Why a process, or procman itself, is as it is: what `procmanctl why` says. */

import { call } from "./api.js";
import { $, element } from "./document.js";
import { FetchedView, facts } from "./fetched-view.js";
import { printable, timeOf } from "./text.js";

export class WhyView extends FetchedView {
  constructor() {
    super($("view-why"));
    this.at = 0;
  }

  /** The times in the answer go on, so it is always drawn again. */
  async fetch(spec) {
    const { explanations } = await call("GET", `v1/why?name=${encodeURIComponent(spec || "procman")}`);
    return { explanations, at: Date.now() / 1000 };
  }

  draw({ explanations, at }) {
    const again = element("button", { type: "button", "data-key": "again" }, "Ask again");
    again.addEventListener("click", () => this.load());
    const asOf = element("p", { class: "as-of quiet" }, `As of ${timeOf(at)}. `, again);
    return [...explanations.flatMap(explanation), asOf];
  }
}

function explanation(info) {
  const because = info.because.map((link) => element("li", null, printable(link.text), linkTo(link.name)));
  const options = info.options.map((option) =>
    element("li", null, code(`${option.option} = ${option.shown}`), quietly(option.place)),
  );
  const changed = info.changed.length
    ? `The file has these options otherwise since this start: ${info.changed.join(", ")}`
    : "";
  const commands = info.commands.map((command) => element("li", null, code(command), linkToReport(command, info.name)));
  const rows = [
    ["Because", because.length ? element("ul", { role: "list" }, because) : ""],
    ["Since", printable(info.since)],
    ["Next", printable(info.next)],
    ["Decided by", options.length ? element("ul", { role: "list" }, options) : ""],
    ["Defined in", printable(info.defined)],
    ["Changed", printable(changed)],
    ["Try", commands.length ? element("ul", { role: "list" }, commands) : ""],
  ];
  // What starts or stops is mostly well soon.
  const bad = !info.as_wanted && info.statename !== "STARTING" && info.statename !== "STOPPING";
  return [element("h3", { class: bad && "bad" }, printable(info.sentence)), facts(rows)];
}

const quietly = (text) => (text ? element("span", { class: "quiet" }, `  ${printable(text)}`) : "");

const code = (text) => element("code", null, printable(text));

/** A crash report can be opened here, too. */
function linkToReport(command, name) {
  const [, seq] = /^procmanctl crash (\d+)$/.exec(command) ?? [];
  return seq ? [" ", element("a", { href: `#crashes/${encodeURIComponent(name)}/${seq}` }, "Open it")] : "";
}

function linkTo(name) {
  return name ? [" ", element("a", { href: `#why/${encodeURIComponent(name)}` }, `Why ${name}?`)] : "";
}
