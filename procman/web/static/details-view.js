/* What a process has besides its command: what has drifted, rolling restart, scale, schedule, sockets, hooks, watched
 * files, limits, log files, and what comes from files.
 */

import { call } from "./api.js";
import { $, element } from "./document.js";
import { FetchedView, facts } from "./fetched-view.js";
import { scaleButtons } from "./scales.js";
import { duration, memory, printable, timeOf } from "./text.js";
import { rollingButtons } from "./waiting-for-somebody.js";

// How many of the next times of a schedule, and of its last runs, are shown.
const TIMES = 3;
const RUNS = 10;

export class DetailsView extends FetchedView {
  constructor() {
    super($("view-details"));
  }

  /** Hooks that nothing waits for change no state, so it says of when it is, and can be asked again. */
  async fetch(spec) {
    const name = `name=${encodeURIComponent(spec)}`;
    const answers = await Promise.all([
      call("GET", `v1/drift?${name}`),
      call("GET", `v1/rolling?${name}`),
      call("GET", "v1/scale"),
      call("GET", `v1/sockets?${name}`),
      call("GET", `v1/hooks?${name}`),
      call("GET", `v1/watches?${name}`),
      call("GET", `v1/given?${name}`),
      call("GET", `v1/limits?${name}`),
      call("GET", `v1/rotations?${name}`),
      call("GET", `v1/schedules?count=${TIMES}&${name}`),
      call("GET", `v1/runs?${name}`),
    ]);
    const found = Object.assign({}, ...answers);
    const scaled = found.scales.filter((one) => one.processes.includes(spec));
    return { ...found, scaled, at: Date.now() / 1000 };
  }

  draw({ drifts, rolling, scaled, sockets, hooks, watches, given, limits, rotations, schedules, runs, at }) {
    const parts = [
      ...drifts.filter(({ drifted }) => drifted).flatMap(driftPart),
      ...rolling.flatMap((one) => rollingPart(one, () => this.load())),
      ...scaled.flatMap((one) => scaledPart(one, () => this.load())),
      ...schedules.flatMap(schedulePart),
      ...(runs.length ? runsPart(runs.slice(-RUNS).reverse()) : []),
      ...(sockets.length ? socketsPart(sockets) : []),
      ...(hooks.length ? hooksPart(hooks, at) : []),
      ...watches.flatMap(watchPart),
      ...limits.flatMap(limitsPart),
      ...(rotations.length ? rotationsPart(rotations) : []),
      ...given.flatMap(givenPart),
    ];
    const none = "It has no schedule, no sockets, no hooks, no limits, no log files, nothing from files, and watches none.";
    const again = element("button", { type: "button", "data-key": "again" }, "Ask again");
    again.addEventListener("click", () => this.load());
    const asOf = element("p", { class: "as-of quiet" }, `As of ${timeOf(at)}. `, again);
    return [...(parts.length ? parts : [element("p", { class: "quiet" }, none)]), asOf];
  }
}

function table(heads, rows) {
  const head = element("tr", null, heads.map((text) => element("th", { scope: "col" }, text)));
  const body = rows.map((cells) =>
    element("tr", null, cells.map((cell, place) => element("td", { "data-head": heads[place] }, cell))),
  );
  return element("table", null, element("thead", null, head), element("tbody", null, body));
}

function list(texts) {
  return texts.length ? element("ul", { role: "list" }, texts.map((text) => element("li", null, text))) : "";
}

const quietly = (text) => element("span", { class: "quiet" }, text);

// ---- rolling restarts, and the number of processes

function rollingPart(one, again) {
  const { program, state, batch, total, ready, under_way: underWay, coming, failed, text } = one;
  const why = failed ? [" ", element("a", { href: `#why/${encodeURIComponent(failed)}` }, `Why ${printable(failed)}?`)] : "";
  const buttons = rollingButtons(one, again);
  return [
    element("h3", null, `Rolling restart of ${printable(program)}`),
    facts([
      ["State", [element("span", { class: state === "stopped" && "bad" }, printable(text)), why]],
      ["At a time", `${batch} of ${total}`],
      ["Ready", printable(ready.join(", "))],
      ["On the way", printable(underWay.join(", "))],
      ["To come", printable(coming.join(", "))],
    ]),
    buttons.length ? element("p", { class: "decide" }, buttons) : "",
  ];
}

function scaledPart(one, then) {
  const { program, numprocs, in_file: inFile, numprocs_max: most } = one;
  const scaled = `${printable(program)} was scaled to ${numprocs}, the file says ${inFile}`;
  const words = (numprocs === inFile ? "as the file says" : scaled) + (most === null ? "" : `; ${most} at most`);
  const line = element("div", { class: "stepper" }, scaleButtons(one, { then }), element("span", { class: "quiet" }, words));
  return [element("h3", null, "Number of processes"), line];
}

// ---- what a start now would give it otherwise

