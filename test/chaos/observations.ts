import type { Frame } from '../integration/client';
import type { Truth } from './programs';

/** The end of a submission according to one observer. */
export interface SeenFinal {
  observer: string;
  status: string;
  reason: string | null;
  /** The complete frame as text, where it must be the same for all observers that have it. */
  whole?: string;
}

/** How often a unit of a submission's programs was executed by its tests. */
export interface SeenExecutions {
  unit: string;
  times: number;
}

export interface SeenSubmission {
  id: string;
  user: string;
  kind: string;
  truth: Truth;
  /** ISO 8601; null when Temporal does not know it. */
  acceptedAt: string | null;
  cancelAsked: boolean;
  /** The final status according to each observer; an observer without one has no entry. */
  finals: SeenFinal[];
  /** Names of the observers that should have an entry. */
  observers: string[];
  /** What its clients received live, each over all its connections. */
  followed: Frame[][];
  /** What a client receives that follows it after its end; null when that failed. */
  replayed: Frame[] | null;
  complaints: string[];
  executions: SeenExecutions[];
  /** How often its migration was executed. */
  migrations: number;
  /** Starts of `run_tests` in the history: each is reported, and further ones are reported as repeats. */
  testStages: number;
  /** Whether the verdict reports that it was executed again; null for a verdict without tests. */
  toldExecutedAgain: boolean | null;
  /** Whether a fault may have ended an execution of its tests. */
  executionLost: boolean;
}

/** What was deployed, by a submission or by a rollback to one. */
export interface SeenDeploy {
  submissionId: string;
  acceptedAt: string;
}

export interface SeenUser {
  user: string;
  deploys: SeenDeploy[];
  /** Whether a fault deleted what was live after the last of these deploys had started. */
  productionLost: boolean;
  /** The live program according to the Deployment; null when it has none, or does not exist. */
  live: string | null;
  /** The program that the Deployment specifies. */
  current: string | null;
  /** The answer of the program's address; null when it was not requested. */
  answer: string | null;
  /** The expected answer; null when it is not known. */
  expectedAnswer: string | null;
}

export interface SeenActions {
  /** Ids of the documents that the history requires. */
  expected: string[];
  /** `workflow:run:sequence` of each stored document. */
  stored: string[];
  /** Ids of stored documents whose content differs from the history. */
  different: string[];
  /** How many documents are in the index of rejected documents. */
  rejected: number;
}

/** Everything that the checker uses. */
export interface Observations {
  submissions: SeenSubmission[];
  users: SeenUser[];
  actions: SeenActions;
  /** Things that should be gone, as text. */
  leftovers: string[];
  /** Workflows of submissions that the driver did not send. */
  unknownWorkflows: string[];
}

/** A violated promise. */
export interface Violation {
  rule: string;
  text: string;
  submissionId?: string;
}
