import { z } from 'zod';
import { egress } from './egress';

/** A test pod, two pods of a program during a rollout, and a database. */
const MIN_PODS = 4;

const atLeast = (minimum: number) => z.number('must be a number').min(minimum, `must be at least ${minimum}`);

/** The limits of each user with this plan. A limit that the plan omits has the platform's default. */
const planSchema = z.strictObject({
  pods: atLeast(MIN_PODS).int('must be a whole number').optional(),
  /** CPUs of all pods together: limits and requests. */
  cpus: atLeast(1).optional(),
  cpuRequests: atLeast(0.1).optional(),
  /** Memory of all pods together, in MiB. */
  memoryMiB: atLeast(512).int('must be a whole number').optional(),
  memoryRequestsMiB: atLeast(64).int('must be a whole number').optional(),
  /** Labels of the nodes that test pods may be scheduled on, in addition to TEST_NODE_SELECTOR. */
  nodeSelector: z.record(z.string(), z.string()).optional(),
  /** What pods may connect to; nothing but the database and the package index when not given. */
  egress: egress.optional(),
});

export type Plan = z.infer<typeof planSchema>;
export type Plans = Record<string, Plan>;

/** The plan of a user, with its name; without one when the user has none. */
export type AssignedPlan = Plan & { name?: string };

/** The name of a plan: a DNS label of at most 40 characters. */
export const PLAN_NAME = /^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$/;

/** Users without a plan get the plan of this name, if it is defined. */
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
