import type { DeployedProgram, Provenance } from '../../../activities/ports';
import type { V1ObjectMeta } from '@kubernetes/client-node';

/** Written and read as annotations `orchestration-app/<role><field>`. */
const FIELDS = {
  submissionId: 'submission-id',
  workflowId: 'workflow-id',
  runId: 'run-id',
  codeDigest: 'code-digest',
  configMap: 'config-map',
} as const;

/**
 * The role of a program in the annotated Deployment: the one that it specifies now, the one that was live
 * before that was applied, or the last one that became live.
 */
export type ProgramRole = 'current' | 'previous' | 'live';

type Annotations = Record<string, string> | undefined;

/** Annotations of an object that a submission created. */
export function provenanceAnnotations(provenance: Provenance): Record<string, string> {
  const { submissionId, workflowId, runId, codeDigest } = provenance;
  return {
    [keyOf('current', 'submissionId')]: submissionId,
    [keyOf('current', 'workflowId')]: workflowId,
    [keyOf('current', 'runId')]: runId,
    [keyOf('current', 'codeDigest')]: codeDigest,
  };
}

/** Annotations that name a program in a role. */
export function programAnnotations(role: ProgramRole, program: DeployedProgram): Record<string, string> {
  return Object.fromEntries(fieldNames.map((field) => [keyOf(role, field), program[field]]));
}

/** The program in a role, or null when the annotations do not name one in full. */
export function programIn(role: ProgramRole, annotations: Annotations): DeployedProgram | null {
  const values = fieldNames.map((field) => [field, annotations?.[keyOf(role, field)]] as const);
  if (values.some(([, value]) => value === undefined)) return null;
  return Object.fromEntries(values) as unknown as DeployedProgram;
}

/** The submission that last changed the object. */
export function submissionOf(annotations: Annotations): string | null {
  return annotations?.[keyOf('current', 'submissionId')] ?? null;
}

/** The recorded provenance of an object's last change; empty where it was not recorded. */
export function writtenProvenance(userId: string, metadata: V1ObjectMeta | undefined): Provenance {
  const read = (field: keyof typeof FIELDS) => metadata?.annotations?.[keyOf('current', field)] ?? '';
  return {
    userId,
    submissionId: read('submissionId'),
    workflowId: read('workflowId'),
    runId: read('runId'),
    codeDigest: read('codeDigest'),
  };
}

const fieldNames = Object.keys(FIELDS) as (keyof typeof FIELDS)[];

function keyOf(role: ProgramRole, field: keyof typeof FIELDS): string {
  return `orchestration-app/${role === 'current' ? '' : `${role}-`}${FIELDS[field]}`;
}
