/* The state of a process: what it means, how it is described, and which actions it allows. Pure functions. */

import { printable, timeOf, until } from "./text.js";

const UP = new Set(["STARTING", "RUNNING", "BACKOFF"]);
const TRYING = new Set(["STARTING", "BACKOFF"]);
const APPLIES = {
  start: (state) => state === "STOPPED" || state === "EXITED" || state === "FATAL",
  stop: (state) => UP.has(state),
  restart: (state) => UP.has(state),
  retry: (state) => state === "BACKOFF" || state === "FATAL",
  run: (state) => !UP.has(state) && state !== "STOPPING",
};

export const ACTION_NAMES = { start: "Start", stop: "Stop", restart: "Restart", retry: "Retry", run: "Run", clear: "Clear the logs of" };

export const isUp = ({ statename }) => UP.has(statename);

/** Whether an action makes sense in this state. */
export const applies = (action, state) => APPLIES[action]?.(state) ?? true;

/** A process that keeps restarting may be up at any given moment, but does no work. */
export function flapsNow(info, passed = 0) {
  return info.now + passed < info.flapping_until && (info.statename === "RUNNING" || info.statename === "STARTING");
}

/** Whether this client may start, stop and signal it. Where it may do everything, there is no role. */
export const mayOperate = (info) => !info.role || ["operate", "configure", "admin"].includes(info.role);

/** It runs, and its health check fails. */
export const isUnhealthy = ({ phase }) => phase === "unhealthy";

/** What its badge says. */
export const stateOf = (info) => (isUnhealthy(info) ? "unhealthy" : info.statename.toLowerCase());

/** "failed" needs attention, "busy" changes by itself, "running" and "stopped" are as they should be. */
export function kindOf(info, before, flaps) {
  if (flaps) return "failed";
  switch (info.statename) {
    case "RUNNING":
      return isUnhealthy(info) ? "failed" : "running";
    case "STARTING":
      // Between two attempts it has not recovered yet, and must not jump between the sections.
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

export function detailOf({ info, kind, reason, flaps }) {
  const pid = info.pid ? `pid ${info.pid}` : "";
  if (flaps) return `${pid}${pid && ", "}keeps restarting: ${reason}`;
  switch (info.statename) {
    case "BACKOFF":
      return `${reason}; will be retried`;
    case "STARTING":
      return kind === "failed" && reason ? `${reason}; retrying` : [pid, waitOf(info)].filter(Boolean).join(", ");
    case "EXITED":
      return [info.done ? `done, ${info.ending}` : info.ending, nextOf(info), offOf(info)].filter(Boolean).join("; ");
    case "STOPPED":
      return waitOf(info) || nextOf(info) || [info.start ? "" : "not started", offOf(info)].filter(Boolean).join("; ");
    case "FATAL":
      return reason || info.description;
    case "UNKNOWN":
      return info.spawnerr || info.description;
    default:
      return [pid, waitOf(info), healthOf(info), printable(info.status_text), nextOf(info)].filter(Boolean).join(", ");
  }
}

/** When it runs next by its schedule, or is tried again; "" where neither is known. */
export function nextOf({ next, now, statename }) {
  if (!next) return "";
  if (statename === "BACKOFF") return `next try ${until(next - now)}`;
  return `next run ${timeOf(next, { seconds: false })}, ${until(next - now)}`;
}

/** That no run comes by its schedule; "" where it has none, or one is coming. */
const offOf = ({ description }) => (description.endsWith("; its schedule is off") ? "its schedule is off" : "");

/** What keeps it from starting; "" where nothing does. */
const waitOf = (info) => (info.waits_for?.length ? `waits for ${printable(info.waits_for.join(", "))}` : "");

/** What its checks say: {text, good}, for readiness and for health, where it has such a check and a process. */
export function marksOf({ pid, statename, ready, healthy }) {
  const marks = [];
  if (!pid || statename === "STOPPING") return marks;
  if (typeof ready === "boolean") marks.push({ text: ready ? "ready" : "not ready yet", good: ready });
  if (typeof healthy === "boolean") marks.push({ text: healthy ? "healthy" : "unhealthy", good: healthy });
  return marks;
}

/** What its health check has seen, if that fails, or that nobody looks for a while; "" where all is well. */
function healthOf({ statename, description }) {
  const words = statename === "RUNNING" ? description.match(/, ((?:unhealthy: |health paused for ).*)$/su) : null;
  return words ? printable(words[1]) : "";
}

/** One sentence: why a process has failed, and how it ended; "" where it has not. The state is told beside it. */
export function whyOf(info, kind, before) {
  if (kind !== "failed") return "";
  // Between two attempts nothing new is known.
  if (info.statename === "STARTING" && before?.why) return before.why;
  if (!info.why) return "";
  // "FATAL: exit status 3" or "FATAL (blocked): db is FATAL: …": only its own state is left out.
  const why = info.why.replace(new RegExp(`^${info.statename}(?: \\((\\w+)\\))?: `, "u"), (_, phase) => (phase ? `${phase}: ` : ""));
  const missing = [info.ending, info.last_words && `last words: ${info.last_words}`];
  return printable([why, missing.filter((part) => part && !why.includes(part)).join(", ")].filter(Boolean).join("; "));
}

/** The last line that a failed process wrote. */
export function lastWordsOf({ info, kind }) {
  return kind === "failed" && info.last_words ? `${info.last_words_on}: ${printable(info.last_words)}` : "";
}

