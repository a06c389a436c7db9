/* What stands above the list because somebody has to decide: rolling restarts, and updates that wait for confirmation.
 *
 * A rolling restart shows its progress there. Both are asked for after changes of processes, and now and then while one
 * of them is there.
 */

import { call } from "./api.js";
import { confirmed, note } from "./dialogs.js";
import { $, element } from "./document.js";
import { counted, printable } from "./text.js";

// After a change it is asked within this time, in milliseconds: sooner while something is known to go on.
const SOON = 300;
const LATER = 2000;
// The rest of the world may decide, too, in milliseconds.
const AGAIN = 10_000;

export class WaitingForSomebody {
  /** `scales` knows the programs with several processes. */
  constructor(scales) {
    this.scales = scales;
    this.rolling = [];
    this.pending = null;
    this.timer = 0;
    this.delay = 0; // of that timer
    this.shown = "";
  }

  /** Something has changed. */
  changed() {
    this.later(this.waits ? SOON : LATER);
  }

  get waits() {
    return this.rolling.length > 0 || this.pending !== null;
  }

  later(delay) {
    if (this.delay <= delay && this.timer) return;
    clearTimeout(this.timer);
    this.delay = delay;
    this.timer = setTimeout(() => this.ask(), delay);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = 0;
  }

  async ask() {
    this.stop();
    try {
      const [{ rolling }, { pending }] = await Promise.all([call("GET", "v1/rolling"), call("GET", "v1/config/confirmation")]);
      // What is done can still be put back: its program's details have the button.
      this.rolling = rolling.filter(({ state }) => state !== "done");
      this.pending = pending;
    } catch {
      return; // a lost connection is shown elsewhere
    }
    if (this.waits) this.later(AGAIN);
    const text = JSON.stringify([this.rolling, this.pending && { ...this.pending, left: 0 }]);
    if (text === this.shown) return;
    this.shown = text;
    const focused = document.activeElement?.dataset.key;
    $("waiting").replaceChildren(...this.rolling.map((one) => this.rollingPart(one)), ...this.pendingPart());
    $("waiting").hidden = !$("waiting").childElementCount;
    if (focused) $("waiting").querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
  }

  rollingPart(one) {
    const { program, state, ready, total, failed } = one;
    const words = [element("b", null, printable(`Rolling restart of ${program}: `)), printable(one.text)];
    const why = failed ? element("a", { href: `#why/${encodeURIComponent(failed)}` }, `Why ${printable(failed)}?`) : "";
    const label = `${ready.length} of ${total} are ready`;
    return element(
      "div",
      { "data-stopped": state === "stopped" },
      element("span", { class: "text", role: "status" }, words, " ", why),
      element("progress", { max: total, value: ready.length, "aria-label": label, title: label }),
      ...rollingButtons(one, () => this.ask()),
    );
  }

  pendingPart() {
    if (!this.pending) return [];
    const { operation, stage } = this.pending;
    const words = stage === "rolling back" ? "is being rolled back." : "is rolled back unless somebody keeps it.";
    const link = element("a", { href: "#update", "data-key": "pending" }, "Decide");
    const text = element("span", { class: "text", role: "status" }, element("b", null, `Update ${operation} `), words);
    return [element("div", { "data-stopped": true }, text, link)];
  }

  // ---- beginning one

  /** The programs that can be restarted one process after the other, and have no other process than these. */
  programsOf(infos) {
    const names = new Set(infos.map(({ namespec }) => namespec));
    const found = this.scales.all.filter(({ processes }) => processes.length > 1 && processes.every((name) => names.has(name)));
    const covered = found.reduce((count, { processes }) => count + processes.length, 0);
    return covered === names.size ? found.map(({ program }) => program) : [];
  }

  async restart(programs) {
    await request("restart", programs, "Cannot restart them one after the other");
    await this.ask();
  }
}

/** What can be decided about a rolling restart; calls `then()` when the master has answered. */
export function rollingButtons({ program, state, can_be_put_back: canBePutBack, aborting, total }, then) {
  const button = (text, key, does, role) => {
    const made = element("button", { type: "button", class: `change ${role}`, "data-key": `${key} ${program}` }, text);
    made.addEventListener("click", async () => {
      await does();
      then();
    });
    return made;
  };
  const goOn = () => request("continue", [program], "Cannot continue");
  const putBack = async () => {
    const text = `The definition from before it comes back for ${counted(total, "process", "processes")}, one after the other.`;
    if (await confirmed(`Put ${program} back?`, text, "Put back")) await request("abort", [program], "Cannot put it back");
  };
  const giveUp = () => request("abort", [program], "Cannot end it");
  const stopped = state === "stopped";
  return [
    ...(stopped ? [button("Continue", "continue", goOn, "")] : []),
    ...(canBePutBack && !aborting ? [button("Put back…", "abort", putBack, "configures")] : []),
    ...(stopped && !canBePutBack ? [button("Give up", "abort", giveUp, "configures")] : []),
  ];
}

async function request(what, names, words) {
  try {
    await call("POST", `v1/rolling/${what}`, { names, wait: false });
  } catch (error) {
    note(`${words}: ${error.message}`, { bad: true });
  }
}
