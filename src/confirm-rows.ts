import { systemClock } from './clock.js';
import { connect } from './connect.js';
import { findRate } from './find-rate.js';
import { noRows } from './job-rows.js';
import type { Mapping } from './layout.js';
import { type SendOptions, toSendSettings } from './options.js';
import type { Outcome } from './outcome.js';
import { toRow } from './read/rows.js';
import { decide } from './select/decide.js';
import { createSender, type ToSend } from './send/send.js';
import { createBrake, stopOfError } from './stop.js';
import { untilAborted } from './until-aborted.js';

/** A user to confirm, from wherever you have it. */
export interface UserRow {
  readonly username: string;
  /** Sent as ClientMetadata; it wins over the option `metadata`. */
  readonly metadata?: Readonly<Record<string, string>>;
}

/**
 * Confirms users of your own, at the rate and with the attempts of the options, without a job: no report, no
 * checkpoint, nothing to resume. Outcomes come in the order in which rows are done; `row` counts the rows
 * given, from 1. Rows are taken as there is room for them, so an endless source is fine.
 *
 * Throws a TypeError for a wrong option, before the first row is taken; a StopError where the service cannot be used
 * (credentials, permission, no such pool), after the outcomes of what was in flight. When `signal` aborts it
 * takes no more rows and ends; rows without an outcome are not told.
 */
export async function* confirmRows(
  rows: AsyncIterable<UserRow> | Iterable<UserRow>,
  options: SendOptions,
): AsyncIterable<Outcome> {
  const settings = toSendSettings(options);
  const service = await connect(settings, options.cognito);
  const brake = createBrake(options.signal, options.abortSignal, () => {});
  const { ratePerSecond, start } = findRate(settings.rate, await service.quota(systemClock, brake.draining));
  const sender = createSender({
    ...settings,
    ratePerSecond,
    start,
    confirm: service.confirm,
    endpoint: service.endpoint,
    draining: brake.draining,
    aborting: brake.aborting,
    stop: (error) => brake.pull(stopOfError(error)),
    clock: systemClock,
    random: Math.random,
    beforeSend: async () => {},
    claim: { sure: async () => {}, isSure: () => true },
  });
  try {
    for await (const batch of sender.send(toSend(rows, brake.draining))) {
      for (const sent of batch) if (sent.status !== 'unanswered') yield sent;
    }
    if (brake.reason?.error !== undefined) throw brake.reason.error;
  } finally {
    // Where the caller leaves early, the rows in hand are let go.
    brake.pull({ ending: 'interrupted', message: 'the caller left' });
    brake.release();
    await service.close();
  }
}

const ONE_COLUMN: Mapping = {
  columns: ['username'],
  username: 0,
  metadata: [],
  clientMetadata: undefined,
};

async function* toSend(
  rows: AsyncIterable<UserRow> | Iterable<UserRow>,
  draining: AbortSignal,
): AsyncIterable<ToSend> {
  const nothingKnown = noRows();
  let number = 0;
  for await (const { username, metadata = {} } of untilAborted(rows, draining)) {
    number++;
    const row = toRow([username], ONE_COLUMN, number);
    const decision = decide('problem' in row ? row : { ...row, metadata }, nothingKnown, systemClock.date());
    if (decision.do !== 'skip') yield decision;
  }
}
