import type { Frame } from '../integration/client';
import type { Truth } from './programs';

/** What one observer says of the end of a submission. */
export interface SeenFinal {
  observer: string;
  status: string;
  reason: string | null;
  /** The whole of it, where that must be the same for all who have it. */
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
  /** What every observer says; one that says nothing has no entry. */
  finals: SeenFinal[];
  /** Names of those who should have an entry. */
  observers: string[];
  /** What its clients got live, each over as many connections as it took. */
  followed: Frame[][];
  /** What a client gets who asks for it when it is over; null when that failed. */
  replayed: Frame[] | null;
  complaints: string[];
  executions: SeenExecutions[];
  /** How often its migration was executed. */
  migrations: number;
  /** Starts of `run_tests` in the history: each is told, and a further one is told as a repeat. */
  testStages: number;
  /** Whether the verdict says that it was executed again; null for a verdict without tests. */
  toldExecutedAgain: boolean | null;
  /** Whether a fault may have taken an execution of its tests with it. */
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
  /** Whether a fault deleted what was live after the last of these deploys had begun. */
  productionLost: boolean;
  /** What the Deployment says is live; null when it says nothing, or there is none. */
  live: string | null;
  /** The program that the Deployment specifies. */
  current: string | null;
  /** What answers at the program's address; null when nothing was asked. */
  answer: string | null;
  /** What should answer; null when nobody knows. */
  expectedAnswer: string | null;
}

export interface SeenActions {
  /** Ids of the documents that the history asks for. */
  expected: string[];
  /** `workflow:run:sequence` of what is stored, one for each document. */
  stored: string[];
  /** Ids of documents that are stored with another content than the history has. */
  different: string[];
  /** Documents that were put aside. */
  rejected: number;
}

/** Everything that the checker knows. */
export interface Observations {
  submissions: SeenSubmission[];
  users: SeenUser[];
  actions: SeenActions;
  /** Things that should not be there any more, in words. */
  leftovers: string[];
  /** Workflows that nobody sent. */
  unknownWorkflows: string[];
}

/** What is not as was promised. */
export interface Violation {
  rule: string;
  text: string;
  submissionId?: string;
}
