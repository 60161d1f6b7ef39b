import type { ActivityDependencies } from '../activities';
import { namesOf } from '../infrastructure/kubernetes/production/names';
import { testPodOf } from '../infrastructure/kubernetes/testPod/names';
import { inSpan } from '../infrastructure/telemetry/span';

type Observed = Pick<ActivityDependencies, 'testRunner' | 'production'>;

/** The same ports, and what they do is told in traces. */
export function observed<Parts extends Observed>({ testRunner, production, ...others }: Parts) {
  return {
    ...others,
    testRunner: {
      ...testRunner,
      run: (request, context) =>
        inSpan('exec', { attributes: testPod(request) }, async (span) => {
          const report = await testRunner.run(request, context);
          span.setAttributes({ outcome: report.outcome, 'execution.id': report.executionId });
          return report;
        }),
    } satisfies Observed['testRunner'],
    production: {
      ...production,
      awaitRollout: (request, context) =>
        inSpan('rollout', { attributes: deployment(request) }, async (span) => {
          const report = await production.awaitRollout(request, context);
          span.setAttributes({ outcome: report.outcome, ...(report.reason && { reason: report.reason }) });
          return report;
        }),
    } satisfies Observed['production'],
  };
}

function testPod({ userId, command }: { userId: string; command: string }) {
  const { namespace } = namesOf(userId);
  return { 'k8s.namespace.name': namespace, 'k8s.pod.name': testPodOf(userId), command };
}

function deployment({ userId }: { userId: string }) {
  const { namespace, program } = namesOf(userId);
  return { 'k8s.namespace.name': namespace, 'k8s.deployment.name': program };
}
