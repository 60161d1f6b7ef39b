import type { z } from 'zod';
import type { languageList } from '../../http/languageRoutes';
import { call } from './session';

/** A language that the gateway accepts. */
export type Language = z.infer<typeof languageList>['languages'][number];

/** @throws Error that says why the list could not be loaded */
export async function readLanguages(): Promise<Language[]> {
  const { languages } = (await call('GET', '/api/languages')) as z.infer<typeof languageList>;
  return languages;
}

/** Whether a file is a program of the language, judged by its name. */
export function isFileOf(file: string, { file_name, extensions }: Language): boolean {
  return file === file_name || extensions.some((extension) => file.endsWith(extension));
}
