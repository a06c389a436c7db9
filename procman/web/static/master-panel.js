/* The master itself: its name, the state of the connection to it, and the title and icon of the tab. */

import { $, put } from "./document.js";

export class MasterPanel {
  constructor() {
    this.info = null;
    this.name = "procman";
    this.lostAt = null; // since when there is no connection
    this.why = "";
    this.counts = null;
  }

  know(info) {
    this.info = info;
    // Older masters have no read-only account and send no such field.
    document.body.toggleAttribute("data-readonly", info.may_control === false);
    // With a role, some things are for others: to shut procman down is for those who may do everything.
    document.body.toggleAttribute("data-role", info.role !== undefined);
    $("readonly").hidden = info.may_control !== false;
    // The default identifier says nothing.
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
    const text = this.lostAt ? this.lostText() : endingText(this.info?.statename);
    $("banner").hidden = !text;
    $("retry").hidden = !this.lostAt;
    put($("banner").querySelector(".text"), text);
    this.showCounts(this.counts);
  }

  lostText() {
    const time = this.lostAt.toLocaleTimeString();
    const what =
      {
        SHUTDOWN: `procman was shut down at ${time}`,
        RESTARTING: `procman is restarting since ${time}`,
      }[this.info?.statename] ?? `No connection to procman since ${time}`;
    const why = this.why ? ` (${this.why})` : "";
    const stale = this.info ? "This page shows the state at that time; reconnecting." : "Reconnecting.";
    return `${what}${why}. ${stale}`;
  }

  /** Shows in the title and the icon of the tab whether anything has failed. */
  showCounts(counts) {
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

  get mayControl() {
    return this.info?.may_control !== false;
  }
}

function endingText(state) {
  if (!state || state === "RUNNING") return "";
  return state === "SHUTDOWN" ? "procman is shutting down." : "procman is stopping all processes to restart.";
}
