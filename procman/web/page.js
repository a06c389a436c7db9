/* The status page of procman.
 *
 * - How things are comes from /v1/events alone, and what an action brings about is seen there, too; its answer is only
 *   looked at for what went wrong.
 * - What a program or a configuration says gets into the page as text and never as markup.
 * - Nothing moves under a hand: rows change where they are, and change their places when the pointer rests.
 * - What is kept is bounded: the lines of a log, the characters of a line, the messages on the screen.
 */
"use strict";

// Without a name and a password, which the page's own address may hold and no request may.
const BASE = location.origin + location.pathname.replace(/[^/]*$/, "");

// The server says something every 30 seconds at the latest. In milliseconds.
const SILENCE = 75_000;
// From the first to the later tries to reach it again, in milliseconds.
const TRY_AGAIN = [500, 1000, 2000, 4000];
// How long the pointer must have rested before rows change places, in milliseconds.
const RESTED = 600;
// What is kept of a log while it is followed, in lines; twice that while somebody has scrolled back in it.
const LINES = 3000;
// What is shown of one line, in characters, and how much without an end of line is one.
const LINE = 4000;
// What is fetched of the past of a log, in bytes.
const PAST = 65_536;
// How many messages there are at once, and for how long one that needs no answer, in milliseconds.
const NOTES = 4;
const NOTE_TIME = 6_000;
// For how long a stop can be undone, in milliseconds.
const UNDO_TIME = 10_000;

// What was brought back so lately may be going round in circles, in seconds.
const LATELY = 300;

const NOTHING_YET = "Nothing was written yet; what is will be seen here.";

const THEMES = { auto: "as the system has it", light: "light", dark: "dark" };
const UP = new Set(["STARTING", "RUNNING", "BACKOFF"]);
const TRYING = new Set(["STARTING", "BACKOFF"]);
const APPLIES = {
  start: (state) => state === "STOPPED" || state === "EXITED" || state === "FATAL",
  stop: (state) => UP.has(state),
  restart: (state) => UP.has(state),
};
const WORDS = { start: "Start", stop: "Stop", restart: "Restart", clear: "Clear the logs of" };

const $ = (id) => document.getElementById(id);

// ---- what outlives a reload

function stored(name) {
  try {
    return localStorage.getItem(`procman-${name}`);
  } catch {
    return null; // a browser that stores nothing
  }
}

function store(name, text) {
  try {
    localStorage.setItem(`procman-${name}`, text);
  } catch {
    // It holds as long as this page, then.
  }
}

// ---- light and dark: before anything is painted

function storedTheme() {
  const theme = stored("theme");
  return theme in THEMES ? theme : "auto";
}

function showTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

function setUpTheme() {
  const show = (theme) => {
    showTheme(theme);
    $("theme").setAttribute("aria-label", `Colours: ${THEMES[theme]}`);
    $("theme").title = `Colours: ${THEMES[theme]}`;
    $("theme").querySelector("use").setAttribute("href", `#i-${theme}`);
  };
  show(storedTheme());
  $("theme").addEventListener("click", () => {
    const themes = Object.keys(THEMES);
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme) + 1) % themes.length];
    show(next);
    store("theme", next);
  });
}

showTheme(storedTheme());

// ---- small things

/** Set a text only where it differs: the rest of the page need not be laid out again. */
function put(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** 0:01:02, or 3d 04:05:06. */
function clock(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor(seconds / 3600) % 24;
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(Math.floor(seconds) % 60)}`;
  return days ? `${days}d ${two(hours)}:${rest}` : `${hours}:${rest}`;
}

function ago(seconds) {
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${counted(Math.floor(seconds / 86400), "day")} ago`;
}

