/* Records of the journal as words for people, as `procmanctl events` has them. Pure functions. */

import { duration } from "./text.js";

/** What has happened, without the time and the name. */
export function whatHappened(record) {
  const words = WORDS[record.kind]?.(record, record.data ?? {}) ?? (record.reason || record.kind);
  const times = record.times > 1 ? ` (${record.times} times)` : "";
  return `${words}${times}${by(record)}`;
}

/** Whether it is bad news: "bad", "warn" or "". */
export function gravityOf({ kind, to, reason, data }) {
  if (kind === "gap" || (kind === "watch" && reason === "suspended")) return "warn";
  if (kind === "log-trouble" || kind === "access-denied" || data?.failed || data?.error) return "bad";
  if (to === "FATAL" || to === "UNKNOWN" || (to === "EXITED" && data?.expected === false)) return "bad";
  return to === "BACKOFF" || (kind === "rolling" && reason === "stopped") ? "warn" : "";
}

const WATCH = {
  restart: "is restarted",
  start: "is started again",
  reload: "reads its configuration again",
  signal: "gets a signal",
  exec: "has its command run",
};

const SCHEDULE = {
  on: "its schedule is switched on",
  off: "its schedule is switched off",
  run: "a run is due",
  skipped: "a run is left out, as one is under way",
  queued: "a run waits for the end of the present one",
  dropped: "the run that was queued is dropped",
  missed: "a run was missed",
};

const WORDS = {
  schedule({ reason = "" }, { count = 1 }) {
    if (count > 1) return `${count} runs were ${reason === "skipped" ? "left out" : "missed"}`;
    return SCHEDULE[reason] ?? reason;
  },
  socket({ reason }, { address, addresses = [] }) {
    if (reason === "off") return "does not wait for a connection any more";
    return reason === "connection" ? `a connection to ${address} starts it` : `waits for a connection on ${addresses.join(", ")}`;
  },
  rolling({ reason }, { program, ready, total, aborting, why }) {
    const what = aborting ? "putting back the earlier definition" : "rolling restart";
    const count = `${ready} of ${total}`;
    const because = why ? `: ${why}` : "";
    if (reason === "restarting") return `${what}: its turn has come`;
    if (reason === "ready") return `${what}: it is ready, ${count}`;
    if (reason === "began") return `${what} of ${program} began`;
    if (reason === "stopped") return `${what} of ${program} has stopped here, ${count} ready${because}`;
    if (reason === "done") return `${what} of ${program} is done: ${count}`;
    return `${what} of ${program} ${reason === "continued" ? "goes on" : "has ended"}: ${count} ready${because}`;
  },
  state(record, { tries, expected }) {
    if (!record.to) return `${record.reason ?? ""}${pids(record.data ?? {})}`;
    const count = tries ? `, try ${tries}` : "";
    const not = expected === false ? ", not expected" : "";
    return `${record.from ?? ""} → ${record.to}${count}${not}${record.reason ? `: ${record.reason}` : ""}`;
  },
  spawn(record, data) {
    if (data.failed) return `could not be started: ${record.reason ?? ""}`;
    if (record.reason !== "adopted") return `started with pid ${data.pid}`;
    return `adopted with pid ${data.pid}, which has been there for ${duration(data.age ?? 0)}`;
  },
  exit(_, data) {
    let how = "ended; its exit status is not known";
    if (data.signal) how = `was terminated by ${data.signal}${data.core ? " (core dumped)" : ""}`;
    else if (data.code !== undefined) how = `ended with exit status ${data.code}`;
    return `pid ${data.pid} ${how}${pids(data)}`;
  },
  signal(record, data) {
    if (data.failed) return `could not be signalled: ${record.reason ?? ""}`;
    const scope = { group: " and its process group", tree: " and its descendants" }[data.scope] ?? "";
    const overdue = record.reason === "overdue" ? ", as stopwaitsecs were over" : "";
    return `${data.signal} to ${data.pid ? `pid ${data.pid}` : "what it left behind"}${scope}${overdue}`;
  },
  watch({ reason = "" }, { changed = "" }) {
    if (reason === "resumed") return "its files are watched again";
    if (reason === "suspended") return `${changed} again and again: its files are not watched any more`;
    return `${WATCH[reason] ?? reason}: ${changed}`;
  },
  "op-begin": (record, data) => `asked for: ${named(record.reason ?? "", data, "targets", " ")}`,
  "op-end"(record, data) {
    if (data.error) return `${record.reason} failed: ${data.error}`;
    return data.failed ? `${record.reason} has failed for ${named("", data, "failed", ", ")}` : `${record.reason} is done`;
  },
  rotation: ({ reason }, { stream }) => `log of ${stream} rotated, ${reason === "request" ? "on request" : "as its time has come"}`,
  confirmation: (record, { update, words }) => `update ${update} ${words ?? record.reason ?? ""}`,
  "update-step"(record, { options = [] }) {
    return `update: ${record.reason ?? ""}${options.length ? ` (${options.join(", ")})` : ""}`;
  },
  master(record, data) {
    const { reason = "", to = "" } = record;
    if (reason === "began") return `procman ${data.version ?? ""} began with pid ${data.pid}`;
    if (reason === "upgraded") return `procman ${data.version ?? ""} goes on after an upgrade, with pid ${data.pid}`;
    if (reason === "reload" && data.code !== undefined) return "stops everything and reads its file again";
    if (reason === "quit" && data.code !== undefined) return `ends with ${data.code}`;
    return `${to}${reason ? `: ${reason}` : ""}`;
  },
  terminal: (record, data) => `a client is ${record.reason ?? ""}${data.read_only ? " (read-only)" : data.debug ? " (debug)" : ""}`,
  "access-denied": (record, data) => `refused${data.asked ? ` ${data.asked}` : ""}: ${record.reason ?? ""} (HTTP ${data.status})`,
  gap(record, data) {
    const count = data.records === undefined ? "" : `, ${data.records} of them`;
    return `records are missing from #${data.from} to #${data.to}${count}: ${data.reason ?? record.reason ?? ""}`;
  },
};

function pids({ descendants = [], descendants_count: count = descendants.length }) {
  if (!descendants.length) return "";
  const more = count - descendants.length;
  const verb = count === 1 ? "is" : "are";
  const list = descendants.map((pid) => `pid ${pid}`).join(", ");
  return `; of its descendants there ${verb} ${list}${more > 0 ? ` and ${more} more` : ""}`;
}

function named(head, data, key, between) {
  const values = (data[key] ?? []).map(String);
  const more = (data[`${key}_count`] ?? values.length) - values.length;
  return [head, ...values, more > 0 ? `and ${more} more` : ""].filter(Boolean).join(between);
}

function by(record) {
  const { actor, kind } = record;
  if (!actor || actor.kind === "policy" || kind === "op-end" || kind === "confirmation") return "";
  if (kind === "master" && (actor.kind === "boot" || actor.kind === "upgrade")) return ""; // its words say so
  return `, by ${actorText(actor)}`;
}

function actorText(actor) {
  if (actor.kind !== "client" && actor.kind !== "update") return actor.via || actor.kind;
  const user = actor.user ? ` (${actor.user})` : "";
  if (actor.uid === undefined) return `${actor.via ? `a client of ${actor.via}` : "a client"}${user}`;
  const details = [actor.user, actor.command, actor.pid === undefined ? "" : `pid ${actor.pid}`].filter(Boolean);
  return `uid ${actor.uid}${details.length ? ` (${details.join(", ")})` : ""}`;
}
