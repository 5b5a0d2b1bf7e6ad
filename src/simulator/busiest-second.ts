/**
 * The most arrivals in any second, wherever that second starts. Two arrivals 1000 ms apart are not in the
 * same second. It keeps the arrivals of the last second, and no more that are over than that.
 */
export class BusiestSecond {
  readonly #timesMs: number[] = [];
  /** Where in the list the last second starts. */
  #first = 0;
  worst = 0;

  add(atMs: number): void {
    this.#timesMs.push(atMs);
    while ((this.#timesMs[this.#first] ?? atMs) <= atMs - 1000) this.#first++;
    this.worst = Math.max(this.worst, this.#timesMs.length - this.#first);
    // In one go, and not one by one: all that come after have to move up.
    if (this.#first * 2 > this.#timesMs.length) {
      this.#timesMs.splice(0, this.#first);
      this.#first = 0;
    }
  }
}
