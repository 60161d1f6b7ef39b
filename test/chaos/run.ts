import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { Client as Elasticsearch } from '@elastic/elasticsearch';
import { connectKubernetes, type Kube } from '../../infrastructure/kubernetes/api/client';
import { processesWithVariable } from '../../infrastructure/processIdentity';
import { readSettings } from '../../local-stack/settings';
import { connectClient } from '../../infrastructure/temporal/connection';
import { contractOf } from '../integration/contract';
import type { Stack } from '../integration/stack';
import { check } from './check';
import { Injector } from './injector';
import { Load } from './load';
import type { Observations, Violation } from './observations';
import { observe, observeUsers, type Scene } from './observe';
import type { Options } from './options';
import { patiently } from './patience';
import { startPlatform } from './platform';
import { Random } from './random';
import { plan, shortPlan } from './schedule';
import { untilClean, untilClosed, untilNone } from './settle';
import { openTally } from './tally';
import { Timeline } from './timeline';

export interface Outcome {
  options: Options;
  begin: number;
  /** When the last fault had healed. */
  faultsEnd: number;
  timeline: Timeline;
  injector: Injector;
  load: Load;
  observations: Observations;
  violations: Violation[];
  /** How often each process of the platform ended by itself. */
  deaths: Record<string, number>;
}

const USERS = { short: 3, long: 5 };

/** Milliseconds within which the load's submissions must end after the last fault. */
const DRAIN_WITHIN_MS = 420_000;

/** One run: load and faults, rest, one more deployment for each user, and the check. */
export async function run(
  servers: Stack,
  options: Options,
  directory: string,
  say: (line: string) => void,
  stopped: AbortSignal,
): Promise<Outcome> {
  stopped.throwIfAborted();
  const begin = Date.now();
  const timeline = new Timeline(begin, say);
  const random = new Random(options.seed);
  const { hostAddress: host } = readSettings().network;
  const tally = await openTally(host);
  const kube = connectKubernetes({ kubeconfig: servers.kubeconfig, context: servers.kubeContext });
  const temporal = connectClient({
    TEMPORAL_ADDRESS: servers.temporalAddress,
    TEMPORAL_NAMESPACE: 'default',
  });
  const elasticsearch = new Elasticsearch({ node: servers.elasticsearchHost });
  const prefix = `chaos-${randomBytes(3).toString('hex')}`;
  const users = Array.from(
    { length: options.short ? USERS.short : USERS.long },
    (_, n) => `${prefix}-${n + 1}`,
  );
  const platform = await startPlatform(servers, join(directory, prefix), { host, port: tally.port }, (text) =>
    timeline.add('process', text),
  );
  let injector: Injector | undefined;
  const carryOut = async (): Promise<Outcome> => {
    const faultsOf = await contractOf(platform.urls[0]!);
    const load = new Load({
      ...{ platform, users, timeline, faultsOf, rate: options.rate },
      tally: { host, port: tally.port },
      random: new Random(random.seed()),
    });
    const probing = new Random(random.seed());
    const reach = { platform, kube, elasticsearch, users, stopped };
    const faults = (injector = new Injector(reach, timeline, async (user) => {
      const { sentAt, endedAt, followed } = await load.send('fails', user ?? probing.pick(users));
      return followed[0]?.final ? endedAt! - sentAt : null;
    }));
    const scene: Scene = {
      ...{ platform, kube, temporal, elasticsearch, users, load, tally, faultsOf },
      faults: faults.injected,
    };

    const first = await Promise.all(users.map((user) => load.send('serves', user)));
    const notDeployed = first.filter(({ followed }) => followed[0]?.final?.status !== 'deployed');
    if (notDeployed.length > 0)
      throw new Error(
        `Before any fault, this was not deployed: ${JSON.stringify(notDeployed[0]?.followed[0]?.final)}`,
      );
    timeline.add('run', 'every user has a program; load and faults begin');
    load.start();
    const schedule = options.short ? shortPlan(options.seed, options.minutes) : plan(options);
    const faultsBegin = Date.now();
    await faults.carryOut(schedule, faultsBegin);
    const faultsEnd = Date.now();
    timeline.add('run', 'the last fault has healed');
    await load.drain(faultsEnd + DRAIN_WITHIN_MS);
    await faults.probed();
    const open = await untilClosed(temporal, platform.taskQueue);
    timeline.add('run', `all has come to rest; open: ${open.length}`);

    const usersBefore = await observeUsers(scene, new Map());
    const answers = await redeploy(scene);
    timeline.add('run', 'every user has deployed once more');
    const leftovers = [
      ...open,
      ...(await untilClosed(temporal, platform.taskQueue)),
      ...(await untilClean(kube, temporal, platform.taskQueue, users)),
    ];
    const usersAfter = await observeUsers(scene, answers);
    const observations = await observe(scene, [...usersBefore, ...usersAfter], leftovers);
    timeline.add('run', 'everybody was asked');
    const members = [...platform.workers, ...platform.gateways];
    const deaths = Object.fromEntries(members.map(({ name, process }) => [name, process.deaths]));
    observations.leftovers.push(...(await stopAll(scene)));
    const failures = faults.failures.map((text) => ({ rule: 'the driver', text }));
    const violations = [...check(observations), ...failures];
    return {
      options,
      begin: faultsBegin,
      faultsEnd,
      timeline,
      injector: faults,
      load,
      observations,
      violations,
      deaths,
    };
  };
  try {
    return await orStopped(carryOut(), stopped);
  } finally {
    if (stopped.aborted) await injector?.healed();
    await platform.stop();
    await removeNamespaces(kube, users);
    await Promise.all([tally.close(), temporal.connection.close(), elasticsearch.close()]);
  }
}

