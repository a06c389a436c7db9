/* Counts, sizes and times as text for people. Pure functions. */

const two = (number) => String(number).padStart(2, "0");

export function counted(count, one, many = `${one}s`) {
  return `${count} ${count === 1 ? one : many}`;
}

/** 0:01:02, or 3d 04:05:06. */
export function clock(seconds) {
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

/** How long it is until then. */
export function until(seconds) {
  if (seconds < 60) return "in a moment";
  if (seconds < 3600) return `in ${Math.round(seconds / 60)} min`;
  if (seconds < 172800) return `in ${Math.round(seconds / 3600)} h`;
  return `in ${Math.round(seconds / 86400)} days`;
}

export function bytes(count) {
  if (count < 1000) return counted(count, "byte");
  return count < 1e6 ? `${Math.round(count / 1e3)} kB` : `${Math.round(count / 1e6)} MB`;
}

/** 30 ms, 4.2 s, 14 s, 3 m 2 s, 5 h 1 m, 2 d 3 h. */
export function duration(seconds) {
  if (seconds > 0 && seconds < 0.095) return `${Math.max(1, Math.round(seconds * 1000))} ms`;
  if (seconds < 60) return seconds < 10 ? `${seconds.toFixed(1)} s` : `${Math.floor(seconds)} s`;
  const whole = Math.floor(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} m ${whole % 60} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} m`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** 48 MB: of memory, so in steps of 1024. */
export function memory(count) {
  const units = ["kB", "MB", "GB", "TB"];
  let value = count / 1024;
  let place = 0;
  for (; value >= 999.5 && place < units.length - 1; place++) value /= 1024;
  return `${value < 9.95 && place ? value.toFixed(1) : Math.round(value)} ${units[place]}`;
}

export const percent = (value) => `${value < 9.95 ? value.toFixed(1) : Math.round(value)} %`;

/** 14:02:11, and the date where it is not today; `fine` with milliseconds. In the browser's time zone. */
export function timeOf(epoch, { fine = false, seconds = true } = {}) {
  const date = new Date(epoch * 1000);
  const day = date.toDateString() === new Date().toDateString() ? "" : `${dateOf(date)} `;
  const text = `${day}${two(date.getHours())}:${two(date.getMinutes())}`;
  const end = fine ? `.${String(date.getMilliseconds()).padStart(3, "0")}` : "";
  return seconds ? `${text}:${two(date.getSeconds())}${end}` : text;
}

const dateOf = (date) => `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;

// https://en.wikipedia.org/wiki/ANSI_escape_code: CSI, OSC and the other strings, then the remaining short sequences.
const ANSI = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[PX^_][^\x1b]*\x1b\\|[ -/]*[0-~])/g;
// Characters with an effect, such as reversing the direction of a text: a symbol is shown instead.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

export const withoutEscapes = (text) => text.replace(ANSI, "");

/** A text of a program without its escape sequences, and with symbols for control characters. */
export function printable(text) {
  const symbolFor = (control) => (control < " " ? String.fromCharCode(0x2400 + control.charCodeAt(0)) : "\ufffd");
  return withoutEscapes(text).replace(CONTROLS, symbolFor);
}
