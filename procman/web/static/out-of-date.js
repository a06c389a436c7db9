/* What is out of date against the file: the master is asked now and then, while somebody looks. */

import { call } from "./api.js";
import { $, element, put } from "./document.js";
import { counted } from "./text.js";

// Between two questions at least, in milliseconds, and at least so many times as long as the answer took.
const INTERVAL = 30_000;
const PATIENCE = 200;
const WORDS = { added: "new in the file", removed: "not in the file", restarted: "changed in the file" };

export class OutOfDate {
  constructor(processes) {
    this.processes = processes;
    this.wanted = false;
    this.timer = 0;
    this.changes = [];
    this.link = element("a", { id: "outdated", href: "#update", hidden: true });
    $("kinds").after(this.link);
    document.addEventListener("visibilitychange", () => this.go());
  }

  start() {
    this.wanted = true;
    clearTimeout(this.timer);
    this.timer = 0;
    this.go();
  }

  stop() {
    this.wanted = false;
    clearTimeout(this.timer);
    this.timer = 0;
  }

  go() {
    if (this.wanted && !document.hidden && !this.timer) this.ask();
  }

  async ask() {
    const asked = performance.now();
    this.timer = -1;
    try {
      this.show(await call("GET", "v1/config/plan"));
    } catch (error) {
      this.fail(error.message);
    }
    if (!this.wanted) return;
    this.timer = setTimeout(() => {
      this.timer = 0;
      this.go();
    }, Math.max(INTERVAL, (performance.now() - asked) * PATIENCE));
  }

  show({ changes }) {
    this.changes = changes;
    this.link.hidden = !changes.length;
    this.link.removeAttribute("data-bad");
    put(this.link, `${counted(changes.length, "change")} in the file`);
    this.link.title = "What an update would do";
    this.mark();
  }

  /** The file cannot be read: an update would fail, and the view says why. */
  fail(message) {
    if (!this.wanted) return;
    this.changes = [];
    this.link.hidden = false;
    this.link.toggleAttribute("data-bad", true);
    put(this.link, "The file has an error");
    this.link.title = message;
    this.mark();
  }

  /** The rows of what an update would change, and the heads of their groups, which may be folded. */
  mark() {
    const byName = new Map(this.changes.filter(({ name }) => name).map((change) => [change.name, change]));
    const byGroup = new Map(this.changes.filter(({ name }) => !name).map((change) => [change.group, change]));
    for (const { info, row } of this.processes.known.values()) {
      const change = byName.get(info.namespec) ?? byGroup.get(info.group);
      showBadge(row, change ? (WORDS[change.action] ?? "changed in the file") : "");
    }
    for (const [name, group] of this.processes.groups) {
      const count = this.changes.filter((change) => change.group === name).length;
      showBadge(group.element.querySelector(".head"), count ? `${counted(count, "change")} in the file` : "");
    }
  }
}

function showBadge(line, text) {
  const badge = line.querySelector(".outdated");
  // Even an attribute that stays the same would be a change of the document.
  if (badge.hidden === Boolean(text)) badge.hidden = !text;
  put(badge, text);
}
