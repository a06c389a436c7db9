/* What waits for what, as a drawing: of everything, or of one process with all that it needs and that needs it.
 *
 * One box is in the order of the Tab key; the arrow keys go to the others. The box under the pointer or with the focus
 * has its lines emphasized. States are texts beside their colours.
 */

import { call } from "./api.js";
import { $, element, shape } from "./document.js";
import { FetchedView } from "./fetched-view.js";
import { HEIGHT, WIDTH, layout, neighbour } from "./graph-layout.js";
import { counted, duration, printable } from "./text.js";

const LETTERS = 25; // of a name that fit into a box
const MARGIN = 8;
const AT_ONCE = 0.05; // seconds: less is not shown

export class GraphView extends FetchedView {
  constructor() {
    super($("view-graph"));
    this.names = new Set(); // those that are drawn, or would be
    this.places = new Map();
    this.current = null; // the one that the Tab key comes to
    this.box.addEventListener("keydown", (event) => this.move(event));
    for (const [enter, leave] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
      this.box.addEventListener(enter, (event) => this.emphasize(event.target.closest?.("a.node")));
      this.box.addEventListener(leave, () => this.emphasize(null));
    }
  }

  async fetch(spec) {
    const { processes } = await call("GET", "v1/graph");
    return spec ? related(processes, spec) : processes;
  }

  /** The state of each box is drawn, and an edge may come with a new process. */
  concerns(name) {
    return this.spec === "" || this.names.has(name);
  }

  /** The reader stays where they have scrolled to. */
  show(found) {
    const { scrollTop = 0, scrollLeft = 0 } = this.box.querySelector(".scroll") ?? {};
    super.show(found);
    this.box.querySelector(".scroll")?.scrollTo(scrollLeft, scrollTop);
    this.emphasize(null);
  }

  draw(found, spec) {
    this.names = new Set(found.map((node) => node.namespec));
    const tied = found.filter((node) => node.edges.length || node.needed_by.length);
    const alone = found.length - tied.length;
    if (!tied.length) {
      this.places = new Map();
      const nobody = spec ? `${spec} depends on nothing, and nothing depends on it.` : "No program depends on another one.";
      return [element("p", { class: "quiet" }, `${nobody} The option depends_on says what waits for what.`)];
    }
    const nodes = tied.map((node) => ({
      name: node.namespec,
      level: node.level,
      below: node.edges.flatMap((edge) => edge.processes),
      above: node.needed_by,
    }));
    const { places, width, height } = layout(nodes);
    this.places = places;
    if (!places.has(this.current)) this.current = spec || tied[0].namespec;
    const view = `${-MARGIN} ${-MARGIN} ${width + 2 * MARGIN} ${height + 2 * MARGIN}`;
    const svg = shape(
      "svg",
      {
        class: "graph",
        viewBox: view,
        role: "group",
        "aria-label": "What waits for what; the arrow keys go from one to the next",
      },
      tied.flatMap((node) => this.edges(node)),
      tied.map((node) => this.boxOf(node, spec)),
    );
    svg.style.width = `${width + 2 * MARGIN}px`;
    svg.style.height = `${height + 2 * MARGIN}px`;
    const others = alone ? ` ${counted(alone, "other program depends", "other programs depend")} on nothing.` : "";
    const legend = "What is left of a program has to be there before it starts. Dashed: optional. Thick: it waits for that.";
    return [element("p", { class: "quiet" }, legend + others), element("div", { class: "scroll" }, svg)];
  }

