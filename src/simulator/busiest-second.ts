/**
 * The most arrivals in any second, wherever that second starts. Two arrivals 1000 ms apart are not in the
 * same second. It keeps the arrivals of the last second only.
 */
export class BusiestSecond {
  readonly #lastSecond: number[] = [];
  worst = 0;

  add(atMs: number): void {
    this.#lastSecond.push(atMs);
    const firstKept = this.#lastSecond.findIndex((earlierMs) => earlierMs > atMs - 1000);
    this.#lastSecond.splice(0, firstKept);
    this.worst = Math.max(this.worst, this.#lastSecond.length);
  }
}