function bytes(count) {
  if (count < 1000) return counted(count, "byte");
  return count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${Math.round(count / 1e6)} MB`;
}

/** For somebody who listens to the page instead of looking at it. */
function say(text) {
  $("said").textContent = text;
}

/** A message; with `undo`, a function, it offers to call that. */
function note(text, { bad = false, undo = null, spec = "" } = {}) {
  const card = document.createElement("div");
  card.className = bad ? "note-card bad" : "note-card";
  const words = document.createElement("span");
  words.textContent = text;
  const close = $("close").cloneNode(true);
  close.removeAttribute("id");
  close.setAttribute("aria-label", "Dismiss");
  close.title = "Dismiss";
  close.addEventListener("click", () => card.remove());
  card.append(words, close);
  if (undo) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "undo change";
    button.textContent = "Undo";
    button.addEventListener("click", () => {
      card.remove();
      undo();
    });
    card.dataset.undoes = spec;
    words.after(button);
  }
  $("notes").append(card);
  while ($("notes").childElementCount > NOTES) $("notes").firstElementChild.remove();
  // What went wrong stays until it has been read, and nothing goes from under a hand.
  const leave = () => {
    if (card.matches(":hover, :focus-within")) setTimeout(leave, 1000);
    else card.remove();
  };
  if (!bad) setTimeout(leave, undo ? UNDO_TIME : NOTE_TIME);
}

/** What has been started again need not be. */
function forgetUndo(spec) {
  for (const card of [...$("notes").children]) if (card.dataset.undoes === spec) card.remove();
}

/** Ask, with the cautious answer first; whether the answer was yes. */
function confirmed(title, text, yes) {
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask").querySelector("[value=yes]").textContent = yes;
  $("ask").returnValue = "no";
  $("ask").showModal();
  return new Promise((resolve) => {
    $("ask").addEventListener("close", () => resolve($("ask").returnValue === "yes"), { once: true });
  });
}

// ---- speaking to the master

/** The answer's JSON; throws an Error whose message is for people. */
async function call(method, path, body) {
  let response;
  try {
    response = await fetch(BASE + path, { method, cache: "no-store", body: body && JSON.stringify(body) });
  } catch {
    throw new Error("procman does not answer");
  }
  if (!response.ok) throw new Error(await refusal(response));
  return response.json();
}

async function refusal(response) {
  const text = await response.text().catch(() => "");
  try {
    const { code, message } = JSON.parse(text).error;
    return code === "BAD_NAME" ? "There is no such process" : message;
  } catch {
    return text.trim() || `${response.status} ${response.statusText}`;
  }
}

const specPath = (spec) => `v1/processes/${encodeURIComponent(spec)}`;

function whatWentWrong(result) {
  switch (result.status) {
    case "ALREADY_STARTED":
      return "it is up already";
    case "NOT_RUNNING":
      return "it is not running";
    case "BAD_NAME":
      return "there is no such process";
    case "SPAWN_ERROR":
    case "ABNORMAL_TERMINATION":
      return "it ended at once, or could not be spawned";
    default:
      return result.description;
  }
}

async function operate(op, spec) {
  try {
    const { results } = await call("POST", `${specPath(spec)}/${op}`, { wait: false });
    const failed = results.filter((result) => result.status !== "SUCCESS");
    if (failed.length) {
      const lines = failed.slice(0, NOTES).map((result) => {
        const name = result.group === result.name ? result.name : `${result.group}:${result.name}`;
        return `Cannot ${op} ${name}: ${whatWentWrong(result)}`;
      });
      if (failed.length > NOTES) lines.push(`… and ${failed.length - NOTES} more`);
      note(lines.join("\n"), { bad: true });
    } else if (op === "clear") {
      note(spec === "all" ? "All logs were cleared." : `The logs of ${spec} were cleared.`);
      log.cleared(spec);
    } else if (op === "stop" && fleet.known.has(spec)) {
      forgetUndo(spec);
      note(`${spec} was told to stop.`, { undo: () => operate("start", spec), spec });
    } else {
      say(`${WORDS[op]} ${spec}: asked for.`);
    }
  } catch (error) {
    note(`Cannot ${op} ${spec}: ${error.message}`, { bad: true });
  }
}

/** All processes, or those of a group: GROUP:*. */
async function operateMany(op, spec) {
  const group = spec === "all" ? null : spec.slice(0, -2);
  const meant = [...fleet.known.values()].filter(({ info }) => group === null || info.group === group);
  const up = meant.filter(({ info }) => UP.has(info.statename)).length;
  const whose = group === null ? "all processes" : `all of ${group}`;
  const text = {
    restart:
      up === meant.length
        ? `${counted(up, "process is", "processes are")} up now. They stop, and start again.`
        : `${up} of ${counted(meant.length, "process", "processes")} are up now. They stop, and all are started.`,
    stop: `${counted(up, "process is", "processes are")} up now. They stay stopped until somebody starts them.`,
    clear: "What the programs have written so far is lost.",
  };
  const title = { restart: `Restart ${whose}?`, stop: `Stop ${whose}?`, clear: "Clear all logs?" };
  const yes = { restart: "Restart all", stop: "Stop all", clear: "Clear all logs" };
  if (op === "start" || (await confirmed(title[op], text[op], yes[op]))) await operate(op, spec);
}

const isMany = (spec) => spec === "all" || spec?.endsWith(":*");

async function shutDown() {
  const text = "It stops all processes and then itself. Nothing here can start it again.";
  if (!(await confirmed("Shut procman down?", text, "Shut down"))) return;
  try {
    await call("POST", "v1/master/shutdown");
  } catch (error) {
    note(`Cannot shut procman down: ${error.message}`, { bad: true });
  }
}

// ---- the stream of what happens

/** Calls `open` for each connection, `message(event, data)` for what comes, and `lost(why)` when it has gone. */
class Stream {
  constructor(handlers) {
    this.handlers = handlers;
    this.wanted = false;
    this.tries = 0;
    this.controller = null;
    this.timer = 0;
  }

  open() {
    this.wanted = true;
    clearTimeout(this.timer);
    if (!this.controller) this.run();
  }

  close() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.controller?.abort();
    this.controller = null;
  }

  async run() {
    const controller = (this.controller = new AbortController());
    let why = "";
    // A connection that was cut without a word, as by a network that has changed, is only found out by its silence.
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => controller.abort(), SILENCE);
    };
    heard();
    try {
      const response = await fetch(`${BASE}v1/events`, { cache: "no-store", signal: controller.signal });
      if (!response.ok) throw new Error(await refusal(response));
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heard();
        const messages = (text + value).split("\n\n");
        text = messages.pop();
        messages.forEach((message) => this.take(message));
      }
    } catch (error) {
      why = error instanceof TypeError || error.name === "AbortError" ? "" : error.message;
    }
    clearTimeout(watchdog);
    if (this.controller !== controller) return; // it was closed
    this.controller = null;
    this.timer = setTimeout(() => this.open(), TRY_AGAIN[Math.min(this.tries++, TRY_AGAIN.length - 1)]);
    this.handlers.lost(why);
  }

  take(message) {
    let event = "";
    let data = "";
    for (const line of message.split("\n")) {
      if (line.startsWith("event: ")) event = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (!data) return;
    this.tries = 0;
    this.handlers.message(event, JSON.parse(data));
  }
}

// ---- the processes

/** What is brought back again and again is up each time that somebody looks, and serves nobody. */
function flapsNow(info, passed = 0) {
  return info.now + passed < info.flapping_until && (info.statename === "RUNNING" || info.statename === "STARTING");
}

/** "failed" needs somebody, "busy" will change by itself, "running" and "stopped" are as they should be. */
function kindOf(info, before, flaps) {
  if (flaps) return "failed";
  switch (info.statename) {
    case "RUNNING":
      return "running";
    case "STARTING":
      // Between two tries it has not recovered yet, and must not come and go.
      return before?.kind === "failed" && TRYING.has(before.info.statename) ? "failed" : "busy";
    case "STOPPING":
      return "busy";
    case "STOPPED":
      return "stopped";
    case "EXITED":
      return info.spawnerr ? "failed" : "stopped";
    default:
      return "failed";
  }
}

function detailOf({ info, kind, reason, flaps }) {
  const pid = info.pid ? `pid ${info.pid}` : "";
  if (flaps) return `${pid}${pid && ", "}ends again and again: ${reason}`;
  switch (info.statename) {
    case "BACKOFF":
      return `${reason}; will be tried again`;
    case "STARTING":
      return kind === "failed" && reason ? `${reason}; this is another try` : pid;
    case "EXITED":
      return info.ending;
    case "STOPPED":
      return info.start ? "" : "not started";
    case "FATAL":
      return reason || info.description;
    case "UNKNOWN":
      return info.spawnerr || info.description;
    default:
      return pid;
  }
}

/** What it has said about it; while it is tried again that is what is known. */
function wordsOf({ info, kind }) {
  return kind === "failed" && info.last_words ? `${info.last_words_on}: ${info.last_words}` : "";
}

const natural = new Intl.Collator("en", { numeric: true });
const byName = (a, b) => natural.compare(a.info.group, b.info.group) || natural.compare(a.info.name, b.info.name);

/** All processes, and their rows. */
class Fleet {
  constructor() {
    this.known = new Map(); // by namespec: {info, at, kind, flaps, reason, row}
    this.groups = new Map(); // by name: {element, list}
    this.folded = new Set(storedFolds());
    this.kind = ""; // of those that are shown; "" for all
    this.words = []; // that a row must hold to be shown
    this.resting = 0; // when the pointer will have rested for long enough
    this.placing = 0;
  }

  snapshot({ names, processes }) {
    const there = new Set(names);
    for (const name of this.known.keys()) if (!there.has(name)) this.forget(name);
    this.learn(processes);
    this.place(true);
    $("processes").removeAttribute("aria-busy");
  }

  change({ processes, gone = [] }) {
    gone.forEach((name) => this.forget(name));
    this.learn(processes);
    this.place(false);
  }

  learn(processes) {
    for (const info of processes) {
      const before = this.known.get(info.namespec);
      const flaps = flapsNow(info);
      const kind = kindOf(info, before, flaps);
      // Of what ended at once supervisor's words say no more than that.
      const reason = info.ending || info.spawnerr || (kind === "failed" && before ? before.reason : "");
      const process = { info, at: performance.now(), kind, flaps, reason, row: before?.row ?? newRow(info) };
      this.known.set(info.namespec, process);
      if (before && before.kind !== kind) {
        const state = info.statename.toLowerCase();
        if (kind === "failed") say(`${info.namespec} needs attention: ${state}, ${detailOf(process)}`);
        else if (before.kind === "failed" && kind === "running") say(`${info.namespec} is running again`);
      }
      if (before && !UP.has(before.info.statename) && UP.has(info.statename)) forgetUndo(info.namespec);
      showRow(process);
      log.heard(process);
    }
  }

  forget(name) {
    forgetUndo(name);
    this.known.get(name)?.row.remove();
    this.known.delete(name);
    if (log.spec === name) log.show();
  }

  /** Put every row where it belongs: at once, or when no pointer is about to press something. */
  place(atOnce) {
    clearTimeout(this.placing);
    const wait = this.resting - performance.now();
    if (!atOnce && wait > 0) {
      this.placing = setTimeout(() => this.place(false), wait);
      this.count();
      return;
    }
    const focused = document.activeElement;
    const all = [...this.known.values()].sort(byName);
    const members = new Map(all.map((process) => [process.info.group, []]));
    all.forEach((process) => members.get(process.info.group).push(process));
    for (const [name, group] of this.groups) {
      if (!members.has(name)) {
        group.element.remove();
        this.groups.delete(name);
      }
    }
    const trouble = [];
    const others = [];
    for (const [name, processes] of members) {
      const alone = processes.length === 1 && processes[0].info.name === name;
      const calm = processes.filter((process) => process.kind !== "failed").map((process) => process.row);
      trouble.push(...processes.filter((process) => process.kind === "failed").map((process) => process.row));
      if (alone) {
        others.push(...calm);
        continue;
      }
      if (!this.groups.has(name)) this.groups.set(name, newGroup(name, this.folded));
      arrange(this.groups.get(name).list, calm);
      others.push(this.groups.get(name).element);
    }
    arrange($("trouble").querySelector("ul"), trouble);
    arrange($("others").querySelector("ul"), others);
    this.sift();
    // A row that was moved has lost it.
    if (focused !== document.activeElement && focused.isConnected) focused.focus({ preventScroll: true });
  }

  /** Show what the filter lets through, and count. */
  sift() {
    const passes = ({ info, kind }) => {
      const text = `${info.namespec} ${info.statename}`.toLowerCase();
      return (!this.kind || kind === this.kind) && this.words.every((word) => text.includes(word));
    };
    for (const process of this.known.values()) process.row.hidden = !passes(process);
    for (const { element, list } of this.groups.values()) {
      const filtered = this.kind || this.words.length;
      element.hidden = Boolean(filtered) && ![...list.children].some((row) => !row.hidden);
    }
    $("trouble").hidden = ![...$("trouble").querySelectorAll(".row")].some((row) => !row.hidden);
    const shown = [...this.known.values()].some((process) => !process.row.hidden);
    $("others").hidden = ![...$("others").querySelector("ul").children].some((child) => !child.hidden);
    $("nothing").hidden = shown;
    $("unfilter").hidden = this.known.size === 0;
    const none = "There are no programs yet. Write one into the configuration, then run procmanctl update.";
    put($("nothing").querySelector(".text"), this.known.size ? "No process matches." : none);
    this.count();
  }

  count() {
    const counts = { failed: 0, busy: 0, running: 0, stopped: 0 };
    const groups = new Map();
    for (const { info, kind } of this.known.values()) {
      counts[kind] += 1;
      const sums = groups.get(info.group) ?? { all: 0, running: 0, failed: 0 };
      sums.all += 1;
      if (kind in sums) sums[kind] += 1;
      groups.set(info.group, sums);
    }
    for (const button of $("kinds").children) {
      const { kind } = button.dataset;
      put(button.querySelector("b"), String(counts[kind]));
      button.hidden = !counts[kind] && this.kind !== kind;
    }
    for (const [name, group] of this.groups) {
      const { all, running, failed } = groups.get(name) ?? { all: 0, running: 0, failed: 0 };
      const attention = failed ? `, ${counted(failed, "needs", "need")} attention` : "";
      put(group.sum, `${running} of ${all} running${attention}`);
    }
    master.mood(counts);
  }

  /** Once a second: the times go on. */
  tick() {
    let calmed = false;
    for (const process of this.known.values()) {
      showTime(process);
      if (!process.flaps || flapsNow(process.info, (performance.now() - process.at) / 1000)) continue;
      process.flaps = false;
      process.kind = kindOf(process.info, null, false);
      calmed = true;
      showRow(process);
      log.heard(process);
    }
    if (calmed) this.place(false);
  }
}

function newRow(info) {
  const row = $("row").content.firstElementChild.cloneNode(true);
  const name = row.querySelector(".name");
  const href = `#log/${encodeURIComponent(info.namespec)}`;
  row.dataset.spec = info.namespec;
  // Within its group its own name is enough.
  name.querySelector(".of").textContent = info.namespec.slice(0, info.namespec.length - info.name.length);
  name.querySelector(".own").textContent = info.name;
  name.href = href;
  name.title = `The log of ${info.namespec}`;
  row.querySelector("[data-log]").href = href;
  label(row, info.namespec);
  return row;
}

