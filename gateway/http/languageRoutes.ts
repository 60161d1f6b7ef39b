import { z } from 'zod';
import type { Language } from '../../sandbox/languages/languages';
import type { SubmissionRules } from '../protocol/submissionRules';
import type { Route } from './apiRoute';

const language = z.object({
  name: z.string().describe('As submissions give it in `language`.'),
  title: z.string(),
  version: z
    .string()
    .describe('Of its interpreter, for tests and in production, as far as it is fixed: 3.13 is any 3.13.x.'),
  file_name: z.string().describe('The name under which `code` is run.'),
  extensions: z.array(z.string()),
  frameworks: z.array(z.string()).describe('Of tests, as submissions give it in `tests.framework`.'),
  requirements: z.boolean().describe('Whether submissions may require packages.'),
  packages: z
    .record(z.string(), z.string())
    .describe('What programs may use without requiring it, with versions.'),
});

/** The languages that submissions can be written in. */
export const languageList = z
  .object({ languages: z.array(language) })
  .meta({ title: 'LanguageList', description: 'What submissions can be written in.' });

/** `GET /api/languages`: needs no key, because it contains nothing about users. */
export function languagesRoute({ languages }: Pick<SubmissionRules, 'languages'>): Route {
  const body: z.infer<typeof languageList> = { languages: [...languages.values()].map(described) };
  return {
    method: 'GET',
    path: '/api/languages',
    open: true,
    operationId: 'languages',
    summary: 'Lists languages with their versions',
    answers: { 200: { description: 'All languages.', schema: 'LanguageList' } },
    handle: () => ({ status: 200, body }),
  };
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
