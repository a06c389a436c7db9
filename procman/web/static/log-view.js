/* The view that follows a log: of a process, on either channel, or procman's own. */

import { BASE, specPath } from "./api.js";
import { $, put, store, stored, toggle } from "./document.js";
import { LogLines } from "./log-lines.js";
import { LogSearch } from "./log-search.js";
import { STEPS, logPieces } from "./log-source.js";
import { detailOf, lastWordsOf } from "./process-state.js";
import { bytes, counted } from "./text.js";

// The master looks for the last lines within so many characters, about.
const ALL_THAT_LINES_HAVE = 900_000;
// The delay before a stream that was cut is resumed, in milliseconds.
const RESUME_DELAY = 1000;

const NOTHING_YET = "Nothing has been logged yet. New lines appear here.";

export class LogView {
  /** `mayRead(spec)` says whether this reader may see that log. */
  constructor(processes, mayRead) {
    this.processes = processes;
    this.mayRead = mayRead;
    this.spec = null; // a namespec, or "" for procman's own log; null while the view is closed
    this.channel = "stdout";
    this.step = 0; // how far back the past goes, of STEPS
    this.controller = null;
    this.cut = false; // the stream was cut although procman is there: it can be resumed
    this.search = new LogSearch();
    this.lines = new LogLines({ atEnd: () => this.resume(), drawn: (lines) => this.search.look(lines) });
    this.setting("wrap", "true", () => this.lines.restick());
    this.setting("times", "false", () => this.lines.restick());
    $("older").addEventListener("click", () => {
      this.step += 1;
      this.follow({ older: true });
    });
    $("channels").addEventListener("click", (event) => {
      const channel = event.target.closest("button")?.dataset.channel;
      if (!channel || channel === this.channel) return;
      this.channel = channel;
      this.step = 0;
      this.show();
      this.follow();
    });
  }

  /** A button that switches how lines are shown; the browser remembers it. */
  setting(id, standard, then) {
    const apply = (on) => $("lines").toggleAttribute(`data-${id}`, on);
    const on = (stored(id) ?? standard) === "true";
    $(id).setAttribute("aria-pressed", String(on));
    apply(on);
    $(id).addEventListener("click", () => {
      const now = toggle($(id));
      apply(now);
      store(id, now);
      then();
    });
  }

  // ---- opening and closing

  /** `rest` is the channel: of a failed process, that of its last words where it is empty. */
  open({ spec, rest, process, again }) {
    if (spec !== this.spec) {
      this.search.clear();
      this.step = 0;
    }
    this.spec = spec;
    if (process?.info.redirect_stderr) this.channel = "stdout";
    else if (rest === "stdout" || rest === "stderr") this.channel = rest;
    else if (!again) this.channel = (process?.kind === "failed" && process.info.last_words_on) || "stdout";
    this.show();
    this.follow();
  }

  close() {
    this.spec = null;
    this.controller?.abort();
    this.controller = null;
    this.cut = false;
    this.lines.clear();
  }

  get isOpen() {
    return this.spec !== null;
  }

  // ---- the facts above the lines

  show() {
    const process = this.processes.known.get(this.spec);
    const own = this.spec === "";
    const path = own ? "v1/log?offset=0&length=0" : `${specPath(this.spec)}/log/${this.channel}?offset=0&length=0`;
    $("download").hidden = !this.mayRead(this.spec);
    $("download").href = BASE + path;
    $("download").download = own ? "procman.log" : `${this.spec.replaceAll(":", "-")}.${this.channel}.log`;
    // With redirect_stderr both channels are in one log.
    $("channels").hidden = own || Boolean(process?.info.redirect_stderr);
    for (const button of $("channels").children) {
      button.setAttribute("aria-pressed", String(button.dataset.channel === this.channel));
    }
    if (!process) {
      put($("log-facts"), own ? "" : "There is no process of this name.");
      return;
    }
    const { info } = process;
    const file = this.channel === "stderr" ? info.stderr_logfile : info.stdout_logfile;
    const restarts = info.restarts ? counted(info.restarts, "restart") : "";
    const both = info.redirect_stderr ? "stdout and stderr" : "";
    const facts = [detailOf(process), lastWordsOf(process), restarts, both, file || "not logged to a file"];
    put($("log-facts"), facts.filter(Boolean).join(" · "));
    $("log-facts").title = $("log-facts").textContent; // a long path is cut off
  }