function label(element, spec, asks = false) {
  for (const button of element.querySelectorAll("button[data-do]")) {
    const words = `${WORDS[button.dataset.do]} ${spec}${asks && button.dataset.do !== "start" ? "…" : ""}`;
    button.setAttribute("aria-label", words);
    button.title = words;
  }
}

/** Of the master at this address: others may be behind the same proxy. */
const FOLDS = `folded ${new URL(BASE).pathname}`;

function storedFolds() {
  try {
    return [...JSON.parse(stored(FOLDS) ?? "[]")];
  } catch {
    return []; // not what this page has stored
  }
}

function newGroup(name, folded) {
  const element = $("group").content.firstElementChild.cloneNode(true);
  const fold = element.querySelector(".fold");
  element.dataset.spec = `${name}:*`;
  element.querySelector("h3").textContent = name;
  label(element, `all of ${name}`, true);
  const show = () => {
    fold.setAttribute("aria-expanded", String(!folded.has(name)));
    fold.setAttribute("aria-label", `The processes of ${name}`);
  };
  fold.addEventListener("click", () => {
    if (!folded.delete(name)) folded.add(name);
    show();
    store(FOLDS, JSON.stringify([...folded].filter((group) => fleet.groups.has(group))));
  });
  show();
  return { element, list: element.querySelector("ul"), sum: element.querySelector(".sum") };
}

