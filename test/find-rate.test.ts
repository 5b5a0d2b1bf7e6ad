import { expect, it } from 'vitest';
import { findRate } from '../src/find-rate.js';
import type { Quota } from '../src/send/quota.js';

const IN_FORCE: Quota = { perSecond: 50, known: 'in-force', problem: undefined };
const REFUSED = 'AccessDeniedException: no';

it.each([
  [
    'a share of it',
    { share: 0.8 },
    IN_FORCE,
    40,
    'gently',
    '40/s at most (80 % of the quota, 50/s in force)',
  ],
  ['all of it', { share: 1 }, IN_FORCE, 50, 'gently', '50/s at most (100 % of the quota, 50/s in force)'],
  ['a rate of its own', { perSecond: 12.5 }, IN_FORCE, 12.5, 'at-once', '12.5/s at most'],
  [
    "a share of the account's maximum",
    { share: 0.333 },
    { perSecond: 200, known: 'account-maximum', problem: REFUSED },
    66.6,
    'gently',
    '66.6/s at most (33.3 % of the quota, 200/s at most in this account)',
  ],
  [
    'a share of the default',
    { share: 0.8 },
    { perSecond: 50, known: 'default', problem: undefined },
    40,
    'gently',
    "40/s at most (80 % of the quota, taken to be AWS's default of 50/s)",
  ],
] as const)('makes a rate of the quota: %s', (_what, rate, quota, ratePerSecond, start, inWords) => {
  const found = findRate(rate, quota);
  expect(found).toMatchObject({ start, quota, inWords });
  expect(found.ratePerSecond).toBeCloseTo(ratePerSecond, 9);
});

it.each([
  ['the quota in force', { share: 0.8 }, IN_FORCE],
  // What is wrong will be told by the first row.
  ['no answer at all', { share: 0.8 }, { perSecond: 50, known: 'default', problem: undefined }],
  ['a rate below the quota', { perSecond: 50 }, IN_FORCE],
  ['a rate above a quota that is only assumed', { perSecond: 60 }, { ...IN_FORCE, known: 'default' }],
  [
    'a rate where the quota is not to be read',
    { perSecond: 10 },
    { ...IN_FORCE, known: 'default', problem: REFUSED },
  ],
] as const)('says nothing of %s', (_what, rate, quota) => {
  expect(findRate(rate, quota).notice).toBeUndefined();
});

it.each([
  [
    { share: 0.8 },
    { perSecond: 50, known: 'default', problem: REFUSED },
    "the quota in force cannot be read (AccessDeniedException: no): AWS's default of 50/s is taken; allow cognito-idp:GetProvisionedLimit on *, or name a rate (--rate 40)",
  ],
  [
    { share: 0.8 },
    { perSecond: 200, known: 'account-maximum', problem: REFUSED },
    "the quota in force cannot be read (AccessDeniedException: no): the account's maximum of 200/s is taken, and less may be in force; allow cognito-idp:GetProvisionedLimit on *, or name a rate (--rate 40)",
  ],
  [
    { perSecond: 60 },
    IN_FORCE,
    '--rate 60 is above the quota in force, 50/s: what is above is throttled, and live sign-ups are turned away with it until the pace has yielded; --rate 80% leaves them room',
  ],
] as const)('warns in one line: %j of %j', (rate, quota, message) => {
  expect(findRate(rate, quota).notice).toMatchObject({ level: 'warning', message });
});
