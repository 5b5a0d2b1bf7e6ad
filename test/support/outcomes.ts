import type { Outcome } from '../../src/outcome.js';

/** An outcome of which only some parts matter. */
export const outcomeOf = (parts: Partial<Outcome> = {}): Outcome => ({
  row: 1,
  username: 'anna',
  status: 'confirmed',
  attempts: 1,
  errorName: '',
  errorMessage: '',
  requestId: 'id-1',
  finishedAt: '2026-11-05T10:00:00.000Z',
  ...parts,
});
