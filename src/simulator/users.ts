export type UserStatus =
  | 'UNCONFIRMED'
  | 'CONFIRMED'
  | 'FORCE_CHANGE_PASSWORD'
  | 'RESET_REQUIRED'
  | 'EXTERNAL_PROVIDER'
  | 'ARCHIVED'
  | 'COMPROMISED'
  | 'UNKNOWN';

export interface SimulatedUser {
  readonly username: string;
  /** Default `UNCONFIRMED`. */
  readonly status?: UserStatus;
  /** Default true; a disabled user cannot be confirmed. */
  readonly enabled?: boolean;
  /** What the Post Confirmation trigger does for this user. Default `works`. */
  readonly trigger?: 'works' | 'fails';
}

/**
 * What becomes of a name that is not among the users: there is no such user, or, for a rehearsal of a file
 * whose users nobody listed, it is a user waiting to be confirmed.
 */
export type UnknownUsers = 'missing' | 'unconfirmed';

/** The users of the pool: as they were given, and who has been confirmed since. */
export class Users {
  readonly #given: ReadonlyMap<string, SimulatedUser>;
  readonly #unknown: UnknownUsers;
  readonly #confirmed = new Set<string>();

  constructor(users: Iterable<SimulatedUser>, unknown: UnknownUsers) {
    const given = new Map<string, SimulatedUser>();
    for (const user of users) given.set(user.username, user);
    this.#given = given;
    this.#unknown = unknown;
  }

  find(username: string): Required<SimulatedUser> | undefined {
    const given = this.#given.get(username);
    if (given === undefined && this.#unknown === 'missing') return undefined;
    return {
      username,
      status: this.#confirmed.has(username) ? 'CONFIRMED' : (given?.status ?? 'UNCONFIRMED'),
      enabled: given?.enabled ?? true,
      trigger: given?.trigger ?? 'works',
    };
  }

  confirm(username: string): void {
    this.#confirmed.add(username);
  }

  /** How many were confirmed here, not counting those who were from the start. */
  get confirmed(): number {
    return this.#confirmed.size;
  }
}
