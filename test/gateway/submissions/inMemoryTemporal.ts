import { setImmediate as nextTurn } from 'node:timers/promises';
import { WorkflowExecutionAlreadyStartedError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../../../workflows/contract';

interface Started {
  workflowId: string;
  runId: string;
  userId: string;
  memo: Record<string, unknown>;
  status: string;
}

/** The calls of a Temporal client that submissions use, on workflows in memory. Every call takes a turn. */
export class InMemoryTemporal {
  readonly workflows = new Map<string, Started>();
  /** The calls made, as `METHOD WORKFLOW_ID`. */
  readonly calls: string[] = [];

  /** A workflow that is there already. */
  add(workflowId: string, userId: string, memo: Record<string, unknown> = {}): void {
    const runId = `run-${this.workflows.size + 1}`;
    this.workflows.set(workflowId, { workflowId, runId, userId, memo, status: 'RUNNING' });
  }

  get client(): Client {
    return {
      options: { namespace: 'default' },
      connection: { withDeadline: (_deadline: number, call: () => unknown) => call() },
      workflow: {
        start: (_type: string, { workflowId, typedSearchAttributes, memo }: StartOptions) =>
          this.start(workflowId, typedSearchAttributes, memo),
        getHandle: (workflowId: string) => ({
          describe: () => this.describe(workflowId),
          signal: () => this.find('signal', workflowId),
          cancel: () => this.find('cancel', workflowId),
          executeUpdate: async () => {
            await this.find('update', workflowId);
            return { received: 1, eof: false };
          },
        }),
        list: ({ query }: { query: string }) => this.list(query),
      },
    } as unknown as Client;
  }

  private async start(workflowId: string, attributes: StartOptions['typedSearchAttributes'], memo: object) {
    this.calls.push(`start ${workflowId}`);
    await nextTurn();
    if (this.workflows.has(workflowId))
      throw new WorkflowExecutionAlreadyStartedError('already started', workflowId, 'submitCode');
    const userId = attributes.find(({ key }) => key.name === SEARCH_ATTRIBUTES.userId)?.value ?? '';
    this.add(workflowId, userId, { ...memo });
    return { firstExecutionRunId: this.workflows.get(workflowId)?.runId };
  }

  private async describe(workflowId: string) {
    const { userId, memo, runId, status } = await this.find('describe', workflowId);
    const values: Record<string, string[]> = { [SEARCH_ATTRIBUTES.userId]: [userId] };
    return {
      ...{ workflowId, runId, memo, status: { name: status }, startTime: new Date(0) },
      searchAttributes: values,
      typedSearchAttributes: { get: ({ name }: { name: string }) => values[name]?.[0] },
    };
  }

  private async find(method: string, workflowId: string): Promise<Started> {
    this.calls.push(`${method} ${workflowId}`);
    await nextTurn();
    const found = this.workflows.get(workflowId);
    if (!found) throw new WorkflowNotFoundError('not found', workflowId, undefined);
    return found;
  }

  private async *list(query: string) {
    await nextTurn();
    const [, prefix = ''] = /WorkflowId STARTS_WITH '([^']+)'/.exec(query) ?? [];
    for (const { workflowId } of this.workflows.values())
      if (workflowId.startsWith(prefix)) yield { workflowId };
  }
}

interface StartOptions {
  workflowId: string;
  typedSearchAttributes: { key: { name: string }; value: string }[];
  memo: object;
}
