import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

import pino from 'pino';
import { DEFAULT_LIMITS } from '../../../gateway/limits';
import { startServer, type RunningServer } from '../../../gateway/server';
import { FakeSubmissions } from '../fakeSubmissions';
import { rules } from '../protocol/rules';

/** A real gateway between raw clients and a raw program: it keeps running, whatever bytes either sends. */

const API_KEY = 'a key for the tests only';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const WEBSOCKET = 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n';
const KEY_OF_CLIENT = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const ACCEPTED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n';

let gateway: RunningServer;
let program: Server;
/** What the program does with a connection that has sent complete headers. */
let onRequest: (socket: Socket, request: string) => void;
/** Every byte that reached the program. */
let received = '';

beforeAll(async () => {
  program = createServer((socket) => {
    let request = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1');
      const isNew = !request.includes('\r\n\r\n');
      request += chunk.toString('latin1');
      if (isNew && request.includes('\r\n\r\n')) onRequest(socket, request);
    });
  }).listen(0, '127.0.0.1');
  await once(program, 'listening');
  const address = `http://127.0.0.1:${(program.address() as AddressInfo).port}`;
  gateway = await startServer(
    { API_KEY, HOST: '127.0.0.1', PORT: 0 },
    {
      submissions: new FakeSubmissions(),
      rules,
      logger: pino({ level: 'silent' }),
      limits: { ...DEFAULT_LIMITS, requestsPerProgram: 8 },
      programAddress: (userId) => Promise.resolve(userId === 'ada' ? address : null),
    },
  );
});

afterAll(async () => {
  await gateway.close();
  program.close();
});

beforeEach(() => {
  received = '';
  answering(OK);
});

afterEach(async () => {
  expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
});

/** The program sends these bytes and closes its connection. */
function answering(bytes: string): void {
  onRequest = (socket) => socket.end(bytes, 'latin1');
}

async function client(): Promise<Socket> {
  const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1');
  await once(socket, 'connect');
  return socket;
}

interface Answer {
  status: number;
  head: string;
  body: string;
}

