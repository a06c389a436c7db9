/* A line of a log as a terminal would show it: its colours as classes, all other escape sequences without effect. */

import { printable, withoutEscapes } from "./text.js";

// The longest part of a line that is shown, in characters.
const LINE = 4000;
// Select Graphic Rendition: https://en.wikipedia.org/wiki/ANSI_escape_code#SGR
const SGR = /\x1b\[([\d;]*)m/;
// Neither escape sequences nor characters with an effect: most lines are so.
const PLAIN = /^[\t\x20-\x7e\u00a1-\u1fff]*$/;
const COLOURS = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** The parts of a line: [text, classes]. A progress bar returns to the start of its line and overwrites it. */
export function partsOf(line) {
  const text = line.replace(/\r+$/, "");
  const last = text.slice(text.lastIndexOf("\r") + 1);
  if (PLAIN.test(last) && last.length <= LINE) return last ? [[last, ""]] : [];
  const parts = [];
  let style = { colour: "", bold: false, dim: false };
  let left = LINE;
  // split leaves the texts at even places, and the numbers of each sequence between them.
  last.split(SGR).forEach((part, place) => {
    if (place % 2) {
      style = styled(style, part);
      return;
    }
    const shown = printable(withoutEscapes(part));
    if (shown) parts.push([shown.slice(0, Math.max(0, left)), classesOf(style)]);
    left -= shown.length;
  });
  if (left < 0) parts.push([`… (${-left} more characters)`, ""]);
  return parts.filter(([shown]) => shown);
}

function styled(style, numbers) {
  const now = { ...style };
  const codes = numbers.split(";").map(Number);
  for (let place = 0; place < codes.length; place++) {
    const code = codes[place];
    if (code === 0) Object.assign(now, { colour: "", bold: false, dim: false });
    else if (code === 1) now.bold = true;
    else if (code === 2) now.dim = true;
    else if (code === 22) now.bold = now.dim = false;
    else if (code >= 30 && code <= 37) now.colour = COLOURS[code - 30];
    else if (code >= 90 && code <= 97) now.colour = COLOURS[code - 90];
    else if (code === 39) now.colour = "";
    // Of 256 or of all colours: the page has its own, which can be read on its ground.
    else if (code === 38 || code === 48) place += codes[place + 1] === 5 ? 2 : 4;
  }
  return now;
}

const classesOf = ({ colour, bold, dim }) =>
  [colour && `ansi-${colour}`, bold && "bold", dim && "dim"].filter(Boolean).join(" ");
