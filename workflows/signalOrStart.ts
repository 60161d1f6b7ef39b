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
 * Signals a shared workflow. If it is not running, starts it with a state that already contains the signal's
 * content.
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
        // It outlives the workflow that happened to start it.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        cancellationType: ChildWorkflowCancellationType.ABANDON,
      });
      return;
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    }
  }
}