  boxOf(node, spec) {
    const { namespec, statename, phase } = node;
    const place = this.places.get(namespec);
    const state = printable(inWords(node));
    const needs = node.edges.map((edge) => `${edge.target} ${edge.condition}${edge.holds ? "" : ", which it waits for"}`);
    const label = [namespec, state, needs.length && `needs ${needs.join("; ")}`, node.needed_by.length && `needed by ${node.needed_by.join(", ")}`];
    return shape(
      "a",
      {
        class: namespec === spec ? "node own" : "node",
        href: `#why/${encodeURIComponent(namespec)}`,
        transform: `translate(${place.x} ${place.y})`,
        tabindex: namespec === this.current ? 0 : -1,
        "data-key": namespec,
        "data-state": phase === "blocked" ? "FATAL" : statename,
        "aria-label": printable(label.filter(Boolean).join(", ")),
      },
      shape("title", null, printable(namespec)),
      shape("rect", { width: WIDTH, height: HEIGHT, rx: 7 }),
      shape("circle", { cx: 15, cy: HEIGHT / 2, r: 5 }),
      shape("text", { x: 30, y: 18, class: "name" }, shortened(printable(namespec))),
      shape("text", { x: 30, y: 33, class: "now" }, state),
    );
  }

  /** A line from each process that it depends on. */
  edges(node) {
    const to = this.places.get(node.namespec);
    return node.edges.flatMap((edge) =>
      edge.processes
        .filter((name) => this.places.has(name))
        .map((name) => {
          const from = this.places.get(name);
          const [x, y, end, at] = [from.x + WIDTH, from.y + HEIGHT / 2, to.x, to.y + HEIGHT / 2];
          const bend = Math.max(30, (end - x) / 2);
          return shape("path", {
            class: `edge${edge.optional ? " optional" : ""}${edge.holds ? "" : " waits"}`,
            d: `M${x} ${y}C${x + bend} ${y} ${end - bend} ${at} ${end} ${at}`,
            "data-from": name,
            "data-to": node.namespec,
          });
        }),
    );
  }

  emphasize(node) {
    const svg = this.box.querySelector("svg.graph");
    if (!svg) return;
    svg.querySelectorAll(".near").forEach((part) => part.classList.remove("near"));
    const focused = node ?? (svg.contains(document.activeElement) ? document.activeElement.closest("a.node") : null);
    svg.classList.toggle("one", focused !== null);
    if (!focused) return;
    const name = focused.dataset.key;
    const near = new Set([name]);
    for (const edge of svg.querySelectorAll(".edge")) {
      if (edge.dataset.from !== name && edge.dataset.to !== name) continue;
      edge.classList.add("near");
      near.add(edge.dataset.from).add(edge.dataset.to);
    }
    for (const other of svg.querySelectorAll("a.node")) other.classList.toggle("near", near.has(other.dataset.key));
  }

  move(event) {
    const node = event.target.closest?.("a.node");
    if (!node || event.ctrlKey || event.metaKey || event.altKey || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    const name = neighbour(this.places, node.dataset.key, event.key);
    if (name === null) return;
    const next = this.box.querySelector(`a.node[data-key="${CSS.escape(name)}"]`);
    node.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    this.current = name;
    next.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
}

/** "running, ready in 2.1 s", "starting, waiting", "done in 3.0 s". */
function inWords({ statename, phase, took }) {
  const time = took >= AT_ONCE ? ` in ${duration(took)}` : "";
  if (phase === "done") return phase + time;
  const rest = phase || (time && `ready${time}`);
  return rest ? `${statename.toLowerCase()}, ${rest}` : statename.toLowerCase();
}

const shortened = (name) => (name.length > LETTERS ? `${name.slice(0, LETTERS - 9)}…${name.slice(-8)}` : name);

/** The process, all that it needs, and all that needs it. */
function related(processes, spec) {
  const byName = new Map(processes.map((node) => [node.namespec, node]));
  const found = new Set([spec]);
  const follow = (next) => {
    const todo = [spec];
    for (const name of todo) {
      for (const other of byName.has(name) ? next(byName.get(name)) : []) {
        if (!todo.includes(other)) todo.push(other);
        found.add(other);
      }
    }
  };
  follow((node) => node.edges.flatMap((edge) => edge.processes));
  follow((node) => node.needed_by);
  return processes.filter((node) => found.has(node.namespec));
}
