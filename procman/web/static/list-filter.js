/* What is above the list: words to search for, a kind of process, and the order. */

import { $, store, stored } from "./document.js";

export class Filter {
  constructor(processes, order) {
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
    $("order").value = stored("order") ?? "name";
    if (!$("order").value) $("order").value = "name";
    order.by = $("order").value;
    $("order").addEventListener("change", () => {
      order.by = $("order").value;
      store("order", order.by);
      processes.place(true);
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