function showRow(process) {
  const { info, kind, row } = process;
  row.dataset.kind = kind;
  row.dataset.state = info.statename;
  put(row.querySelector(".state"), info.statename.toLowerCase());
  put(row.querySelector(".detail .text"), detailOf(process));
  const words = row.querySelector(".words");
  put(words, wordsOf(process));
  words.hidden = !words.textContent;
  const restarts = row.querySelector(".restarts");
  restarts.hidden = !info.restarts;
  put(restarts, counted(info.restarts, "restart"));
  const lost = row.querySelector(".lost");
  lost.hidden = !info.lost;
  put(lost, `${bytes(info.lost)} of output lost`);
  showButtons(row, info.statename);
  showTime(process);
}

/** Not `disabled`: a button that has the keyboard's focus must keep it when the state changes. */
function showButtons(element, state) {
  for (const button of element.querySelectorAll("button[data-do]")) {
    const applies = APPLIES[button.dataset.do]?.(state) ?? true;
    if (applies) button.removeAttribute("aria-disabled");
    else button.setAttribute("aria-disabled", "true");
  }
}

function showTime({ info, at, row }) {
  const passed = (performance.now() - at) / 1000;
  const when = row.querySelector(".when");
  if (info.pid) {
    put(when, clock(info.uptime + passed));
    row.querySelector(".restarts").toggleAttribute("data-lately", info.uptime + passed < LATELY);
    when.title = `Since ${new Date(info.start * 1000).toLocaleString()}`;
  } else if (info.stop) {
    put(when, ago(info.now - info.stop + passed));
    when.title = new Date(info.stop * 1000).toLocaleString();
  } else {
    put(when, "");
    when.removeAttribute("title");
  }
}

