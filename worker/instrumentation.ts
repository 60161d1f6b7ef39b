import type { ActivityDependencies } from '../activities';
import { namesOf } from '../infrastructure/kubernetes/production/names';
import { testPodOf } from '../infrastructure/kubernetes/testPod/names';
import { inSpan } from '../infrastructure/telemetry/span';
import type { WorkerMetrics } from './metrics/metrics';

type Ports = Pick<ActivityDependencies, 'testRunner' | 'production' | 'environments'>;

/** Wraps the ports with traces and metrics. */
export function instrumented({ testRunner, production, environments }: Ports, metrics: WorkerMetrics) {
  return {
    testRunner: {
      ...testRunner,
      run: (request, context) =>
        inSpan('exec', { attributes: testPod(request) }, async (span) => {
          const report = await testRunner.run(request, context);
          span.setAttributes({ outcome: report.outcome, 'execution.id': report.executionId });
          return report;
        }),
    },
    production: {
      ...production,
      awaitRollout: (request, context) =>
        inSpan('rollout', { attributes: deployment(request) }, async (span) => {
          const report = await production.awaitRollout(request, context);
          const { outcome, reason } = report;
          span.setAttributes({ outcome, ...(reason && { reason }) });
          metrics.rollouts.inc({ outcome });
          return report;
        }),
      rollBack: (request, context) =>
        inSpan('rollback', { attributes: deployment(request) }, async () => {
          const report = await production.rollBack(request, context);
          metrics.rollbacks.inc();
          return report;
        }),
    },
    environments: {
      ...environments,
      async ensure(userId, context) {
        const report = await environments.ensure(userId, context);
        for (const object of report.changed) metrics.made.inc({ kind: object.split('/')[0] });
        return report;
      },
    },
  } satisfies Ports;
}

function testPod({ userId, command }: { userId: string; command: string }) {
  const { namespace } = namesOf(userId);
  return { 'k8s.namespace.name': namespace, 'k8s.pod.name': testPodOf(userId), command };
}

function deployment({ userId }: { userId: string }) {
  const { namespace, program } = namesOf(userId);
  return { 'k8s.namespace.name': namespace, 'k8s.deployment.name': program };
}
