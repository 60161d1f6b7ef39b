import { z } from 'zod';

/** A test pod, two pods of a program during a rollout, and a database. */
const FEWEST_PODS = 4;

const most = (least: number) => z.number().min(least, `must be at least ${least}`);

/** What users of a plan may have at once. What a plan leaves out is as for everybody. */
const planSchema = z.strictObject({
  pods: most(FEWEST_PODS).int('must be a whole number').optional(),
  /** Processors of all pods: limits, and what nodes must have free for them. */
  cpus: most(1).optional(),
  cpuRequests: most(0.1).optional(),
  /** The same of memory, in MiB. */
  memoryMiB: most(512).int('must be a whole number').optional(),
  memoryRequestsMiB: most(64).int('must be a whole number').optional(),
  /** Of the nodes that test pods may be on, beside TEST_NODE_SELECTOR. */
  nodeSelector: z.record(z.string(), z.string()).optional(),
});

export type Plan = z.infer<typeof planSchema>;
export type Plans = Record<string, Plan>;

/** Of a plan: a DNS label. */
export const PLAN_NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** Whose plan is named nowhere has this one, if there is one of that name. */
export const DEFAULT_PLAN = 'default';

/** Plans by name, as JSON. */
export const plans = z
  .string()
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: 'custom', message: 'must be JSON such as {"large": {"cpus": 16}}' });
      return z.NEVER;
    }
  })
  .pipe(
    z.record(
      z
        .string()
        .regex(
          PLAN_NAME,
          'must be 1 to 40 lowercase letters, digits or hyphens, starting and ending with a letter or digit',
        ),
      planSchema,
    ),
  );
