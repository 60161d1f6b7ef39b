import schema from './ecs.json';

/** Field names that are not part of the Elastic Common Schema. */
const OWN = ['details', 'document', 'key', 'kubernetes', 'stream', 'submission', 'temporal', 'log.offset'];

/** Types that are searched alike; the small build of Elasticsearch only has the first of each family. */
const FAMILIES = [
  ['keyword', 'wildcard', 'constant_keyword'],
  ['text', 'match_only_text'],
  ['date', 'date_nanos'],
];

const fields = schema.fields as Record<string, string>;
const values = schema.values as Record<string, string[]>;
const typesOf = schema.typesOf as Record<string, string[]>;

interface Mapping {
  type?: string;
  properties?: Record<string, Mapping>;
}

/** Fields of a mapping with their types, by their full name. */
export function fieldsOf(properties: object, path = ''): Record<string, string> {
  return Object.fromEntries(
    Object.entries(properties as Record<string, Mapping>).flatMap(([name, mapping]) =>
      mapping.properties
        ? Object.entries(fieldsOf(mapping.properties, `${path}${name}.`))
        : [[`${path}${name}`, mapping.type ?? 'object']],
    ),
  );
}

const isOwn = (name: string) => OWN.some((own) => name === own || name.startsWith(`${own}.`));
const familyOf = (type: string) => FAMILIES.find((family) => family.includes(type)) ?? [type];

/** Violations of the schema in a mapping. */
export function faultsOfMapping(properties: object): string[] {
  return Object.entries(fieldsOf(properties)).flatMap(([name, type]) => {
    if (isOwn(name)) return [];
    const known = fields[name];
    if (known === undefined) return [`${name} is not in the schema`];
    return familyOf(known).includes(type) ? [] : [`${name} is ${type}, and ${known} in the schema`];
  });
}

/** Violations of the schema and of the index's mapping in a document. */
export function faultsOfDocument(
  { _id, ...document }: Record<string, unknown>,
  properties: object,
): string[] {
  const mapped = fieldsOf(properties);
  const leaves = Object.entries(leavesOf(document)).filter(([, value]) => value !== undefined);
  const faults = leaves.flatMap(([name, value]) => {
    if (name.startsWith('details')) return [];
    if (mapped[name] === undefined) return [`${name} is not in the mapping`];
    const allowed = values[name];
    const wrong = allowed ? [value].flat().filter((each) => !allowed.includes(String(each))) : [];
    return wrong.map((each) => `${name} may not be ${String(each)}`);
  });
  const { category, type } = document.event as { category: string[]; type: string[] };
  const combined = category.flatMap((each) =>
    type.filter((kind) => !typesOf[each]?.includes(kind)).map((kind) => `${each} is never of type ${kind}`),
  );
  return [...faults, ...combined, ...(_id === undefined ? ['it has no id'] : [])];
}

function leavesOf(value: object, path = ''): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, member]: [string, unknown]) =>
      typeof member === 'object' && member !== null && !Array.isArray(member)
        ? Object.entries(leavesOf(member, `${path}${name}.`))
        : [[`${path}${name}`, member]],
    ),
  );
}
