import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { bundleWorkflowCode, type Logger, type WorkflowBundle } from '@temporalio/worker';
import { workflowTracing } from './tracing';
import { workflowsPath } from './worker';

export interface BundleSettings {
  /** Other workflow code than that of this checkout. */
  path?: string;
  /** For a worker that has a version. */
  versioned?: boolean;
  traced?: boolean;
  logger: Logger;
}

/** Kinds of bundle: for a worker that has a version, and for one that traces. */
export type BundleKind = Pick<BundleSettings, 'versioned' | 'traced'>;

export const BUNDLE_KINDS: BundleKind[] = [
  {},
  { versioned: true },
  { traced: true },
  { versioned: true, traced: true },
];

/** Where a bundle of a kind is, beside the plain one: such as `workflows.versioned.traced.js`. */
export function bundlePath(plain: string, { versioned = false, traced = false }: BundleKind): string {
  const { dir, name, ext } = parse(plain);
  return join(dir, `${name}${versioned ? '.versioned' : ''}${traced ? '.traced' : ''}${ext}`);
}

/** Bundles workflow code, as a worker runs it. Takes about 2 s. */
export function bundleWorkflows({
  path = workflowsPath,
  versioned = false,
  traced = false,
  logger,
}: BundleSettings): Promise<WorkflowBundle> {
  const workflowInterceptorModules = [
    ...(versioned ? [require.resolve('../workflows/versioned')] : []),
    ...(traced ? [workflowTracing] : []),
  ];
  return bundleWorkflowCode({ workflowsPath: path, workflowInterceptorModules, logger });
}

/** A bundle that was made before (WORKFLOW_BUNDLE), or else one of the workflow code of this checkout. */
export async function obtainBundle(
  made: string | undefined,
  kind: BundleKind,
  logger: Logger,
): Promise<WorkflowBundle> {
  return made
    ? { code: await readFile(bundlePath(made, kind), 'utf8') }
    : bundleWorkflows({ ...kind, logger });
}

/** Hexadecimal digits of a build id. */
const DIGITS = 16;

/**
 * Names a version of the workflow code: equal for equal code, whatever folder it is bundled in. To be made from a
 * bundle that is versioned and not traced, so that a worker keeps its version when tracing is turned on.
 */
export function buildIdOf({ code }: WorkflowBundle): string {
  const withoutMap = code.replace(/^\/\/# sourceMappingURL=.*$/m, '');
  return createHash('sha256').update(withoutMap).digest('hex').slice(0, DIGITS);
}
