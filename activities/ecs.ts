/** The version of the Elastic Common Schema that documents follow. */
export const ECS_VERSION = '8.17.0';

/** The kind of an action, in the schema's terms. */
export interface Kind {
  category: string[];
  type: string[];
}

const KINDS: [begins: RegExp, kind: Kind][] = [
  [/^submission\.accepted$/, { category: ['process'], type: ['start'] }],
  [/^submission\.finished$/, { category: ['process'], type: ['end'] }],
  [/^submission\./, { category: ['process'], type: ['change'] }],
  [/^stage\.(run_tests|await_turn)$/, { category: ['process'], type: ['info'] }],
  [/^stage\..*database$|^stage\.migrate$/, { category: ['database'], type: ['change'] }],
  [/^stage\./, { category: ['configuration'], type: ['change'] }],
  [/^live\./, { category: ['configuration'], type: ['info'] }],
  [/^delete_.*\.finished$/, { category: ['configuration'], type: ['deletion'] }],
];

/** @param action such as `stage.run_tests`; an unknown action counts as a configuration change */
export function kindOf(action: string): Kind {
  const found = KINDS.find(([begins]) => begins.test(action));
  return found?.[1] ?? { category: ['configuration'], type: ['change'] };
}
