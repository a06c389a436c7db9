/* Addresses of supervisor's web page: a message to show, or an action, which the reader must confirm. */

import { confirmed, note } from "./dialogs.js";
import { ACTION_NAMES } from "./process-state.js";

/** Does what the query of the address asks for, and removes the query. */
export async function openBookmark({ mayControl, operations }) {
  const asked = new URLSearchParams(location.search);
  if (!location.search) return;
  history.replaceState(null, "", location.pathname + location.hash);
  const [message, action, name] = ["message", "action", "processname"].map((key) => asked.get(key) ?? "");
  if (message) note(message.slice(0, 500), { bad: message.startsWith("ERROR") });
  if (!mayControl) return;
  const all = { stopall: "stop", restartall: "restart" }[action];
  const one = { start: "start", stop: "stop", restart: "restart", clearlog: "clear" }[action];
  if (all) {
    await operations.operateMany(all, "all");
  } else if (one && name) {
    const yes = one === "clear" ? "Clear" : ACTION_NAMES[one];
    const title = `${ACTION_NAMES[one]} ${name}?`;
    if (await confirmed(title, "A link or a bookmark requests this.", yes)) await operations.operate(one, name);
  }
}
