import type { OperatorService } from '@temporalio/client';
import { temporal } from '@temporalio/proto';

const { INDEXED_VALUE_TYPE_KEYWORD } = temporal.api.enums.v1.IndexedValueType;

/**
 * Adds the missing search attributes to a Temporal namespace, with type Keyword; existing ones are left
 * unchanged. Temporal Cloud refuses this call: create them once in its console.
 */
export async function ensureSearchAttributes(
  operator: OperatorService,
  namespace: string,
  names: readonly string[],
): Promise<void> {
  const { customAttributes } = await operator.listSearchAttributes({ namespace });
  const missing = names.filter((name) => customAttributes[name] === undefined);
  if (missing.length === 0) return;
  await operator.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(missing.map((name) => [name, INDEXED_VALUE_TYPE_KEYWORD])),
  });
}
