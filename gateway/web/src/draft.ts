import type { Language } from './editor';
import { call } from './session';

/** What is being written: a message that submits, but for its user and its id. */
export interface Draft {
  language: Language;
  files: Record<string, string>;
  entrypoint: string;
  /** Which of the files is in the editor. */
  shown: string;
  stdin: string;
  args: string[];
  interactive: boolean;
  /** What has no field here: tests, packages, limits and so on. */
  rest: object;
}

const ENTRYPOINTS: Record<Language, string> = { python: 'main.py', javascript: 'main.js' };

/** Of one file. */
export function draftOf(code: string, language: Language, rest: object = {}): Draft {
  const entrypoint = ENTRYPOINTS[language];
  const file = { files: { [entrypoint]: code }, entrypoint, shown: entrypoint };
  return { language, ...file, stdin: '', args: [], interactive: false, rest };
}

interface Content {
  user_id: string;
  language: Language;
  files: Record<string, string>;
  entrypoint: string;
  stdin?: string;
  args?: string[];
  interactive?: boolean;
}

/** What was submitted, wherever it came from. @throws Error that says why it cannot be had */
export async function readContent(id: string): Promise<Content> {
  return (await call('GET', `/api/submissions/${encodeURIComponent(id)}/content`)) as Content;
}

export function draftFrom({ user_id: _user, ...content }: Content): Draft {
  const { language, files, entrypoint, stdin = '', args = [], interactive = false, ...rest } = content;
  return { language, files, entrypoint, shown: entrypoint, stdin, args, interactive, rest };
}

/** The fields of the message that submits it. */
export function messageOf({ shown: _shown, rest, stdin, args, interactive, ...program }: Draft): object {
  return {
    ...rest,
    ...program,
    ...(stdin !== '' && { stdin }),
    ...(args.length > 0 && { args }),
    ...(interactive && { interactive }),
  };
}
