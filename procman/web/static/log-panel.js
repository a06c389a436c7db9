/* The panel that follows a log: of a process, on either channel, or procman's own. The page's address says which. */

import { openStream, specPath } from "./api.js";
import { $, put, store, stored, toggle } from "./document.js";
import { LogLines } from "./log-lines.js";
import { enableButtons, labelButtons } from "./process-row.js";
import { detailOf, lastWordsOf } from "./process-state.js";
import { counted } from "./text.js";

// How much of a log's past is fetched, in bytes.
const PAST = 65_536;
// The delay before a stream that was cut is resumed, in milliseconds.
const RESUME_DELAY = 1000;

const NOTHING_YET = "Nothing has been logged yet. New lines appear here.";

export class LogPanel {
  constructor(processes) {
    this.processes = processes;
    this.spec = null; // a namespec, or "" for procman's own log; null while the panel is closed
    this.channel = "stdout";
    this.controller = null;
    this.before = null; // what had the focus before the panel was opened
    this.cut = false; // the stream was cut although procman is there: it can be resumed
    this.lines = new LogLines(() => this.resume());
    this.setUpTools();
    $("close").addEventListener("click", () => this.leave());
    $("channels").addEventListener("click", (event) => {
      const channel = event.target.closest("button")?.dataset.channel;
      if (!channel || channel === this.channel) return;
      this.channel = channel;
      this.show();
      this.follow();
    });
    addEventListener("hashchange", () => this.navigate());
  }

  setUpTools() {
    $("wrap").setAttribute("aria-pressed", String(stored("wrap") !== "false"));
    $("tall").setAttribute("aria-pressed", String(stored("tall") === "true"));
    $("lines").toggleAttribute("data-wrap", stored("wrap") !== "false");
    $("wrap").addEventListener("click", () => {
      const wraps = toggle($("wrap"));
      $("lines").toggleAttribute("data-wrap", wraps);
      store("wrap", wraps);
      this.lines.restick();
    });
    $("tall").addEventListener("click", () => {
      store("tall", toggle($("tall")));
      this.size();
      this.lines.restick();
    });
  }

  // ---- opening and closing

  /** Opens what the address names: #log, #log/NAME or #log/NAME/CHANNEL. */
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
    const process = this.processes.known.get(name);
    mark(process?.row);
    if (process?.info.redirect_stderr) this.channel = "stdout";
    else if (channel === "stdout" || channel === "stderr") this.channel = channel;
    else if (another) this.channel = (process?.kind === "failed" && process.info.last_words_on) || "stdout";
    this.show();
    this.follow();
    if (another) $("log-title").focus({ preventScroll: true });
  }

  /** Closes the panel and takes the log out of the address. */
  leave() {
    history.replaceState(null, "", location.pathname);
    this.close();
  }

  close() {
    if (this.spec === null) return;
    this.spec = null;
    this.controller?.abort();
    $("log").hidden = true;
    this.lines.clear();
    this.size();
    mark(null);
    const focus = this.before?.isConnected ? this.before : $("processes");
    focus.focus({ preventScroll: true });
  }

  get isOpen() {
    return this.spec !== null;
  }

  size() {
    const height = !this.isOpen ? "0px" : $("tall").getAttribute("aria-pressed") === "true" ? "88dvh" : "46dvh";
    document.documentElement.style.setProperty("--log-height", height);
  }

  // ---- the head

  show() {
    const process = this.processes.known.get(this.spec);
    const own = this.spec === "";
    put($("log-title"), own ? "procman’s own log" : this.spec);
    // With redirect_stderr both channels are in one log.
    $("channels").hidden = own || Boolean(process?.info.redirect_stderr);
    $("log-actions").hidden = own || !process;
    $("log-actions").dataset.spec = this.spec;
    for (const button of $("channels").children) {
      button.setAttribute("aria-pressed", String(button.dataset.channel === this.channel));
    }
    put($("log-state"), process ? process.info.statename.toLowerCase() : "");
    if (!process) {
      put($("log-facts"), own ? "" : "There is no process of this name.");
      return;
    }
    const { info, kind } = process;
    $("log-state").dataset.kind = kind;
    const path = this.channel === "stderr" ? info.stderr_logfile : info.stdout_logfile;
    const restarts = info.restarts ? counted(info.restarts, "restart") : "";
    const both = info.redirect_stderr ? "stdout and stderr" : "";
    const facts = [detailOf(process), lastWordsOf(process), restarts, both, path || "not logged to a file"];
    put($("log-facts"), facts.filter(Boolean).join(" · "));
    labelButtons($("log-actions"), this.spec);
    enableButtons($("log-actions"), info.statename);
  }

  processChanged(process) {
    if (process.info.namespec !== this.spec) return;
    this.show();
    // A log that did not exist yet begins with the process, and one that has ended may go on.
    if (!this.controller && process.info.pid) this.follow();
  }

  processRemoved(name) {
    if (name === this.spec) this.show();
  }

  cleared(spec) {
    if (!this.isOpen || (spec !== this.spec && (spec !== "all" || this.spec === ""))) return;
    this.lines.clear();
    put($("log-note"), "The log was cleared. New lines appear here.");
    this.lines.stick(true);
  }

  // ---- following

  /** The connection to procman is lost. */
  interrupt() {
    if (!this.controller) return;
    this.controller.abort();
    this.controller = null;
    put($("log-note"), "The connection was lost.");
  }

  /** The connection to procman is there again. */
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

/** Highlights the row of the process whose log is open, and scrolls it out from under the panel. */
function mark(row) {
  document.querySelector(".row[aria-current]")?.removeAttribute("aria-current");
  row?.setAttribute("aria-current", "true");
  row?.scrollIntoView({ block: "nearest" });
}
