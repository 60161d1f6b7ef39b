import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** File in the state directory of a local stack, with the addresses of its servers while they run. */
export const STACK_FILE = 'stack.json';

/**
 * The number of a stack among those on the same machine (LOCAL_STACK_NUMBER): 0, the default, to 9.
 * @throws Error that names the variable
 */
export function stackNumberOf({ LOCAL_STACK_NUMBER: text }: Record<string, string | undefined>): number {
  if (text && !/^[0-9]$/.test(text))
    throw new Error(`LOCAL_STACK_NUMBER must be 0 to 9, and is ${JSON.stringify(text)}.`);
  return Number(text || 0);
}

/**
 * Where the local stack keeps its state: ORCHESTRATION_STATE_DIR, or a folder for each LOCAL_STACK_NUMBER in
 * the user's XDG_STATE_HOME or ~/.local/state.
 * @throws Error if LOCAL_STACK_NUMBER is not a number from 0 to 9
 */
export function stateDirectoryOf(environment: Record<string, string | undefined>): string {
  const { ORCHESTRATION_STATE_DIR: named, XDG_STATE_HOME: home } = environment;
  const number = stackNumberOf(environment);
  const name = number === 0 ? 'orchestration-app' : `orchestration-app-${number}`;
  const parent = home || join(environment.HOME || homedir(), '.local', 'state');
  return resolve(named || join(parent, name));
}
