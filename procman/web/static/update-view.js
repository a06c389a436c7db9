/* What an update would do: the difference between the file and what is active, and to apply or to keep it. */

import { call } from "./api.js";
import { confirmed, note } from "./dialogs.js";
import { $, element } from "./document.js";
import { FetchedView } from "./fetched-view.js";
import { counted, printable } from "./text.js";

// How long an update from here waits for its confirmation, in seconds, where that is asked for.
const CONFIRM = 120;
// How long its end is waited for, in seconds, before the view says how it stands.
const ANSWER = 5;
const HEADS = ["Option", "Now", "In the file", "Costs", "Where"];
const SECTION = /^(notify|access):/;

export class UpdateView extends FetchedView {
  /** Calls `planned(plan)` with what it has learnt. */
  constructor(planned) {
    super($("view-update"));
    this.planned = planned;
  }

  concerns() {
    return true;
  }

  async fetch() {
    const { pending } = await call("GET", "v1/config/confirmation");
    const plan = await call("GET", "v1/config/plan");
    this.planned(plan);
    return { pending, plan };
  }

  draw({ pending, plan }) {
    const again = button("Ask again", "again", () => this.load());
    const changes = plan.changes.flatMap(changePart);
    return [
      ...(pending ? this.pendingPart(pending) : []),
      ...(changes.length ? changes : [element("p", null, "The file has what is active.")]),
      ...(plan.needs_reload.length ? [reloadPart(plan.needs_reload)] : []),
      ...(changes.length && !pending ? [this.applyPart(plan)] : []),
      element("p", { class: "as-of quiet" }, "The file is read when this is opened. ", again),
    ];
  }

  pendingPart(pending) {
    const missing = pending.missing.map(({ name, words }) => `${name} ${words}`);
    const list = element("ul", null, missing.map((text) => element("li", null, printable(text))));
    const keep = button("Keep it", "keep", () => this.decide("confirm", pending.operation));
    const back = button("Roll it back…", "back", async () => {
      const title = `Roll update ${pending.operation} back?`;
      const text = "The definitions from before it come back; what it has changed is restarted.";
      if (await confirmed(title, text, "Roll back")) await this.decide("abort", pending.operation);
    });
    return [
      element("h3", null, `Update ${pending.operation}`),
      element("p", null, printable(pendingText(pending))),
      ...(missing.length ? [list] : []),
      ...(pending.stage === "rolling back" ? [] : [element("p", { class: "change configures" }, keep, " ", back)]),
    ];
  }

  applyPart(plan) {
    const apply = button("Apply…", "apply", () => this.apply(plan, null));
    const trial = button(`Apply for ${CONFIRM / 60} minutes…`, "trial", () => this.apply(plan, CONFIRM));
    return element("p", { class: "change configures" }, apply, " ", trial);
  }

  async apply(plan, confirm) {
    const stops = plan.changes.filter(({ stop, action }) => stop > 0 || action === "removed").length;
    const text = `${counted(stops, "process is", "processes are")} stopped for it. `;
    const then = confirm
      ? `It is rolled back after ${confirm / 60} minutes, unless you keep it and all of it is ready and healthy.`
      : "It is applied only if nothing has changed since this page has read the file.";
    if (!(await confirmed("Apply this update?", text + then, "Apply"))) return;
    try {
      // It takes as long as the programs take to stop; meanwhile the page follows what happens.
      await call("POST", "v1/config/apply", confirm ? { plan, confirm } : { plan });
    } catch (error) {
      note(`Cannot apply the update: ${error.message}`, { bad: true });
    }
    this.load();
  }

  async decide(how, operation) {
    try {
      await call("POST", `v1/config/${how}`, { operation, timeout: ANSWER });
    } catch (error) {
      note(`Update ${operation}: ${error.message}`, { bad: true });
    }
    this.load();
  }
}

function button(text, key, press) {
  const made = element("button", { type: "button", "data-key": key }, text);
  made.addEventListener("click", press);
  return made;
}

function pendingText({ stage, left, confirmed_by: by, reason }) {
  if (stage === "applying") return "It is being carried out, and waits for its confirmation then.";
  if (stage === "rolling back") return `It is being rolled back: ${reason}.`;
  const until = new Date(Date.now() + left * 1000).toLocaleTimeString();
  if (by) return `It is confirmed, and rolled back at ${until} unless all of it is ready and healthy by then.`;
  return `It is rolled back at ${until} unless it is confirmed, and all of it is ready and healthy.`;
}

function changePart(change) {
  const rows = change.options.map((option) => {
    const name = option.variable ? `${option.option}.${option.variable}` : option.option;
    const same = option.old === option.new;
    const values = same ? ["not shown", "has another value"] : [option.old || "not set", option.new || "not set"];
    const cost = { restart: "restart", reopen: "logs reopened" }[option.effect] ?? "";
    const place = option.file ? `${option.file}${option.line ? `:${option.line}` : ""}` : option.source;
    const cells = [name, ...values, cost, place];
    return element("tr", null, cells.map((text, column) => element("td", { "data-head": HEADS[column] }, printable(text))));
  });
  const heads = HEADS.map((text) => element("th", { scope: "col" }, text));
  const dependents = change.dependents.map(({ name, effect }) => `${name} (${effect})`).join(", ");
  const table = element("table", null, element("thead", null, element("tr", null, heads)), element("tbody", null, rows));
  return [
    element("h3", null, printable(change.name || change.group), " ", element("span", { class: "quiet" }, action(change))),
    ...(rows.length ? [table] : []),
    ...(dependents ? [element("p", { class: "quiet" }, `Depends on it: ${printable(dependents)}`)] : []),
  ];
}

function action({ action: what, group, running, starts, stop, start, down }) {
  if (SECTION.test(group)) return what;
  if (what === "added") return starts ? "added and started" : "added, and not started";
  if (what === "removed") return running ? `stopped (within ${stop} s) and removed` : "removed";
  if (what !== "restarted") return what === "reopened" ? "changed in place, and its logs reopened" : what;
  if (!running) return starts ? "changed and started" : "changed, from its next start";
  if (!starts) return `stopped (within ${stop} s), and not started`;
  return start === null ? `restarted, down until it is ready` : `restarted, down for up to ${down} s`;
}

function reloadPart(options) {
  const names = options.map(({ option }) => option).join(", ");
  const text = `An update leaves these options of procman itself; a reload takes them: ${printable(names)}.`;
  return element("p", { class: "quiet" }, text);
}
