/* Puts the status page together.
 *
 * - The state of everything comes from /v1/events alone, the effect of an action too; its answer is read for errors.
 * - Texts of programs and configurations enter the page as text, never as markup.
 * - Nothing moves under the pointer: rows change in place, and change places once the pointer rests.
 * - Everything that is kept has a bound: the lines of a log, the characters of a line, the messages on the screen.
 * - What nobody looks at is not asked for: views while they are closed, figures while the tab is hidden.
 */

import { Access } from "./access.js";
import { CrashView } from "./crash-view.js";
import { DetailsView } from "./details-view.js";
import { $ } from "./document.js";
import { EventStream, setUpTabs } from "./event-stream.js";
import { EventsView } from "./events-view.js";
import { Figures } from "./figures.js";
import { GraphView } from "./graph-view.js";
import { HistoryView } from "./history-view.js";
import { lettersOn, setUpKeyboard } from "./keyboard.js";
import { Filter } from "./list-filter.js";
import { ListKeys } from "./list-keys.js";
import { ListOrder } from "./list-order.js";
import { LogView } from "./log-view.js";
import { MarkedRows } from "./marked-rows.js";
import { MasterPanel } from "./master-panel.js";
import { Operations } from "./operations.js";
import { OptionsView } from "./options-view.js";
import { OutOfDate } from "./out-of-date.js";
import { Panel } from "./panel.js";
import { ProcessList } from "./process-list.js";
import { RowCharts } from "./row-charts.js";
import { RowsInView } from "./rows-in-view.js";
import { Scales } from "./scales.js";
import { setUpTheme } from "./theme.js";
import { UpdateView } from "./update-view.js";
import { UsageView } from "./usage-view.js";
import { WaitingForSomebody } from "./waiting-for-somebody.js";
import { WhyView } from "./why-view.js";

export const figures = new Figures(() => {
  charts.drawAll();
  charts.drawGroups(processes.groups, (name) => processes.membersOf(name));
  usage.draw();
  if (order.followsFigures) processes.place(false);
});
const order = new ListOrder((name) => figures.latest(name));
const sight = new RowsInView((row) => {
  charts.draw(row);
  processes.entered(row);
});
const charts = new RowCharts(figures, sight);
const usage = new UsageView(figures);
export const master = new MasterPanel();
export const processes = new ProcessList({
  order,
  sight,
  listener: {
    added: (row) => sight.add(row),
    changed: (process) => panel.processChanged(process),
    removed(name, row) {
      if (row) sight.remove(row);
      figures.forget(name);
      marked.forget(name);
      panel.processRemoved(name);
    },
    named() {
      access.ask(master.info).then(() => panel.accessChanged());
      scales.ask();
      outOfDate.start();
    },
    placed: () => keys.keepAStop(),
    counted: (counts) => master.showCounts(counts),
  },
});
const access = new Access(processes);
const scales = new Scales(processes);
const waiting = new WaitingForSomebody(scales);
export const outOfDate = new OutOfDate(processes);
export const marked = new MarkedRows(processes);
const keys = new ListKeys({ marked, lettersOn });
const mayRead = (spec) => access.logsOf(spec);
export const log = new LogView(processes, mayRead);
export const journal = new EventsView(processes, () => master.info?.start);
export const panel = new Panel(
  processes,
  {
    log,
    why: new WhyView(),
    history: new HistoryView(),
    crashes: new CrashView(),
    details: new DetailsView(),
    options: new OptionsView(),
    usage,
    graph: new GraphView(),
    events: journal,
    update: new UpdateView((plan) => {
      outOfDate.show(plan);
      waiting.ask();
    }),
  },
  mayRead,
);
export const operations = new Operations({
  master,
  processes,
  marked,
  rolling: waiting,
  cleared: (spec) => log.cleared(spec),
});

// The address may name processes, so it is read once they are known.
let begin = () => {
  begin = null;
  panel.navigate();
  operations.openBookmark();
};

export const events = new EventStream({
  message(event, data) {
    if (event === "snapshot") master.found();
    if (data.master) master.know(data.master);
    if (event === "snapshot") {
      processes.snapshot(data);
      panel.reconnect();
      begin?.();
      figures.start();
      waiting.ask();
    } else if (event === "change") {
      processes.change(data);
      waiting.changed();
    }
  },
  lost(why) {
    // No tick comes any more to count, and to show rows out of view, as they were last.
    processes.tick();
    master.lost(why);
    panel.interrupt();
    for (const asker of [figures, outOfDate, waiting]) asker.stop();
  },
});

setUpTheme();
setUpKeyboard({ filter: new Filter(processes, order), marked, panel });
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) operations.press(button);
  else if (event.target.closest("#menu a")) $("menu").hidePopover();
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
    panel.interrupt();
    for (const asker of [figures, outOfDate, waiting]) asker.stop();
    document.title = location.host; // the page no longer follows what happens
  },
});
// A tab that was opened in the background.
events.open();
