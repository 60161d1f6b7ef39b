import { parseArgs } from 'node:util';
import { runCommandLine, UsageError } from '../infrastructure/commandLine';
import { readConfig } from '../infrastructure/config/config';
import { accessTo, ELASTICSEARCH_VARIABLES } from '../infrastructure/elasticsearch/access';
import { createActionLog } from '../infrastructure/elasticsearch/actionLog';
import { connectKubernetes, type Kube } from '../infrastructure/kubernetes/api/client';
import { PLAN_NAME } from '../infrastructure/config/plans';
import { createKey, listKeys, revokeKey } from '../infrastructure/kubernetes/keys';
import { setPlan } from '../infrastructure/kubernetes/environment/userPlans';
import { serverEnvironment } from './serverEnvironment';
import { USER_ID } from '../workflows/contract';
import { operatorDocument } from './actionDocument';
import { requestedBy } from './requestedBy';

/** `npm run keys -- COMMAND ...`: manages who may use the gateway (docs/keys.md). */

const USAGE = `Usage: npm run keys -- COMMAND ...
  create USER [--plan NAME] [--expires 30d] [--note TEXT]
                                              makes a key of one user, and shows it this once; the user has
                                              the plan then (USER_PLANS)
  create --admin [--expires 12h] [--note TEXT]
                                              makes a key that may act for every user
  list [USER]                                 keys that were not revoked, without their secrets
  revoke ID                                   ends a key, at once and on every gateway
Expiry: a number and s, m, h or d.`;

const UNITS: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

async function main(args: string[]): Promise<unknown> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      admin: { type: 'boolean' },
      plan: { type: 'string' },
      expires: { type: 'string' },
      note: { type: 'string' },
    },
  });
  const [command, argument, ...rest] = positionals;
  if (rest.length > 0) throw new UsageError(USAGE);
  switch (command) {
    case 'create':
      return create(argument, values);
    case 'list': {
      const keys = await listKeys(connect());
      return keys
        .filter(({ userId }) => argument === undefined || userId === argument)
        .map(({ digest, ...key }) => ({ ...key, expired: isOver(key.expiresAt) }));
    }
    case 'revoke': {
      if (argument === undefined) throw new UsageError(`revoke needs the id of a key.\n${USAGE}`);
      if (!(await revokeKey(connect(), argument))) throw new Error(`There is no key ${argument}.`);
      await record('key.revoked', argument, {});
      return { revoked: argument };
    }
    case undefined:
    default:
      throw new UsageError(USAGE);
  }
}

interface Asked {
  admin?: boolean | undefined;
  plan?: string | undefined;
  expires?: string | undefined;
  note?: string | undefined;
}

async function create(
  user: string | undefined,
  { admin = false, plan, expires, note = '' }: Asked,
): Promise<object> {
  if ((user === undefined) !== admin)
    throw new UsageError(`create needs either a user or --admin.\n${USAGE}`);
  if (user !== undefined && !USER_ID.test(user))
    throw new UsageError(
      `USER must be 1 to 40 lowercase letters, digits or hyphens, starting and ending with a letter or digit, and ${JSON.stringify(user)} is not.`,
    );
  if (plan !== undefined) checkPlan(user, plan);
  const userId = user ?? null;
  const createdAt = new Date();
  const expiresAt = expires === undefined ? null : new Date(createdAt.getTime() + durationOf(expires));
  const kube = connect();
  if (user !== undefined && plan !== undefined) await setPlan(kube, user, plan);
  const { id, key } = await createKey(kube, {
    userId,
    note,
    createdAt: createdAt.toISOString(),
    expiresAt: expiresAt?.toISOString() ?? null,
    createdBy: requestedBy(),
  });
  const made = { id, userId, admin, expiresAt, note, ...(plan !== undefined && { plan }) };
  process.stdout.write(`${JSON.stringify({ ...made, key }, null, 2)}\n`);
  await record('key.created', id, made);
  return { message: 'Keep the key: it is stored nowhere and not shown again.' };
}

/**
 * Plans are configured on the worker, so a plan's existence is checked only if USER_PLANS is also set here.
 */
function checkPlan(user: string | undefined, plan: string): void {
  if (user === undefined) throw new UsageError(`--plan is for the key of a user.\n${USAGE}`);
  if (!PLAN_NAME.test(plan))
    throw new UsageError(
      `--plan must be 1 to 40 lowercase letters, digits or hyphens, starting and ending with a letter or digit, and ${JSON.stringify(plan)} is not.`,
    );
  const { USER_PLANS: plans } = readConfig(['USER_PLANS'], serverEnvironment());
  if (plans && !plans[plan])
    throw new UsageError(`Unknown plan "${plan}"; defined in USER_PLANS: ${Object.keys(plans).join(', ')}.`);
}

function durationOf(text: string): number {
  const [, count, unit = ''] = /^([1-9]\d{0,5})([smhd])$/.exec(text) ?? [];
  const milliseconds = Number(count) * (UNITS[unit] ?? NaN);
  if (Number.isNaN(milliseconds)) throw new UsageError(`--expires ${text} must be such as 90m, 12h or 30d.`);
  return milliseconds;
}

function isOver(expiresAt: string | null): boolean {
  return expiresAt !== null && Date.parse(expiresAt) <= Date.now();
}

function connect(): Kube {
  const { KUBECONFIG, KUBE_CONTEXT } = readConfig(
    ['KUBECONFIG', 'KUBE_CONTEXT'],
    serverEnvironment('operations'),
  );
  return connectKubernetes({ kubeconfig: KUBECONFIG, context: KUBE_CONTEXT });
}

/**
 * Records a change of a key in the log of actions.
 * @throws Error if that fails, although the change was made
 */
async function record(action: string, id: string, details: object): Promise<void> {
  const config = readConfig([...ELASTICSEARCH_VARIABLES, 'ACTIONS_RETENTION_DAYS'], serverEnvironment());
  const log = createActionLog({
    ...accessTo(config),
    index: config.ELASTICSEARCH_INDEX,
    retentionDays: config.ACTIONS_RETENTION_DAYS,
  });
  const type = action === 'key.created' ? 'creation' : 'deletion';
  try {
    await log.write([
      operatorDocument({
        ...{ action, outcome: 'success', message: `${action}: ${id}`, startedAt: new Date(), details },
        kind: { category: ['iam'], type: [type] },
        about: { key: { id } },
      }),
    ]);
  } catch (error) {
    throw new Error(`It is done (${action} ${id}), but not in the log of actions: ${String(error)}`, {
      cause: error,
    });
  } finally {
    await log.close();
  }
}

runCommandLine(main);
