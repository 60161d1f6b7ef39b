import { errorFrame } from '../protocol/errorFrame';
import { HttpError } from './error';
import type { Route } from './apiRoute';

export interface Match {
  route: Route;
  parameters: Record<string, string>;
}

/** Finds the route of a request. @throws HttpError for an unknown path or method */
export function router(routes: readonly Route[]) {
  const patterns = routes.map((route) => ({ route, pattern: patternOf(route.path) }));
  return (method: string, path: string): Match => {
    const found = patterns.flatMap(({ route, pattern }) => {
      const match = pattern.exec(path);
      return match ? [{ route, parameters: { ...match.groups } }] : [];
    });
    if (found.length === 0) throw new HttpError(errorFrame('not_found', 'there is nothing at this address'));
    // A GET route also answers HEAD.
    const match = found.find(({ route }) => route.method === (method === 'HEAD' ? 'GET' : method));
    if (match) return match;
    const allowed = found.map(({ route }) => route.method).join(', ');
    throw new HttpError(errorFrame('method_not_allowed', `this address takes ${allowed}`), {
      Allow: allowed,
    });
  };
}

/** A parameter matches one segment of the path, without decoding it. */
function patternOf(path: string): RegExp {
  const literal = path.replaceAll(/[.*+?^$()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`);
}
