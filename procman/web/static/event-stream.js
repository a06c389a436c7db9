/* The connection to /v1/events: reopened whenever it is lost, and left to the tab that was looked at last. */

import { openStream } from "./api.js";

// The server sends something every 30 seconds at the latest. In milliseconds.
const SILENCE = 75_000;
// The delays before the first and the later attempts to reconnect, in milliseconds.
const RETRY_DELAYS = [500, 1000, 2000, 4000];

/** Calls `message(event, data)` for each event, and `lost(why)` when the connection ends. */
export class EventStream {
  constructor({ message, lost }) {
    this.message = message;
    this.lost = lost;
    this.tries = 0;
    this.controller = null;
    this.timer = 0;
  }

  open() {
    clearTimeout(this.timer);
    if (!this.controller) this.run();
  }

  close() {
    clearTimeout(this.timer);
    this.controller?.abort();
    this.controller = null;
  }

  async run() {
    const controller = (this.controller = new AbortController());
    let why = "";
    // Only silence reveals a connection that was cut without notice, for instance by a change of networks.
    let watchdog = 0;
    const heard = () => {
      clearTimeout(watchdog);
      watchdog = setTimeout(() => controller.abort(), SILENCE);
    };
    heard();
    try {
      const reader = await openStream("v1/events", controller.signal);
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        heard();
        const messages = (text + value).split("\n\n");
        text = messages.pop();
        messages.forEach((message) => this.take(message));
      }
    } catch (error) {
      why = error instanceof TypeError || error.name === "AbortError" ? "" : error.message;
    }
    clearTimeout(watchdog);
    if (this.controller !== controller) return; // it was closed
    this.controller = null;
    this.timer = setTimeout(() => this.open(), RETRY_DELAYS[Math.min(this.tries++, RETRY_DELAYS.length - 1)]);
    this.lost(why);
  }

  take(message) {
    let event = "";
    let data = "";
    for (const line of message.split("\n")) {
      if (line.startsWith("event: ")) event = line.slice(7);
      else if (line.startsWith("data: ")) data += line.slice(6);
    }
    if (!data) return;
    this.tries = 0;
    this.message(event, JSON.parse(data));
  }
}

/** Calls `shown` when this tab is looked at, and `left` when another one is: a browser has six connections to a server. */
export function setUpTabs({ shown, left }) {
  const tabs = new BroadcastChannel("procman");
  const here = () => {
    if (document.hidden) return;
    tabs.postMessage("here");
    shown();
  };
  tabs.addEventListener("message", () => {
    if (document.hidden) left();
  });
  document.addEventListener("visibilitychange", here);
  here();
}
