/* The rows of the list: one for a process, and the head of a group. */

import { $, element, put } from "./document.js";
import { ACTION_NAMES, applies, detailOf, lastWordsOf, marksOf, mayOperate, nextOf, stateOf } from "./process-state.js";
import { ago, bytes, clock, counted } from "./text.js";

// A restart this recent may be one of many, in seconds.
const RECENT = 300;

export function newRow(info) {
  const row = $("row").content.firstElementChild.cloneNode(true);
  const name = row.querySelector(".name");
  const href = `#log/${encodeURIComponent(info.namespec)}`;
  row.dataset.spec = info.namespec;
  // Within its group its own name is enough.
  name.querySelector(".of").textContent = info.namespec.slice(0, info.namespec.length - info.name.length);
  name.querySelector(".own").textContent = info.name;
  name.href = href;
  name.title = `The log of ${info.namespec}`;
  row.querySelector("[data-log]").href = href;
  row.querySelector(".why").href = `#why/${encodeURIComponent(info.namespec)}`;
  row.querySelector(".figures").href = `#usage/${encodeURIComponent(info.namespec)}`;
  row.querySelector(".pick").setAttribute("aria-label", `Mark ${info.namespec}`);
  labelButtons(row, info.namespec);
  return row;
}

/** The head of a group and the list for its rows; calls `toggle()` to fold or unfold it, which `show(folds)` shows. */
export function newGroup(name, toggle) {
  const head = $("group").content.firstElementChild.cloneNode(true);
  const fold = head.querySelector(".fold");
  head.dataset.spec = `${name}:*`;
  head.querySelector("h3").textContent = name;
  labelButtons(head, `all of ${name}`, true);
  fold.setAttribute("aria-label", `The processes of ${name}`);
  fold.addEventListener("click", toggle);
  const show = (folds) => {
    fold.setAttribute("aria-expanded", String(!folds));
    head.toggleAttribute("data-folded", folds);
  };
  return { element: head, list: head.querySelector("ul"), sum: head.querySelector(".sum"), show };
}

export function labelButtons(element, spec, asks = false) {
  for (const button of element.querySelectorAll("button[data-do]")) {
    const words = `${ACTION_NAMES[button.dataset.do]} ${spec}${asks && button.dataset.do !== "start" ? "…" : ""}`;
    button.setAttribute("aria-label", words);
    button.title = words;
  }
}

export function showRow(process) {
  const { info, kind, row } = process;
  row.dataset.kind = kind;
  row.toggleAttribute("data-sees-only", !mayOperate(info));
  row.dataset.state = info.statename;
  put(row.querySelector(".state"), stateOf(info));
  showWords(process);
  showMarks(row.querySelector(".marks"), info);
  const restarts = row.querySelector(".restarts");
  restarts.hidden = !info.restarts;
  put(restarts, counted(info.restarts, "restart"));
  const lost = row.querySelector(".lost");
  lost.hidden = !info.lost;
  put(lost, `${bytes(info.lost)} of output lost`);
  enableButtons(row, info.statename);
  showTime(process);
  showDate(process);
}

/** What is said of a process; a failed one has its sentence on a line of its own, so that others keep their height. */
function showWords(process) {
  const { info, kind, row, why } = process;
  const next = info.next ? `; ${nextOf(info)}` : "";
  const sentence = kind === "failed" && why ? `${why}${next}` : "";
  put(row.querySelector(".detail .text"), sentence ? (info.pid ? `pid ${info.pid}` : "") : detailOf(process));
  const below = row.querySelector(".why");
  put(below, sentence);
  below.hidden = !sentence;
  const words = row.querySelector(".words");
  put(words, sentence ? "" : lastWordsOf(process));
  words.hidden = !words.textContent;
}

/** Readiness and health, where the program has a check of it; what changes is replaced as a whole. */
function showMarks(box, info) {
  const marks = marksOf(info);
  if (box.textContent === marks.map(({ text }) => text).join("")) return;
  box.replaceChildren(...marks.map(({ text, good }) => element("span", { class: "badge", "data-good": good }, text)));
}

/** Not `disabled`: a button with the keyboard's focus must keep it when the state changes. */
export function enableButtons(element, state) {
  for (const button of element.querySelectorAll("button[data-do]")) {
    if (applies(button.dataset.do, state)) button.removeAttribute("aria-disabled");
    else button.setAttribute("aria-disabled", "true");
  }
}

export function showTime({ info, at, row }) {
  const passed = (performance.now() - at) / 1000;
  if (info.pid) {
    put(row.querySelector(".when"), clock(info.uptime + passed));
    row.querySelector(".restarts").toggleAttribute("data-lately", info.uptime + passed < RECENT);
  } else {
    put(row.querySelector(".when"), info.stop ? ago(info.now - info.stop + passed) : "");
  }
}

/** Beside the time that has passed, the time itself. */
function showDate({ info, row }) {
  const when = row.querySelector(".when");
  if (info.pid) when.title = `Since ${new Date(info.start * 1000).toLocaleString()}`;
  else if (info.stop) when.title = new Date(info.stop * 1000).toLocaleString();
  else when.removeAttribute("title");
}
