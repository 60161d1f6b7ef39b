import type { V1Toleration } from '@kubernetes/client-node';
import { z } from 'zod';

const KEY = String.raw`[\w./-]+`;
const VALUE = String.raw`[\w.-]+`;
const EFFECT = '(?:NoSchedule|PreferNoSchedule|NoExecute)';
const listOf = (item: string) => new RegExp(`^${item}(?:,${item})*$`);

/** Labels of the nodes that pods may be scheduled on, in kubectl's syntax: `pool=tests,disk=ssd`. */
export const nodeSelector = z
  .string()
  .regex(listOf(`${KEY}=${VALUE}`), 'must be labels separated by commas, such as pool=tests,disk=ssd')
  .transform((text) => Object.fromEntries(text.split(',').map((label) => label.split('='))) as Labels);

type Labels = Record<string, string>;

/** Taints that pods tolerate, as in kubectl: `pool=tests:NoSchedule`, or `pool:NoSchedule` for any value. */
export const tolerations = z
  .string()
  .regex(
    listOf(`${KEY}(?:=${VALUE})?:${EFFECT}`),
    'must be taints separated by commas, such as pool=tests:NoSchedule',
  )
  .transform((text) => text.split(',').map(tolerationOf));

function tolerationOf(taint: string): V1Toleration {
  const [matched = '', effect = ''] = taint.split(':');
  const [key = '', value] = matched.split('=');
  return value === undefined
    ? { key, operator: 'Exists', effect }
    : { key, operator: 'Equal', value, effect };
}
