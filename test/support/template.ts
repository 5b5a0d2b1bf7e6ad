// biome-ignore-all lint/suspicious/noTemplateCurlyInString: CloudFormation has its names in such braces.
import { type Document, isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml';
import { RESOURCE_TYPES, type Shape } from './resource-types.js';

/** A CloudFormation template, with its short tags (`!Ref`) in their long form (`{ Ref: ... }`). */
export interface Template {
  readonly Parameters: Readonly<Record<string, { readonly Type: string; readonly Default?: unknown }>>;
  readonly Conditions: Readonly<Record<string, unknown>>;
  readonly Resources: Readonly<Record<string, Resource>>;
  readonly Outputs: Readonly<Record<string, unknown>>;
}

export interface Resource {
  readonly Type: string;
  readonly Properties?: Readonly<Record<string, unknown>>;
  readonly [attribute: string]: unknown;
}

/** What the names of a template stand for: `Bucket`, `Bucket.Arn`, `AWS::Region`. */
export type Names = Readonly<Record<string, unknown>>;

/** Reads a template. Throws for what is no YAML, and for a name that stands there twice. */
export function parseTemplate(text: string, version: '1.1' | '1.2' = '1.1'): Template {
  const document: Document.Parsed = parseDocument(text, { version, uniqueKeys: true });
  if (document.errors.length > 0) throw new Error(document.errors.map(({ message }) => message).join('\n'));
  return plain(document.contents) as Template;
}

function plain(node: unknown): unknown {
  const value = untagged(node);
  const tag = (node as Node | null)?.tag;
  if (tag === undefined || !/^![A-Z]/.test(tag)) return value;
  const name = tag.slice(1);
  if (name === 'Ref' || name === 'Condition') return { [name]: value };
  if (name === 'GetAtt') return { 'Fn::GetAtt': String(value).split('.') };
  return { [`Fn::${name}`]: value };
}

function untagged(node: unknown): unknown {
  if (isAlias(node)) throw new Error('CloudFormation knows no aliases');
  if (isMap(node)) {
    return Object.fromEntries(
      node.items.map(({ key, value }) => [String(isScalar(key) ? key.value : key), plain(value)]),
    );
  }
  if (isSeq(node)) return node.items.map(plain);
  return isScalar(node) ? node.value : null;
}

/** Everything that CloudFormation would refuse, as far as it can be told without AWS; empty for a good template. */
export function problemsOf(template: Template): string[] {
  return [...problemsOfNames(template), ...problemsOfTypes(template)];
}

const PSEUDO = ['AccountId', 'NoValue', 'NotificationARNs', 'Partition', 'Region', 'StackId', 'StackName'];
const PSEUDO_PARAMETERS = new Set([...PSEUDO, 'URLSuffix'].map((name) => `AWS::${name}`));
const FUNCTIONS = new Set(['Ref', 'Condition', 'Fn::GetAtt', 'Fn::Sub', 'Fn::If', 'Fn::Not', 'Fn::Equals']);
/** What may stand beside a resource's type and properties. */
const ATTRIBUTES = new Set([
  'Type',
  'Properties',
  'Condition',
  'DependsOn',
  'DeletionPolicy',
  'UpdateReplacePolicy',
]);

function problemsOfNames(template: Template): string[] {
  const { Conditions = {}, Outputs = {}, Parameters = {}, Resources } = template;
  const problems: string[] = [];
  const asked = new Set<string>();

  function ref(name: string, path: string): void {
    asked.add(name);
    if (name in Parameters || name in Resources || PSEUDO_PARAMETERS.has(name)) return;
    problems.push(`${path}: nothing is called ${name}`);
  }
  function attribute(name: string, path: string): void {
    const [resource = '', ...rest] = name.split('.');
    asked.add(resource);
    const type = Resources[resource]?.Type;
    if (type === undefined) return void problems.push(`${path}: no resource is called ${resource}`);
    if (RESOURCE_TYPES[type]?.attributes.includes(rest.join('.')) !== true) {
      problems.push(`${path}: ${type} has no attribute ${rest.join('.')}`);
    }
  }
  function condition(name: unknown, path: string): void {
    asked.add(String(name));
    if (!(String(name) in Conditions)) problems.push(`${path}: no condition is called ${String(name)}`);
  }
  function visit(value: unknown, path: string): void {
    if (Array.isArray(value)) {
      for (const [index, each] of value.entries()) visit(each, `${path}.${index}`);
      return;
    }
    if (typeof value !== 'object' || value === null) {
      if (typeof value === 'string' && value.includes('${')) problems.push(`${path}: \${ without !Sub`);
      return;
    }
    for (const [key, inner] of Object.entries(value)) {
      const at = `${path}.${key}`;
      if (key.startsWith('Fn::') && !FUNCTIONS.has(key)) problems.push(`${at}: no such function here`);
      if (key === 'Ref') ref(String(inner), at);
      else if (key === 'Fn::GetAtt') attribute((inner as string[]).join('.'), at);
      else if (key === 'Fn::Sub') {
        for (const [, name = ''] of String(inner).matchAll(/\$\{([^!}][^}]*)\}/g)) {
          if (name.includes('.')) attribute(name, at);
          else ref(name, at);
        }
      } else visit(inner, at);
    }
  }

  for (const [name, { Condition, ...resource }] of Object.entries(Resources)) {
    if (Condition !== undefined) condition(Condition, name);
    visit(resource, name);
  }
  visit(Conditions, 'Conditions');
  visit(Outputs, 'Outputs');
  for (const name of [...Object.keys(Parameters), ...Object.keys(Conditions)]) {
    if (!asked.has(name)) problems.push(`${name}: nothing asks for it`);
  }
  return problems;
}

