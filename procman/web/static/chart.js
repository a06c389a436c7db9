/* A line with an area below it, as SVG paths. */

import { shape } from "./document.js";

// The drawing's own units; it is stretched to the size that it has on the page.
export const WIDTH = 600;
export const HEIGHT = 100;

/** An empty chart; `draw` fills it. */
export function newChart(attributes) {
  return shape(
    "svg",
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", ...attributes },
    shape("path", { class: "area" }),
    shape("path", { class: "line" }),
  );
}

/** Draws points, [time, value], between two times and up to `top`; NaN and pauses longer than `longest` interrupt. */
export function draw(svg, points, { start, end }, top, longest) {
  const x = (time) => (((time - start) / (end - start)) * WIDTH).toFixed(1);
  const y = (value) => (HEIGHT - (Math.min(value, top) / top) * HEIGHT).toFixed(1);
  let lines = "";
  let areas = "";
  for (const part of parts(points, longest)) {
    const path = part.map(([time, value]) => `${x(time)} ${y(value)}`).join("L");
    // A single point is seen as a dot: its line has round ends.
    lines += `M${path}${part.length === 1 ? "h0.1" : ""}`;
    areas += `M${x(part[0][0])} ${HEIGHT}L${path}L${x(part.at(-1)[0])} ${HEIGHT}Z`;
  }
  svg.querySelector(".line").setAttribute("d", lines);
  svg.querySelector(".area").setAttribute("d", areas);
}

/** The same in about so many points: each is the average of some in a row. A row's chart has few columns. */
export function thinned(points, count) {
  const many = Math.ceil(points.length / count);
  if (many < 2) return points;
  const found = [];
  for (let start = 0; start < points.length; start += many) {
    const some = points.slice(start, start + many);
    const known = some.filter(([, value]) => !Number.isNaN(value));
    const sum = known.reduce((total, [, value]) => total + value, 0);
    found.push([some.at(-1)[0], known.length ? sum / known.length : NaN]);
  }
  return found;
}

function parts(points, longest) {
  const found = [];
  let before = -Infinity;
  for (const point of points) {
    const [time, value] = point;
    if (Number.isNaN(value)) {
      before = -Infinity;
      continue;
    }
    if (time - before > longest) found.push([]);
    found.at(-1).push(point);
    before = time;
  }
  return found;
}

/** The upper end of a scale that has room for the values: 1, 2 or 5 times a power of `base`, and `least` at least. */
export function scaleFor(points, least, base = 10) {
  const most = points.reduce((top, [, value]) => (value > top ? value : top), 0);
  if (most <= least) return least;
  const power = base ** Math.floor(Math.log(most / least) / Math.log(base));
  const steps = base === 10 ? [1, 2, 5, 10] : [1, 1.5, 2];
  return least * power * steps.find((step) => most <= least * power * step * 1.0001);
}
