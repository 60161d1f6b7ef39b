import { messageOf } from '../../../gateway/protocol/fromSubmission';
import { messageParser } from '../../../gateway/protocol/clientMessages';
import { rules } from './rules';

const parse = messageParser(rules);

function submissionIn(fields: object) {
  const { message, error } = parse(JSON.stringify({ user_id: 'test', submission_id: 'same', ...fields }));
  if (message?.type !== 'submit') throw new Error(`not a submission: ${JSON.stringify(error)}`);
  return message.submission;
}

const files = { 'a.py': 'pass', 'lib/b.py': '', 'c.py': '' };

test.each([
  ['code', { code: 'pass' }],
  ['a language', { code: '', language: 'javascript' }],
  ['files', { files, entrypoint: 'a.py', migrate: 'c.py' }],
  ['input', { code: '', stdin: 'a line', args: ['-v'], env: { COLOUR: 'red' } }],
  ['input while it runs', { code: '', stdin: 'first', interactive: true }],
  [
    'cases',
    {
      code: '',
      tests: { cases: [{ expected_stdout: '1' }, { stdin: '2', expected_stdout: '3', args: ['x'] }] },
    },
  ],
  ['a framework', { code: '', tests: { framework: 'pytest', files: { 'test_a.py': '' } } }],
  ['a database of its tests', { code: '', test_database: true }],
  ['tests alone', { code: '', deploy: false }],
  ['packages', { code: '', requirements: ['six==1.17.0'] }],
  ['limits', { code: '', limits: { wall_seconds: 2.5, memory_mb: 128, output_bytes: 10_000 } }],
])('what was submitted with %s asks for the same when it is submitted again', (_what, fields) => {
  const submission = submissionIn(fields);
  expect(submissionIn(messageOf(submission))).toEqual(submission);
});
