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
 * schemathesis reads the OpenAPI document that a gateway serves, makes calls from it that are right and calls that are
 * wrong, and looks whether each answer is one that the document names.
 */

let packages: string;
/** Where it keeps what it found. */
let folder: string;
let platform: Platform;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'schemathesis-'));
  packages = await pythonPackages('schemathesis', readSettings(), new Progress());
  platform = await startPlatform();
  // What is submitted here is not to be run.
  await platform.worker.stop();
}, 600_000);

afterAll(async () => {
  await platform?.stop();
  await rm(folder, { recursive: true });
});

/** Input goes to a running program by its worker, and there is none. */
const CONFIGURATION = `[[operations]]
include-operation-id = "stdin"
[operations.checks.not_a_server_error]
expected-statuses = ["2xx", "3xx", "4xx", 503]
`;

const RUN = 'from schemathesis.cli import schemathesis; schemathesis()';

/** They answer for as long as a submission goes on, or with something else than JSON. */
const NOT_TRIED = '^/($|ws/|docs|metrics|apps/)|/(events|output|logs|rollback)$';

/** What a schema cannot say of two fields together is refused, though each of them is right. */
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
      // Without packages that this machine has for other purposes.
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
