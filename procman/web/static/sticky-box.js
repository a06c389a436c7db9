/* A box that is scrolled to its newest line, or stays where the reader has scrolled to. */

export class StickyBox {
  /** `newest` is the button that goes back to the end; `atEnd` is called whenever the view is (again) there. */
  constructor(box, newest, atEnd = () => {}) {
    this.box = box;
    this.newest = newest;
    this.atEnd = atEnd;
    this.stuck = true; // the view stays at the newest line
    this.size = "";
    newest.addEventListener("click", () => this.stick(true));
    box.addEventListener("scroll", () => this.scrolled());
    new ResizeObserver(() => {
      if (this.resized()) this.restick();
    }).observe(box);
  }

  stick(stuck) {
    this.stuck = stuck;
    this.newest.hidden = stuck;
    if (!stuck) return;
    this.toEnd();
    this.atEnd();
  }

  /** The layout has changed: returns to the newest line if the view was there. */
  restick() {
    if (this.stuck) this.stick(true);
  }

  toEnd() {
    this.box.scrollTop = this.box.scrollHeight;
  }

  scrolled() {
    const atTheEnd = this.box.scrollHeight - this.box.scrollTop - this.box.clientHeight < 24;
    this.stick(atTheEnd || (this.stuck && this.resized()));
  }

  /** Whether the box has another size than before: then lines have moved although the reader has not scrolled. */
  resized() {
    const size = `${this.box.clientWidth} ${this.box.clientHeight}`;
    const other = size !== this.size;
    this.size = size;
    return other;
  }
}
