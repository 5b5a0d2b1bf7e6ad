import type { Notice } from './notice.js';
import type { Rate } from './options.js';
import type { PaceStart } from './send/pace.js';
import type { Quota } from './send/quota.js';

/** The rate of a run, and the quota it was taken from. */
export interface FoundRate {
  readonly ratePerSecond: number;
  readonly start: PaceStart;
  readonly quota: Quota;
  /** In words, for the start of the run. */
  readonly inWords: string;
  /** What the person who runs the job should know about it. */
  readonly notice: Notice | undefined;
}

/** What the rate that was asked for comes to on the quota there is. */
export function findRate(rate: Rate, quota: Quota): FoundRate {
  const isShare = 'share' in rate;
  const ratePerSecond = isShare ? quota.perSecond * rate.share : rate.perSecond;
  return {
    ratePerSecond,
    start: isShare ? 'gently' : 'at-once',
    quota,
    inWords: isShare
      ? `${short(ratePerSecond)}/s at most (${short(rate.share * 100)} % of the quota, ${quotaInWords(quota)})`
      : `${short(ratePerSecond)}/s at most`,
    notice: isShare ? noticeOfQuota(quota) : noticeOfRate(ratePerSecond, quota),
  };
}

function quotaInWords({ known, perSecond }: Quota): string {
  switch (known) {
    case 'in-force':
      return `${short(perSecond)}/s in force`;
    case 'account-maximum':
      return `${short(perSecond)}/s at most in this account`;
    case 'default':
      return `taken to be AWS's default of ${short(perSecond)}/s`;
  }
}

const ADVICE = 'allow cognito-idp:GetProvisionedLimit on *, or name a rate (--rate 40)';

function noticeOfQuota({ known, perSecond, problem }: Quota): Notice | undefined {
  if (problem === undefined) return undefined;
  const taken =
    known === 'account-maximum'
      ? `the account's maximum of ${short(perSecond)}/s is taken, and less may be in force`
      : `AWS's default of ${short(perSecond)}/s is taken`;
  return {
    level: 'warning',
    code: 'quota-unknown',
    message: `the quota in force cannot be read (${problem}): ${taken}; ${ADVICE}`,
  };
}

function noticeOfRate(ratePerSecond: number, { known, perSecond }: Quota): Notice | undefined {
  // A quota that is only assumed is no reason to warn.
  if (known !== 'in-force' || ratePerSecond <= perSecond) return undefined;
  return {
    level: 'warning',
    code: 'rate-above-quota',
    message: `--rate ${short(ratePerSecond)} is above the quota in force, ${short(perSecond)}/s: what is above is throttled, and live sign-ups are turned away with it until the pace has yielded; --rate 80% leaves them room`,
  };
}

const short = (number: number): string => String(Math.round(number * 100) / 100);
