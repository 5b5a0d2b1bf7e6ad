/** A time in words for a person: `45 s`, `12 min`, `6 h 57 min`. `-` where there is no honest number. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || !Number.isFinite(ms)) return '-';
  if (ms >= 50 && ms < 10_000 && ms % 1_000 !== 0) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  if (seconds < 90) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** What others say may have line feeds in it, and a message is one line. */
export const inOneLine = (text: string): string => text.replace(/\s+/g, ' ').trim();

/** `1,234,567` */
export const grouped = (number: number): string => number.toLocaleString('en-US');

/** `1 row`, `1,200 rows` */
export const counted = (number: number, what: string): string =>
  `${grouped(number)} ${what}${number === 1 ? '' : 's'}`;
