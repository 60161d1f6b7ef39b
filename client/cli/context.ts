import type { OrchestrationClient } from '..';
import type { Values } from './arguments';
import type { Terminal } from './display';
import type { Settings } from './settings';

/** What the CLI passes to the function of each command. `print` writes an object as one line of JSON. */
export interface Context {
  client: OrchestrationClient;
  settings: Settings;
  terminal: Terminal;
  values: Values;
  print: (value: object) => void;
}
