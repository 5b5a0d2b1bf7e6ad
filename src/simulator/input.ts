/** What a call of AdminConfirmSignUp brought along, not validated yet. */
export interface Input {
  readonly userPoolId: string | undefined;
  readonly username: string | undefined;
  readonly clientMetadata: Readonly<Record<string, string>>;
}

/** Reads the body; undefined where it is no JSON, or a value is not of the type the API says. */
export function parseInput(body: string): Input | undefined {
  let fields: unknown;
  try {
    fields = JSON.parse(body);
  } catch {
    return undefined;
  }
  if (!isObject(fields)) return undefined;
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
    ...problemsOfText(userPoolId, `Value '${userPoolId}' at 'userPoolId'`, 55, '[\\w-]+_[0-9a-zA-Z]+'),
    ...problemsOfText(username, "Value at 'username'", 128, '[\\p{L}\\p{M}\\p{S}\\p{N}\\p{P}]+'),
  ];
}

function problemsOfText(text: string | undefined, what: string, longest: number, pattern: string): string[] {
  const failed = `${what} failed to satisfy constraint: Member must`;
  if (text === undefined) return [`${failed} not be null`];
  const length = [...text].length;
  const problems: string[] = [];
  if (length < 1) problems.push(`${failed} have length greater than or equal to 1`);
  if (length > longest) problems.push(`${failed} have length less than or equal to ${longest}`);
  if (!new RegExp(`^(?:${pattern})$`, 'u').test(text)) {
    problems.push(`${failed} satisfy regular expression pattern: ${pattern}`);
  }
  return problems;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';

const isTextMap = (value: unknown): value is Record<string, string> =>
  isObject(value) && Object.values(value).every((entry) => typeof entry === 'string');
