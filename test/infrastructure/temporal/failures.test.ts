import { ServiceError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { isTemporary } from '../../../infrastructure/temporal/temporaryErrors';

const grpc = (code: number) => Object.assign(new Error('of gRPC'), { code, details: '', metadata: {} });

test.each<[string, unknown, boolean]>([
  ['no answer in time', grpc(4), true],
  ['a server that is away', new ServiceError('failed', { cause: grpc(14) }), true],
  ['an update that nobody took in time', new WorkflowUpdateRPCTimeoutOrCancelledError('late'), true],
  ['a workflow that is not there', new ServiceError('failed', { cause: grpc(5) }), false],
  ['a mistake of our own', new TypeError('undefined'), false],
])('%s', (_what, error, passes) => {
  expect(isTemporary(error)).toBe(passes);
});
