import type { OrchestrationClient } from '..';
import type { Values } from './arguments';
import type { Terminal } from './display';
import type { Settings } from './settings';

/** What the CLI passes to the function of each command. */
export interface Context {
  /** Waits for the gateway. A command first checks its arguments. @throws Unreachable */
  connect: () => Promise<OrchestrationClient>;
  settings: Settings;
  terminal: Terminal;
  values: Values;
  /** Writes an object as one line of JSON. */
  print: (value: object) => void;
}
