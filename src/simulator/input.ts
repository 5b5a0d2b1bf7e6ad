import { isOptionalText, isTextMap, parseObject } from './json.js';

/** What a call of AdminConfirmSignUp brought along, not validated yet. */
export interface Input {
  readonly userPoolId: string | undefined;
  readonly username: string | undefined;
  readonly clientMetadata: Readonly<Record<string, string>>;
}

/** Reads the body; undefined where it is no JSON, or a value is not of the type the API says. */
export function parseInput(body: string): Input | undefined {
  const fields = parseObject(body);
  if (fields === undefined) return undefined;
  const userPoolId = fields.UserPoolId ?? undefined;
  const username = fields.Username ?? undefined;
  const clientMetadata = fields.ClientMetadata ?? {};
  const fits = isOptionalText(userPoolId) && isOptionalText(username) && isTextMap(clientMetadata);
  return fits ? { userPoolId, username, clientMetadata } : undefined;
}

/** What the service's validation finds, in its words; empty where all is well. */
export function problemsOf({ userPoolId, username }: Input): string[] {
  return [
    // The service repeats the pool's id, but never a username, which is personal data.
    ...problemsOfText(userPoolId, POOL_ID, () => `Value '${userPoolId}' at 'userPoolId'`),
    ...problemsOfText(username, USERNAME, () => "Value at 'username'"),
  ];
}

/** What a text may be. */
interface TextRule {
  readonly longest: number;
  readonly pattern: string;
  /** The pattern, of the whole text. */
  readonly whole: RegExp;
}

const textRule = (longest: number, pattern: string): TextRule => ({
  longest,
  pattern,
  whole: new RegExp(`^(?:${pattern})$`, 'u'),
});

const POOL_ID = textRule(55, '[\\w-]+_[0-9a-zA-Z]+');
const USERNAME = textRule(128, '[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+');

function problemsOfText(
  text: string | undefined,
  { longest, pattern, whole }: TextRule,
  what: () => string,
): string[] {
  if (text === undefined) return [`${what()} failed to satisfy constraint: Member must not be null`];
  const fits = whole.test(text);
  // Characters are never more than the units of a text, which need no counting.
  if (fits && text.length <= longest) return [];
  const length = [...text].length;
  const failed = `${what()} failed to satisfy constraint: Member must`;
  const problems: string[] = [];
  if (length < 1) problems.push(`${failed} have length greater than or equal to 1`);
  if (length > longest) problems.push(`${failed} have length less than or equal to ${longest}`);
  if (!fits) problems.push(`${failed} satisfy regular expression pattern: ${pattern}`);
  return problems;
}