function driftPart(drift) {
  const otherwise = [
    ["In the file", drift.gone_from_file ? "it is not there any more" : printable(drift.options.join(", "))],
    ["Variables", printable(drift.environment.join(", "))],
    ["Credentials", printable(drift.credentials.join(", "))],
    ["Binary", printable(drift.binary)],
    ["Libraries", list(drift.libraries.map(printable))],
    ["A start", drift.trouble ? element("span", { class: "bad" }, printable(drift.trouble)) : ""],
  ];
  return [element("h3", null, "Drifted: a start now would give it otherwise"), facts(otherwise)];
}

// ---- the schedule, and the runs of what does something and ends

function schedulePart(schedule) {
  const times = schedule.times.map(({ text }) => text);
  const next = schedule.on ? list(times) || "there is no further run" : "it is off: Start switches it on";
  return [
    element("h3", null, "Schedule"),
    facts([
      ["When", [printable(schedule.schedule), " ", quietly(printable(schedule.words))]],
      ["Next", next],
    ]),
  ];
}

function runsPart(runs) {
  const rows = runs.map((run) => [
    timeOf(run.began),
    run.seconds === null ? "" : duration(run.seconds),
    [
      run.result === "running" ? "running" : printable(run.ending),
      run.last_words ? [" ", quietly(printable(run.last_words))] : null,
    ],
    printable(run.by),
  ]);
  return [element("h3", null, "Last runs"), table(["Began", "Took", "Ended", "Asked for by"], rows)];
}

// ---- sockets

function socketsPart(sockets) {
  const rows = sockets.map((socket) => [
    printable(socket.name),
    element("code", null, printable(socket.url)),
    socketState(socket),
  ]);
  return [element("h3", null, "Sockets"), table(["Socket", "Address", "State"], rows)];
}

function socketState({ is_open: isOpen, why, awaited, waiting, backlog }) {
  if (!isOpen) {
    return why ? element("span", { class: "bad" }, printable(`not open: ${why}`)) : quietly("not open");
  }
  if (awaited) {
    return "a connection starts it";
  }
  return waiting === null ? "open" : `${waiting} of ${backlog} connections wait`;
}

// ---- hooks

function hooksPart(hooks, at) {
  const rows = hooks.map(({ hook, commands, runs, since, last }) => [
    hook,
    printable(commands.join(", ")),
    runs ? runningFor(runs, at - since) : last ? result(last) : quietly("not run yet"),
    !runs && last ? timeOf(last.ended) : "",
    !runs && last && last.seconds !== null ? duration(last.seconds) : "",
  ]);
  return [element("h3", null, "Hooks"), table(["Hook", "Commands", "Now, or last", "Ended", "Took"], rows)];
}

const runningFor = (command, seconds) => `${printable(command)} runs for ${duration(Math.max(0, seconds))}`;

function result(last) {
  const words = last.words ? `: ${printable(last.words)}` : "";
  const how = last.result === "ignored" ? "failed, which is ignored" : last.result;
  const text = element("span", { class: last.result === "failed" && "bad" }, `${how}${words}`);
  return last.line ? [text, " ", quietly(printable(last.line))] : text;
}

// ---- watched files

const WATCHING = { watching: "watching", starting: "not watching yet", off: "not watched (no_watch)" };

function watchPart({ watch, ignore, action, state, words, last }) {
  const bad = element("span", { class: "bad" }, `not watched: ${printable(words)}`);
  return [
    element("h3", null, "Watched files"),
    facts([
      ["Files", list(watch.map(printable))],
      ["Ignored", list(ignore.map(printable))],
      ["Action", printable(action)],
      ["State", WATCHING[state] ?? bad],
      ["Last", last ? `${timeOf(last.time)} ${last.what}: ${printable(last.words)}` : ""],
    ]),
  ];
}

// ---- limits, and what comes from files

function limitsPart(limits) {
  const used = limits.memory ?? limits.measured;
  const most = limits.memory_peak === null ? "" : `, most ${memory(limits.memory_peak)}`;
  return [
    element("h3", null, "Limits"),
    facts([
      ["Set", list(options(limits.options))],
      ["Left out", list(limits.left_out.map(printable))],
      ["Memory", used === null ? "" : memory(used) + most],
      ["Processes", limits.pids === null ? "" : `${limits.pids}, threads included`],
      ["Slowed down", limits.throttled ? `${limits.throttled} times` : ""],
    ]),
  ];
}

// ---- log files

function rotationsPart(rotations) {
  const rows = rotations.map((log) => [
    log.stream,
    list([...log.paths.map(printable), ...options(log.options)]),
    log.next === null ? "" : timeOf(log.next, { seconds: false }),
    log.last === null
      ? quietly("not yet")
      : [`${timeOf(log.last)} (${log.last_by})`, log.rotations > 1 ? quietly(`, ${log.rotations} times`) : null],
    [log.last_problem, log.problem].filter(Boolean).map((words) => element("span", { class: "bad" }, printable(words))),
  ]);
  return [element("h3", null, "Log files"), table(["Stream", "Files", "Next rotation", "Last one", "Problem"], rows)];
}

function givenPart(given) {
  return [
    element("h3", null, "Environment"),
    facts([
      ["Set", list(options(given.options))],
      ["From files", printable(given.variables.join(", "))],
    ]),
  ];
}

function options(found) {
  return Object.entries(found).map(([option, value]) => element("code", null, printable(`${option} = ${value}`)));
}
