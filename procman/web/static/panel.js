/* The panel below the processes: one of the views of a process, or of procman itself. The page's address says which.
 *
 * #VIEW/NAME is the view of a process, and #VIEW that of procman, or of all processes. Some views take a third part.
 * A view has `open({spec, rest, process, again})`, `close()`, `changed(process)`, `interrupt()` and `reconnect()`.
 */

import { $, put, store, stored, toggle } from "./document.js";
import { enableButtons, labelButtons } from "./process-row.js";
import { applies, mayOperate, stateOf } from "./process-state.js";

// What procman itself has, and what it is called there.
const OF_ALL = {
  log: "procman’s own log",
  why: "procman itself",
  crashes: "All crash reports",
  graph: "What waits for what",
  events: "All events",
  update: "What an update would do",
};

export class Panel {
  /** `views` has them by the name in the address; `mayRead(spec)` says whether this reader may see that log. */
  constructor(processes, views, mayRead) {
    this.processes = processes;
    this.views = views;
    this.mayRead = mayRead;
    this.view = null; // the name of the one that is shown; null while the panel is closed
    this.spec = ""; // a namespec, or "" for procman itself
    this.before = null; // what had the focus before the panel was opened
    $("tall").setAttribute("aria-pressed", String(stored("tall") === "true"));
    $("tall").addEventListener("click", () => {
      store("tall", toggle($("tall")));
      this.size();
    });
    $("close").addEventListener("click", () => this.leave());
    addEventListener("hashchange", () => this.navigate());
  }

  /** Opens what the address names. */
  navigate() {
    const route = routeOf(location.hash);
    if (!route || !Object.hasOwn(this.views, route.view) || (route.spec === "" && !OF_ALL[route.view])) {
      this.close();
      return;
    }
    if (!this.isOpen) this.before = document.activeElement;
    const another = !this.isOpen || route.spec !== this.spec;
    const again = !another && route.view === this.view;
    if (this.isOpen && !again) this.views[this.view].close();
    this.view = route.view;
    this.spec = route.spec;
    $("log").hidden = false;
    this.size();
    const process = this.processes.known.get(this.spec);
    mark(process?.row);
    this.show();
    // On a phone the links may be wider than the screen.
    $("views").querySelector("[aria-current]").scrollIntoView({ block: "nearest", inline: "nearest" });
    this.views[this.view].open({ ...route, process, again });
    if (another) $("log-title").focus({ preventScroll: true });
  }

  /** Closes the panel and takes its view out of the address. */
  leave() {
    history.replaceState(null, "", location.pathname);
    this.close();
  }

  close() {
    if (!this.isOpen) return;
    this.views[this.view].close();
    this.view = null;
    this.spec = "";
    $("log").hidden = true;
    this.size();
    mark(null);
    const focus = this.before?.isConnected ? this.before : $("processes");
    focus.focus({ preventScroll: true });
  }

  get isOpen() {
    return this.view !== null;
  }

  size() {
    const height = !this.isOpen ? "0px" : $("tall").getAttribute("aria-pressed") === "true" ? "88dvh" : "46dvh";
    document.documentElement.style.setProperty("--log-height", height);
  }

  /** The head: whose view it is, the state of the process, its actions, and the links to the other views. */
  show() {
    const process = this.processes.known.get(this.spec);
    const own = this.spec === "";
    $("log").toggleAttribute("data-own", own);
    put($("log-title"), own ? OF_ALL[this.view] : this.spec);
    $("views").setAttribute("aria-label", own ? "Views of procman" : `Views of ${this.spec}`);
    const suffix = own ? "" : `/${encodeURIComponent(this.spec)}`;
    for (const link of $("views").children) {
      const { view } = link.dataset;
      link.hidden = own ? !OF_ALL[view] : link.hasAttribute("data-of-all");
      if (view === "log" && !this.mayRead(this.spec)) link.hidden = true;
      link.href = `#${view}${suffix}`;
      if (view === this.view) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    }
    for (const element of $("log").querySelectorAll("[data-of]")) element.hidden = element.dataset.of !== this.view;
    put($("log-state"), process ? stateOf(process.info) : own ? "" : "not configured");
    $("log-actions").hidden = own || !process;
    $("log-actions").dataset.spec = this.spec;
    if (!process) {
      $("log-state").removeAttribute("data-kind");
      return;
    }
    $("log-state").dataset.kind = process.kind;
    labelButtons($("log-actions"), this.spec);
    enableButtons($("log-actions"), process.info.statename);
    for (const id of ["log-actions", "clear"]) $(id).toggleAttribute("data-sees-only", !mayOperate(process.info));
    const button = (action) => $("log-actions").querySelector(`[data-do=${action}]`);
    button("retry").hidden = !applies("retry", process.info.statename);
    // A one-shot is not started to stay up.
    const runs = process.info.type === "oneshot";
    button("run").hidden = !runs;
    button("start").hidden = runs;
  }

  // ---- what happens meanwhile

  processChanged(process) {
    if (!this.isOpen) return;
    if (process.info.namespec === this.spec) this.show();
    this.views[this.view].changed(process);
  }

  processRemoved(name) {
    if (!this.isOpen || name !== this.spec) return;
    this.show();
    this.views[this.view].changed(null);
  }

  /** It is known what this reader may see. */
  accessChanged() {
    if (!this.isOpen) return;
    this.show();
    if (this.view === "log") this.views.log.mayNow();
  }

  /** The connection to procman is lost. */
  interrupt() {
    if (this.isOpen) this.views[this.view].interrupt();
  }

  /** The connection to procman is there again. */
  reconnect() {
    if (this.isOpen) this.views[this.view].reconnect();
  }
}

/** {view, spec, rest} of the part of an address after "#", or null where it names nothing. */
export function routeOf(hash) {
  const [view, spec = "", rest = ""] = hash.slice(1).split("/");
  try {
    return { view, spec: decodeURIComponent(spec), rest };
  } catch {
    return null;
  }
}

/** Highlights the row of the process whose view is open, and scrolls it out from under the panel. */
function mark(row) {
  document.querySelector(".row[aria-current]")?.removeAttribute("aria-current");
  row?.setAttribute("aria-current", "true");
  row?.scrollIntoView({ block: "nearest" });
}
