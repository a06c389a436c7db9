/* Keys of the whole page: "/" goes to the filter, "?" shows all keys, Escape empties a field or closes what is open. */

import { $, store, stored } from "./document.js";

/** Whether keys without Ctrl have an effect: a reader who speaks to the computer may switch them off. */
export const lettersOn = () => $("letters").checked;

export function setUpKeyboard({ filter, marked, panel }) {
  $("letters").checked = stored("letters") !== "false";
  $("letters").addEventListener("change", () => store("letters", lettersOn()));
  $("show-keys").addEventListener("click", () => {
    $("menu").hidePopover();
    $("keys").showModal();
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") escape(event.target, { filter, marked, panel });
    else if (!lettersOn() || event.target.matches("input:not([type=checkbox]), select")) return;
    else if (KEYS[event.key]?.()) event.preventDefault();
  });
}

const KEYS = {
  "/"() {
    $("filter").focus();
    return true;
  },
  "?"() {
    $("keys").showModal();
    return true;
  },
  o() {
    $("order").focus();
    return true;
  },
  f() {
    if (!$("find").checkVisibility()) return false;
    $("find").focus();
    return true;
  },
};

function escape(target, { filter, marked, panel }) {
  if (target === $("filter") && target.value) {
    filter.clear();
  } else if (target.matches("input:not([type=checkbox])") && target.value) {
    target.value = "";
    for (const kind of ["input", "change"]) target.dispatchEvent(new Event(kind, { bubbles: true }));
  } else if ($("menu").matches(":popover-open")) {
    // The browser closes it.
  } else if (panel.isOpen) {
    panel.leave();
  } else {
    marked.clear();
  }
}
