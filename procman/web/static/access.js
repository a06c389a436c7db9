/* Who reads this page, and what that role may: what it may not do, or read, is not shown. */

import { call } from "./api.js";
import { $, put } from "./document.js";

const RANKS = ["none", "metrics", "read", "operate", "configure", "admin"];

const reaches = (role, needed) => RANKS.indexOf(role) >= RANKS.indexOf(needed);

export class Access {
  constructor(processes) {
    this.processes = processes;
    this.mine = null; // WhoamiInfo; null: everything is allowed
    this.byName = new Map();
  }

  /** There is a connection, or there are other processes than before. Without roles nothing is asked. */
  async ask(master) {
    if (master?.role === undefined) {
      this.mine = null;
    } else {
      try {
        this.mine = await call("GET", "v1/whoami");
      } catch {
        return; // a lost connection is shown elsewhere
      }
    }
    this.byName = new Map(this.mine?.processes.map((one) => [one.namespec, one]));
    this.show();
  }

  show() {
    const { mine } = this;
    document.body.toggleAttribute("data-no-own-log", !this.ofAll("read", { logs: true }));
    document.body.toggleAttribute("data-no-fleet", !this.ofAll("configure"));
    document.body.toggleAttribute("data-no-configure", mine !== null && !reaches(mine.role, "configure"));
    const name = mine?.by_roles ? mine.user || (mine.has_token ? "a token" : "nobody known") : "";
    $("whoami").hidden = !name;
    put($("whoami"), name ? `${name}: ${mine.role}` : "");
    const grants = mine?.grants.map(({ source, role, programs }) => `${source}: ${role} of ${programs.join(", ")}`);
    $("whoami").title = grants?.join("\n") ?? "";
    for (const { info, row } of this.processes.known.values()) row.toggleAttribute("data-no-logs", !this.logsOf(info.namespec));
  }

  /** Whether a role, or more, is there for all programs. */
  ofAll(role, { logs = false } = {}) {
    if (!this.mine) return true;
    return this.mine.grants.some(
      (grant) => reaches(grant.role, role) && grant.programs.includes("*") && (grant.logs || !logs),
    );
  }

  /** Whether the logs of a process, or with "" of procman itself, may be read. */
  logsOf(spec) {
    if (!this.mine) return true;
    return spec === "" ? this.ofAll("read", { logs: true }) : (this.byName.get(spec)?.logs ?? false);
  }
}
