import { podProblem } from '../../../../../infrastructure/kubernetes/pods/problem';
import { diagnose } from '../../../../../infrastructure/kubernetes/production/rollout/diagnosis';
import {
  deployment,
  FAILED,
  pod,
  podWith,
  RUNNING,
  SETTLED,
  SUBMISSION,
  SURGING,
  waitingFor,
} from '../observed';

const problemOf = (...[deployed, pods]: [Parameters<typeof diagnose>[0], Parameters<typeof diagnose>[1]]) => {
  const diagnosis = diagnose(deployed, pods, SUBMISSION);
  if (diagnosis.state !== 'waiting') throw new Error(`The state is ${diagnosis.state}.`);
  return diagnosis.problem;
};

describe('a rollout is live', () => {
  it('when the only pod is of the new revision and available', () => {
    expect(diagnose(deployment(SETTLED), [], SUBMISSION)).toEqual({ state: 'live' });
  });

  it('but not while the old pod still takes requests', () => {
    expect(diagnose(deployment({ ...SURGING, availableReplicas: 2 }), [], SUBMISSION).state).toBe('waiting');
  });

  it('as soon as its pod is ready and the old one shuts down, before the status of the Deployment shows that', () => {
    const ready = podWith(RUNNING);
    ready.status!.conditions = [{ type: 'Ready', status: 'True' }];
    const old = podWith(RUNNING, {}, { annotations: { 'orchestration-app/submission-id': 'sub-old' } });
    expect(diagnose(deployment(SURGING), [old, ready], SUBMISSION).state).toBe('waiting');
    old.metadata!.deletionTimestamp = new Date();
    expect(diagnose(deployment(SURGING), [old, ready], SUBMISSION)).toEqual({ state: 'live' });
    ready.status!.conditions = [];
    expect(diagnose(deployment(SURGING), [old, ready], SUBMISSION).state).toBe('waiting');
  });

  it('and not when the status is that of the specification before', () => {
    const stale = deployment({ ...SETTLED, observedGeneration: 3 });
    expect(diagnose(stale, [], SUBMISSION)).toEqual({ state: 'waiting', problem: null });
  });
});

it('a rollout is superseded by the submission that the Deployment names', () => {
  expect(diagnose(deployment(SETTLED, 'sub-newer'), [], SUBMISSION)).toEqual({
    state: 'superseded',
    by: 'sub-newer',
  });
});

it('a rollout whose Deployment is gone cannot go on', () => {
  expect(problemOf(null, [])).toMatchObject({ reason: 'removed', graceMs: 0 });
});

describe('a container that fails', () => {
  const rolling = deployment(SURGING);

  it('may fail once', () => {
    expect(problemOf(rolling, [podWith(FAILED)])).toBeNull();
    expect(problemOf(rolling, [podWith(RUNNING, { restartCount: 1, lastState: FAILED })])).toBeNull();
  });

  it('is told as requirements that cannot be installed when it comes before the program', () => {
    const failing = podWith(FAILED, { restartCount: 1, lastState: FAILED });
    const before = (failing.status?.containerStatuses ?? []).map((status) => ({
      ...status,
      name: 'requirements',
    }));
    const waiting = pod({ ...failing.status, initContainerStatuses: before, containerStatuses: [] });
    expect(problemOf(rolling, [waiting])).toMatchObject({
      reason: 'requirements_failed',
      message:
        'The requirements could not be installed in production. The container requirements ended with exit code 1, again after a restart.',
    });
  });

  it('is a crash loop when it failed again after a restart', () => {
    expect(problemOf(rolling, [podWith(FAILED, { restartCount: 1, lastState: FAILED })])).toMatchObject({
      reason: 'crash_loop',
      message: 'Your program crashed in production with exit code 1, again after a restart.',
      pod: 'test-prod-7d9f-x2x',
    });
  });

  it('is a crash loop when Kubernetes says so', () => {
    const backingOff = podWith(waitingFor('CrashLoopBackOff'), { restartCount: 1, lastState: FAILED });
    expect(problemOf(rolling, [backingOff])?.reason).toBe('crash_loop');
  });

  it('is a crash loop at its third start, whatever it does then', () => {
    const third = podWith(RUNNING, { restartCount: 2, lastState: FAILED });
    expect(problemOf(rolling, [third])?.reason).toBe('crash_loop');
  });

  it('is out of memory when Kubernetes killed it for that', () => {
    const killed = { terminated: { exitCode: 137, reason: 'OOMKilled' } };
    const again = podWith(killed, { restartCount: 1, lastState: killed });
    expect(problemOf(rolling, [again])?.reason).toBe('out_of_memory');
  });

  it('does not count when it belongs to another submission or is being deleted', () => {
    const crashing = { restartCount: 3, lastState: FAILED };
    const others = podWith(FAILED, crashing, {
      annotations: { 'orchestration-app/submission-id': 'sub-old' },
    });
    const deleted = podWith(FAILED, crashing, { deletionTimestamp: new Date() });
    expect(problemOf(rolling, [others, deleted])).toBeNull();
  });
});

