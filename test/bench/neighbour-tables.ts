import type { Form } from '../support/traffic.js';
import { firstSeconds, liveAlone, type Part, QUOTA_PER_SECOND, type Result } from './neighbour-scene.js';
import type { Tool } from './neighbour-tools.js';

/** What was measured, as markdown for the README: a table for each form of the quota, and one of what rows have cost. */
export function tables(
  results: readonly Result[],
  tools: readonly Tool[],
  forms: readonly Form[],
  lives: readonly number[],
  seconds: number,
): string {
  const first = firstSeconds(seconds);
  const legend = [
    `Room used: rows confirmed per second, of what live traffic leaves of ${QUOTA_PER_SECOND}/s (and at most what the tool was asked for), after the first ${first} s.`,
    `Turned away: of 100 live sign-ups after the first ${first} s; in brackets how many of them would not have been without the tool; after the stroke, of 100 in the first ${first} s.`,
  ];
  return [
    legend.join(' '),
    ...forms.map((form) => formTable(form, results, tools, lives, seconds)),
    costTable(results, tools),
  ].join('\n\n');
}

export function formInWords(form: Form): string {
  switch (form) {
    case 'bucket-5':
      return 'Token bucket of 5';
    case 'bucket-50':
      return 'Token bucket of 50';
    case 'fixed-window':
      return 'Fixed window of one second';
  }
}

function formTable(
  form: Form,
  results: readonly Result[],
  tools: readonly Tool[],
  lives: readonly number[],
  seconds: number,
): string {
  const withLive = lives.filter((live) => live > 0);
  const resultOf = (tool: Tool, live: number): Result | undefined =>
    results.find((result) => result.tool === tool.name && result.form === form && result.live === live);
  const rows = tools.flatMap((tool) => {
    if (!lives.some((live) => resultOf(tool, live) !== undefined)) return [];
    const used = lives.map((live) => usedInWords(resultOf(tool, live), tool));
    const turnedAway = withLive.map((live) => turnedAwayInWords(resultOf(tool, live)));
    return [[tool.name, ...used, ...turnedAway]];
  });
  const nobody = withLive.map((live) => percent(aloneShare(form, live, seconds)));
  return markdown(
    [
      `${formInWords(form)}`,
      ...lives.map((live, at) => `${at === 0 ? 'room used, live ' : ''}${live}/s`),
      ...withLive.map((live, at) => `${at === 0 ? 'turned away, live ' : ''}${live}/s`),
    ],
    [['nobody', ...lives.map(() => ''), ...nobody], ...rows],
  );
}

/** Over all forms and live traffics. */
function costTable(results: readonly Result[], tools: readonly Tool[]): string {
  const rows = tools.flatMap((tool) => {
    const own = results.filter((result) => result.tool === tool.name);
    if (own.length === 0) return [];
    const throttledPerRow = (some: readonly Result[]): number =>
      sum(some, ({ first, after }) => first.throttled + after.throttled) /
      Math.max(
        1,
        sum(some, ({ first, after }) => first.confirmed + after.confirmed),
      );
    const worst = Math.max(...own.map((result) => throttledPerRow([result])));
    const lost = sum(own, ({ rowsLost }) => rowsLost);
    const tried = sum(own, ({ rowsTried }) => rowsTried);
    const lostInWords = lost === 0 ? '0' : `${grouped(lost)} (${percent(lost / tried)} %)`;
    return [[tool.name, throttledPerRow(own).toFixed(2), worst.toFixed(2), grouped(tried), lostInWords]];
  });
  const header = [
    'over all of these',
    'throttled calls per row confirmed',
    'at worst',
    'rows tried',
    'rows lost',
  ];
  return markdown(header, rows);
}

function usedInWords(result: Result | undefined, { askedPerSecond = QUOTA_PER_SECOND }: Tool): string {
  if (result === undefined) return '';
  const { after, live } = result;
  const room = Math.min(QUOTA_PER_SECOND - live, askedPerSecond);
  return `${Math.round((after.confirmed / after.seconds / room) * 100)} %`;
}

function turnedAwayInWords(result: Result | undefined): string {
  if (result === undefined) return '';
  const { after, first } = result;
  // Some may even have been spared: whom a tool costs a token has none left for the next.
  const onTop = shareOf(after, after.turnedAway - after.turnedAwayAlone);
  const sign = onTop < 0 ? '−' : '+';
  return `${percent(shareOf(after, after.turnedAway))} (${sign}${percent(Math.abs(onTop))}) / ${percent(shareOf(first, first.turnedAway))}`;
}

function shareOf({ liveSignUps }: Part, signUps: number): number {
  return signUps / Math.max(1, liveSignUps);
}

/** An hour of sign-ups among themselves, which says it more exactly than two minutes can. */
function aloneShare(form: Form, live: number, seconds: number): number {
  const hour = liveAlone(form, live, Math.max(3_600, seconds));
  return (
    sum(hour, ({ liveSignUpsThrottled }) => liveSignUpsThrottled) /
    sum(hour, ({ liveSignUps }) => liveSignUps)
  );
}

function sum<Item>(items: readonly Item[], number: (item: Item) => number): number {
  return items.reduce((all, item) => all + number(item), 0);
}

/** Without the sign: two digits below 10, for half a percent is much. */
const percent = (share: number): string => (share * 100).toFixed(share < 0.1 ? 2 : 0);

const grouped = (number: number): string => number.toLocaleString('en-US');

function markdown(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const rule = header.map((_cell, at) => (at === 0 ? '---' : '---:'));
  return [header, rule, ...rows].map(line).join('\n');
}
