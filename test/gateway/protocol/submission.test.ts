import { messageParser } from '../../../gateway/protocol/clientMessages';
import { rules } from './rules';

const parseText = messageParser(rules);
const parse = (fields: object) => parseText(JSON.stringify({ user_id: 'test', ...fields }));
const code = 'pass';

function submissionIn(fields: object) {
  const { message, error } = parse(fields);
  if (message?.type !== 'submit') throw new Error(`not a submission: ${JSON.stringify(error)}`);
  return message.submission;
}

describe('which program it is', () => {
  test.each([
    [
      'the language of code says the name of its file',
      { code, language: 'javascript' },
      'javascript',
      'main.js',
    ],
    [
      'the entrypoint says the language',
      { files: { 'a.js': '', 'b.py': '' }, entrypoint: 'a.js' },
      'javascript',
      'a.js',
    ],
    ['the usual name is the entrypoint', { files: { 'main.py': '', 'lib/x.py': '' } }, 'python', 'main.py'],
    ['so it is for every language', { files: { 'main.js': '', 'x.js': '' } }, 'javascript', 'main.js'],
    ['the only file is the entrypoint', { files: { 'app.mjs': '' } }, 'javascript', 'app.mjs'],
    ['an unknown extension is taken for Python', { files: { run: '' } }, 'python', 'run'],
    [
      'a language that is named wins',
      { files: { 'a.txt': '' }, language: 'javascript' },
      'javascript',
      'a.txt',
    ],
  ])('%s', (_rule, fields, language, entrypoint) => {
    expect(submissionIn(fields).program).toMatchObject({ language, entrypoint });
  });

  test.each([
    ['both code and files', { code, files: { 'a.py': '' } }, 'files'],
    ['an unknown language, which lists those that there are', { code, language: 'cobol' }, 'language'],
    ['an entrypoint that is no file', { code, entrypoint: 'other.py' }, 'entrypoint'],
    ['an entrypoint that objects have anyway', { code, entrypoint: 'constructor' }, 'entrypoint'],
    ['no entrypoint among many files', { files: { 'a.py': '', 'b.py': '' } }, 'entrypoint'],
    ['no files', { files: {} }, 'files'],
    ['101 files', { files: Object.fromEntries([...Array(101).keys()].map((n) => [`${n}.py`, ''])) }, 'files'],
    [
      'requirements of a language without them',
      { code, language: 'javascript', requirements: ['x'] },
      'requirements',
    ],
  ])('%s is refused by field', (_what, fields, field) => {
    expect(parse(fields).error).toMatchObject({ code: 'invalid_message', field });
  });

  test('the file that changes the database is one of its files', () => {
    const files = { 'main.py': '', 'schema.py': '' };
    expect(submissionIn({ files, migrate: 'schema.py' }).program.migrate).toBe('schema.py');
    expect(parse({ files, migrate: 'other.py' }).error).toMatchObject({
      code: 'invalid_message',
      field: 'migrate',
    });
    expect(submissionIn({ code }).program).not.toHaveProperty('migrate');
    expect(submissionIn({ code, test_database: true })).toMatchObject({ testDatabase: true });
    for (const without of [{ code }, { code, test_database: false }])
      expect(submissionIn(without)).not.toHaveProperty('testDatabase');
  });

  test('only deploy: false is kept: it asks for the tests alone', () => {
    expect(submissionIn({ code, deploy: false })).toMatchObject({ deploy: false });
    for (const deployed of [{ code }, { code, deploy: true }])
      expect(submissionIn(deployed)).not.toHaveProperty('deploy');
  });

  test.each([0, 1, 'false', '', null, [], {}])('deploy: %j is refused by field', (deploy) => {
    expect(parse({ code, deploy }).error).toMatchObject({
      code: 'invalid_message',
      field: 'deploy',
      message: 'deploy must be true or false',
    });
  });

  test('the languages are listed', () => {
    expect(parse({ code, language: 'cobol' }).error?.message).toContain('javascript, python');
  });
});

describe('names of files', () => {
  test.each(['lib/x.py', 'a b.py', 'ünïcode.py', '.hidden', 'a/..b', 'constructor', `${'x'.repeat(255)}/y`])(
    '%s is one',
    (name) => {
      expect(submissionIn({ files: { [name]: '' } }).program.files).toEqual({ [name]: '' });
    },
  );

  test.each([
    '/etc/passwd',
    '../x.py',
    '..cfg/x',
    '..x',
    'a/../b.py',
    'a//b.py',
    './a.py',
    'a/',
    '',
    'a\\b.py',
    'a\nb.py',
    'a\0.py',
    'a\u009bb',
    'x'.repeat(256),
    `${'x'.repeat(250)}/`.repeat(5) + 'y',
    'a/'.repeat(16) + 'b',
  ])('%j is none', (name) => {
    expect(parse({ files: { [name]: '' } }).error).toMatchObject({
      code: 'invalid_message',
      field: expect.stringMatching(/^files/) as string,
    });
  });

  test('a file cannot be a folder too', () => {
    expect(parse({ files: { 'lib/x.py': '', lib: '' } }).error).toMatchObject({
      field: 'files.lib',
      message: 'files.lib is both a file and a folder',
    });
  });
});

