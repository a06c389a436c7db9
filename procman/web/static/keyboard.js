/* Keys: "/" goes to the filter, Escape empties a field or closes the panel. */

import { $ } from "./document.js";

export function setUpKeyboard({ filter, panel }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("ask").open) return;
    if (event.key === "/" && !event.target.matches("input, select")) {
      event.preventDefault();
      $("filter").focus();
    } else if (event.key === "Escape" && event.target === $("filter") && $("filter").value) {
      filter.clear();
    } else if (event.key === "Escape" && event.target.matches("input") && event.target.value) {
      event.target.value = "";
      event.target.dispatchEvent(new Event("change"));
    } else if (event.key === "Escape" && panel.isOpen && !$("menu").matches(":popover-open")) {
      panel.leave();
    }
  });
}
