import {
  draftFromContent,
  newDraft,
  toSubmitMessage,
  withLanguage,
  type Draft,
} from '../../../gateway/web/src/draft';
import { EXAMPLES } from '../../../gateway/web/src/examples';
import type { Language } from '../../../gateway/web/src/languages';
import { loadLanguages } from '../../../sandbox/languages/languages';

const language = (name: string, fileName: string, ...extensions: string[]): Language => ({
  ...{ name, title: name, version: '1', file_name: fileName, extensions },
  ...{ frameworks: [], requirements: false, packages: {} },
});
const python = language('python', 'main.py', '.py');
const go = language('go', 'main.go', '.go');
const make = language('make', 'Makefile', '.mk');

const draftOf = (files: Record<string, string>, entrypoint: string): Draft => ({
  ...newDraft({ language: 'python', entrypoint, code: '' }),
  files,
});

test.each([
  ['the only file is renamed', ['main.py'], go, ['main.go'], 'main.go'],
  ['only the entrypoint is renamed', ['data.txt', 'app.py'], go, ['data.txt', 'main.go'], 'main.go'],
  ['a file name without an extension is used', ['main.py'], make, ['Makefile'], 'Makefile'],
  ['a file of the language is chosen', ['main.py', 'x.go'], go, ['main.py', 'x.go'], 'x.go'],
  [
    'its usual name is preferred',
    ['main.py', 'a.go', 'main.go'],
    go,
    ['main.py', 'a.go', 'main.go'],
    'main.go',
  ],
  ['an entrypoint of the language stays', ['main.py', 'app.py'], python, ['main.py', 'app.py'], 'app.py'],
])('in another language, %s', (_case, names, to, expectedNames, entrypoint) => {
  const files = Object.fromEntries(names.map((name) => [name, `text of ${name}`]));
  const from = draftOf(files, names.includes('app.py') ? 'app.py' : 'main.py');
  const changed = withLanguage(from, to);
  expect(changed).toMatchObject({ language: to.name, entrypoint });
  expect(Object.keys(changed.files)).toEqual(expectedNames);
  expect(Object.values(changed.files)).toEqual(Object.values(files));
  expect(changed.files).toHaveProperty([changed.activeFile]);
});

test('a file that is shown stays shown when the entrypoint stays', () => {
  const draft = { ...draftOf({ 'main.py': '', 'data.txt': '' }, 'main.py'), activeFile: 'data.txt' };
  expect(withLanguage(draft, python)).toEqual(draft);
});

test('what was submitted is the same when it is sent again, with fields that the page has no control for', () => {
  const content = {
    ...{ language: 'cobol', files: { 'main.cob': '' }, entrypoint: 'main.cob', deploy: false },
    ...{ stdin: 'a', args: ['b'], limits: { wall_seconds: 5 }, env: { A: '1' } },
    production: { kind: 'worker' as const },
  };
  const draft = draftFromContent({ user_id: 'test', ...content });
  expect(toSubmitMessage(draft)).toEqual(content);
  const changed: Draft = { ...draft, rest: { ...draft.rest, limits: { wall_seconds: 6 } } };
  expect(toSubmitMessage(changed)).toEqual({ ...content, limits: { wall_seconds: 6 } });
});

test('the examples are in languages that exist, in files of theirs', () => {
  const languages = loadLanguages();
  for (const example of EXAMPLES) expect(languages.get(example.language)?.fileName).toBe(example.entrypoint);
});
