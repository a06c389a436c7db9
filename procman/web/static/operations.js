/* Actions on processes, logs and procman itself, requested by a button or by the address of the page.
 *
 * Their effect arrives with the events; an answer is read for errors.
 */

import { call, specPath } from "./api.js";
import { NOTES, answerTo, confirmed, forgetUndo, note, say } from "./dialogs.js";
import { $ } from "./document.js";
import { ACTION_NAMES, applies, isUp } from "./process-state.js";
import { counted } from "./text.js";

const isMany = (spec) => spec === "all" || spec === "marked" || spec?.endsWith(":*");

/** Calls `cleared(spec)` when a log was cleared: of a process, of "all", or of procman itself (""). */
export class Operations {
  constructor({ master, processes, marked, rolling, cleared }) {
    this.marked = marked;
    this.rolling = rolling;
    this.master = master;
    this.processes = processes;
    this.cleared = cleared;
  }

  /** Carry out the action of a button that was pressed. */
  async press(button) {
    if (button.getAttribute("aria-disabled") === "true" || button.getAttribute("aria-busy") === "true") return;
    if (button.closest("#menu")) $("menu").hidePopover();
    if (!this.master.reachable) {
      note("There is no connection to procman.", { bad: true });
      return;
    }
    const op = button.dataset.do;
    const { spec } = button.closest("[data-spec]")?.dataset ?? {};
    button.setAttribute("aria-busy", "true");
    try {
      if (op === "shutdown") await this.shutDown();
      else if (isMany(spec)) await this.operateMany(op, spec);
      else await this.operate(op, spec);
    } finally {
      button.removeAttribute("aria-busy");
    }
  }

  async operate(op, spec) {
    try {
      // Of a run there is nothing to tell yet; its log shows what it writes.
      const body = op === "run" ? { follow: false } : { wait: false };
      this.tell(op, spec, await call("POST", `${specPath(spec)}/${op}`, body));
    } catch (error) {
      note(`Cannot ${op} ${spec}: ${error.message}`, { bad: true });
    }
  }

  tell(op, spec, { results = [] }) {
    const failed = results.filter((result) => result.status !== "SUCCESS");
    if (failed.length) {
      note(failuresText(op, failed), { bad: true });
    } else if (op === "clear") {
      note(spec === "all" ? "All logs were cleared." : `The logs of ${spec} were cleared.`);
      this.cleared(spec);
    } else if (op === "stop" && this.processes.known.has(spec)) {
      forgetUndo(spec);
      note(`${spec} was asked to stop.`, { undo: () => this.operate("start", spec), spec });
    } else {
      say(`${ACTION_NAMES[op]} ${spec}: requested.`);
    }
  }

  /** Acts on "all" processes, on the "marked" ones, or on those of a group, "GROUP:*"; asks first unless it starts them. */
  async operateMany(op, spec) {
    const meant = this.meant(spec);
    const up = meant.filter(isUp).length;
    const whose = { all: "all processes", marked: `the ${meant.length} marked` }[spec] ?? `all of ${spec.slice(0, -2)}`;
    const text = {
      restart:
        up === meant.length
          ? `${counted(up, "process is", "processes are")} up now. They stop, and start again.`
          : `${up} of ${counted(meant.length, "process", "processes")} are up now. They stop, and all are started.`,
      stop: `${counted(up, "process is", "processes are")} up now. They stay stopped until they are started again.`,
      clear: "This deletes everything that the programs have logged so far.",
    };
    const title = { restart: `Restart ${whose}?`, stop: `Stop ${whose}?`, clear: "Clear all logs?" };
    const yes = { restart: "Restart all", stop: "Stop all", clear: "Clear all logs" };
    const programs = op === "restart" && spec !== "all" ? this.rolling.programsOf(meant) : [];
    const inTurn = programs.length ? "One after the other" : "";
    const answer = op === "start" ? "yes" : await answerTo(title[op], text[op], yes[op], inTurn);
    if (answer === "other") await this.rolling.restart(programs);
    else if (answer === "yes" && spec === "marked") await this.operateMarked(op, meant);
    else if (answer === "yes") await this.operate(op, spec);
  }

  meant(spec) {
    const infos = [...this.processes.known.values()].map(({ info }) => info);
    if (spec === "marked") return infos.filter((info) => this.marked.names.has(info.namespec));
    return infos.filter((info) => spec === "all" || info.group === spec.slice(0, -2));
  }

  /** Those of them for which it makes sense: what is up is not started again. */
  async operateMarked(op, meant) {
    const names = meant.filter(({ statename }) => op === "restart" || applies(op, statename)).map(({ namespec }) => namespec);
    if (!names.length) {
      note(op === "start" ? "All of them are up already." : "None of them is up.");
      return;
    }
    try {
      this.tell(op, "marked", await call("POST", `v1/processes/${op}`, { names, wait: false }));
      this.marked.clear();
    } catch (error) {
      note(`Cannot ${op} the marked processes: ${error.message}`, { bad: true });
    }
  }

  /** Clears the logs of a process, or with "" procman's own, if the answer is yes. */
  async clearLog(spec) {
    const title = spec === "" ? "Clear procman’s own log?" : `Clear the logs of ${spec}?`;
    const text = "This deletes everything that has been logged so far, also in the file on disk.";
    if (!(await confirmed(title, text, "Clear"))) return;
    if (spec !== "") {
      await this.operate("clear", spec);
      return;
    }
    try {
      await call("POST", "v1/log/clear");
      this.cleared("");
    } catch (error) {
      note(`Cannot clear the log: ${error.message}`, { bad: true });
    }
  }

  /** Does what the query of the address asks for, as on supervisor's page, and removes the query. */
  async openBookmark() {
    const asked = new URLSearchParams(location.search);
    if (!location.search) return;
    history.replaceState(null, "", location.pathname + location.hash);
    const [message, action, name] = ["message", "action", "processname"].map((key) => asked.get(key) ?? "");
    if (message) note(message.slice(0, 500), { bad: message.startsWith("ERROR") });
    if (!this.master.mayControl) return;
    const all = { stopall: "stop", restartall: "restart" }[action];
    const one = { start: "start", stop: "stop", restart: "restart", clearlog: "clear" }[action];
    if (all) {
      await this.operateMany(all, "all");
    } else if (one && name) {
      const yes = one === "clear" ? "Clear" : ACTION_NAMES[one];
      const title = `${ACTION_NAMES[one]} ${name}?`;
      if (await confirmed(title, "A link or a bookmark requests this.", yes)) await this.operate(one, name);
    }
  }

  async shutDown() {
    const text = "All processes stop, then procman itself. This page cannot start it again.";
    if (!(await confirmed("Shut procman down?", text, "Shut down"))) return;
    try {
      await call("POST", "v1/master/shutdown");
    } catch (error) {
      note(`Cannot shut procman down: ${error.message}`, { bad: true });
    }
  }
}

function failuresText(op, failed) {
  const lines = failed.slice(0, NOTES).map((result) => {
    const name = result.group === result.name ? result.name : `${result.group}:${result.name}`;
    return `Cannot ${op} ${name}: ${failureText(result)}`;
  });
  if (failed.length > NOTES) lines.push(`… and ${failed.length - NOTES} more`);
  return lines.join("\n");
}

function failureText(result) {
  switch (result.status) {
    case "ALREADY_STARTED":
      return "it is already running";
    case "NOT_RUNNING":
      return "it is not running";
    case "BAD_NAME":
      return "there is no such process";
    case "SPAWN_ERROR":
    case "ABNORMAL_TERMINATION":
      return "it exited immediately or could not be started";
    default:
      return result.description;
  }
}
