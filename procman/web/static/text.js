/* Counts, times and log lines as text for people. Pure functions. */

// The longest part of a line that is shown, in characters.
const LINE = 4000;

// https://en.wikipedia.org/wiki/ANSI_escape_code: CSI, OSC and the other strings, then the remaining short sequences.
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])/g;
// Characters with an effect, such as reversing the direction of a text: a symbol is shown instead.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** 0:01:02, or 3d 04:05:06. */
export function clock(seconds) {
  const two = (number) => String(number).padStart(2, "0");
  const days = Math.floor(seconds / 86400);
  const hours = Math.floor(seconds / 3600) % 24;
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(Math.floor(seconds) % 60)}`;
  return days ? `${days}d ${two(hours)}:${rest}` : `${hours}:${rest}`;
}

export function ago(seconds) {
  if (seconds < 60) return "just now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${counted(Math.floor(seconds / 86400), "day")} ago`;
}

export function bytes(count) {
  if (count < 1000) return counted(count, "byte");
  return count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${Math.round(count / 1e6)} MB`;
}

/** A line of a log without its escape sequences and control characters. */
export function plain(line) {
  const text = line.replace(ANSI, "").replace(/\r+$/, "");
  // A progress bar returns to the start of its line and overwrites it.
  const last = text.slice(text.lastIndexOf("\r") + 1);
  const symbolFor = (control) => (control < " " ? String.fromCharCode(0x2400 + control.charCodeAt(0)) : "\ufffd");
  const safe = last.replace(CONTROLS, symbolFor);
  return safe.length > LINE ? `${safe.slice(0, LINE)}… (${safe.length - LINE} more characters)` : safe;
}
