/** Names of the test pod that its manifest and its runner share. The pod's name is part of the public contract. */

/** @param userId a DNS label of at most 40 characters */
export const testPodOf = (userId: string): string => `${userId}-test`;

export const namespaceOf = (userId: string): string => `user-${userId}`;

/** Container of the supervisor, as in `kubectl logs -c runner`. */
export const RUNNER_CONTAINER = 'runner';

/**
 * In the image of Dockerfile.test: an interpreter that its own uid cannot read
 * (docs/decisions/closed-interpreter.md).
 */
const INTERPRETER = ['/opt/test-pod/bin/python3', '-I', '-S'];

/** Carries bytes between its stdin and stdout and the supervisor. */
export const RELAY_COMMAND = [...INTERPRETER, '/opt/test-pod/relay.py'];

/** Exit code of the relay when there is no supervisor in the pod. */
export const NO_SUPERVISOR = 3;
