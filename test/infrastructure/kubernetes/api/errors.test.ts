import { ApiException } from '@kubernetes/client-node';
import {
  attempt,
  attemptToFind,
  PlatformError,
  translate,
} from '../../../../infrastructure/kubernetes/api/errors';

const answer = (code: number, message: string, reason = '') =>
  new ApiException(code, 'HTTP', JSON.stringify({ message, reason }), {});

test.each([
  [404, 'pods "x" not found', 'EnvironmentMissing'],
  [403, 'namespace user-x is forbidden: it is being terminated', 'EnvironmentMissing'],
  [403, 'violates PodSecurity "restricted:latest"', 'Rejected'],
  [401, 'Unauthorized', 'Rejected'],
  [422, 'spec.containers[0].image: Required value', 'Rejected'],
  [500, 'failed to create typed patch object', 'Rejected'],
  // Objects that are being deleted still count, and the usage of a new quota is not known yet.
  [403, 'exceeded quota: user', 'Unavailable'],
  [403, 'status unknown for quota: user', 'Unavailable'],
  [500, 'etcdserver: leader changed', 'Unavailable'],
  [409, 'the object has been modified', 'Unavailable'],
  [429, 'too many requests', 'Unavailable'],
  [503, 'apiserver is shutting down', 'Unavailable'],
])('%i "%s" means %s, and says so in the words of Kubernetes', (code, message, name) => {
  const error = translate(answer(code, message, 'Why'), 'create Pod/x in user-x');
  expect(error).toMatchObject({ name, status: code, reason: 'Why' });
  expect(error.message).toContain(`Could not create Pod/x in user-x: ${message}`);
});

test('a refused WebSocket upgrade is read by its number', () => {
  const event = { type: 'error', message: 'Unexpected server response: 404' };
  expect(translate(event, 'exec into x')).toMatchObject({
    ...{ name: 'EnvironmentMissing', status: 404 },
    message: 'Could not exec into x: it does not exist',
  });
});

test.each(['ECONNREFUSED', 'ECONNRESET', 'ETIMEDOUT'])('%s means that the server is away', (code) => {
  expect(translate(Object.assign(new Error('socket'), { code }), 'list').name).toBe('Unavailable');
});

test('a mistake of our own stays what it is', () => {
  const mistake = new TypeError('undefined is not a function');
  expect(translate(mistake, 'list')).toBe(mistake);
});

test('an attempt throws what it means, and finding nothing is null', async () => {
  const missing = () => Promise.reject(answer(404, 'not there'));
  await expect(attempt('read', missing)).rejects.toBeInstanceOf(PlatformError);
  await expect(attemptToFind('read', missing)).resolves.toBeNull();
});

test('rights that an API server does not know yet are asked for again', async () => {
  const refusal = answer(403, 'pods is forbidden: User "worker" cannot list resource "pods"', 'Forbidden');
  const call = jest.fn().mockRejectedValueOnce(refusal).mockResolvedValueOnce('listed');
  expect(await attempt('list pods', call)).toBe('listed');
});

test('an upgrade that is refused without a reason may be taken later', () => {
  const event = { type: 'error', message: 'Unexpected server response: 403' };
  expect(translate(event, 'exec')).toMatchObject({ name: 'Unavailable', status: 403 });
});