  changed(process) {
    if (process && process.info.namespec !== this.spec) return;
    this.show();
    // A log that did not exist yet begins with the process, and one that has ended may go on.
    if (!this.controller && process?.info.pid) this.follow();
  }

  /** It is known only now that the log may be read. */
  mayNow() {
    this.show();
    if (!this.controller && this.mayRead(this.spec) && !this.cut) this.follow();
  }

  cleared(spec) {
    if (!this.isOpen || (spec !== this.spec && (spec !== "all" || this.spec === ""))) return;
    this.lines.clear();
    put($("log-note"), "The log was cleared. New lines appear here.");
    this.lines.stick(true);
  }

  // ---- following

  interrupt() {
    if (!this.controller) return;
    this.controller.abort();
    this.controller = null;
    put($("log-note"), "The connection was lost.");
  }

  reconnect() {
    if (this.isOpen && !this.controller) this.follow();
  }

  /** Proxies cut silent streams (nginx after a minute). A reader who has scrolled back does not lose the place. */
  resume() {
    const connected = document.body.dataset.link === "live";
    if (this.cut && this.isOpen && !this.controller && this.lines.stuck && connected) this.follow({ again: true });
  }

  /** With `again`, the old lines stay in sight until the new ones arrive; with `older`, the place in them, too. */
  async follow({ again = false, older = false } = {}) {
    this.controller?.abort();
    const controller = (this.controller = new AbortController());
    this.cut = false;
    const below = $("lines").scrollHeight - $("lines").scrollTop;
    const begin = () => {
      this.lines.clear({ older: this.step > 0 });
      this.lines.stick(!older);
      put($("log-note"), "");
    };
    if (!again && !older) begin();
    $("older").hidden = true;
    const reason = !this.mayRead(this.spec) ? "Your role may not read it." : this.isNone() ? NOTHING_YET : "";
    if (reason) {
      this.controller = null;
      put($("log-note"), reason);
      return;
    }
    let end = "The log has ended.";
    let lost = false;
    try {
      let began = false;
      const past = { lines: 0, characters: 0 };
      for await (const piece of logPieces(this.spec, this.channel, this.step, controller.signal)) {
        if (controller.signal.aborted) return;
        if (!began) {
          began = true;
          if (again || older) begin();
          put($("log-note"), NOTHING_YET);
        }
        if (piece.past) {
          past.lines += piece.text.split("\n").length - 1;
          past.characters += piece.text.length;
          $("older").hidden = !this.hasOlder(past);
        }
        this.take(piece);
        // While this page does not read, the master drops lines and says so.
        await this.lines.ready();
        if (older && piece.past) requestAnimationFrame(() => ($("lines").scrollTop = $("lines").scrollHeight - below));
      }
      if (!began) end = NOTHING_YET;
    } catch (error) {
      lost = error instanceof TypeError;
      end = lost ? "The connection was lost." : `${error.message}.`;
    }
    if (this.controller !== controller) return; // it follows something else
    this.controller = null;
    if (controller.signal.aborted) return;
    put($("log-note"), end);
    this.cut = lost;
    setTimeout(() => this.resume(), RESUME_DELAY);
  }

  take({ text, time, missed, past }) {
    if (missed) this.lines.note(`${bytes(missed)} were not read in time`);
    if (!text) return;
    put($("log-note"), "");
    this.lines.take(text, time ?? (past ? null : Date.now() / 1000));
  }

  /** Whether there may be more than this part of the past: it is about as much as was asked for. */
  hasOlder({ lines, characters }) {
    const { tail, lines: most } = STEPS[this.step];
    if (this.step === STEPS.length - 1) return false;
    return this.spec === "" ? characters > 0.9 * tail : lines >= most || characters > ALL_THAT_LINES_HAVE;
  }

  /** Whether the process has never run and logs to no file: then the server has no log to send. */
  isNone() {
    const { info } = this.processes.known.get(this.spec) ?? {};
    return info !== undefined && !info.pid && !info.stop && !info[`${this.channel}_logfile`];
  }
}
