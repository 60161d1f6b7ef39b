import { z } from 'zod';
import { files } from './files';
import { submissionId, userId } from './identifiers';
import { args, env } from './arguments';
import { limits } from './runLimits';
import { requirements } from './requirements';
import type { SubmissionRules } from './submissionRules';
import { tests } from './tests';
import { fields, text } from './schemaHelpers';

/** A message that submits code. toSubmission.ts checks the rules that involve several fields. */
export function submitMessage(rules: SubmissionRules) {
  const languages = [...rules.languages.keys()];
  return fields({
    type: z.literal('submit', 'must be submit, or left out').optional(),
    user_id: userId(),
    code: text().optional().describe('One file, named as its language names it (main.py, main.js).'),
    files: files().optional(),
    language: z
      .enum(languages as [string, ...string[]], {
        error: ({ input }) =>
          input === undefined ? undefined : `must be one of the languages: ${languages.join(', ')}`,
      })
      .optional()
      .describe('By default derived from the extension of the entrypoint.'),
    entrypoint: z.string().optional().describe('The file to run.'),
    migrate: z
      .string()
      .optional()
      .describe('A file to run once before the rollout, with DATABASE_URL, to change the database.'),
    stdin: text().optional(),
    interactive: z
      .boolean()
      .optional()
      .describe('Whether more input may be sent while the program runs; otherwise `stdin` is all of it.'),
    args: args().optional(),
    env: env().optional(),
    tests: tests().optional(),
    test_database: z
      .boolean()
      .optional()
      .describe(
        'Whether the tests get a separate, empty database (DATABASE_URL), which is dropped after them.',
      ),
    deploy: z
      .boolean()
      .optional()
      .describe(
        '`false`: test only; the submission ends as `tests_passed` or `tests_failed`. `true` by default.',
      ),
    production: fields({
      kind: z
        .literal('worker')
        .describe(
          'A program that keeps running and serves no port: it passes if it is still running after 5 s.',
        ),
    })
      .optional()
      .describe('The kind of program. By default one that exits with 0, or serves on $PORT.'),
    requirements: requirements().optional(),
    limits: limits(rules.limits).optional(),
    submission_id: submissionId()
      .optional()
      .describe('Id of the submission; sending it again joins the first. Generated if left out.'),
  }).meta({
    title: 'Submit',
    description:
      `Submits code, as either code or files: it is tested, and deployed if it passes, unless deploy is false. ` +
      `All its text together may have ${rules.maxCodeBytes} bytes of UTF-8.`,
    examples: [{ user_id: 'test', code: "print('Hello')", deploy: false }],
  });
}

export type SubmitSchema = ReturnType<typeof submitMessage>;

export type SubmitMessage = z.infer<SubmitSchema>;

/** Fields that the workflow takes under the same names and with the same values. */
const UNCHANGED = ['production'] as const satisfies readonly (keyof SubmitMessage)[];

export type UnchangedField = (typeof UNCHANGED)[number];

type Present<T> = { [Name in keyof T & UnchangedField]?: Exclude<T[Name], undefined> };

/** The unchanged fields that are present in a message, or in the submission that was made from it. */
export function unchangedFields<T extends Partial<Record<UnchangedField, unknown>>>(from: T): Present<T> {
  const present = UNCHANGED.filter((name) => from[name] !== undefined);
  return Object.fromEntries(present.map((name) => [name, from[name]])) as Present<T>;
}
