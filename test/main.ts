import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readConfig } from '../infrastructure/config';
import { kubernetesPrograms } from '../infrastructure/local/artifacts/kubernetesPrograms';
import type { Endpoints } from '../infrastructure/local/endpoints';
import { loadImages } from '../infrastructure/local/images/loadImages';
import { Progress } from '../infrastructure/local/machine/progress';
import { readSettings, type Settings } from '../infrastructure/local/settings';
import { findRunningStack, startStack } from '../infrastructure/local/stack';
import { STACK_VARIABLE, type Stack } from './integration/stack';

/**
 * `npm test`: everything, cheapest first, on the local stack (one that runs, or one of its own that it stops).
 * `npm run test:integration [FILE ...]`: only the tests on real servers.
 */

interface Check {
  name: string;
  command: [string, ...string[]];
}

const WITHOUT_SERVERS: Check[] = [
  { name: 'lint', command: ['npm', 'run', '--silent', 'lint'] },
  { name: 'types', command: ['npm', 'run', '--silent', 'types'] },
  { name: 'unit tests', command: ['npm', 'run', '--silent', 'test:unit'] },
  { name: 'replay', command: ['npm', 'run', '--silent', 'test:replay'] },
];

async function main([only, ...files]: string[]): Promise<string[]> {
  const failed: string[] = [];
  if (only !== 'integration') {
    for (const check of WITHOUT_SERVERS) if (!(await passes(check))) failed.push(check.name);
  }
  if (!(await integrationPasses(files))) failed.push('integration tests');
  return failed;
}

async function integrationPasses(files: string[]): Promise<boolean> {
  const settings = readSettings();
  const progress = new Progress();
  const running = findRunningStack(settings);
  const own = running ? undefined : await startStack({ settings, progress });
  try {
    const servers = await serversFor(running ?? own!.endpoints, settings, progress);
    const jest = ['node_modules/.bin/jest', '--selectProjects', 'integration', '--runInBand', ...files];
    return await passes(
      { name: 'integration tests', command: [process.execPath, ...jest] },
      { [STACK_VARIABLE]: JSON.stringify(servers) },
    );
  } finally {
    await own?.stop();
  }
}

/** The servers as the tests know them, with images of the checkout as it is now. */
async function serversFor(endpoints: Endpoints, settings: Settings, progress: Progress): Promise<Stack> {
  const { kubernetes, temporalAddress, elasticsearch } = endpoints;
  const kubectl = (await kubernetesPrograms(settings, progress))('kubectl');
  const images = await imagesFor(endpoints, settings, progress);
  return {
    temporalAddress,
    elasticsearchHost: elasticsearch,
    kubeconfig: kubernetes.kubeconfig,
    kubeContext: kubernetes.context,
    workerKubeconfig: kubernetes.workerKubeconfig,
    gatewayKubeconfig: kubernetes.gatewayKubeconfig,
    kubectl: [kubectl.command, ...kubectl.args],
    images,
  };
}

async function imagesFor({ images }: Endpoints, settings: Settings, progress: Progress) {
  if (images) {
    const { 'test-pod': test, program, database } = await loadImages(settings, progress);
    return { test, program, database };
  }
  const named = readConfig(['TEST_IMAGE', 'PROGRAM_IMAGE', 'DATABASE_IMAGE']);
  return { test: named.TEST_IMAGE, program: named.PROGRAM_IMAGE, database: named.DATABASE_IMAGE };
}

async function passes({ name, command }: Check, environment: Record<string, string> = {}): Promise<boolean> {
  console.log(`\n=== ${name}`);
  const [program, ...args] = command;
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...environment } });
  const [code] = (await once(child, 'exit')) as [number | null];
  return code === 0;
}

main(process.argv.slice(2)).then(
  (failed) => {
    console.log(failed.length === 0 ? '\nAll passed.' : `\nFailed: ${failed.join(', ')}.`);
    process.exitCode = failed.length === 0 ? 0 : 1;
  },
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
