import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import {
  readStackState,
  writeStackState,
  type Endpoints,
  type StackState,
} from '../../local-stack/endpoints';
import { readSettings, statePaths, type Settings } from '../../local-stack/settings';
import { join } from 'node:path';

const endpoints: Endpoints = {
  temporalAddress: '127.0.0.1:7233',
  temporalUi: undefined,
  elasticsearch: 'http://127.0.0.1:9200',
  kubernetes: {
    ...{ kubeconfig: '/k', workerKubeconfig: '/w', gatewayKubeconfig: '/g', operationsKubeconfig: '/o' },
    context: 'orchestration-local',
  },
  images: undefined,
};

let directory: string;
let settings: Settings;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'note-'));
  settings = readSettings({ HOME: directory });
  mkdirSync(settings.stateDirectory, { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a stack that runs is found by its note, which only its owner can read', async () => {
  await writeStackState(settings, endpoints, { etcd: 42 });
  expect(readStackState(settings)?.endpoints.temporalAddress).toBe('127.0.0.1:7233');
  expect(readStackState(settings)?.pids).toEqual({ etcd: 42 });
  expect(statSync(statePaths(settings).stackFile).mode & 0o077).toBe(0);
});

test('without a note no stack runs', () => {
  expect(readStackState(settings)).toBeUndefined();
});

test('the note of a stack whose pid was given to another process does not count', async () => {
  await writeStackState(settings, endpoints, {});
  const path = statePaths(settings).stackFile;
  const note = JSON.parse(readFileSync(path, 'utf8')) as StackState;
  writeFileSync(path, JSON.stringify({ ...note, process: { ...note.process, startTime: '1' } }));
  expect(readStackState(settings)).toBeUndefined();
});
