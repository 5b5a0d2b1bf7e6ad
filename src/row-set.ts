/**
 * A set of row numbers kept as ranges, so that ten million rows done in order cost one range.
 * Rows mostly arrive in rising order: adding at the end is constant, elsewhere logarithmic to find.
 */
export class RowSet {
  /** Sorted, disjoint and never adjacent; both ends belong to the range. */
  readonly #ranges: [first: number, last: number][] = [];
  #size = 0;

  /** Reads what `toString` wrote: `1-100,102`. Throws a RangeError on anything else. */
  static parse(text: string): RowSet {
    const set = new RowSet();
    if (text === '') return set;
    for (const part of text.split(',')) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part);
      const first = Number(match?.[1]);
      const last = Number(match?.[2] ?? match?.[1]);
      const before = set.#ranges.at(-1)?.[1] ?? -1;
      const sound = first >= 1 && last >= first && first > before + 1 && Number.isSafeInteger(last);
      if (!sound) throw new RangeError(`Expected ranges of rows such as 1-100,102, got ${part}`);
      set.#ranges.push([first, last]);
      set.#size += last - first + 1;
    }
    return set;
  }

  get size(): number {
    return this.#size;
  }

  /** How many ranges it takes: what the set costs in memory and in the checkpoint. */
  get rangeCount(): number {
    return this.#ranges.length;
  }

  has(row: number): boolean {
    const range = this.#ranges[this.#indexOfRangeEndingAtOrAfter(row)];
    return range !== undefined && range[0] <= row;
  }

  /** Returns whether the row is new to the set. */
  add(row: number): boolean {
    const index = this.#indexOfRangeEndingAtOrAfter(row);
    const after = this.#ranges[index];
    if (after !== undefined && after[0] <= row) return false;
    const before = this.#ranges[index - 1];
    const touchesBefore = before !== undefined && before[1] === row - 1;
    const touchesAfter = after !== undefined && after[0] === row + 1;
    if (touchesBefore && touchesAfter) {
      before[1] = after[1];
      this.#ranges.splice(index, 1);
    } else if (touchesBefore) {
      before[1] = row;
    } else if (touchesAfter) {
      after[0] = row;
    } else {
      this.#ranges.splice(index, 0, [row, row]);
    }
    this.#size++;
    return true;
  }

  /** Returns whether the row was in the set. */
  delete(row: number): boolean {
    const index = this.#indexOfRangeEndingAtOrAfter(row);
    const range = this.#ranges[index];
    if (range === undefined || range[0] > row) return false;
    const [first, last] = range;
    const left: [number, number][] = first < row ? [[first, row - 1]] : [];
    const right: [number, number][] = row < last ? [[row + 1, last]] : [];
    this.#ranges.splice(index, 1, ...left, ...right);
    this.#size--;
    return true;
  }

  /** The lowest row from 1 on that is not in the set. */
  firstMissing(): number {
    const first = this.#ranges[0];
    return first === undefined || first[0] > 1 ? 1 : first[1] + 1;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (const [first, last] of this.#ranges) {
      for (let row = first; row <= last; row++) yield row;
    }
  }

  toString(): string {
    return this.#ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
  }

  #indexOfRangeEndingAtOrAfter(row: number): number {
    let low = 0;
    let high = this.#ranges.length;
    const last = this.#ranges.at(-1);
    if (last === undefined || last[1] < row) return high;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ranges[middle]?.[1] ?? 0) < row) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
