import { homedir } from 'node:os';
import { join, resolve } from 'node:path';

/** File in the state directory of a local stack, with the addresses of its servers while they run. */
export const STACK_FILE = 'stack.json';

/**
 * Where the local stack keeps its state: ORCHESTRATION_STATE_DIR, or a folder for each LOCAL_STACK_NUMBER in
 * the user's XDG_STATE_HOME or ~/.local/state.
 */
export function stateDirectoryOf(environment: Record<string, string | undefined>): string {
  const { ORCHESTRATION_STATE_DIR: named, XDG_STATE_HOME: home, LOCAL_STACK_NUMBER: number } = environment;
  const name = Number(number || 0) === 0 ? 'orchestration-app' : `orchestration-app-${number}`;
  const parent = home || join(environment.HOME || homedir(), '.local', 'state');
  return resolve(named || join(parent, name));
}
