/* The filter above the list: words to search for, and a kind of process. */

import { $ } from "./dom.js";

export class Filter {
  constructor(processes) {
    this.processes = processes;
    $("filter").addEventListener("input", () => this.apply());
    $("kinds").addEventListener("click", (event) => {
      const kind = event.target.closest("button")?.dataset.kind;
      if (!kind) return;
      processes.kind = processes.kind === kind ? "" : kind;
      this.apply();
    });
    $("unfilter").addEventListener("click", () => {
      processes.kind = "";
      this.clear();
      $("filter").focus();
    });
  }

  clear() {
    $("filter").value = "";
    this.apply();
  }

  apply() {
    this.processes.words = $("filter").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const button of $("kinds").children) {
      button.setAttribute("aria-pressed", String(button.dataset.kind === this.processes.kind));
    }
    this.processes.sift();
  }
}
