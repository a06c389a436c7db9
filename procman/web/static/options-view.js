/* The options in effect of a process, each with the place that has it: of its environment the names and masked values. */

import { call, specPath } from "./api.js";
import { $, element } from "./document.js";
import { FetchedView } from "./fetched-view.js";
import { counted, printable } from "./text.js";

const HEADS = ["Option", "Value", "Where"];

export class OptionsView extends FetchedView {
  constructor() {
    super($("view-options"));
  }

  async fetch(spec) {
    return (await call("GET", `${specPath(spec)}/config`)).sections;
  }

  draw(sections) {
    return sections.flatMap(({ section, settings }) => {
      const set = settings.filter(({ source }) => source !== "default");
      const standard = settings.filter(({ source }) => source === "default");
      return [
        element("h3", null, `[${printable(section)}]`),
        set.length ? table(set) : element("p", { class: "quiet" }, "Nothing is set: all options have their defaults."),
        standard.length
          ? element(
              "details",
              null,
              element("summary", null, `${counted(standard.length, "option")} with the default`),
              table(standard),
            )
          : "",
      ];
    });
  }
}

function table(settings) {
  const rows = settings.map((setting) => {
    const name = setting.variable ? `${setting.option} ${setting.variable}` : setting.option;
    const cells = [
      printable(name),
      element("code", null, printable(setting.shown === "" ? "" : String(setting.shown))),
      element("span", { class: "quiet" }, printable(placeOf(setting))),
    ];
    return element("tr", null, cells.map((cell, place) => element("td", { "data-head": HEADS[place] }, cell)));
  });
  const heads = element("tr", null, HEADS.map((text) => element("th", { scope: "col" }, text)));
  return element("table", null, element("thead", null, heads), element("tbody", null, rows));
}

function placeOf({ source, file, line }) {
  const place = file ? `${file}${line ? `:${line}` : ""}` : "";
  if (source === "file") return place;
  return source === "earlier" ? `the file has changed since${place && ` (${place})`}` : source;
}
