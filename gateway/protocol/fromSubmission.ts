import type { SubmissionContent } from './toSubmission';
import { unchangedFields, type SubmitMessage } from './submitMessage';

const MEBIBYTE = 1024 * 1024;

/** The message for the content of a submission. Sent again, it makes the same submission with another id. */
export function messageOf(submission: SubmissionContent): SubmitMessage {
  const { userId, program, input, tests, limits, testDatabase, deploy } = submission;
  const { language, files, entrypoint, requirements, migrate } = program;
  const { stdin, args, env, interactive } = input;
  const { wallMs, memoryBytes, maxOutputBytes } = limits;
  const asked = {
    ...(wallMs !== undefined && { wall_seconds: wallMs / 1000 }),
    ...(memoryBytes !== undefined && { memory_mb: memoryBytes / MEBIBYTE }),
    ...(maxOutputBytes !== undefined && { output_bytes: maxOutputBytes }),
  };
  return {
    user_id: userId,
    language,
    files,
    entrypoint,
    ...(migrate != null && { migrate }),
    ...(requirements.length > 0 && { requirements }),
    ...(stdin !== '' && { stdin }),
    ...(args.length > 0 && { args }),
    ...(Object.keys(env).length > 0 && { env }),
    ...(interactive && { interactive }),
    ...(tests && { tests: testsOf(tests) }),
    ...(testDatabase && { test_database: testDatabase }),
    ...(deploy === false && { deploy }),
    ...unchangedFields(submission),
    ...(Object.keys(asked).length > 0 && { limits: asked }),
  };
}

function testsOf(tests: NonNullable<SubmissionContent['tests']>): NonNullable<SubmitMessage['tests']> {
  if (tests.kind === 'framework') return { framework: tests.framework, files: tests.files };
  const cases = tests.cases.map(({ name, stdin, args, expectedStdout }) => ({
    ...{ name, stdin, args },
    expected_stdout: expectedStdout,
  }));
  return { cases };
}