/** Make these the children of a list, moving no more than is needed. */
function arrange(list, children) {
  let next = list.firstElementChild;
  for (const child of children) {
    if (child === next) next = next.nextElementSibling;
    else list.insertBefore(child, next);
  }
  while (next) {
    const stray = next;
    next = next.nextElementSibling;
    stray.remove();
  }
}

// ---- the master itself

class Master {
  constructor() {
    this.info = null;
    this.name = "procman";
    this.lostAt = null; // since when there is no connection
    this.why = "";
    this.counts = null;
  }

  know(info) {
    this.info = info;
    // An older master says nothing of it, and knows no one who may only read.
    document.body.toggleAttribute("data-readonly", info.may_control === false);
    $("readonly").hidden = info.may_control !== false;
    // What it is called where nobody has given it a name says nothing.
    this.name = info.identifier === "supervisor" ? "procman" : info.identifier;
    put($("identity"), this.name);
    put($("host"), location.host);
    const since = new Date(info.start * 1000).toLocaleString();
    put($("about"), `procman ${info.version} · pid ${info.pid} · since ${since} · ${info.config_file}`);
    this.show();
  }

  found() {
    this.lostAt = null;
    document.body.dataset.link = "live";
    put($("link").querySelector(".text"), "live");
    this.show();
  }

  lost(why) {
    this.lostAt ??= new Date();
    this.why = why;
    document.body.dataset.link = "lost";
    put($("link").querySelector(".text"), "not connected");
    this.show();
  }

  show() {
    const state = this.info?.statename;
    let text = "";
    if (this.lostAt) {
      const time = this.lostAt.toLocaleTimeString();
      const what = {
        SHUTDOWN: `procman was shut down at ${time}`,
        RESTARTING: `procman ended at ${time}, to start anew`,
      };
      text = `${what[state] ?? `No connection to procman since ${time}`}${this.why ? ` (${this.why})` : ""}. `;
      text += this.info ? "What you see is how it was then; trying again." : "Trying again.";
    } else if (state && state !== "RUNNING") {
      text = state === "SHUTDOWN" ? "procman is shutting down." : "procman is stopping all processes, to start anew.";
    }
    $("banner").hidden = !text;
    $("retry").hidden = !this.lostAt;
    put($("banner").querySelector(".text"), text);
    this.mood(this.counts);
  }

