/* Puts the status page together.
 *
 * - The state of everything comes from /v1/events alone, the effect of an action too; its answer is read for errors.
 * - Texts of programs and configurations enter the page as text, never as markup.
 * - Nothing moves under the pointer: rows change in place, and change places once the pointer rests.
 * - Everything that is kept has a bound: the lines of a log, the characters of a line, the messages on the screen.
 */

import { $ } from "./document.js";
import { EventStream, setUpTabs } from "./event-stream.js";
import { setUpKeyboard } from "./keyboard.js";
import { LogPanel } from "./log-panel.js";
import { MasterPanel } from "./master-panel.js";
import { Operations } from "./operations.js";
import { Filter, ProcessList } from "./process-list.js";
import { setUpTheme } from "./theme.js";

export const master = new MasterPanel();
export const processes = new ProcessList({
  changed: (process) => log.processChanged(process),
  removed: (name) => log.processRemoved(name),
  counted: (counts) => master.showCounts(counts),
});
export const log = new LogPanel(processes);
export const operations = new Operations({ master, processes, cleared: (spec) => log.cleared(spec) });

// The address may name processes, so it is read once they are known.
let begin = () => {
  begin = null;
  log.navigate();
  operations.openBookmark();
};

export const events = new EventStream({
  message(event, data) {
    if (event === "snapshot") master.found();
    if (data.master) master.know(data.master);
    if (event === "snapshot") {
      processes.snapshot(data);
      log.reconnect();
      begin?.();
    } else if (event === "change") {
      processes.change(data);
    }
  },
  lost(why) {
    master.lost(why);
    log.interrupt();
  },
});

setUpTheme();
setUpKeyboard({ filter: new Filter(processes), log });
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) operations.press(button);
  else if (event.target.closest("a[href^='#log']")) $("menu").hidePopover();
});
$("clear").addEventListener("click", () => operations.clearLog(log.spec));
$("processes").addEventListener("pointermove", () => processes.pointed());
$("retry").addEventListener("click", () => events.open());
addEventListener("online", () => events.open());
setInterval(() => {
  if (!document.hidden && master.reachable) processes.tick();
}, 1000);
setUpTabs({
  shown() {
    events.open();
    processes.tick();
  },
  left() {
    events.close();
    log.interrupt();
    document.title = location.host; // the page no longer follows what happens
  },
});
// A tab that was opened in the background.
events.open();
