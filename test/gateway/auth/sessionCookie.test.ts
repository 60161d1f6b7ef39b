import type { IncomingMessage } from 'node:http';
import { sessionCookie, sessionTokenOf } from '../../../gateway/auth/sessionCookie';

const request = (headers: Record<string, string>) => ({ headers }) as unknown as IncomingMessage;
const TLS = { 'x-forwarded-proto': 'https' };

test('over TLS, only the host itself can set the cookie, and browsers send it over TLS alone', () => {
  const cookie = sessionCookie(request(TLS), 'token', 60);
  expect(cookie).toBe(
    '__Host-orchestration_session=token; Max-Age=60; Path=/; HttpOnly; Secure; SameSite=Strict',
  );
  expect(sessionTokenOf(request({ ...TLS, cookie: cookie.split(';')[0]! }))).toBe('token');
});

test('over plain HTTP, where browsers refuse the prefix, the cookie has none', () => {
  const cookie = sessionCookie(request({}), 'token', 60);
  expect(cookie).toBe('orchestration_session=token; Max-Age=60; Path=/; HttpOnly; SameSite=Strict');
  expect(sessionTokenOf(request({ cookie: cookie.split(';')[0]! }))).toBe('token');
});

test('a cookie that another host of the site could have set is ignored over TLS', () => {
  expect(sessionTokenOf(request({ ...TLS, cookie: 'orchestration_session=evil' }))).toBeUndefined();
});

test('behind several proxies, the connection of the browser counts', () => {
  const [name] = sessionCookie(request({ 'x-forwarded-proto': 'HTTPS, http' }), 't', 1).split('=');
  expect(name).toBe('__Host-orchestration_session');
  expect(sessionCookie(request({ 'x-forwarded-proto': 'http, https' }), 't', 1)).not.toContain('Secure');
});
