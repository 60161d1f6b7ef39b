import * as fc from 'fast-check';

/** The subset of JSON Schema that the messages use. */
export interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  pattern?: string;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  required?: string[];
  additionalProperties?: Schema | false;
  minimum?: number;
  maximum?: number;
}

/**
 * Generates values that match a schema, and sometimes other values, so that many messages are almost valid.
 */
export function valuesOf(schema: Schema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 9, arbitrary: rightKindOf(schema) }, { weight: 1, arbitrary: fc.jsonValue() });
}

function rightKindOf(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(valuesOf));
  if ('const' in schema) return fc.constant(schema.const);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case 'string':
      return fc.oneof(
        schema.pattern
          ? fc.stringMatching(new RegExp(schema.pattern))
          : fc.constantFrom('main.py', 'pytest', '-x'),
        fc.string({ unit: 'binary', maxLength: 300 }),
      );
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: Math.ceil(schema.minimum ?? 0), max: 300 }), fc.double());
    case 'array':
      return fc.array(valuesOf(schema.items ?? {}), { maxLength: 120, size: 'small' });
    case 'object':
      return schema.properties ? objectsOf(schema) : fc.dictionary(names, valuesOf(additional(schema)));
    case undefined:
    default:
      return fc.jsonValue();
  }
}

const names = fc.oneof(
  fc.constantFrom('main.py', 'lib/x.py', 'lib', 'A', 'PATH', 'constructor'),
  fc.string({ unit: 'binary' }),
);

const additional = ({ additionalProperties }: Schema) => additionalProperties || {};

function objectsOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const members = Object.fromEntries(
    Object.entries(properties).map(([name, each]) => [name, valuesOf(each)]),
  );
  return fc.oneof(
    { weight: 4, arbitrary: fc.record(members, { requiredKeys: required }) },
    { weight: 1, arbitrary: fc.record({ ...members, __proto__: fc.jsonValue() }, { requiredKeys: [] }) },
  );
}
