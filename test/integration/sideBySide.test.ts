import { WorkflowFailedError } from '@temporalio/client';
import type { CallContext, DatabaseReport, ProgramReport } from '../../activities/ports';
import { platformError, untilCancelled } from '../scripted/ports';
import { connectScripted, type ScriptedTemporal } from '../scripted/temporal';
import { stack } from './stack';

/** A database and a program that are applied at the same time, on a real Temporal. */

let temporal: ScriptedTemporal;

beforeAll(async () => {
  temporal = await connectScripted(stack().temporalAddress);
});

afterAll(() => temporal?.close());

const program = {
  ...{ submissionId: 's', workflowId: 'w', runId: 'r' },
  ...{ codeDigest: 'digest', configMap: 'test-prod-digest' },
};
const applied: ProgramReport = { program, previous: null };

/** Resolves when it is opened. */
function gate() {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

test('neither waits for the other', async () => {
  const program = gate();
  const applyDatabase = async (): Promise<DatabaseReport> => {
    await program.opened;
    return { name: 'test-prod-db', created: true };
  };
  const applyProgram = (): Promise<ProgramReport> => {
    program.open();
    return Promise.resolve(applied);
  };
  await temporal.submit({ production: { applyDatabase, applyProgram } }, async ({ handle }) => {
    expect((await handle.result()).status).toBe('deployed');
  });
});

test('a program is undone when its database cannot start', async () => {
  const program = gate();
  const applyDatabase = async () => {
    await program.opened;
    throw platformError('Rejected', 'The database cannot start.');
  };
  const applyProgram = (): Promise<ProgramReport> => {
    setTimeout(program.open, 500);
    return Promise.resolve(applied);
  };
  await temporal.submit({ production: { applyDatabase, applyProgram } }, async ({ handle, calls }) => {
    await expect(handle.result()).rejects.toThrow(WorkflowFailedError);
    expect(calls).toContain('rollBack');
    expect(calls).not.toContain('awaitRollout');
  });
});

test('a program that waits for its database does not outlast its failure', async () => {
  const applyDatabase = () => Promise.reject(platformError('Rejected', 'The database cannot start.'));
  const applyProgram = (_: unknown, context: CallContext) => untilCancelled(context);
  await temporal.submit({ production: { applyDatabase, applyProgram } }, async ({ handle, calls }) => {
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: 'The database cannot start.' } });
    expect(calls).not.toContain('rollBack');
  });
});

test('a program that is rejected does not wait for its database', async () => {
  const applyDatabase = (_: unknown, context: CallContext) => untilCancelled(context);
  const applyProgram = () => Promise.reject(platformError('Rejected', 'The program is too large.'));
  await temporal.submit({ production: { applyDatabase, applyProgram } }, async ({ handle }) => {
    await expect(handle.result()).rejects.toMatchObject({ cause: { message: 'The program is too large.' } });
  });
});

test('a cancellation ends both', async () => {
  const both = {
    applyDatabase: (_: unknown, context: CallContext) => untilCancelled(context),
    applyProgram: (_: unknown, context: CallContext) => untilCancelled(context),
  };
  await temporal.submit({ production: both }, async ({ handle, reached, calls }) => {
    await reached('applyProgram');
    await handle.cancel();
    await expect(handle.result()).rejects.toMatchObject({ cause: { name: 'CancelledFailure' } });
    expect(calls).not.toContain('rollBack');
  });
});