  /** What a tab shows from afar: its title and its icon. */
  mood(counts) {
    this.counts = counts;
    if (!counts) return;
    const mood = this.lostAt ? "lost" : counts.failed ? "bad" : "good";
    const sign = this.lostAt ? "(no connection) " : counts.failed ? `(${counts.failed} failed) ` : "";
    const title = `${sign}${this.name} – ${location.host}`;
    if (document.title !== title) document.title = title;
    if (document.body.dataset.mood === mood) return;
    document.body.dataset.mood = mood;
    const colour = { good: "#1f9d55", bad: "#d92d20", lost: "#8a8f96" }[mood];
    const shape = mood === "bad" ? '<path d="M8 1l7 13H1z"/>' : '<rect x="2" y="2" width="12" height="12" rx="4"/>';
    const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="${colour}">${shape}</svg>`;
    document.querySelector("link[rel=icon]").href = `data:image/svg+xml,${encodeURIComponent(icon)}`;
  }

  get reachable() {
    return !this.lostAt && this.info !== null;
  }
}

// ---- a log that is followed

// https://en.wikipedia.org/wiki/ANSI_escape_code: CSI, OSC and the other strings, and what is left of the short ones.
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])/g;
// What would do something, turn a text around for instance, is shown as a sign for it.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

function plain(line) {
  const text = line.replace(ANSI, "").replace(/\r+$/, "");
  // A progress bar goes back to the beginning of its line, and what it wrote there before is gone.
  const last = text.slice(text.lastIndexOf("\r") + 1);
  const signFor = (control) => (control < " " ? String.fromCharCode(0x2400 + control.charCodeAt(0)) : "\ufffd");
  const safe = last.replace(CONTROLS, signFor);
  return safe.length > LINE ? `${safe.slice(0, LINE)}… (${safe.length - LINE} more characters)` : safe;
}

class Log {
  constructor() {
    this.spec = null; // of whom it is: a namespec, or "" for procman itself; null while it is closed
    this.channel = "stdout";
    this.controller = null;
    this.before = null; // what had the focus before it was opened
    this.drawing = false; // the next frame shows what is waiting
    this.cut = false; // the stream was cut while there was one of events: it can be gone on with
    this.forget();
  }

  forget() {
    this.waiting = []; // lines that are not shown yet
    this.rest = ""; // the last line, which has no end yet
    this.last = null; // its element
  }

  /** Open what the address names: #log, #log/NAME or #log/NAME/CHANNEL. */
  navigate() {
    const [word, spec, channel] = location.hash.slice(1).split("/");
    if (word !== "log") {
      this.close();
      return;
    }
    let name;
    try {
      name = decodeURIComponent(spec ?? "");
    } catch {
      this.close();
      return;
    }
    if (this.spec === null) this.before = document.activeElement;
    const another = name !== this.spec;
    this.spec = name;
    $("log").hidden = false;
    this.size();
    this.mark(fleet.known.get(name)?.row);
    const process = fleet.known.get(name);
    if (process?.info.redirect_stderr) this.channel = "stdout";
    else if (channel === "stdout" || channel === "stderr") this.channel = channel;
    else if (another) this.channel = (process?.kind === "failed" && process.info.last_words_on) || "stdout";
    this.show();
    this.follow();
    if (another) $("log-title").focus({ preventScroll: true });
  }

  /** The row of whose log it is stands out, and is not covered. */
  mark(row) {
    document.querySelector(".row[aria-current]")?.removeAttribute("aria-current");
    row?.setAttribute("aria-current", "true");
    row?.scrollIntoView({ block: "nearest" });
  }

  close() {
    if (this.spec === null) return;
    this.spec = null;
    this.controller?.abort();
    $("log").hidden = true;
    $("lines").replaceChildren();
    this.forget();
    this.size();
    this.mark();
    const row = this.before?.isConnected ? this.before : $("processes");
    row.focus({ preventScroll: true });
  }

  size() {
    const height = this.spec === null ? "0px" : $("tall").getAttribute("aria-pressed") === "true" ? "88dvh" : "46dvh";
    document.documentElement.style.setProperty("--log-height", height);
  }

  show() {
    const process = fleet.known.get(this.spec);
    const own = this.spec === "";
    put($("log-title"), own ? "procman’s own log" : this.spec);
    // With redirect_stderr both are in one log.
    $("channels").hidden = own || Boolean(process?.info.redirect_stderr);
    $("log-actions").hidden = own || !process;
    $("log-actions").dataset.spec = this.spec;
    for (const button of $("channels").children) {
      button.setAttribute("aria-pressed", String(button.dataset.channel === this.channel));
    }
    put($("log-state"), process ? process.info.statename.toLowerCase() : "");
    if (!process) {
      put($("log-facts"), own ? "" : "There is no such process (any more).");
      return;
    }
    const { info, kind } = process;
    $("log-state").dataset.kind = kind;
    const path = this.channel === "stderr" ? info.stderr_logfile : info.stdout_logfile;
    const restarts = info.restarts ? counted(info.restarts, "restart") : "";
    const both = info.redirect_stderr ? "stdout and stderr" : "";
    const facts = [detailOf(process), wordsOf(process), restarts, both, path || "not kept in a file"];
    put($("log-facts"), facts.filter(Boolean).join(" · "));
    label($("log-actions"), this.spec);
    showButtons($("log-actions"), info.statename);
  }

  /** There is no connection: begin again when there is one. */
  interrupt() {
    if (!this.controller) return;
    this.controller.abort();
    this.controller = null;
    put($("log-note"), "The connection was lost.");
  }

  /** Something has happened to a process. */
  heard(process) {
    if (process.info.namespec !== this.spec) return;
    this.show();
    // A log that was not there yet begins with the process, and one that has ended may go on.
    if (!this.controller && process.info.pid) this.follow();
  }

  /** Proxies cut a stream that is silent (nginx after a minute). Who reads further up is not to lose the place. */
  goOn() {
    const connected = document.body.dataset.link === "live";
    if (this.cut && this.spec !== null && !this.controller && this.stuck && connected) this.follow({ again: true });
  }

  /** Again: what is there stays in sight until what takes its place has come. */
  async follow({ again = false } = {}) {
    this.controller?.abort();
    const controller = (this.controller = new AbortController());
    const path = this.spec === "" ? "v1/log" : `${specPath(this.spec)}/log/${this.channel}`;
    this.cut = false;
    const begin = () => {
      this.forget();
      $("lines").replaceChildren();
      this.stick(true);
      put($("log-note"), "");
    };
    if (!again) begin();
    if (this.isNone()) {
      this.controller = null;
      put($("log-note"), NOTHING_YET);
      return;
    }
    let end = "The log has ended.";
    let lost = false;
    try {
      const options = { cache: "no-store", signal: controller.signal };
      const response = await fetch(`${BASE}${path}?follow=1&tail=${PAST}`, options);
      if (!response.ok) throw new Error(await refusal(response));
      if (controller.signal.aborted) return;
      if (again) begin();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      put($("log-note"), NOTHING_YET);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (controller.signal.aborted) return;
        put($("log-note"), "");
        this.take(value);
        // A flood is not read faster than it can be shown: the master leaves out what nobody reads, and says so.
        if (this.waiting.length >= LINES) await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    } catch (error) {
      lost = error instanceof TypeError;
      end = lost ? "The connection was lost." : `${error.message}.`;
    }
    if (this.controller !== controller) return; // it follows something else
    this.controller = null;
    if (controller.signal.aborted) return;
    put($("log-note"), end);
    this.cut = lost;
    setTimeout(() => this.goOn(), TRY_AGAIN[1]);
  }

  /** It has never run, and its output goes to no file: there is nothing to ask for. */
  isNone() {
    const { info } = fleet.known.get(this.spec) ?? {};
    return info !== undefined && !info.pid && !info.stop && !info[`${this.channel}_logfile`];
  }

  take(text) {
    const lines = (this.rest + text).split("\n");
    this.rest = lines.pop();
    if (this.rest.length > 4 * LINE) {
      lines.push(this.rest);
      this.rest = "";
    }
    // What would be out of sight at once need not be shown.
    this.waiting = this.waiting.concat(lines).slice(-LINES);
    if (!this.drawing) {
      this.drawing = true;
      requestAnimationFrame(() => this.draw());
    }
  }

  draw() {
    this.drawing = false;
    const box = $("lines");
    const added = document.createDocumentFragment();
    const line = (text) => {
      const element = document.createElement("div");
      element.textContent = plain(text);
      if (text.startsWith("[procman: ")) element.className = "note";
      added.append(element);
      return element;
    };
    this.last?.remove();
    this.waiting.forEach(line);
    this.waiting = [];
    this.last = this.rest ? line(this.rest) : null;
    box.append(added);
    // Who has scrolled back keeps what is being read.
    const bound = this.stuck ? LINES : 2 * LINES;
    while (box.childElementCount > bound) box.firstElementChild.remove();
    if (this.stuck) box.scrollTop = box.scrollHeight;
  }

  /** Stay at the newest line, or where somebody has scrolled to. */
  stick(stuck) {
    this.stuck = stuck;
    $("newest").hidden = stuck;
    if (!stuck) return;
    $("lines").scrollTop = $("lines").scrollHeight;
    this.goOn();
  }

  scrolled() {
    const box = $("lines");
    const atTheEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    this.stick(atTheEnd || (this.stuck && this.resized()));
  }

  /** A window of another size, a phone that is turned: lines move, and nobody has scrolled back. */
  resized() {
    const size = `${$("lines").clientWidth} ${$("lines").clientHeight}`;
    const other = size !== this.box;
    this.box = size;
    return other;
  }

  async clear() {
    const { spec } = this;
    const title = spec === "" ? "Clear procman’s own log?" : `Clear the logs of ${spec}?`;
    const text = `What ${spec === "" ? "procman" : "it"} has written so far is lost, also in the file on the disk.`;
    if (!(await confirmed(title, text, "Clear"))) return;
    if (spec !== "") {
      await operate("clear", spec);
      return;
    }
    try {
      await call("POST", "v1/log/clear");
      this.cleared("");
    } catch (error) {
      note(`Cannot clear the log: ${error.message}`, { bad: true });
    }
  }

  cleared(spec) {
    if (this.spec === null || (spec !== this.spec && (spec !== "all" || this.spec === ""))) return;
    this.forget();
    $("lines").replaceChildren();
    put($("log-note"), "It was cleared; what is written now will be seen here.");
    this.stick(true);
  }
}

const fleet = new Fleet();
const master = new Master();
const log = new Log();
// What the page's address asks for waits until it is known what there is.
let begin = () => {
  begin = null;
  log.navigate();
  heedAddress();
};
const events = new Stream({
  message(event, data) {
    if (event === "snapshot") master.found();
    if (data.master) master.know(data.master);
    if (event === "snapshot") {
      fleet.snapshot(data);
      if (log.spec !== null && !log.controller) log.follow();
      begin?.();
    } else if (event === "change") {
      fleet.change(data);
    }
  },
  lost(why) {
    master.lost(why);
    log.interrupt();
  },
});

// ---- hands and keys

async function act(button) {
  if (button.getAttribute("aria-disabled") === "true" || button.getAttribute("aria-busy") === "true") return;
  if (button.closest("#menu")) $("menu").hidePopover();
  if (!master.reachable) {
    note("procman cannot be asked: there is no connection to it.", { bad: true });
    return;
  }
  const op = button.dataset.do;
  const { spec } = button.closest("[data-spec]")?.dataset ?? {};
  button.setAttribute("aria-busy", "true");
  try {
    if (op === "shutdown") await shutDown();
    else if (isMany(spec)) await operateMany(op, spec);
    else await operate(op, spec);
  } finally {
    button.removeAttribute("aria-busy");
  }
}

function filter() {
  fleet.words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
  for (const button of $("kinds").children) {
    button.setAttribute("aria-pressed", String(button.dataset.kind === fleet.kind));
  }
  fleet.sift();
}

function setUpFilter() {
  $("filter").addEventListener("input", filter);
  $("kinds").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    fleet.kind = fleet.kind === button.dataset.kind ? "" : button.dataset.kind;
    filter();
  });
  $("unfilter").addEventListener("click", () => {
    fleet.kind = "";
    $("filter").value = "";
    filter();
    $("filter").focus();
  });
}

function closeLog() {
  history.replaceState(null, "", location.pathname);
  log.close();
}

function setUpLog() {
  const toggle = (button) => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    return pressed;
  };
  $("wrap").setAttribute("aria-pressed", String(stored("wrap") !== "false"));
  $("tall").setAttribute("aria-pressed", String(stored("tall") === "true"));
  $("lines").toggleAttribute("data-wrap", stored("wrap") !== "false");
  $("wrap").addEventListener("click", () => {
    const wraps = toggle($("wrap"));
    $("lines").toggleAttribute("data-wrap", wraps);
    store("wrap", wraps);
    if (log.stuck) log.stick(true);
  });
  $("tall").addEventListener("click", () => {
    store("tall", toggle($("tall")));
    log.size();
    if (log.stuck) log.stick(true);
  });
  $("clear").addEventListener("click", () => log.clear());
  $("close").addEventListener("click", closeLog);
  $("newest").addEventListener("click", () => log.stick(true));
  $("lines").addEventListener("scroll", () => log.scrolled());
  new ResizeObserver(() => {
    if (log.resized() && log.stuck) log.stick(true);
  }).observe($("lines"));
  $("channels").addEventListener("click", (event) => {
    const channel = event.target.closest("button")?.dataset.channel;
    if (!channel || channel === log.channel) return;
    log.channel = channel;
    log.show();
    log.follow();
  });
  addEventListener("hashchange", () => log.navigate());
}

function setUpKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("ask").open) return;
    const typing = event.target.matches("input");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      $("filter").focus();
    } else if (event.key === "Escape" && typing && $("filter").value) {
      $("filter").value = "";
      filter();
    } else if (event.key === "Escape" && log.spec !== null && !$("menu").matches(":popover-open")) {
      closeLog();
    }
  });
}

/** A browser has six connections for one server. Of many tabs only the one last looked at keeps its streams. */
function setUpTabs() {
  const tabs = new BroadcastChannel("procman");
  const here = () => {
    if (document.hidden) return;
    tabs.postMessage("here");
    events.open();
    fleet.tick();
  };
  tabs.addEventListener("message", () => {
    if (!document.hidden) return;
    events.close();
    log.interrupt();
    document.title = location.host; // nothing is known any more
  });
  document.addEventListener("visibilitychange", here);
  addEventListener("online", () => events.open());
  $("retry").addEventListener("click", () => events.open());
  here();
  // A tab that is opened in the background.
  if (document.hidden) events.open();
}

/** What the address asks for: a message, or an action of which nobody could be sure that it was meant. */
async function heedAddress() {
  const asked = new URLSearchParams(location.search);
  if (!location.search) return;
  history.replaceState(null, "", location.pathname + location.hash);
  const [message, action, name] = ["message", "action", "processname"].map((key) => asked.get(key) ?? "");
  if (message) note(message.slice(0, 500), { bad: message.startsWith("ERROR") });
  if (master.info.may_control === false) return;
  const all = { stopall: "stop", restartall: "restart" }[action];
  const one = { start: "start", stop: "stop", restart: "restart", clearlog: "clear" }[action];
  if (all) {
    await operateMany(all, "all");
  } else if (one && name) {
    const yes = one === "clear" ? "Clear" : WORDS[one];
    const title = `${WORDS[one]} ${name}?`;
    if (await confirmed(title, "A link or a bookmark asks for this.", yes)) await operate(one, name);
  }
}

document.addEventListener("DOMContentLoaded", () => {
  setUpTheme();
  setUpFilter();
  setUpLog();
  setUpKeys();
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) act(button);
    else if (event.target.closest("a[href^='#log']")) {
      $("menu").hidePopover();
    }
  });
  $("processes").addEventListener("pointermove", () => {
    fleet.resting = performance.now() + RESTED;
  });
  setInterval(() => {
    if (!document.hidden && master.reachable) fleet.tick();
  }, 1000);
  setUpTabs();
});
