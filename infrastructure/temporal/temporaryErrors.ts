import {
  isGrpcServiceError,
  ServiceError,
  WorkflowUpdateRPCTimeoutOrCancelledError,
} from '@temporalio/client';

/** gRPC statuses that stay the same after a retry. The numbers are defined by gRPC and never change. */
const PERMANENT_STATUSES = new Set([
  3, // INVALID_ARGUMENT
  5, // NOT_FOUND
  6, // ALREADY_EXISTS
  7, // PERMISSION_DENIED
  9, // FAILED_PRECONDITION
  12, // UNIMPLEMENTED
  16, // UNAUTHENTICATED
]);

/** Whether a failed call may succeed later: no server, a server that restarts, no answer in time. */
export function isTemporary(error: unknown): boolean {
  if (error instanceof WorkflowUpdateRPCTimeoutOrCancelledError) return true;
  const status = error instanceof ServiceError ? error.cause : error;
  return isGrpcServiceError(status) && !PERMANENT_STATUSES.has(status.code);
}
