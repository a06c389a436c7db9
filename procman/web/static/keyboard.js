/* Keys: "/" goes to the filter, Escape empties it or closes the log. */

import { $ } from "./document.js";

export function setUpKeyboard({ filter, log }) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || $("ask").open) return;
    const typing = event.target.matches("input");
    if (event.key === "/" && !typing) {
      event.preventDefault();
      $("filter").focus();
    } else if (event.key === "Escape" && typing && $("filter").value) {
      filter.clear();
    } else if (event.key === "Escape" && log.isOpen && !$("menu").matches(":popover-open")) {
      log.leave();
    }
  });
}
