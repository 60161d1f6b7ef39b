import type { SubmitMessage } from '../../protocol/submitMessage';
import { isFileOf, type Language } from './languages';
import { call } from './session';

/** A submission that is being edited: a submit message without its user and its id. */
export interface Draft {
  /** The name of its language. The gateway may not accept it any more. */
  language: string;
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
  /** Fields of the message without a field here: tests, requirements, limits and so on. */
  rest: Partial<SubmitMessage>;
}

/** A program of one file. */
export interface Program {
  language: string;
  /** The name of the file. */
  entrypoint: string;
  code: string;
  tests?: SubmitMessage['tests'];
  testOnly?: boolean | undefined;
}

/** Creates a draft with one file. */
export function newDraft({ language, entrypoint, code, tests, testOnly = false }: Program): Draft {
  const file = { files: { [entrypoint]: code }, entrypoint, activeFile: entrypoint };
  const settings = { stdin: '', args: [], interactive: false, testOnly, worker: false };
  return { language, ...file, ...settings, rest: tests ? { tests } : {} };
}

/**
 * The draft in another language. A file of that language becomes the entrypoint: the present one, or another
 * that exists. If there is none, the present entrypoint is renamed.
 */
export function withLanguage(draft: Draft, language: Language): Draft {
  const { file_name } = language;
  const names = Object.keys(draft.files);
  const preferred = [draft.entrypoint, file_name].filter((name) => names.includes(name));
  const existing = [...preferred, ...names].find((name) => isFileOf(name, language));
  const entrypoint = existing ?? file_name;
  const changed = { ...draft, language: language.name, entrypoint };
  if (entrypoint === draft.entrypoint) return changed;
  const rename = (name: string) => (existing === undefined && name === draft.entrypoint ? file_name : name);
  const files = Object.fromEntries(Object.entries(draft.files).map(([name, text]) => [rename(name), text]));
  return { ...changed, files, activeFile: entrypoint };
}

/** The message of a submission that was accepted: these fields are always set. */
type Content = SubmitMessage & { language: string; files: Record<string, string>; entrypoint: string };

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
export function toSubmitMessage(draft: Draft): Partial<SubmitMessage> {
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
