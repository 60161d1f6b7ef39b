import type { Language } from './editor';
import { call } from './session';

/** A submission that is being edited: a submit message without its user and its id. */
export interface Draft {
  language: Language;
  files: Record<string, string>;
  entrypoint: string;
  /** Which file is shown in the editor. */
  activeFile: string;
  stdin: string;
  args: string[];
  interactive: boolean;
  /** Whether to test it without deploying it. */
  testOnly: boolean;
  /** Whether it keeps running and serves no port. */
  worker: boolean;
  /** Settings without a field here: tests, packages, limits and so on. */
  rest: object;
}

const ENTRYPOINTS: Record<Language, string> = { python: 'main.py', javascript: 'main.js' };

/** Creates a draft with one file. */
export function newDraft(
  code: string,
  language: Language,
  { testOnly = false, ...rest }: { testOnly?: boolean | undefined; tests?: object } = {},
): Draft {
  const entrypoint = ENTRYPOINTS[language];
  const file = { files: { [entrypoint]: code }, entrypoint, activeFile: entrypoint };
  return { language, ...file, stdin: '', args: [], interactive: false, testOnly, worker: false, rest };
}

interface Content {
  user_id: string;
  language: Language;
  files: Record<string, string>;
  entrypoint: string;
  stdin?: string;
  args?: string[];
  interactive?: boolean;
  deploy?: boolean;
  production?: { kind: string };
}

/** Loads what was submitted, from any client. @throws Error that says why it could not be loaded */
export async function readContent(id: string): Promise<Content> {
  return (await call('GET', `/api/submissions/${encodeURIComponent(id)}/content`)) as Content;
}

export function draftFromContent({ user_id: _user, ...content }: Content): Draft {
  const {
    language,
    files,
    entrypoint,
    stdin = '',
    args = [],
    interactive = false,
    deploy,
    production,
    ...rest
  } = content;
  const program = { language, files, entrypoint, activeFile: entrypoint };
  const worker = production?.kind === 'worker';
  return { ...program, stdin, args, interactive, testOnly: deploy === false, worker, rest };
}

/** The fields of the draft's submit message. */
export function toSubmitMessage(draft: Draft): object {
  const { activeFile: _activeFile, rest, stdin, args, interactive, testOnly, worker, ...program } = draft;
  return {
    ...rest,
    ...program,
    ...(stdin !== '' && { stdin }),
    ...(args.length > 0 && { args }),
    ...(interactive && { interactive }),
    ...(testOnly && { deploy: false }),
    ...(worker && { production: { kind: 'worker' } }),
  };
}
