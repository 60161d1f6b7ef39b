import {
  ChildWorkflowCancellationType,
  getExternalWorkflowHandle,
  isCancellation,
  ParentClosePolicy,
  startChild,
  type SignalDefinition,
} from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';

/**
 * Signals a workflow that others share, or starts it with a state that has what the signal would have brought:
 * whichever works.
 */
export async function signalOrStart<T>(
  workflowId: string,
  signal: SignalDefinition<[T]>,
  value: T,
  type: string,
  state: object,
): Promise<void> {
  for (;;) {
    try {
      return await getExternalWorkflowHandle(workflowId).signal(signal, value);
    } catch (error) {
      if (isCancellation(error)) throw error;
    }
    try {
      await startChild(type, {
        workflowId,
        args: [state],
        // It outlives the one that happened to need it first.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
      });
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }
}
