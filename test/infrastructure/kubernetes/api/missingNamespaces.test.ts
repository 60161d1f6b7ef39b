import { ResponseContext } from '@kubernetes/client-node';
import { missingNamespaces } from '../../../../infrastructure/kubernetes/api/missingNamespaces';

const refused =
  'pods "ada-test" is forbidden: User "system:serviceaccount:orchestration-system:orchestration-worker" ' +
  'cannot get resource "pods" in API group "" in the namespace "user-ada"';

const response = (code: number, message: string) => {
  const text = JSON.stringify({ kind: 'Status', message, code });
  const body = { text: () => Promise.resolve(text), binary: () => Promise.resolve(Buffer.from(text)) };
  return new ResponseContext(code, {}, body);
};

async function answerTo(code: number, message: string, read: () => Promise<object>) {
  const reads: string[] = [];
  const middleware = missingNamespaces((name) => {
    reads.push(name);
    return read();
  });
  const { httpStatusCode, body } = await middleware.post(response(code, message));
  return { code: httpStatusCode, message: await messageOf(body), reads };
}

const messageOf = async (body: ResponseContext['body']) =>
  (JSON.parse(await body.text()) as { message: string }).message;

const exists = () => Promise.resolve({ metadata: { name: 'user-ada' } });
const isGone = () => Promise.reject(Object.assign(new Error('not found'), { code: 404 }));
const terminates = () => Promise.resolve({ metadata: { deletionTimestamp: new Date() } });
const isForbidden = () => Promise.reject(Object.assign(new Error('forbidden'), { code: 403 }));

test.each([
  ['does not exist', isGone],
  ['is being deleted', terminates],
])('what RBAC forbids in a namespace that %s is not found', async (_, read) => {
  const answer = await answerTo(403, refused, read);
  expect(answer).toEqual({ code: 404, message: 'namespaces "user-ada" not found', reads: ['user-ada'] });
});

test.each([
  ['exists', exists],
  ['cannot be read', isForbidden],
])('what RBAC forbids in a namespace that %s stays forbidden', async (_, read) => {
  expect(await answerTo(403, refused, read)).toMatchObject({ code: 403, message: refused });
});

test.each([
  [403, 'pods "ada-test" is forbidden: exceeded quota: user'],
  [403, refused.replace('user-ada', 'orchestration-keys')],
  [200, refused],
])('any other answer (%d) stays as it is, without another request', async (code, message) => {
  expect(await answerTo(code, message, isGone)).toEqual({ code, message, reads: [] });
});
