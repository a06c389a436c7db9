/* Messages to the reader, and questions that need an answer. */

import { $ } from "./document.js";

// The number of messages on the screen, and how long one without an error stays, in milliseconds.
export const NOTES = 4;
const NOTE_TIME = 6_000;
// How long a stop can be undone, in milliseconds.
const UNDO_TIME = 10_000;

/** Announces a text to screen readers. */
export function say(text) {
  $("said").textContent = text;
}

/** Shows a message; with `undo`, a function, it offers to call that. */
export function note(text, { bad = false, undo = null, spec = "" } = {}) {
  const card = document.createElement("div");
  card.className = bad ? "note-card bad" : "note-card";
  const words = document.createElement("span");
  words.textContent = text;
  const close = $("close").cloneNode(true);
  close.removeAttribute("id");
  close.setAttribute("aria-label", "Dismiss");
  close.title = "Dismiss";
  close.addEventListener("click", () => card.remove());
  card.append(words, close);
  if (undo) {
    card.dataset.undoes = spec;
    words.after(undoButton(card, undo));
  }
  $("notes").append(card);
  while ($("notes").childElementCount > NOTES) $("notes").firstElementChild.remove();
  // An error stays until it is dismissed, and nothing disappears under the pointer or the focus.
  const leave = () => {
    if (card.matches(":hover, :focus-within")) setTimeout(leave, 1000);
    else card.remove();
  };
  if (!bad) setTimeout(leave, undo ? UNDO_TIME : NOTE_TIME);
}

function undoButton(card, undo) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "undo change";
  button.textContent = "Undo";
  button.addEventListener("click", () => {
    card.remove();
    undo();
  });
  return button;
}

/** Withdraws the offer to start a process again: it was started, or is gone. */
export function forgetUndo(spec) {
  for (const card of [...$("notes").children]) if (card.dataset.undoes === spec) card.remove();
}

/** Asks a question, with the cautious answer preselected; resolves to whether the answer was yes. */
export async function confirmed(title, text, yes) {
  return (await answerTo(title, text, yes)) === "yes";
}

/** The same with another way to do it: resolves to "yes", "other" or "no". */
export function answerTo(title, text, yes, other = "") {
  const button = $("ask").querySelector("[value=other]");
  button.textContent = other;
  button.hidden = !other;
  $("ask-title").textContent = title;
  $("ask-text").textContent = text;
  $("ask").querySelector("[value=yes]").textContent = yes;
  $("ask").returnValue = "no";
  $("ask").showModal();
  return new Promise((resolve) => {
    $("ask").addEventListener("close", () => resolve($("ask").returnValue), { once: true });
  });
}