describe('a container that cannot start', () => {
  const rolling = deployment(SURGING);

  it.each(['ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'])('because of %s', (reason) => {
    expect(problemOf(rolling, [podWith(waitingFor(reason))])).toMatchObject({
      reason: 'image_error',
      graceMs: 0,
    });
  });

  it('is given another try after the first failure to pull its image', () => {
    expect(problemOf(rolling, [podWith(waitingFor('ErrImagePull'))])).toBeNull();
  });

  it('because its Secret is missing, when that lasts', () => {
    const state = waitingFor('CreateContainerConfigError', 'secret "test-prod-db" not found');
    const problem = problemOf(rolling, [podWith(state)]);
    expect(problem).toMatchObject({ reason: 'config_error' });
    expect(problem?.message).toContain('secret "test-prod-db" not found');
    expect(problem?.graceMs).toBeGreaterThan(0);
  });

  it('is no problem while it is being created', () => {
    expect(problemOf(rolling, [podWith(waitingFor('ContainerCreating'))])).toBeNull();
  });
});

it('a pod that no node can take is a problem when that lasts', () => {
  const conditions = [
    {
      type: 'PodScheduled',
      status: 'False',
      reason: 'Unschedulable',
      message: '0/1 nodes are available: 1 Insufficient memory.',
    },
  ];
  const problem = problemOf(deployment(SURGING), [pod({ phase: 'Pending', conditions })]);
  expect(problem).toMatchObject({ reason: 'unschedulable' });
  expect(problem?.message).toContain('Insufficient memory');
  expect(problem?.graceMs).toBeGreaterThan(0);
});

it('a pod that waits for its volume to be made has no problem', () => {
  const message = '0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.';
  const conditions = [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }];
  expect(podProblem(pod({ phase: 'Pending', conditions }))).toBeNull();
});

describe('a pod that the cluster refuses', () => {
  const refused = (message: string) =>
    deployment({
      replicas: 1,
      conditions: [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message }],
    });

  it('because of the quota', () => {
    const message = 'pods "test-prod-7d9f-x2x" is forbidden: exceeded quota: user, requested: pods=1';
    expect(problemOf(refused(message), [])).toMatchObject({ reason: 'quota' });
  });

  it('for another reason', () => {
    const message = 'pods "test-prod-7d9f-x2x" is forbidden: violates PodSecurity "restricted:latest"';
    expect(problemOf(refused(message), [])).toMatchObject({ reason: 'rejected_by_cluster' });
  });
});

it('a Deployment that makes no progress has passed its deadline', () => {
  const conditions = [
    {
      type: 'Progressing',
      status: 'False',
      reason: 'ProgressDeadlineExceeded',
      message: 'ReplicaSet "test-prod-7d9f" has timed out progressing.',
    },
  ];
  expect(problemOf(deployment({ ...SURGING, conditions }), [])).toMatchObject({
    reason: 'deadline_exceeded',
    message: 'ReplicaSet "test-prod-7d9f" has timed out progressing.',
  });
});
