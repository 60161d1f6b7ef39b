import type { OrchestrationClient } from '..';
import type { Values } from './arguments';
import type { Terminal } from './display';
import type { Settings } from './settings';

/** What a command works with. */
export interface Context {
  client: OrchestrationClient;
  settings: Settings;
  terminal: Terminal;
  values: Values;
  print: (value: object) => void;
}
