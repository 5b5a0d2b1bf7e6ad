import {
  isStatus,
  type Outcome,
  REPORT_HEADER,
  report,
  reportLine,
  STATUSES,
  type Status,
} from '../index.js';
import { UsageError } from './arguments.js';

/** The lines that `report` prints. Throws UsageError for a status or a format that there is not. */
export function reportText(
  job: string,
  { format, only, ...options }: Readonly<Record<string, unknown>>,
): AsyncIterable<string> {
  const write = formatOf(format);
  return lines(report(job, statusesOf(only), options), write);
}

interface Format {
  readonly header: string;
  readonly line: (outcome: Outcome) => string;
}

async function* lines(outcomes: AsyncIterable<Outcome>, { header, line }: Format): AsyncIterable<string> {
  let first = true;
  for await (const outcome of outcomes) {
    yield first ? header + line(outcome) : line(outcome);
    first = false;
  }
  if (first) yield header;
}

function formatOf(format: unknown): Format {
  switch (format ?? 'csv') {
    case 'csv':
      return { header: REPORT_HEADER, line: reportLine };
    case 'jsonl':
      return { header: '', line: (outcome) => `${JSON.stringify(outcome)}\n` };
    default:
      throw new UsageError(`Expected \`--format\` to be csv or jsonl, got \`${format}\``);
  }
}

function statusesOf(only: unknown): readonly Status[] | undefined {
  if (only === undefined) return undefined;
  return String(only)
    .split(',')
    .map((text) => {
      const status = text.trim();
      if (isStatus(status)) return status;
      throw new UsageError(
        `Expected \`--only\` to name statuses (${STATUSES.join(', ')}), got \`${status}\``,
      );
    });
}
