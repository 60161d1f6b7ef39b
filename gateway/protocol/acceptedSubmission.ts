/** A submission that was started and can be followed. */
export interface AcceptedSubmission {
  submissionId: string;
  userId: string;
  workflowId: string;
  runId: string;
  namespace: string;
}
