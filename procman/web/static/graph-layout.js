/* Where the boxes of a graph are. Pure functions.
 *
 * What others depend on is left of them, each level in a column of its own. Within a column, boxes are near those that
 * they are connected with; a level with many boxes has several columns.
 */

export const WIDTH = 196;
export const HEIGHT = 42;
const GAP = 10; // between boxes
const BETWEEN = 76; // between levels
const NARROW = 16; // between the columns of one level
const ROWS = 24; // of a column
// How often the order of the columns is improved, from left to right and back.
const SWEEPS = 4;

/** [{x, y}] by name, and the size of the whole; `nodes` are [{name, level, below, above}], with names of neighbours. */
export function layout(nodes) {
  const columns = inColumns(nodes);
  const places = new Map();
  let x = 0;
  let height = 0;
  for (const column of columns) {
    const most = Math.max(ROWS, Math.ceil(column.length / 12));
    const rows = Math.ceil(column.length / Math.ceil(column.length / most));
    column.forEach((node, at) => {
      const part = Math.floor(at / rows);
      places.set(node.name, { x: x + part * (WIDTH + NARROW), y: (at % rows) * (HEIGHT + GAP) });
    });
    const parts = Math.ceil(column.length / rows);
    x += parts * WIDTH + (parts - 1) * NARROW + BETWEEN;
    height = Math.max(height, rows * (HEIGHT + GAP) - GAP);
  }
  centre(columns, places, height);
  return { places, width: Math.max(0, x - BETWEEN), height };
}

/** The levels from the lowest, each in an order in which few lines cross. */
function inColumns(nodes) {
  // With a part of the graph, some levels have nothing in them.
  const levels = [...new Set(nodes.map((node) => node.level))].sort((a, b) => a - b);
  const columns = levels.map((level) => nodes.filter((node) => node.level === level));
  const at = new Map();
  const note = (column) => column.forEach((node, index) => at.set(node.name, index / column.length));
  columns.forEach(note);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const forwards = sweep % 2 === 0;
    for (const column of forwards ? columns : [...columns].reverse()) {
      const aim = new Map(column.map((node) => [node, mean(forwards ? node.below : node.above, at, at.get(node.name))]));
      column.sort((a, b) => aim.get(a) - aim.get(b));
      note(column);
    }
  }
  return columns;
}

function mean(names, at, otherwise) {
  const known = names.map((name) => at.get(name)).filter((place) => place !== undefined);
  return known.length ? known.reduce((sum, place) => sum + place, 0) / known.length : otherwise;
}

/** Moves short columns to the middle. */
function centre(columns, places, height) {
  for (const column of columns) {
    const lowest = Math.max(...column.map((node) => places.get(node.name).y)) + HEIGHT;
    for (const node of column) places.get(node.name).y += (height - lowest) / 2;
  }
}

/** The name of the nearest box in that direction, or null. */
export function neighbour(places, name, key) {
  const here = places.get(name);
  const sideways = key === "ArrowLeft" || key === "ArrowRight";
  const forwards = key === "ArrowRight" || key === "ArrowDown";
  let best = null;
  let least = Infinity;
  for (const [other, place] of places) {
    const [along, across] = sideways ? [place.x - here.x, place.y - here.y] : [place.y - here.y, place.x - here.x];
    // Up and down stay in the column.
    if ((forwards ? along <= 0 : along >= 0) || (!sideways && across !== 0)) continue;
    const distance = Math.abs(along) * (sideways ? 4 : 1) + Math.abs(across);
    if (distance < least) [best, least] = [other, distance];
  }
  return best;
}
