import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { majorsOnVolumes } from '../../local-stack/images/loadImages';

let volumes: string;
beforeEach(() => (volumes = mkdtempSync(join(tmpdir(), 'volumes-'))));
afterEach(() => rmSync(volumes, { recursive: true, force: true }));

function data(volume: string, directory: string, major: string): void {
  mkdirSync(join(volumes, volume, directory), { recursive: true });
  writeFileSync(join(volumes, volume, directory, 'PG_VERSION'), `${major}\n`);
}

test('finds the major versions of all databases, before and after an upgrade', async () => {
  data('pvc-1', 'pgdata', '15');
  data('pvc-2', 'pgdata', '17');
  data('pvc-3', 'pgdata.18', '18');
  data('pvc-4', 'unfinished', '16');
  mkdirSync(join(volumes, 'pvc-5'));
  expect(await majorsOnVolumes(volumes)).toEqual(new Set(['15', '17', '18']));
});

test('finds none where there are no volumes', async () => {
  rmSync(volumes, { recursive: true });
  expect(await majorsOnVolumes(volumes)).toEqual(new Set());
});
