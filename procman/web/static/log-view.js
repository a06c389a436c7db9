/* The view that follows a log: of a process, on either channel, or procman's own. */

import { openStream, specPath } from "./api.js";
import { $, put, store, stored, toggle } from "./document.js";
import { LogLines } from "./log-lines.js";
import { detailOf, lastWordsOf } from "./process-state.js";
import { counted } from "./text.js";

// How much of a log's past is fetched, in bytes.
const PAST = 65_536;
// The delay before a stream that was cut is resumed, in milliseconds.
const RESUME_DELAY = 1000;

const NOTHING_YET = "Nothing has been logged yet. New lines appear here.";

export class LogView {
  constructor(processes) {
    this.processes = processes;
    this.spec = null; // a namespec, or "" for procman's own log; null while the view is closed
    this.channel = "stdout";
    this.controller = null;
    this.cut = false; // the stream was cut although procman is there: it can be resumed
    this.lines = new LogLines(() => this.resume());
    $("wrap").setAttribute("aria-pressed", String(stored("wrap") !== "false"));
    $("lines").toggleAttribute("data-wrap", stored("wrap") !== "false");
    $("wrap").addEventListener("click", () => {
      const wraps = toggle($("wrap"));
      $("lines").toggleAttribute("data-wrap", wraps);
      store("wrap", wraps);
      this.lines.restick();
    });
    $("channels").addEventListener("click", (event) => {
      const channel = event.target.closest("button")?.dataset.channel;
      if (!channel || channel === this.channel) return;
      this.channel = channel;
      this.show();
      this.follow();
    });
  }

  // ---- opening and closing

  /** `rest` is the channel: of a failed process, that of its last words where it is empty. */
  open({ spec, rest, process, again }) {
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
    const path = this.channel === "stderr" ? info.stderr_logfile : info.stdout_logfile;
    const restarts = info.restarts ? counted(info.restarts, "restart") : "";
    const both = info.redirect_stderr ? "stdout and stderr" : "";
    const facts = [detailOf(process), lastWordsOf(process), restarts, both, path || "not logged to a file"];
    put($("log-facts"), facts.filter(Boolean).join(" · "));
  }

  changed(process) {
    if (process && process.info.namespec !== this.spec) return;
    this.show();
    // A log that did not exist yet begins with the process, and one that has ended may go on.
    if (!this.controller && process?.info.pid) this.follow();
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

  /** With `again`, the old lines stay in sight until the new ones arrive. */
  async follow({ again = false } = {}) {
    this.controller?.abort();
    const controller = (this.controller = new AbortController());
    const path = this.spec === "" ? "v1/log" : `${specPath(this.spec)}/log/${this.channel}`;
    this.cut = false;
    const begin = () => {
      this.lines.clear();
      this.lines.stick(true);
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
      const reader = await openStream(`${path}?follow=1&tail=${PAST}`, controller.signal);
      if (controller.signal.aborted) return;
      if (again) begin();
      put($("log-note"), NOTHING_YET);
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (controller.signal.aborted) return;
        put($("log-note"), "");
        this.lines.take(value);
        // While this page does not read, the master drops lines and says so in the log.
        await this.lines.ready();
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
    setTimeout(() => this.resume(), RESUME_DELAY);
  }

  /** Whether the process has never run and logs to no file: then the server has no log to send. */
  isNone() {
    const { info } = this.processes.known.get(this.spec) ?? {};
    return info !== undefined && !info.pid && !info.stop && !info[`${this.channel}_logfile`];
  }
}
