import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ownManifests } from '../../local-stack/cluster/manifests';
import { Progress } from '../../local-stack/machine/progress';
import { usableGvisor } from '../../local-stack/parts/gvisor';
import { Node } from '../../local-stack/parts/node';
import { readSettings } from '../../local-stack/settings';

const settings = readSettings({ HOME: '/h' });

test('the cluster has the RuntimeClass only when pods can run in gVisor', () => {
  const kinds = (hasGvisor: boolean) =>
    ownManifests(settings, hasGvisor).map((manifest) => (manifest as { kind: string }).kind);
  expect(kinds(true)).toEqual([...kinds(false), 'RuntimeClass']);
});

test('a gVisor that cannot be had is said in one line, with the reason, and stops nothing', async () => {
  const empty = mkdtempSync(join(tmpdir(), 'checkout-'));
  const lines: string[] = [];
  const progress = new Progress({
    write: (text: string) => lines.push(text) > 0,
    isTTY: false,
    columns: 80,
  });
  try {
    const broken = { ...settings, checkout: empty, cacheDirectory: empty };
    expect(await usableGvisor(broken, progress, new Node(broken))).toBeUndefined();
    expect(lines).toEqual([expect.stringMatching(/^ {2}No gVisor on this machine, .*go\.mod.*\n$/)]);
  } finally {
    rmSync(empty, { recursive: true });
  }
});
