import { z } from 'zod';
import { MOST } from './submissionRules';
import { atMostBytes, word } from './schemaHelpers';

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,127}$/;

/** Variables that the platform sets, in the test pod or in production. */
const OWN_VARIABLES = ['PATH', 'HOME', 'LANG', 'PORT', 'SUBMISSION_ID', 'PYTHONUNBUFFERED', 'DATABASE_URL'];

export function args() {
  return z
    .array(word())
    .max(MOST.args)
    .superRefine(atMostBytes(MOST.argsBytes, (values) => values));
}

export function env() {
  return z
    .record(z.string(), word())
    .superRefine((value, context) => {
      const names = Object.keys(value);
      const say = (message: string, path: string[] = [], limit?: number) =>
        context.addIssue({ code: 'custom', message, path, params: { limit } });
      if (names.length > MOST.env)
        return say(`has ${names.length} variables, and the limit is ${MOST.env}`, [], MOST.env);
      for (const name of names) {
        if (!VARIABLE.test(name))
          say('must be a letter or "_", then letters, digits or "_", at most 128 characters', [name]);
        if (OWN_VARIABLES.includes(name)) say('is set by the platform', [name]);
      }
    })
    .superRefine(atMostBytes(MOST.envBytes, (value) => Object.entries(value).flat()))
    .describe(`Variables of the tests. Not ${OWN_VARIABLES.join(', ')}: the platform sets them.`);
}
