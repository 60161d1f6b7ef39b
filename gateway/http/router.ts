import { errorFrame } from '../protocol/errorFrame';
import { HttpError } from './error';
import type { Route } from './apiRoute';

export interface Match {
  route: Route;
  parameters: Record<string, string>;
}

/** Finds the route of a request. @throws HttpError for a path or a method that is none */
export function router(routes: readonly Route[]) {
  const patterns = routes.map((route) => ({ route, pattern: patternOf(route.path) }));
  return (method: string, path: string): Match => {
    const found = patterns.flatMap(({ route, pattern }) => {
      const match = pattern.exec(path);
      return match ? [{ route, parameters: { ...match.groups } }] : [];
    });
    if (found.length === 0) throw new HttpError(errorFrame('not_found', 'there is nothing at this address'));
    // What can be got has a head.
    const match = found.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method));
    if (match) return match;
    const allowed = found.map(({ route }) => route.method).join(', ');
    throw new HttpError(errorFrame('method_not_allowed', `this address takes ${allowed}`), {
      Allow: allowed,
    });
  };
}

/** A parameter is one part of the path, as it stands there. */
function patternOf(path: string): RegExp {
  const literal = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
}
