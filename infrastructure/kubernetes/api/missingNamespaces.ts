import { ResponseContext, type Middleware, type V1Namespace } from '@kubernetes/client-node';

/**
 * The rights of the worker and the gateway end at users' namespaces: what does not exist, because its namespace
 * does not, is therefore forbidden to them (403) rather than not found. This reports it as not found (404).
 * A namespace that is being deleted counts as missing, because its RoleBindings may be gone before the rest.
 * @param read reads a namespace; rejects when it does not exist, with the status as `code`
 */
export function missingNamespaces(read: (name: string) => Promise<V1Namespace>): Middleware {
  return {
    pre: (request) => Promise.resolve(request),
    async post(response) {
      if (response.httpStatusCode !== 403) return response;
      const body = await response.body.text();
      const again = (code: number, text: string) =>
        new ResponseContext(code, response.headers, {
          text: () => Promise.resolve(text),
          binary: () => Promise.resolve(Buffer.from(text)),
        });
      const namespace = forbiddenNamespace(body);
      if (namespace === undefined || !(await isMissing(read, namespace))) return again(403, body);
      const message = `namespaces "${namespace}" not found`;
      const status = { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason: 'NotFound', code: 404 };
      return again(404, JSON.stringify({ ...status, message }));
    },
  };
}

/** The namespace in which RBAC refused a request; undefined for other refusals, such as of a quota. */
function forbiddenNamespace(body: string): string | undefined {
  return /is forbidden: User \\*"[^"]+" cannot .+ in the namespace \\*"(user-[a-z0-9-]+)\\*"/.exec(body)?.[1];
}

async function isMissing(read: (name: string) => Promise<V1Namespace>, name: string): Promise<boolean> {
  try {
    return (await read(name)).metadata?.deletionTimestamp !== undefined;
  } catch (error) {
    return (error as { code?: unknown }).code === 404;
  }
}
