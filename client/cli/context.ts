import type { OrchestrationClient } from '..';
import type { OptionValues } from './arguments';
import type { Terminal } from './display';
import type { Settings } from './settings';

/** What the CLI passes to the function of each command. */
export interface Context {
  /** Waits for the gateway. A command first checks its arguments. @throws Unreachable */
  connect: () => Promise<OrchestrationClient>;
  settings: Settings;
  terminal: Terminal;
  values: OptionValues;
  /** Writes an object as one line of JSON. */
  print: (value: object) => void;
}
