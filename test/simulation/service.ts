import type { Row } from '../../src/row.js';
import type { Reply } from '../../src/send/confirm.js';

export type State = 'UNCONFIRMED' | 'CONFIRMED' | 'FORCE_CHANGE_PASSWORD';

/** What may go wrong with a request: the shares of requests that meet each. */
export interface ServiceFaults {
  readonly throttled: number;
  readonly serverError: number;
  readonly serverErrorAfter: number;
  readonly resetBefore: number;
  readonly resetAfter: number;
  readonly hangBefore: number;
  readonly hangAfter: number;
  readonly refused: number;
  readonly triggerFails: number;
  readonly slowTrigger: number;
}

export const NO_FAULTS: ServiceFaults = {
  throttled: 0,
  serverError: 0,
  serverErrorAfter: 0,
  resetBefore: 0,
  resetAfter: 0,
  hangBefore: 0,
  hangAfter: 0,
  refused: 0,
  triggerFails: 0,
  slowTrigger: 0,
};

/** One request, as the service saw it. */
export interface Call {
  readonly row: number;
  /** The job that it was made for: one that starts over is another one. */
  readonly job: number;
  readonly atMs: number;
  /** This call did the confirming. */
  confirmed: boolean;
  /** The client was told so: the reply came while its process lived. */
  saidYes: boolean;
}

interface User {
  state: State;
  /** The row whose request confirmed the user; undefined where nobody of ours did. */
  confirmedBy: number | undefined;
}

const TIMEOUT_MS = 25_000;

/** The users of a pool, and what answers the program gets: in the shapes that the SDK gives errors. */
export class SimulatedService {
  readonly users = new Map<string, User>();
  readonly calls: Call[] = [];
  faults: ServiceFaults = NO_FAULTS;
  /** While it is set, every request gets it. */
  everyRequest: { name: string; message: string } | undefined;
  readonly met = new Map<string, number>();
  readonly #random: () => number;
  readonly #now: () => number;
  readonly #sleep: (ms: number) => Promise<void>;

  constructor(random: () => number, now: () => number, sleep: (ms: number) => Promise<void>) {
    this.#random = random;
    this.#now = now;
    this.#sleep = sleep;
  }

  /** Answers as the SDK's client does; the work is done somewhere between the request and its answer. */
  async confirm(
    { row, username }: Row,
    job: number,
    signal: AbortSignal,
    isHeard: () => boolean,
  ): Promise<Reply> {
    const call: Call = { row, job, atMs: this.#now(), confirmed: false, saidYes: false };
    this.calls.push(call);
    const reply = await Promise.race([this.#answer(call, username), aborted(signal)]);
    call.saidYes = reply.ok && isHeard();
    return reply;
  }

  async #answer(call: Call, username: string): Promise<Reply> {
    const fault = this.#draw();
    if (fault !== undefined) this.met.set(fault, (this.met.get(fault) ?? 0) + 1);
    const before = 1 + this.#random() * 40;
    const after = 1 + this.#random() * 40;
    await this.#sleep(before);
    if (this.everyRequest !== undefined) {
      const { message, name } = this.everyRequest;
      return serviceError(name, message);
    }
    switch (fault) {
      case 'throttled':
        return serviceError('TooManyRequestsException', 'Too many requests');
      case 'serverError':
        return serviceError('InternalErrorException', 'Something went wrong', 500);
      case 'refused':
        return systemError('Error', 'ECONNREFUSED', 'connect ECONNREFUSED');
      case 'resetBefore':
        return systemError('TimeoutError', 'ECONNRESET', 'socket hang up');
      case 'hangBefore':
        await this.#sleep(TIMEOUT_MS);
        return systemError('TimeoutError', 'ETIMEDOUT', 'exceeded the requestTimeout');
      default: {
        const reply = this.#work(call, username, fault === 'triggerFails');
        await this.#sleep(fault === 'slowTrigger' ? 15_000 : after);
        if (fault === 'hangAfter') {
          await this.#sleep(TIMEOUT_MS);
          return systemError('TimeoutError', 'ETIMEDOUT', 'exceeded the requestTimeout');
        }
        if (fault === 'resetAfter') return systemError('TimeoutError', 'ECONNRESET', 'socket hang up');
        if (fault === 'serverErrorAfter')
          return serviceError('InternalErrorException', 'Something went wrong', 500);
        return reply;
      }
    }
  }

  #work(call: Call, username: string, triggerFails: boolean): Reply {
    const user = this.users.get(username);
    if (user === undefined) return serviceError('UserNotFoundException', 'User does not exist.');
    if (user.state !== 'UNCONFIRMED') {
      return serviceError(
        'NotAuthorizedException',
        `User cannot be confirmed. Current status is ${user.state}`,
      );
    }
    user.state = 'CONFIRMED';
    user.confirmedBy = call.row;
    call.confirmed = true;
    return triggerFails
      ? serviceError('UserLambdaValidationException', 'PostConfirmation failed with error x.')
      : { ok: true, requestId: `id-${this.calls.length}` };
  }

  #draw(): keyof ServiceFaults | undefined {
    let point = this.#random();
    for (const [fault, share] of Object.entries(this.faults) as [keyof ServiceFaults, number][]) {
      if (point < share) return fault;
      point -= share;
    }
    return undefined;
  }
}

const serviceError = (name: string, message: string, httpStatusCode = 400): Reply => ({
  ok: false,
  error: Object.assign(new Error(message), { name, $metadata: { httpStatusCode, requestId: 'id-error' } }),
});

const systemError = (name: string, code: string, message: string): Reply => ({
  ok: false,
  error: Object.assign(new Error(message), { name, code, $metadata: {} }),
});

const aborted = (signal: AbortSignal): Promise<Reply> =>
  new Promise((resolve) => {
    const reply = (): void => resolve(systemError('AbortError', 'ABORTED', 'Request aborted'));
    if (signal.aborted) reply();
    else signal.addEventListener('abort', reply, { once: true });
  });
