import { z } from 'zod';
import { MOST } from './submissionRules';

/**
 * A name with extras and versions, as in PEP 508. Markers, URLs and options are not allowed: the requirements
 * are arguments of an installer, and must not redirect it.
 */
const NAME = /[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?/;
const EXTRAS = /(?:\[[A-Za-z0-9._,-]*\])?/;
const VERSION = /(?:===|==|~=|!=|<=|>=|<|>) *[A-Za-z0-9.*+!_-]+/;
const REQUIREMENT = new RegExp(
  `^${NAME.source}${EXTRAS.source}(?: *${VERSION.source}(?: *, *${VERSION.source})*)?$`,
);

export function requirements() {
  return z
    .array(
      z
        .string()
        .max(MOST.requirementCharacters, { abort: true })
        .refine(
          (value) => REQUIREMENT.test(value),
          'must be the name of a package with or without versions, such as requests>=2.31: ' +
            'no URLs, paths, options, markers or comments',
        ),
    )
    .max(MOST.requirements)
    .describe('Packages that the program needs, as PEP 508 names them: name[extra]>=1,<2.');
}