/** Sends bytes, and resolves with everything received until the gateway closed the connection. */
async function exchange(bytes: string): Promise<Answer> {
  const socket = await client();
  let text = '';
  socket.on('data', (chunk) => (text += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  socket.write(bytes, 'latin1');
  await once(socket, 'close');
  const end = text.indexOf('\r\n\r\n');
  return { status: Number(text.split(' ')[1]), head: text.slice(0, end + 2), body: text.slice(end + 4) };
}

const request = (headers: string, { method = 'GET', path = '/apps/ada/', body = '' } = {}) =>
  `${method} ${path} HTTP/1.1\r\nHost: x\r\n${headers}\r\n${body}`;
const CLOSE = 'Connection: close\r\n';

describe('a request for a program', () => {
  test('with a trailer announced and none sent is answered', async () => {
    expect(await exchange(request(`${CLOSE}Trailer: x\r\n`))).toMatchObject({ status: 200, body: 'ok' });
    expect(received).not.toMatch(/trailer/i);
  });

  test('with trailers behind its body is answered', async () => {
    const body = '2\r\nhi\r\n0\r\nX-Late: 1\r\n\r\n';
    const headers = `${CLOSE}Trailer: X-Late\r\nTransfer-Encoding: chunked\r\n`;
    expect(await exchange(request(headers, { method: 'POST', body }))).toMatchObject({ status: 200 });
  });

  test('that asks for its connection to be closed is the last one of it', async () => {
    const { head, body } = await exchange(request(CLOSE));
    expect(head).toMatch(/^connection: close\r$/im);
    expect(body).toBe('ok');
  });

  test.each(['content-length', 'Transfer-Encoding, close', 'host'])(
    'that takes %s for a matter of the connection is refused, and its body does not become a request',
    async (named) => {
      const body = 'GET /smuggled HTTP/1.1\r\n\r\n';
      const headers = `Connection: ${named}\r\nContent-Length: ${body.length}\r\n`;
      const { status, head } = await exchange(request(headers, { body }));
      expect(status).toBe(400);
      expect(head).toMatch(/^connection: close\r$/im);
      expect(received).toBe('');
    },
  );

  test('in a coding other than chunked is refused', async () => {
    const headers = `${CLOSE}Transfer-Encoding: gzip, chunked\r\n`;
    const sent = request(headers, { method: 'POST', body: '0\r\n\r\n' });
    expect(await exchange(sent)).toMatchObject({ status: 501 });
    expect(received).toBe('');
  });

  test.each([
    ['POST', '', '', 'content-length: 0'],
    ['GET', 'Content-Length: 2\r\n', 'hi', 'content-length: 2'],
    ['GET', 'Transfer-Encoding: chunked\r\n', '2\r\nhi\r\n0\r\n\r\n', 'transfer-encoding: chunked'],
  ])('%s with %j keeps the end of its body', async (method, framing, body, expected) => {
    onRequest = (socket, head) => {
      let rest = head;
      const finish = () => rest.endsWith(body) && socket.end(OK);
      socket.on('data', (chunk) => {
        rest += chunk.toString('latin1');
        finish();
      });
      finish();
    };
    const sent = request(`${CLOSE}${framing}`, { method, body });
    expect(await exchange(sent)).toMatchObject({ status: 200, body: 'ok' });
    expect(received.toLowerCase()).toContain(expected);
    expect(received).toMatch(new RegExp(`\r\n\r\n${body}$`));
  });

  test.each([
    ['bytes outside of ASCII in its path', '', '/apps/ada/\x80\xff?\xfe', 400],
    ['an escape that is none', '', '/apps/ada/%zz?%', 200],
    ['an escape that is none in its user', '', '/apps/%ff%/', 404],
    ['bytes outside of ASCII in its user', '', '/apps/\xff\x80/', 400],
    ['bytes outside of ASCII and no last slash', '', '/apps/\xff\x80', 400],
    ['bytes outside of ASCII in a header', 'X-A: \xff\xfe\x80\tb\r\n', '/apps/ada/', 200],
    ['an expectation', 'Expect: 100-continue\r\n', '/apps/ada/', 100],
    ['an unknown expectation', 'Expect: miracles\r\n', '/apps/ada/', 417],
    ['two hosts', 'Host: y\r\n', '/apps/ada/', 200],
    ['an upgrade to something unknown', 'Upgrade: x\r\n', '/apps/ada/', 200],
    [
      'names of JavaScript as headers',
      '__proto__: a\r\nconstructor: b\r\nconstructor: c\r\n',
      '/apps/ada/',
      200,
    ],
  ])('with %s is answered', async (_, headers, path, status) => {
    expect((await exchange(request(`${CLOSE}${headers}`, { path }))).status).toBe(status);
  });

  test.each(['h2c', 'websocket'])('that upgrades to %s and has a body is refused', async (protocol) => {
    const headers = `Connection: Upgrade\r\nUpgrade: ${protocol}\r\nContent-Length: 2\r\n`;
    expect(await exchange(request(headers, { method: 'POST', body: 'hi' }))).toMatchObject({ status: 400 });
    expect(received).toBe('');
  });

  test('that upgrades to anything but a WebSocket is answered as if it did not', async () => {
    const headers = 'Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n';
    expect(await exchange(request(headers))).toMatchObject({ status: 200, body: 'ok' });
    expect(received).not.toMatch(/upgrade|settings/i);
  });

  test('whose client hangs up while the program thinks ends the connection to the program', async () => {
    const gone = new Promise<void>((resolve) => {
      onRequest = (socket) => {
        socket.on('close', () => resolve());
        hangUp.resetAndDestroy();
      };
    });
    const hangUp = await client();
    hangUp.write(request(''));
    await gone;
  });
});

describe('an answer of a program', () => {
  test.each([
    ['a reason phrase with a control character', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'],
    ['status 000', 'HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n'],
    ['status 999', 'HTTP/1.1 999 Many\r\nContent-Length: 0\r\n\r\n'],
    ['an unrequested 101', `${ACCEPTED}\r\n`],
    ['101 without an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['garbage behind 304', `HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n${'x'.repeat(1000)}`],
    ['a coding other than chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc'],
    ['a coding before chunked', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a control character in a header', 'HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 0\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    [
      'a length and chunks',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a head without an end', `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(100_000)}`],
    ['something else than HTTP', 'SSH-2.0-OpenSSH_9\r\n'],
    ['nothing', ''],
  ])('with %s becomes a 502 that has its length and ends the connection', async (_, bytes) => {
    answering(bytes);
    const { status, head, body } = await exchange(request(''));
    expect(status).toBe(502);
    expect(head).toMatch(/^connection: close\r$/im);
    const [length, ...more] = [...head.matchAll(/^(?:content-length|transfer-encoding): (.*)\r$/gim)];
    expect([length?.[1], more]).toEqual([String(body.length), []]);
    expect(JSON.parse(body)).toMatchObject({ error: 'bad_answer' });
  });

  test.each([
    [
      'a trailer that is announced',
      'HTTP/1.1 200 OK\r\nTrailer: x\r\nContent-Length: 2\r\n\r\nok',
      200,
      'ok',
    ],
    ['early hints', `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n${OK}`, 200, 'ok'],
    ['no length', 'HTTP/1.0 200 OK\r\n\r\nok', 200, '2\r\nok\r\n0\r\n\r\n'],
    [
      'chunks',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: CHUNKED\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      200,
      '2\r\nok\r\n0\r\n\r\n',
    ],
    ['a length for no body', 'HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\n', 204, ''],
    [
      '304 and the length of what there would be',
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n',
      304,
      '',
    ],
    ['no reason phrase', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', 200, 'ok'],
    ['a status of its own', 'HTTP/1.1 599 Mine\r\nContent-Length: 2\r\n\r\nok', 599, 'ok'],
  ])('with %s is passed on, framed anew', async (_, bytes, status, body) => {
    answering(bytes);
    const answer = await exchange(request(CLOSE));
    expect(answer).toMatchObject({ status, body });
    expect(answer.head).not.toMatch(/trailer/i);
    if (status === 204) expect(answer.head).not.toMatch(/content-length/i);
  });

  test('that is longer than it says ends where it says', async () => {
    answering(`${OK}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`);
    expect((await exchange(request(CLOSE))).body).toMatch(/^ok$/);
  });

  test('that ends too early is broken off', async () => {
    answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab');
    const { head, body } = await exchange(request(CLOSE));
    expect(head).toMatch(/^HTTP\/1.1 (200|502) /);
    expect(body).not.toMatch(/\r\n0\r\n\r\n$/);
  });

  test('to a request of which most is still to come reaches the client', async () => {
    answering('HTTP/1.1 413 Too Much\r\nContent-Length: 2\r\n\r\nno');
    const socket = await client();
    socket.write(request('Content-Length: 1000000\r\n', { method: 'POST', body: 'begin' }));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1.1 413 Too Much\r\n/);
    socket.write('x'.repeat(1_000_000 - 'begin'.length));
    socket.write(request(CLOSE, { path: '/healthz' }));
    const [next] = (await once(socket, 'data')) as [Buffer];
    expect(next.toString()).toMatch(/^HTTP\/1.1 200 OK\r\n/);
  });

  test.each([
    ...['Clear-Site-Data: "*"', 'Alt-Svc: h2="evil:443"', 'Report-To: {}', 'NEL: {}', 'Accept-CH: x'],
    ...['Set-Cookie: orchestration_session=evil; Path=/', 'Set-Cookie: __Host-a=b; Secure; Path=/'],
    ...['Set-Cookie2: a=b', 'Service-Worker-Allowed: /', 'Strict-Transport-Security: max-age=99999999'],
    ...['Public-Key-Pins: pin-sha256="x"; max-age=9', 'Expect-CT: max-age=9', 'Reporting-Endpoints: a="b"'],
    ...['Origin-Agent-Cluster: ?1', 'Set-Login: logged-in', 'Use-As-Dictionary: match="/*"'],
    ...['Sec-Session-Registration: (ES256)', 'Attribution-Reporting-Register-Source: {}'],
    ...['X-Accel-Redirect: /secret', 'X-Sendfile: /etc/passwd', 'CLEAR-SITE-DATA: "storage"'],
  ])('cannot speak for the whole address of the gateway, or to a proxy before it: %s', async (line) => {
    answering(`HTTP/1.1 200 OK\r\n${line}\r\n${line}\r\nX-Own: kept\r\nContent-Length: 0\r\n\r\n`);
    const { head } = await exchange(request(CLOSE));
    expect(head).toMatch(/^x-own: kept\r$/im);
    expect(head.toLowerCase()).not.toContain(line.split(':', 1)[0]!.toLowerCase());
  });
});

describe('an upgrade', () => {
  const upgrade = request(`${WEBSOCKET}${KEY_OF_CLIENT}Trailer: x\r\n`);

  test('gets of the answer what a WebSocket needs, and neither cookies nor anything else', async () => {
    const evil = 'Set-Cookie: orchestration_session=evil; Path=/\r\nClear-Site-Data: "*"\r\n';
    answering(`${ACCEPTED}${evil}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nfirst bytes`);
    const { status, head, body } = await exchange(upgrade);
    expect(status).toBe(101);
    expect(
      head
        .split('\r\n')
        .slice(1, -1)
        .map((line) => line.toLowerCase()),
    ).toEqual([
      'connection: upgrade',
      'upgrade: websocket',
      'sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo=',
    ]);
    expect(body).toBe('first bytes');
  });

  test('carries bytes both ways, also those sent with the head', async () => {
    onRequest = (socket, head) => {
      socket.write(`${ACCEPTED}\r\n`);
      const [, early = ''] = head.split('\r\n\r\n');
      if (early) socket.end(early);
      else socket.once('data', (chunk) => socket.end(chunk));
    };
    expect((await exchange(`${upgrade}early`)).body).toBe('early');
  });

  test('that is answered like any other request gets that answer, as another client would', async () => {
    answering('HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n');
    const { status, head, body } = await exchange(upgrade);
    expect([status, body]).toEqual([200, 'ok']);
    expect(head).toMatch(/^content-security-policy: sandbox/im);
    expect(head).toMatch(/^connection: close\r$/im);
    expect(head).not.toMatch(/set-cookie|transfer-encoding/i);
  });

  test.each([
    ['a control character in a header', `${ACCEPTED}Sec-WebSocket-Protocol: a\x01b\r\n\r\n`],
    ['another protocol', 'HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n'],
    ['101 without an upgrade', 'HTTP/1.1 101 Switching Protocols\r\n\r\n'],
    ['a reason phrase with a control character', 'HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n'],
    ['status 000', 'HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n'],
    ['nothing', ''],
  ])('that is answered with %s is refused with 502', async (_, bytes) => {
    answering(bytes);
    expect(await exchange(upgrade)).toMatchObject({ status: 502 });
  });

  test.each(['program', 'client'])(
    'whose %s resets its connection ends at the other end, too',
    async (who) => {
      let atProgram: Socket | undefined;
      const reached = new Promise<void>((resolve) => {
        onRequest = (socket) => {
          atProgram = socket;
          socket.write(`${ACCEPTED}\r\n`);
          resolve();
        };
      });
      const socket = await client();
      socket.on('error', () => undefined);
      socket.write(upgrade);
      await Promise.all([reached, once(socket, 'data')]);
      const [first, other] = who === 'program' ? [atProgram!, socket] : [socket, atProgram!];
      const closed = once(other, 'close');
      first.resetAndDestroy();
      await closed;
    },
  );

  test('whose client resets before the program answers ends at the program', async () => {
    const gone = new Promise<void>((resolve) => {
      onRequest = (socket) => {
        socket.on('close', () => resolve());
        socket.write(`${ACCEPTED}\r\n`);
        hangUp.resetAndDestroy();
      };
    });
    const hangUp = await client();
    hangUp.write(upgrade);
    await gone;
  });
});

test('requests and WebSockets to one program are limited, those to others are not', async () => {
  const held: Socket[] = [];
  const arrived = new Promise<void>((resolve) => {
    onRequest = (socket) => {
      if (held.push(socket) === 8) resolve();
    };
  });
  const ended = Array.from({ length: 7 }, () => exchange(request(CLOSE)));
  const webSocket = await client();
  webSocket.write(request(`${WEBSOCKET}${KEY_OF_CLIENT}`));
  await arrived;
  const refused = await exchange(request(CLOSE));
  expect(refused).toMatchObject({ status: 429 });
  expect(refused.head).toMatch(/^retry-after: 1\r$/im);
  expect(JSON.parse(refused.body)).toMatchObject({ error: 'too_many_requests' });
  expect(await exchange(request(`${WEBSOCKET}${KEY_OF_CLIENT}`))).toMatchObject({ status: 429 });
  expect(await exchange(request(CLOSE, { path: '/apps/bob/' }))).toMatchObject({ status: 404 });
  for (const socket of held) socket.end(OK);
  await Promise.all(ended);
  webSocket.destroy();
  answering(OK);
  expect(await exchange(request(CLOSE))).toMatchObject({ status: 200 });
});
