/* A log from the server as pieces {text, time, missed}: of a process as lines of JSON, of procman itself as it is. */

import { openStream } from "./api.js";

// How much of the past each step further back has: of a process in lines, of procman's own log in bytes. The last step
// is all that the master reads at once, which is 10 MB.
export const STEPS = [
  { query: "lines=1000", tail: 65_536, lines: 1000 },
  { query: "lines=100000", tail: 1_048_576, lines: 100_000 },
  { query: "since=0", tail: 10_485_760, lines: Infinity },
];

// What comes of procman's own log so soon after it was asked for was there before, in milliseconds.
const PAST = 1000;

/** `time` is null of what comes now, and where nobody knows; `past` says whether it was there before. */
export async function* logPieces(spec, channel, step, signal) {
  const { query, tail } = STEPS[step];
  if (spec === "") {
    const reader = await openStream(`v1/log?follow=1&tail=${tail}`, signal);
    const began = performance.now();
    let received = 0;
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const past = received < tail && performance.now() - began < PAST;
      received += read.value.length;
      yield { text: read.value, time: null, missed: 0, past };
    }
    return;
  }
  const path = `v1/logs?follow=1&${query}&channel=${channel}&name=${encodeURIComponent(spec)}`;
  const reader = await openStream(path, signal);
  const bytes = new BytesInText();
  let rest = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const lines = (rest + read.value).split("\n");
    rest = lines.pop();
    for (const line of lines.filter(Boolean)) {
      const { data, time, missed } = JSON.parse(line);
      yield { text: bytes.decode(data), time, missed, past: time !== null };
    }
  }
}

const CUT = /[\udc80-\udcff]{1,3}$/;
const BYTES = /[\udc80-\udcff]+/g;

/** Bytes that are not UTF-8 arrive as lone surrogates; among them are the halves of a character that was cut. */
class BytesInText {
  constructor() {
    this.cut = "";
  }

  decode(text) {
    const whole = this.cut + text;
    this.cut = CUT.exec(whole)?.[0] ?? "";
    return whole.slice(0, whole.length - this.cut.length).replace(BYTES, decoded);
  }
}

const decoded = (run) => new TextDecoder().decode(Uint8Array.from(run, (byte) => byte.charCodeAt(0) & 0xff));
