import { extname } from 'node:path';
import type { Language } from '../../sandbox/languages/languages';
import type { Program, SubmitCodeInput, Tests } from '../../workflows/contract';
import { fileAndFolder } from './files';
import { DEFAULT_LANGUAGE, MOST, type SubmissionRules } from './submissionRules';
import { unchangedFields, type SubmitMessage, type UnchangedField } from './submitMessage';

/**
 * The content of a submit message, in the form that the workflow takes. It contains neither the submission's
 * id nor the key that sent it.
 */
export type SubmissionContent = Pick<
  SubmitCodeInput,
  'userId' | 'program' | 'input' | 'tests' | 'limits' | 'testDatabase' | 'deploy' | UnchangedField
>;

/** An invalid field in a message that matches the schema. */
export class FieldError extends Error {
  constructor(
    readonly field: (string | number)[],
    message: string,
    readonly limit?: number,
  ) {
    super(message);
  }
}

const MEBIBYTE = 1024 * 1024;

/** Converts a submit message to the content of a submission. @throws FieldError */
export function submissionOf(message: SubmitMessage, rules: SubmissionRules): SubmissionContent {
  const language = languageOf(message, rules.languages);
  const program = programOf(message, language);
  const { stdin = '', args = [], env = {}, limits = {}, interactive = false } = message;
  if (interactive && message.tests?.cases)
    throw new FieldError(['interactive'], 'cannot be combined with cases, which have their own input');
  const most = rules.limits.wall_seconds;
  if (!interactive && (limits.wall_seconds ?? 0) > most)
    throw new FieldError(['limits', 'wall_seconds'], `must be at most ${most}`, most);
  const { wall_seconds: wall, memory_mb: memory, output_bytes: output } = limits;
  return {
    userId: message.user_id,
    program,
    input: { stdin, args, env, ...(interactive && { interactive }) },
    tests: message.tests ? testsOf(message.tests, language, program) : null,
    limits: {
      ...(wall !== undefined && { wallMs: Math.round(wall * 1000) }),
      ...(memory !== undefined && { memoryBytes: memory * MEBIBYTE }),
      ...(output !== undefined && { maxOutputBytes: output }),
    },
    ...(message.test_database && { testDatabase: true }),
    ...(message.deploy === false && { deploy: false }),
    ...unchangedFields(message),
  };
}

function languageOf(message: SubmitMessage, languages: Map<string, Language>): Language {
  const all = [...languages.values()];
  const extension = extname(message.entrypoint ?? likelyEntrypoint(message, all) ?? '');
  const name = message.language ?? all.find((each) => each.extensions.includes(extension))?.name;
  const language = languages.get(name ?? DEFAULT_LANGUAGE);
  if (!language) throw new FieldError(['language'], `must be one of ${[...languages.keys()].join(', ')}`);
  return language;
}

/** Guesses the entrypoint of a message that names neither a language nor an entrypoint. */
function likelyEntrypoint({ files = {} }: SubmitMessage, languages: Language[]): string | undefined {
  const names = Object.keys(files);
  return names.length === 1 ? names[0] : languages.find(({ fileName }) => names.includes(fileName))?.fileName;
}

function programOf(message: SubmitMessage, language: Language): Program {
  const { code, requirements = [] } = message;
  if (code !== undefined && message.files !== undefined)
    throw new FieldError(['files'], 'cannot be combined with code, which is the short form of one file');
  const files = code === undefined ? message.files : { [language.fileName]: code };
  if (files === undefined) throw new FieldError(['code'], 'is missing: send code, or files');
  if (requirements.length > 0 && !language.installs)
    throw new FieldError(['requirements'], `cannot be installed for ${language.title}`);
  const names = Object.keys(files);
  const { migrate } = message;
  if (migrate !== undefined && !names.includes(migrate))
    throw new FieldError(['migrate'], `must be one of the files: ${listed(names)}`);
  const entrypoint = entrypointOf(message, names, language);
  return {
    language: language.name,
    files,
    entrypoint,
    requirements,
    ...(migrate !== undefined && { migrate }),
  };
}

function entrypointOf({ entrypoint }: SubmitMessage, names: string[], { fileName }: Language): string {
  if (entrypoint !== undefined) {
    if (names.includes(entrypoint)) return entrypoint;
    throw new FieldError(['entrypoint'], `must be one of the files: ${listed(names)}`);
  }
  if (names.includes(fileName)) return fileName;
  const [only, ...others] = names;
  if (only !== undefined && others.length === 0) return only;
  throw new FieldError(['entrypoint'], `is missing: none of the files is ${fileName}`);
}

function testsOf(
  { cases, framework: asked, files = {} }: NonNullable<SubmitMessage['tests']>,
  language: Language,
  program: Program,
): Tests {
  if (cases !== undefined)
    return {
      kind: 'cases',
      cases: cases.map(({ name, stdin = '', args = [], expected_stdout: expectedStdout }, index) => {
        return { name: name ?? `case ${index + 1}`, stdin, args, expectedStdout };
      }),
    };
  const framework = asked && (language.aliases[asked] ?? asked);
  if (framework === undefined || !language.frameworks.includes(framework))
    throw new FieldError(['tests', 'framework'], frameworksOf(language));
  const own = Object.keys(program.files);
  const names = Object.keys(files);
  const twice = names.find((name) => own.includes(name));
  if (twice !== undefined)
    throw new FieldError(['tests', 'files', twice], 'is the name of a file of the program');
  // The names are arguments of the framework, which would parse such a name as an option.
  const option = names.find((name) => name.startsWith('-'));
  if (option !== undefined) throw new FieldError(['tests', 'files', option], 'must not begin with "-"');
  const clash = fileAndFolder([...own, ...names]);
  if (clash !== undefined) throw new FieldError(['tests', 'files'], `${clash} is both a file and a folder`);
  if (own.length + names.length > MOST.files)
    throw new FieldError(
      ['tests', 'files'],
      `has more than ${MOST.files} files together with the program`,
      MOST.files,
    );
  return { kind: 'framework', framework, files };
}

function frameworksOf({ title, frameworks }: Language): string {
  if (frameworks.length === 0) return `cannot be used: ${title} has no test framework here, use tests.cases`;
  return `must be one of ${frameworks.join(', ')} for ${title}`;
}

/** The first few names, short enough for an error message. */
function listed(names: string[]): string {
  const first = names.slice(0, 5).map((name) => name.slice(0, 64));
  return first.join(', ') + (names.length > first.length ? ', ...' : '');
}
