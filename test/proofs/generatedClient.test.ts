import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { pythonPackages } from '../../local-stack/artifacts/pythonPackages';
import { runCommand } from '../../local-stack/machine/command';
import { Progress } from '../../local-stack/machine/progress';
import { readSettings } from '../../local-stack/settings';
import { httpUrl } from '../integration/contract';
import { removeUsers } from '../integration/kubectl';
import { startPlatform, type Platform } from '../integration/platform';

/** openapi-python-client generates a client from a gateway's OpenAPI document, and the client works. */

const USER = 'generated-client';

const GENERATE = 'from openapi_python_client.cli import app; app()';

let packages: string;
let folder: string;
let platform: Platform;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'generated-client-'));
  packages = await pythonPackages('openapi-python-client', readSettings(), new Progress());
  platform = await startPlatform();
}, 600_000);

afterAll(async () => {
  await platform?.stop();
  await removeUsers(USER);
  await rm(folder, { recursive: true });
});

test('every module of it can be imported, and its calls give what they promise', async () => {
  const url = httpUrl(platform.url);
  // Without this machine's other packages. The generator formats with ruff, which it finds on PATH.
  const python = (args: string[]) =>
    runCommand('python3', ['-S', ...args], {
      environment: {
        PYTHONPATH: [packages, folder].join(delimiter),
        PATH: [join(packages, 'bin'), process.env.PATH].join(delimiter),
      },
      cwd: folder,
      timeout: 300_000,
    });
  await python([
    ...['-c', GENERATE, 'generate', '--url', `${url}/openapi.json`],
    ...['--output-path', join(folder, 'generated'), '--meta', 'none', '--fail-on-warning'],
  ]);
  // Copied next to the modules it uses: Python searches the folder of the program.
  await copyFile(join(__dirname, 'generatedClient.py'), join(folder, 'generatedClient.py'));
  const said = await python(['generatedClient.py', url, platform.apiKey, USER]);
  expect(said).toContain('the generated client works');
}, 360_000);
