/* A band that shows the states of a process over a time. */

import { element, shape } from "./document.js";
import { timeOf } from "./text.js";

// The band has so many columns; of several states in one the most serious is shown, the first of these.
const COLUMNS = 300;
const SERIOUS = ["FATAL", "BACKOFF", "UNKNOWN", "STOPPING", "STARTING", "EXITED", "STOPPED", "RUNNING"];
// The height of each, so that colours are not all that tells them apart; the band is this high.
const HEIGHT = 24;
const HEIGHTS = { RUNNING: 24, FATAL: 24, UNKNOWN: 24, BACKOFF: 16, STARTING: 16, STOPPING: 16, EXITED: 3, STOPPED: 3 };

// In a shorter time than this, its marks have seconds.
const FINE = 900;

/** A figure: the band, the times at its ends, and what its colours mean. */
export function stateBand({ since, until, spans }) {
  const cells = columnsOf(spans, since, until);
  const rects = [];
  for (let start = 0; start < COLUMNS; ) {
    let end = start + 1;
    while (end < COLUMNS && cells[end] === cells[start]) end++;
    if (cells[start]) rects.push(rect(cells[start], start, end));
    start = end;
  }
  const seen = SERIOUS.filter((state) => cells.includes(state));
  const svg = shape(
    "svg",
    {
      class: "band",
      viewBox: `0 0 ${COLUMNS} ${HEIGHT}`,
      preserveAspectRatio: "none",
      role: "img",
      "aria-label": `States since ${timeOf(since)}: ${summary(spans)}`,
    },
    rects,
  );
  const keys = seen.map((state) => element("li", { "data-state": state }, state.toLowerCase()));
  const unknown = cells.includes(null) ? element("li", { "data-state": "" }, "not known") : null;
  const middle = (since + until) / 2;
  const seconds = until - since < FINE;
  return element(
    "figure",
    { class: "states" },
    svg,
    element(
      "div",
      { class: "axis quiet", "aria-hidden": "true" },
      [since, middle, until].map((time) => element("span", null, timeOf(time, { seconds }))),
    ),
    element("ul", { class: "legend quiet", role: "list" }, keys, unknown),
  );
}

function rect(state, start, end) {
  const height = HEIGHTS[state] ?? HEIGHT;
  return shape(
    "rect",
    { x: start, y: HEIGHT - height, width: end - start, height, "data-state": state },
    shape("title", null, state.toLowerCase()),
  );
}

/** The state in each column, null where none is known. */
function columnsOf(spans, since, until) {
  const cells = new Array(COLUMNS).fill(null);
  const scale = COLUMNS / (until - since);
  for (const { start, end, statename } of spans) {
    if (!statename) continue;
    const first = Math.max(0, Math.floor((start - since) * scale));
    const last = Math.min(COLUMNS - 1, Math.max(first, Math.ceil((end - since) * scale) - 1));
    for (let column = first; column <= last; column++) {
      const before = cells[column];
      if (before === null || SERIOUS.indexOf(statename) < SERIOUS.indexOf(before)) cells[column] = statename;
    }
  }
  return cells;
}

/** running 80 % of the time, backoff 20 %. */
function summary(spans) {
  const times = new Map();
  let all = 0;
  for (const { start, end, statename } of spans) {
    const state = statename ? statename.toLowerCase() : "not known";
    times.set(state, (times.get(state) ?? 0) + end - start);
    all += end - start;
  }
  const sorted = [...times].sort((a, b) => b[1] - a[1]);
  return sorted.map(([state, time]) => `${state} ${Math.round((100 * time) / (all || 1))} %`).join(", ");
}
