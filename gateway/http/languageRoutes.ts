import { z } from 'zod';
import type { Language } from '../../sandbox/languages/languages';
import type { SubmissionRules } from '../protocol/submissionRules';
import type { Api } from './apiTypes';
import { json } from './answers';

const language = z.object({
  name: z.string().describe('The value of `language` in submissions.'),
  title: z.string(),
  version: z
    .string()
    .describe(
      'Version of the interpreter in tests and in production, as far as it is pinned: 3.13 means any 3.13.x.',
    ),
  file_name: z.string().describe('The file name that `code` gets.'),
  extensions: z.array(z.string()),
  frameworks: z.array(z.string()).describe('Test frameworks: values of `tests.framework` in submissions.'),
  requirements: z.boolean().describe('Whether submissions may install packages.'),
  packages: z.record(z.string(), z.string()).describe('Preinstalled packages, with versions.'),
});

/** The languages that submissions can be written in. */
export const languageList = z
  .object({ languages: z.array(language) })
  .meta({ title: 'LanguageList', description: 'Languages for submissions.' });

/** `GET /api/languages`: needs no key, because it contains nothing about users. */
export function languagesRoute(api: Api, { languages }: Pick<SubmissionRules, 'languages'>): void {
  const body: z.infer<typeof languageList> = { languages: [...languages.values()].map(described) };
  api.get(
    '/api/languages',
    {
      schema: {
        operationId: 'languages',
        summary: 'Lists languages with their versions',
        response: { 200: json('All languages.', languageList) },
      },
    },
    () => body,
  );
}

function described(language: Language): z.infer<typeof languageList>['languages'][number] {
  const { name, title, version, fileName, extensions, frameworks, installs, packages } = language;
  return {
    name,
    title,
    version,
    file_name: fileName,
    extensions,
    frameworks,
    requirements: installs,
    packages,
  };
}
