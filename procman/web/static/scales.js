/* The number of processes of programs that may have several: shown at the head of a group, and changed there. */

import { call } from "./api.js";
import { note } from "./dialogs.js";
import { element } from "./document.js";

export class Scales {
  constructor(processes) {
    this.processes = processes;
    this.all = []; // of ScaleInfo
  }

  /** Other processes are there than before. */
  async ask() {
    try {
      this.all = (await call("GET", "v1/scale")).scales;
    } catch {
      return; // a lost connection is shown elsewhere
    }
    for (const [name, group] of this.processes.groups) {
      const box = group.element.querySelector(".scale");
      const scale = this.all.find(({ program }) => program === name);
      box.hidden = !scale;
      if (!scale) continue;
      const focused = box.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      box.replaceChildren(...scaleButtons(scale, { compact: true }));
      if (focused) box.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  of(spec) {
    return this.all.find(({ processes }) => processes.includes(spec));
  }
}

/** "−  4  +"; in a compact form they are no stop of the Tab key. */
export function scaleButtons(info, { compact = false, then = () => {} } = {}) {
  const { program, numprocs, in_file: inFile, numprocs_max: most } = info;
  const button = (sign, number, words) => {
    const label = `${words} of ${program}: ${number}`;
    const off = number < 1 || (most !== null && number > most);
    const made = element(
      "button",
      {
        type: "button",
        // More than the file foresees is for whoever may change the file.
        class: `icon change ${most === null && number > inFile ? "configures" : ""}`,
        "aria-label": label,
        title: label,
        "aria-disabled": off && "true",
        tabindex: compact ? -1 : null,
        "data-key": `${sign} ${program}`,
      },
      sign,
    );
    made.addEventListener("click", async () => {
      if (off) return;
      await scale(program, number);
      then();
    });
    return made;
  };
  const title = `${numprocs} processes${numprocs === inFile ? "" : `; the file says ${inFile}`}`;
  const differs = numprocs !== inFile;
  return [
    button("−", numprocs - 1, "One process less"),
    element("span", { class: "number", title, "data-differs": differs }, String(numprocs), differs ? "*" : ""),
    button("+", numprocs + 1, "One more process"),
  ];
}

async function scale(program, number) {
  try {
    await call("POST", "v1/scale", { scale: `${program}=${number}`, timeout: 1 });
  } catch (error) {
    note(`Cannot scale ${program} to ${number}: ${error.message}`, { bad: true });
  }
}
