import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pythonPackages } from '../../local-stack/artifacts/pythonPackages';
import { runCommand } from '../../local-stack/machine/command';
import { Progress } from '../../local-stack/machine/progress';
import { readSettings } from '../../local-stack/settings';
import { httpUrl } from '../integration/contract';
import { startPlatform, type Platform } from '../integration/platform';

/**
 * schemathesis reads a gateway's OpenAPI document, generates valid and invalid calls from it, and checks that
 * the document describes every response.
 */

let packages: string;
/** The folder for its results. */
let folder: string;
let platform: Platform;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schemathesis-'));
  packages = await pythonPackages('schemathesis', readSettings(), new Progress());
  platform = await startPlatform();
  // The submissions of this test should not run.
  await platform.worker.stop();
}, 600_000);

afterAll(async () => {
  await platform?.stop();
  await rm(folder, { recursive: true });
});

/** The worker delivers input to a running program, and there is no worker here. */
const CONFIGURATION = `[[operations]]
include-operation-id = "stdin"
[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
`;

const RUN = 'from schemathesis.cli import schemathesis; schemathesis()';

/** These operations answer until a submission ends, or with something other than JSON. */
const NOT_TRIED = '^/($|ws/|docs|metrics|apps/)|/(events|output|logs|rollback)$';

/** The gateway refuses combinations of valid fields that a schema cannot exclude. */
const NOT_CHECKED = 'positive_data_acceptance';

test('no answer is one that the OpenAPI document does not have', async () => {
  const settings = [
    ...['--phases', 'examples,coverage', '--generation-deterministic', '--continue-on-failure'],
    ...['--exclude-path-regex', NOT_TRIED, '--exclude-checks', NOT_CHECKED],
    ...['--request-timeout', '60', '--no-color'],
  ];
  await writeFile(join(folder, 'schemathesis.toml'), CONFIGURATION);
  const said = await runCommand(
    'python3',
    [
      // Without this machine's other packages.
      ...['-S', '-c', RUN],
      'run',
      `${httpUrl(platform.url)}/openapi.json`,
      ...settings,
      '-H',
      `X-API-Key: ${platform.apiKey}`,
    ],
    { environment: { PYTHONPATH: packages }, cwd: folder, timeout: 300_000 },
  );
  const [, cases = '0'] = /(\d+) generated/.exec(said) ?? [];
  expect(Number(cases)).toBeGreaterThan(100);
}, 360_000);