function problemsOfTypes({ Parameters, Resources }: Template): string[] {
  const problems: string[] = [];

  function check(value: unknown, shape: Shape, path: string): void {
    if (shape === 'any') return;
    if (shape === 'unlisted') return void problems.push(`${path}: not in test/support/resource-types.ts`);
    const returned = returnedBy(value, Parameters);
    if (returned !== undefined) {
      const wanted = Array.isArray(shape) ? 'list' : 'one';
      if (returned !== wanted) problems.push(`${path}: wants a ${wanted}, gets a ${returned}`);
      return;
    }
    if (typeof shape === 'string') {
      // A number where a string is wanted is turned into one; nothing else is.
      const good = typeof value === shape || (shape === 'string' && typeof value === 'number');
      if (!good) problems.push(`${path}: wants a ${shape}, gets ${JSON.stringify(value)}`);
    } else if (Array.isArray(shape)) {
      if (!Array.isArray(value)) return void problems.push(`${path}: wants a list`);
      for (const [index, each] of value.entries()) check(each, shape[0], `${path}.${index}`);
    } else checkMembers(value, shape as Readonly<Record<string, Shape>>, path);
  }
  function checkMembers(value: unknown, shapes: Readonly<Record<string, Shape>>, path: string): void {
    if (typeof value !== 'object' || value === null) return void problems.push(`${path}: wants members`);
    for (const [name, inner] of Object.entries(value)) {
      const shape = shapes[name] ?? shapes[`${name}!`] ?? shapes['*'];
      if (shape === undefined) problems.push(`${path}: has no property ${name}`);
      else check(inner, shape, `${path}.${name}`);
    }
    for (const name of Object.keys(shapes)) {
      if (name.endsWith('!') && !(name.slice(0, -1) in value))
        problems.push(`${path}: lacks ${name.slice(0, -1)}`);
    }
  }

  for (const [name, resource] of Object.entries(Resources)) {
    if (!/^[0-9A-Za-z]+$/.test(name)) problems.push(`${name}: letters and digits only`);
    const type = RESOURCE_TYPES[resource.Type];
    if (type === undefined)
      problems.push(`${name}: ${resource.Type} is not in test/support/resource-types.ts`);
    else checkMembers(resource.Properties ?? {}, type.properties, name);
    for (const attribute of Object.keys(resource)) {
      if (!ATTRIBUTES.has(attribute)) problems.push(`${name}: has no attribute ${attribute}`);
    }
  }
  return problems;
}

/** What a function gives back; undefined for a value that is none. */
function returnedBy(value: unknown, parameters: Template['Parameters']): 'one' | 'list' | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const [[name, argument] = ['', undefined], ...rest] = Object.entries(value);
  if (rest.length > 0 || !FUNCTIONS.has(name)) return undefined;
  const type = name === 'Ref' ? parameters[String(argument)]?.Type : undefined;
  return type?.startsWith('List<') ? 'list' : 'one';
}

/** A part of a template with each name replaced by what it stands for. */
export function resolved(value: unknown, names: Names): unknown {
  const named = (name: string): unknown => {
    if (!(name in names)) throw new Error(`The test has no value for ${name}`);
    return names[name];
  };
  if (Array.isArray(value)) return value.map((each) => resolved(each, names));
  if (typeof value !== 'object' || value === null) return value;
  const members = value as Readonly<Record<string, unknown>>;
  if ('Ref' in members) return named(String(members.Ref));
  if ('Fn::GetAtt' in members) return named((members['Fn::GetAtt'] as string[]).join('.'));
  if ('Fn::Sub' in members) {
    return String(members['Fn::Sub']).replace(/\$\{([^}]+)\}/g, (_, name: string) => String(named(name)));
  }
  return Object.fromEntries(Object.entries(members).map(([name, inner]) => [name, resolved(inner, names)]));
}