describe('input and limits', () => {
  test('are handed on', () => {
    const limits = { wall_seconds: 1.5, memory_mb: 64, output_bytes: 5_000 };
    const asked = { code, stdin: 'in', args: ['-v', 'ä'], env: { A_1: 'x' }, limits };
    expect(submissionIn(asked)).toMatchObject({
      input: { stdin: 'in', args: ['-v', 'ä'], env: { A_1: 'x' } },
      limits: { wallMs: 1_500, memoryBytes: 64 * 1024 * 1024, maxOutputBytes: 5_000 },
    });
  });

  test.each([
    [{ limits: { wall_seconds: 11 } }, 'limits.wall_seconds', 10],
    [{ limits: { wall_seconds: 0 } }, 'limits.wall_seconds', 0.1],
    [{ limits: { memory_mb: 257 } }, 'limits.memory_mb', 256],
    [{ limits: { output_bytes: 1_000_001 } }, 'limits.output_bytes', 1_000_000],
    [{ args: Array(101).fill('') }, 'args', 100],
    [{ args: ['x'.repeat(65_537)] }, 'args', 65_536],
    [{ env: { A: 'x'.repeat(65_536) } }, 'env', 65_536],
    [{ requirements: Array(51).fill('requests') }, 'requirements', 50],
    [{ requirements: ['x'.repeat(201)] }, 'requirements[0]', 200],
  ])('%j is beyond a limit, which is named', (fields, field, limit) => {
    expect(parse({ code, ...fields }).error).toMatchObject({ code: 'invalid_message', field, limit });
  });

  test.each([
    'PATH',
    'HOME',
    'LANG',
    'PORT',
    'SUBMISSION_ID',
    'PYTHONUNBUFFERED',
    'DATABASE_URL',
    '1A',
    'a-b',
    '',
  ])('a variable cannot be called %j', (name) => {
    expect(parse({ code, env: { [name]: 'x' } }).error?.field).toMatch(/^env/);
  });

  test('what the kernel ends at a NUL may hold none', () => {
    expect(parse({ code, args: ['a\0b'] }).error).toMatchObject({ field: 'args[0]' });
    expect(parse({ code, env: { A: 'a\0b' } }).error).toMatchObject({ field: 'env.A' });
    expect(parse({ code, stdin: 'a\0b' }).error).toBeUndefined();
  });
});

describe('requirements', () => {
  test.each([
    'requests',
    'requests>=2.31',
    'a.b-c_d[x,y] >= 1.0, < 2',
    'x==1.*',
    'x~=1.2',
    'x!=1,===2+local',
  ])('%s is one', (requirement) => {
    expect(submissionIn({ code, requirements: [requirement] }).program.requirements).toEqual([requirement]);
  });

  test.each([
    '-r other.txt',
    '--index-url=x',
    './local',
    'git+https://x',
    'name @ https://x',
    'name; python_version < "3"',
    'a b',
    'a # b',
    '',
    ' a',
    'a\n--pre',
    '-',
  ])('%j is none', (requirement) => {
    expect(parse({ code, requirements: [requirement] }).error).toMatchObject({ field: 'requirements[0]' });
  });
});

describe('tests', () => {
  test('cases get a name each, and their expectation stays beside the input', () => {
    const cases = [
      { stdin: '1', expected_stdout: '2' },
      { name: 'args', args: ['x'], expected_stdout: 'x' },
    ];
    expect(submissionIn({ code, tests: { cases } }).tests).toEqual({
      kind: 'cases',
      cases: [
        { name: 'case 1', stdin: '1', args: [], expectedStdout: '2' },
        { name: 'args', stdin: '', args: ['x'], expectedStdout: 'x' },
      ],
    });
  });

  test('a framework may have another name', () => {
    const tests = { framework: 'node:test', files: { 'a.test.js': '' } };
    expect(submissionIn({ language: 'javascript', code, tests }).tests).toMatchObject({ framework: 'test' });
  });

  test('files are for a framework of the language', () => {
    const tests = { framework: 'pytest', files: { 'test_main.py': '' } };
    expect(submissionIn({ code, tests }).tests).toEqual({ kind: 'framework', ...tests });
  });

  test.each([
    ['none', {}, 'tests'],
    ['an empty list', { cases: [] }, 'tests.cases'],
    ['101 cases', { cases: Array(101).fill({ expected_stdout: '' }) }, 'tests.cases'],
    ['a case without an expectation', { cases: [{ stdin: '' }] }, 'tests.cases[0].expected_stdout'],
    ['a case of another kind', { cases: [{ expected_stdout: '', stdin: 1 }] }, 'tests.cases[0].stdin'],
    ['a framework of no language', { framework: 'mocha', files: { 't.py': '' } }, 'tests.framework'],
    ['a command that is no framework', { framework: 'run', files: { 't.py': '' } }, 'tests.framework'],
    ['a framework without files', { framework: 'pytest' }, 'tests.files'],
    ['both forms', { cases: [{ expected_stdout: '' }], framework: 'pytest' }, 'tests.framework'],
    ['a file of the program', { framework: 'pytest', files: { 'main.py': '' } }, 'tests.files["main.py"]'],
    [
      'a folder that is a file of the program',
      { framework: 'pytest', files: { 'main.py/t.py': '' } },
      'tests.files',
    ],
  ])('%s is refused by field', (_what, tests, field) => {
    expect(parse({ code, tests }).error).toMatchObject({ code: 'invalid_message', field });
  });

  test('a test file that the framework would take for an option is refused', () => {
    const tests = { framework: 'pytest', files: { '--version': '' } };
    expect(parse({ code, tests }).error).toMatchObject({ field: 'tests.files["--version"]' });
  });

  test('the frameworks of the language are listed', () => {
    const tests = { framework: 'pytest', files: { 't.js': '' } };
    expect(parse({ code, language: 'javascript', tests }).error?.message).toBe(
      'tests.framework must be one of test for JavaScript (Node.js)',
    );
  });
});
