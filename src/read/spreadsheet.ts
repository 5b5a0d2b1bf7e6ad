/** What a spreadsheet does to usernames when a CSV goes through it. */
export type Damage = 'exponent' | 'lost-plus' | 'apostrophe';

/**
 * Tells a username that a spreadsheet has probably damaged. A guess: such a name is warned of and sent as it
 * is, for a pool may well have usernames of digits alone.
 */
export function damageOf(username: string): Damage | undefined {
  if (/^\d[.,]?\d*E\+?\d+$/i.test(username) && /[eE]\+|[.,]/.test(username)) return 'exponent';
  if (/^\d{8,15}$/.test(username)) return 'lost-plus';
  if (/^'[=+\-@]/.test(username)) return 'apostrophe';
  return undefined;
}

export function damageInWords(damage: Damage): string {
  switch (damage) {
    case 'exponent':
      return 'usernames such as 4.9E+11: a spreadsheet has shortened numbers, and the digits are lost';
    case 'lost-plus':
      return 'usernames of digits alone: where they are phone numbers, a spreadsheet has taken the +';
    case 'apostrophe':
      return "usernames with a ' before a sign: made safe for a spreadsheet, they address another user";
  }
}
