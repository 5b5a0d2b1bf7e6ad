import { type Answer, ERRORS, errorAnswer, notValid, okAnswer } from './answers.js';
import { isObject, isOptionalText, isTextMap, parseObject } from './json.js';

const CLASS = 'API_CATEGORY';
const CATEGORY = 'UserCreation';

/** What AWS gives every account for nothing, requests per second. */
const FREE = 50;

/** GetProvisionedLimit: the quota in force, where it is asked for the one category that there is. */
export function getProvisionedLimit(body: string, perSecond: number): Answer {
  const asked = parseDefinition(body);
  if (asked === undefined) return errorAnswer(ERRORS.badJson);
  const problems = problemsOf(asked);
  if (problems.length > 0) return errorAnswer(notValid(problems));
  // Whole numbers, as in the service.
  const inForce = Math.floor(perSecond);
  return okAnswer({
    Limit: {
      LimitDefinition: { LimitClass: CLASS, Attributes: { Category: CATEGORY } },
      ProvisionedLimitValue: inForce,
      // What is in force is never below what is free.
      FreeLimitValue: Math.min(FREE, inForce),
    },
  });
}

interface Definition {
  readonly limitClass: string | undefined;
  readonly attributes: Readonly<Record<string, string>> | undefined;
}

/** Null where it is not there; undefined where the body is no JSON, or a value is not of the API's type. */
function parseDefinition(body: string): Definition | null | undefined {
  const fields = parseObject(body);
  if (fields === undefined) return undefined;
  const definition = fields.LimitDefinition ?? null;
  if (definition === null) return null;
  if (!isObject(definition)) return undefined;
  const limitClass = definition.LimitClass ?? undefined;
  const attributes = definition.Attributes ?? undefined;
  const fits = isOptionalText(limitClass) && (attributes === undefined || isTextMap(attributes));
  return fits ? { limitClass, attributes } : undefined;
}

function problemsOf(asked: Definition | null): string[] {
  if (asked === null) return [failed("Value at 'limitDefinition'", 'not be null')];
  const { limitClass, attributes } = asked;
  const problems: string[] = [];
  if (limitClass === undefined) {
    problems.push(failed("Value at 'limitDefinition.limitClass'", 'not be null'));
  } else if (limitClass !== CLASS) {
    const what = `Value '${limitClass}' at 'limitDefinition.limitClass'`;
    problems.push(failed(what, `satisfy enum value set: [${CLASS}]`));
  }
  if (attributes === undefined) {
    problems.push(failed("Value at 'limitDefinition.attributes'", 'not be null'));
  } else if (attributes.Category === undefined) {
    problems.push(failed("Value at 'limitDefinition.attributes.Category'", 'not be null'));
  } else if (attributes.Category !== CATEGORY) {
    const what = `Value '${attributes.Category}' at 'limitDefinition.attributes.Category'`;
    problems.push(failed(what, `satisfy enum value set: [${CATEGORY}]`));
  }
  return problems;
}

const failed = (what: string, must: string): string =>
  `${what} failed to satisfy constraint: Member must ${must}`;
