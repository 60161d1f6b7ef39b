import type { Client as Elasticsearch } from '@elastic/elasticsearch';
import type { Client as Temporal } from '@temporalio/client';
import type { Kube } from '../../infrastructure/kubernetes/api/client';
import type { FaultsOf } from '../integration/contract';
import type { Injected } from './injector';
import type { Load } from './load';
import type { Observations, SeenUser } from './observations';
import { readActions } from './observe/elasticsearch';
import { answerOf, readProduction } from './observe/kubernetes';
import { readSubmissions } from './observe/submissions';
import { readTemporal, type KnownToTemporal } from './observe/temporal';
import { patiently } from './patience';
import type { Platform } from './platform';
import type { Tally } from './tally';

/** What the observers need. */
export interface Scene {
  platform: Platform;
  kube: Kube;
  temporal: Temporal;
  elasticsearch: Elasticsearch;
  users: string[];
  load: Load;
  tally: Tally;
  faults: Injected[];
  faultsOf: FaultsOf;
}

/** The production of each user according to the cluster, and what it should be according to Temporal. */
export async function observeUsers(
  { kube, temporal, platform, users, faults }: Scene,
  answers: Map<string, string>,
): Promise<SeenUser[]> {
  const { deploys } = await readTemporal(temporal, platform.taskQueue);
  return Promise.all(
    users.map((user) => observeUser(kube, user, deploys, faults, answers.get(user) ?? null)),
  );
}

async function observeUser(
  kube: Kube,
  user: string,
  deploys: KnownToTemporal['deploys'],
  faults: Injected[],
  expectedAnswer: string | null,
): Promise<SeenUser> {
  const own = deploys.get(user) ?? [];
  const lastAt = Math.max(...own.map(({ acceptedAt }) => Date.parse(acceptedAt)));
  return {
    user,
    deploys: own,
    productionLost: faults.some((fault) => fault.productionLost && fault.user === user && fault.at >= lastAt),
    ...(await patiently(() => readProduction(kube, user))),
    answer: expectedAnswer === null ? null : await patiently(() => answerOf(kube, user)).catch(String),
    expectedAnswer,
  };
}

/** Observes everything else, at the end of the run. */
export async function observe(scene: Scene, users: SeenUser[], leftovers: string[]): Promise<Observations> {
  const { temporal, elasticsearch, platform, load, tally, faults, faultsOf } = scene;
  const known = await readTemporal(temporal, platform.taskQueue);
  const { actions, finals: logged } = await readActions(elasticsearch, temporal, platform);
  const evidence = {
    platform,
    faultsOf,
    known: known.submissions,
    executions: tally.executions,
    faults,
    logged,
  };
  const submissions = await readSubmissions(load.sent, evidence);
  const ids = new Set(load.sent.map(({ id }) => id));
  const unknownWorkflows = [...known.submissions.keys()].filter((id) => !ids.has(id));
  return { submissions, users, actions, leftovers, unknownWorkflows };
}
