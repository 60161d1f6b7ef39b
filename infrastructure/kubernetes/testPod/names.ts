import type { V1Pod } from '@kubernetes/client-node';

/** Names of the test pod that its manifest and its runner share. The pod's name is part of the public contract. */

/** @param userId a DNS label of at most 40 characters */
export const testPodOf = (userId: string): string => `${userId}-test`;

export const namespaceOf = (userId: string): string => `user-${userId}`;

/** Container of the supervisor, as in `kubectl logs -c runner`. */
export const RUNNER_CONTAINER = 'runner';

/** In the image of Dockerfile.test: an interpreter that its own uid cannot read (docs/decisions/closed-interpreter.md). */
const INTERPRETER = '/opt/test-pod/bin/python3';

/** The same, readable: gVisor executes no other file. Programs do not see the processes that run it (docs/decisions/gvisor.md). */
const READABLE_INTERPRETER = '/opt/test-pod/readable/python3';

const interpreter = (isGvisor: boolean) => [isGvisor ? READABLE_INTERPRETER : INTERPRETER, '-I', '-S'];

/** Starts the supervisor in a test pod that runs in gVisor. Elsewhere the image's own command does. */
export const GVISOR_COMMAND = [...interpreter(true), '/opt/test-pod'];

/** Carries bytes between its stdin and stdout and the supervisor. */
export const relayCommand = (isGvisor: boolean) => [...interpreter(isGvisor), '/opt/test-pod/relay.py'];

/** Volume of the supervisor's socket, in test pods that run in gVisor and no others. */
export const SUPERVISOR_VOLUME = 'supervisor';

/** Whether a test pod runs in gVisor. */
export const isInGvisor = ({ spec }: V1Pod): boolean =>
  spec?.volumes?.some(({ name }) => name === SUPERVISOR_VOLUME) ?? false;

/** Exit code of the relay when there is no supervisor in the pod. */
export const NO_SUPERVISOR = 3;
