/* A crash report as facts for people, as `procmanctl crash` has them. Pure functions. */

import { bytes as size, counted, duration, memory, timeOf } from "./text.js";

const VERDICTS = {
  certain: "It was killed because memory ran out",
  likely: "It was most likely killed because memory ran out",
  no: "Memory was not short",
  unknown: "Whether memory was short is not counted here",
};

/** Pairs of a term and a text; the text is empty where nothing is known. */
export function crashFacts(report) {
  const { exit, sender, usage, last_look: look, left_behind: left } = report;
  const asked = sender?.asked_by && !sender.words.includes(sender.asked_by) ? `; asked by ${sender.asked_by}` : "";
  const used =
    usage &&
    `${memory(usage.max_rss)} at most, ${usage.user.toFixed(2)} s user, ${usage.system.toFixed(2)} s system, ` +
      `${counted(usage.major_faults, "major fault")}, ` +
      counted(usage.voluntary_switches + usage.involuntary_switches, "context switch", "context switches");
  const seen =
    look &&
    `${duration(look.ago)} before the end: ${memory(look.rss)}, ${look.fds ?? "?"} descriptors, ` +
      `${counted(look.processes, "process", "processes")}, ${counted(look.threads, "thread")}` +
      (look.state ? `; it was ${look.state}` : "");
  const unseen = report.pid ? "Nobody asked for its figures while it ran" : "";
  const core = report.core_handler ? `went to ${report.core_handler} (kernel.core_pattern)` : "";
  return [
    ["Why", report.explanation],
    ["Meaning", exit?.meaning && !report.how.includes(exit.meaning) ? exit.meaning : ""],
    ["When", whenText(report)],
    ["Times", timesText(report)],
    ["Sender", sender ? `${sender.words}${asked}` : ""],
    ["Memory", memoryText(report.oom)],
    ["Used", used || ""],
    ["Last look", seen || unseen],
    ["Left behind", left.map(({ pid, command }) => `pid ${pid} (${command || "gone"})`).join(", ")],
    ["Restarts", restartsText(report.restarts)],
    ["Ran as", `uid ${report.uid}${report.user ? ` (${report.user})` : ""} in ${report.directory}; ${report.kernel}`],
    ["Cgroup", report.cgroup],
    ["Definition", `digest ${report.definition}, ${counted(Object.keys(report.environment).length, "variable")}`],
    ["Core", report.core_file || core],
    ["Report", report.file],
  ];
}

/** What a stream has written last: a heading, and the lines. */
export function shownLines(stream, { bytes, lines }) {
  if (lines === null) return { head: `${stream}: ${size(bytes)}, which cannot be read`, lines: [] };
  if (!lines.length) return { head: `${stream}: nothing`, lines };
  const count = lines.length === 1 ? "the last line" : `the last ${lines.length} lines`;
  return { head: `${stream}: ${count} of ${size(bytes)}`, lines };
}

function whenText(report) {
  const ended = timeOf(report.ended);
  if (report.kind === "failed-start") return ended;
  const age = report.age === null ? "" : `, ${duration(report.age)} after it was spawned`;
  const up = report.running === null ? ", never RUNNING" : `, RUNNING from ${timeOf(report.running)}`;
  return `${ended}${age} with pid ${report.pid}${up}`;
}

function timesText({ times, first_ended: first, unreported }) {
  const equal = times > 1 ? `${times} equal ends, the first at ${timeOf(first)}; these are the facts of a late one` : "";
  const more = unreported ? `${counted(unreported, "more end")} came too fast to have reports` : "";
  return [equal, more].filter(Boolean).join("; ");
}

function memoryText({ verdict, whose, before, after, limit }) {
  if (verdict === "no" && after === null) return "";
  const text = VERDICTS[verdict] ?? verdict;
  if (!before || !after) return text;
  const counts = Object.keys(after)
    .filter((name) => after[name] !== null)
    .map((name) => `${name} ${before[name] ?? "?"} → ${after[name]}`);
  return `${text} (${[whose, ...counts, limit === null ? "no limit" : `limit ${memory(limit)}`].join(", ")})`;
}

function restartsText(restarts) {
  const counts = Object.entries(restarts).map(([reason, count]) => `${count} (${reason})`);
  return counts.length ? `${counts.join(", ")} within the hour before` : "";
}
