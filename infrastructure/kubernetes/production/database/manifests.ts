import { randomBytes } from 'node:crypto';
import type { V1Secret, V1Service, V1StatefulSet } from '@kubernetes/client-node';
import type { Provenance } from '../../../../activities/ports';
import { DATABASE_CONTAINER, labelsOf, namesOf, POSTGRES_PORT } from '../names';
import { restrictedContainer, restrictedPod } from '../../pods/security';
import { MAJOR_ANNOTATION, UPGRADED_FROM_ANNOTATION, type DatabaseVersion } from './postgresql';
import { provenanceAnnotations } from '../provenance';
import type { ProductionSettings } from '../types';

/** uid of sandbox/production-pod/database/Dockerfile. */
const DATABASE_UID = 10_002;

const VOLUME_SIZE = '1Gi';

/** Where the volume is mounted: DATA_VOLUME of the image. */
export const DATA_VOLUME = '/var/lib/postgresql/data';

/**
 * Annotation of the pods: the uid of the Secret that they started with. A new one restarts them, and they
 * take over its password.
 */
export const SECRET_ANNOTATION = 'orchestration-app/secret-uid';

/** A new password for a database. This Secret is only created, never applied: see applyDatabase. */
export function passwordSecret(provenance: Provenance): V1Secret {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: metadataOf(provenance),
    type: 'Opaque',
    // base64url needs no escaping in a URL or in entrypoint.sh.
    stringData: { password: randomBytes(24).toString('base64url') },
  };
}

/** Gives the database an address that stays, also when its pod is replaced: programs have it as a host alias. */
export function databaseService(provenance: Provenance): V1Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(provenance),
    spec: {
      // A program that starts right after its database must reach it: endpoints that wait for readiness lag.
      publishNotReadyAddresses: true,
      selector: labelsOf(provenance.userId, 'db'),
      ports: [{ name: 'postgres', port: POSTGRES_PORT }],
    },
  };
}

/** The database: one pod, and a volume that outlives the pod, the StatefulSet and every deployment. */
export function databaseStatefulSet(
  provenance: Provenance,
  settings: ProductionSettings,
  version: DatabaseVersion,
  secretUid: string | null,
): V1StatefulSet {
  const { major, image, upgradedFrom } = version;
  const metadata = metadataOf(provenance);
  const { userId } = provenance;
  const { database } = namesOf(userId);
  const labels = labelsOf(userId, 'db');
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: {
      ...metadata,
      annotations: {
        ...metadata.annotations,
        ...(major !== null && { [MAJOR_ANNOTATION]: major }),
        ...(upgradedFrom !== undefined && { [UPGRADED_FROM_ANNOTATION]: upgradedFrom }),
      },
    },
    spec: {
      replicas: 1,
      serviceName: database,
      // With OrderedReady a pod that cannot start would block the update that repairs it.
      podManagementPolicy: 'Parallel',
      persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
      selector: { matchLabels: labels },
      template: {
        metadata: { labels, ...(secretUid !== null && { annotations: { [SECRET_ANNOTATION]: secretUid } }) },
        spec: {
          ...restrictedPod(DATABASE_UID),
          terminationGracePeriodSeconds: 60,
          containers: [
            {
              name: DATABASE_CONTAINER,
              image,
              imagePullPolicy: 'IfNotPresent',
              ports: [{ name: 'postgres', containerPort: POSTGRES_PORT }],
              // Ten minutes, for recovery after a crash; nothing restarts a database that is merely slow
              // later. Readiness checks are rare: each takes 35 ms of CPU time, and most databases are idle.
              startupProbe: { ...ready, periodSeconds: 1, timeoutSeconds: 3, failureThreshold: 600 },
              readinessProbe: { ...ready, periodSeconds: 30, timeoutSeconds: 5, failureThreshold: 2 },
              resources: {
                requests: { cpu: '10m', memory: '128Mi', 'ephemeral-storage': '32Mi' },
                limits: { cpu: '1', memory: '256Mi', 'ephemeral-storage': '128Mi' },
              },
              securityContext: restrictedContainer(),
              terminationMessagePolicy: 'FallbackToLogsOnError',
              volumeMounts: [
                { name: 'data', mountPath: DATA_VOLUME },
                { name: 'password', mountPath: '/run/secrets/database', readOnly: true },
                { name: 'socket', mountPath: '/var/run/postgresql' },
                { name: 'tmp', mountPath: '/tmp' },
              ],
            },
          ],
          volumes: [
            { name: 'password', secret: { secretName: database, defaultMode: 0o440 } },
            { name: 'socket', emptyDir: { sizeLimit: '1Mi' } },
            { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name: 'data', labels },
          spec: {
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: VOLUME_SIZE } },
            ...(settings.storageClass !== undefined && { storageClassName: settings.storageClass }),
          },
        },
      ],
    },
  };
}

const ready = { exec: { command: ['/opt/orchestration/ready.sh'] } };

function metadataOf(provenance: Provenance) {
  const { namespace, database } = namesOf(provenance.userId);
  return {
    name: database,
    namespace,
    labels: labelsOf(provenance.userId, 'db'),
    annotations: provenanceAnnotations(provenance),
  };
}
