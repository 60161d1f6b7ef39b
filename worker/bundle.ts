import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join, parse } from 'node:path';
import { bundleWorkflowCode, type Logger, type WorkflowBundle } from '@temporalio/worker';
import { workflowTracing } from './tracing';
import { workflowsPath } from './worker';

export interface BundleSettings {
  /** The path of the workflow code; default: that of this checkout. */
  path?: string;
  /** For a worker with a version. */
  versioned?: boolean;
  traced?: boolean;
  logger: Logger;
}

/** The kind of a bundle: for a worker with or without a version, with or without tracing. */
export type BundleKind = Pick<BundleSettings, 'versioned' | 'traced'>;

export const BUNDLE_KINDS: BundleKind[] = [
  {},
  { versioned: true },
  { traced: true },
  { versioned: true, traced: true },
];

/** The path of a bundle of this kind, next to the plain one: such as `workflows.versioned.traced.js`. */
export function bundlePath(plain: string, { versioned = false, traced = false }: BundleKind): string {
  const { dir, name, ext } = parse(plain);
  return join(dir, `${name}${versioned ? '.versioned' : ''}${traced ? '.traced' : ''}${ext}`);
}

/** Bundles workflow code for a worker. Takes about 2 s. */
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
  // Names of modules in the bundle are relative to it, and part of the build id.
  const context = dirname(dirname(path));
  return bundleWorkflowCode({
    workflowsPath: path,
    workflowInterceptorModules,
    logger,
    webpackConfigHook: (config) => ({ ...config, context }),
  });
}

/** Reads a prebuilt bundle (WORKFLOW_BUNDLE), or else bundles the workflow code of this checkout. */
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
 * The build id of the workflow code: equal for equal code, in whatever folder it is bundled. Compute it from
 * a bundle that is versioned and not traced, so that a worker keeps its version when tracing is turned on.
 */
export function buildIdOf({ code }: WorkflowBundle): string {
  const withoutMap = code.replace(/^\/\/# sourceMappingURL=.*$/m, '');
  return createHash('sha256').update(withoutMap).digest('hex').slice(0, DIGITS);
}
