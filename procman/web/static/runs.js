/* The runs of a process as lines for people, as `procmanctl history` has them. Pure functions. */

import { duration, timeOf } from "./text.js";

/** Runs in a row that were started and ended alike become one entry, a list of them. */
export function folded(runs) {
  const entries = [];
  for (const run of runs) {
    const last = entries.at(-1);
    if (last && run.ending && story(run) === story(last[0])) last.push(run);
    else entries.push([run]);
  }
  return entries;
}

const story = (run) => JSON.stringify([run.start, run.ending, run.stop]);

/** The cells of an entry: number, when it began, how long it ran, how it ended, why it was started. */
export function entryText(runs) {
  const [first, last] = [runs[0], runs.at(-1)];
  return {
    number: runs.length === 1 ? String(first.run || "?") : `${first.run || "?"}–${last.run}`,
    times: runs.length,
    began: first.began === null ? "?" : timeOf(first.began),
    ran: lengthText(runs),
    ending: last.ending || "running",
    stop: last.stop ? `stopped by ${last.stop}` : "",
    start: last.start && !/^(restart|tried|adopted)/.test(last.start) ? `started by ${last.start}` : last.start,
  };
}

function lengthText(runs) {
  const last = runs.at(-1);
  if (!last.ending) return last.began === null ? "" : `${duration(Math.max(0, Date.now() / 1000 - last.began))} so far`;
  const times = runs.map((run) => run.seconds).filter((seconds) => seconds !== null);
  if (!times.length) return "";
  const [least, most] = [Math.min(...times), Math.max(...times)].map(duration);
  return least === most ? most : `${least} to ${most}`;
}
