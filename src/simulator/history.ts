/** What one second saw, by the time at which requests and sign-ups arrived. */
export interface SimulatedSecond {
  /** Counted from 0, where the simulator was started. */
  readonly second: number;
  /** Calls of AdminConfirmSignUp. */
  readonly requests: number;
  readonly granted: number;
  readonly throttled: number;
  readonly confirmed: number;
  /** Live sign-ups, throttled or not. */
  readonly liveSignUps: number;
  readonly liveSignUpsThrottled: number;
}

/** The same while it is being counted. */
export type Tally = { -readonly [Count in keyof SimulatedSecond]: SimulatedSecond[Count] };

/** Four hours. */
const SECONDS_KEPT = 4 * 3600;

/** A tally of each second in which something came; times are milliseconds that never go back. */
export class History {
  readonly #startMs: number;
  /** Each second has its place, and gives it up to the one that comes four hours later. */
  readonly #tallies: Tally[] = [];

  constructor(atMs: number) {
    this.#startMs = atMs;
  }

  /** The tally to count in. */
  at(atMs: number): Tally {
    const second = this.#secondOf(atMs);
    const place = second % SECONDS_KEPT;
    const tally = this.#tallies[place];
    if (tally?.second === second) return tally;
    const begun = nothingIn(second);
    this.#tallies[place] = begun;
    return begun;
  }

  /** Every second until now, the quiet ones too; the last one may not be over. */
  until(atMs: number): SimulatedSecond[] {
    const last = this.#secondOf(atMs);
    const first = Math.max(0, last - SECONDS_KEPT + 1);
    return Array.from({ length: last - first + 1 }, (_, index) => {
      const second = first + index;
      const tally = this.#tallies[second % SECONDS_KEPT];
      return tally?.second === second ? { ...tally } : nothingIn(second);
    });
  }

  #secondOf(atMs: number): number {
    return Math.floor((atMs - this.#startMs) / 1000);
  }
}

const nothingIn = (second: number): Tally => ({
  second,
  requests: 0,
  granted: 0,
  throttled: 0,
  confirmed: 0,
  liveSignUps: 0,
  liveSignUpsThrottled: 0,
});
