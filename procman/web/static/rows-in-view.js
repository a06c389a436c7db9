/* The rows of the list that can be seen: only these are drawn anew, so that a thousand cost no more than a screenful. */

export class RowsInView {
  /** Calls `entered(row)` when a row comes into view. */
  constructor(entered) {
    this.rows = new Set();
    this.watch = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) {
        if (!isIntersecting) this.rows.delete(target);
        else if (this.rows.add(target)) entered(target);
      }
    });
  }

  add(row) {
    this.watch.observe(row);
  }

  remove(row) {
    this.watch.unobserve(row);
    this.rows.delete(row);
  }
}