/** @throws the reason why the run was stopped; work in progress ends with the process */
function orStopped<T>(work: Promise<T>, stopped: AbortSignal): Promise<T> {
  const end = new Promise<never>((_resolve, reject) => {
    stopped.addEventListener('abort', () => reject(stopped.reason as Error), { once: true });
  });
  return Promise.race([work, end]);
}

/**
 * Repairs what cannot repair itself, and deploys once more for every user: a missing test pod makes the
 * platform prepare the environment again. @returns what each user's program must answer
 */
async function redeploy({ kube, users, load }: Scene): Promise<Map<string, string>> {
  const deployed = users.map(async (user) => {
    const testPods = { namespace: `user-${user}`, labelSelector: 'app=test' };
    await patiently(() => kube.core.deleteCollectionNamespacedPod(testPods));
    // A pod that is terminating could end the execution of this submission's tests.
    await untilNone(async () => (await kube.core.listNamespacedPod(testPods)).items.map(String));
    const { id } = await load.send('serves', user);
    return [user, id] as const;
  });
  return new Map(await Promise.all(deployed));
}

/** Stops workers and gateways. @returns the remaining processes, as text */
async function stopAll({ platform, elasticsearch, temporal }: Scene): Promise<string[]> {
  const slow = await platform.stop();
  const left = processesWithVariable('TEMPORAL_TASK_QUEUE', platform.taskQueue);
  const { index, taskQueue } = platform;
  await elasticsearch.indices.delete({ index: [index, `${index}-rejected`], ignore_unavailable: true });
  for (const name of [index, `${index}-rejected`])
    await elasticsearch.indices.deleteIndexTemplate({ name }, { ignore: [404] });
  for await (const { workflowId } of temporal.workflow.list({
    query: `TaskQueue = '${taskQueue}' AND ExecutionStatus = 'Running'`,
  }))
    await temporal.workflow.getHandle(workflowId).terminate('the run is over');
  return [
    ...slow.map((name) => `${name} did not end when it was asked to`),
    ...left.map(({ pid }) => `the process ${pid} of the platform`),
  ];
}

async function removeNamespaces(kube: Kube, users: string[]): Promise<void> {
  for (const user of users)
    await patiently(() => kube.core.deleteNamespace({ name: `user-${user}` })).catch((error: unknown) => {
      console.error(`user-${user} was not deleted: ${String(error)}`);
    });
}
