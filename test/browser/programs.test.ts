import { randomBytes } from 'node:crypto';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { submit } from '../integration/deployed';
import { removeUsers } from '../integration/kubectl';
import { sharedPlatform } from '../integration/platform';
import { startChromium } from './chromium';

/** Programs at their own origins in a real browser: what they can do there, and what they cannot do to others. */

const USERS = ['a', 'b'].map((name) => `origin-${name}-${randomBytes(4).toString('hex')}`) as [
  string,
  string,
];

const platform = sharedPlatform();
const { port } = new URL(platform.url);
const [first, second] = USERS.map((user) => `http://${user}.apps.localhost:${port}`) as [string, string];
const gateway = `http://localhost:${port}`;

let browser: Browser;
let context: BrowserContext;
let page: Page;

/** Serves a page that can be framed and fetched by others, as a hostile program would. */
const program = `
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Set-Cookie", "of-server=1; Domain=apps.localhost")
        self.end_headers()
        self.wfile.write(b"<h1>A program</h1><p id=cookies>" + self.headers.get("Cookie", "").encode() + b"</p>")

ThreadingHTTPServer(("", int(os.environ["PORT"])), Handler).serve_forever()
`;

beforeAll(async () => {
  browser = await startChromium();
  const finals = await Promise.all(USERS.map((user) => submit(platform, user, program)));
  expect(finals).toMatchObject([
    { status: 'deployed', url: `${first}/` },
    { status: 'deployed', url: `${second}/` },
  ]);
});

afterAll(async () => {
  await browser?.close();
  await removeUsers(...USERS);
});

beforeEach(async () => {
  context = await browser.newContext();
  page = await context.newPage();
  page.setDefaultTimeout(30_000);
});

afterEach(() => context.close());

async function openProgram(origin: string): Promise<void> {
  // The node's proxy detects a new Service with a delay.
  for (const deadline = Date.now() + 30_000; Date.now() < deadline;)
    if ((await page.goto(`${origin}/`))?.status() === 200) break;
  await page.getByRole('heading', { name: 'A program' }).waitFor();
}

async function logIn(origin: string): Promise<void> {
  await page.goto(origin);
  await page.getByLabel('Key').fill(platform.apiKey);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('Connected', { exact: true }).waitFor();
}

/** What a script of the open page gets from a URL: its text, or why it gets none. */
const fetched = (url: string) =>
  page.evaluate<string>(
    `fetch(${JSON.stringify(url)}, { credentials: 'include' }).then((it) => it.text(), (error) => error.name)`,
  );

test('a link to /apps/ leads to the origin of the program, where cookies and storage work', async () => {
  await openProgram(first);
  await page.goto(`${gateway}/apps/${USERS[0]}/some/path?x=1#y`);
  expect(page.url()).toBe(`${first}/some/path?x=1#y`);
  await page.evaluate<void>("localStorage.setItem('key', 'value'); document.cookie = 'of-page=1; path=/'");
  await page.goto(`${first}/`);
  expect(await page.evaluate<string>('`${origin} ${localStorage.getItem("key")}`')).toBe(`${first} value`);
  expect((await page.locator('#cookies').innerText()).split('; ').sort()).toEqual([
    'of-page=1',
    'of-server=1',
  ]);
  expect(await fetched('/')).toContain('A program');
});

test('another program shares nothing of it, and cannot read it', async () => {
  await openProgram(first);
  await page.evaluate<void>("localStorage.setItem('key', 'value')");
  await openProgram(second);
  expect(await page.locator('#cookies').innerText()).toBe('');
  expect(await page.evaluate<string | null>("localStorage.getItem('key')")).toBeNull();
  expect(await fetched(`${first}/`)).toBe('TypeError');
});

test.each([gateway, `http://127.0.0.1:${port}`])(
  'a program cannot read the page at %s, act for it, or change its login',
  async (origin) => {
    await logIn(origin);
    const session = () => context.cookies(origin);
    const [before] = await session();
    expect(before?.name).toBe('orchestration_session');
    await openProgram(first);
    const hostname = JSON.stringify(new URL(origin).hostname);
    await page.evaluate<void>(
      `for (const domain of [${hostname}, 'localhost', '.localhost'])
        document.cookie = 'orchestration_session=evil; path=/; domain=' + domain`,
    );
    expect(await session()).toEqual([before]);
    for (const path of ['/session', '/api/submissions', '/config.json'])
      expect(await fetched(`${origin}${path}`)).toBe('TypeError');
    const opened = await page.evaluate<string>(
      `new Promise((resolve) => {
        const socket = new WebSocket(${JSON.stringify(`${origin.replace('http', 'ws')}/ws/code`)});
        socket.onopen = () => resolve('open');
        socket.onerror = () => resolve('refused');
      })`,
    );
    expect(opened).toBe('refused');
    const framed = await page.evaluate<string>(
      `new Promise((resolve) => {
        const frame = document.createElement('iframe');
        frame.onload = () => {
          try { resolve(frame.contentWindow.document.body.innerText); } catch (error) { resolve(error.name); }
        };
        frame.src = ${JSON.stringify(origin)};
        document.body.append(frame);
      })`,
    );
    expect(framed).toBe('SecurityError');
    await page.goto(origin);
    await page.getByText('Connected', { exact: true }).waitFor();
  },
);

test('the page cannot read a program', async () => {
  await openProgram(first);
  await logIn(gateway);
  expect(await fetched(`${first}/`)).toBe('TypeError');
  const cookies = await page.evaluate<string>('document.cookie');
  expect(cookies).toBe('');
});

test('a program in a frame of another site stays sandboxed below /apps/', async () => {
  await openProgram(second);
  const inFrame = page.waitForEvent('framenavigated', (frame) => frame.url().includes('/apps/'));
  await page.evaluate<void>(
    `(() => {
      const frame = document.createElement('iframe');
      frame.src = ${JSON.stringify(`${gateway}/apps/${USERS[0]}/`)};
      document.body.append(frame);
    })()`,
  );
  const frame = await inFrame;
  await frame.getByRole('heading', { name: 'A program' }).waitFor();
  expect(await frame.evaluate<string>('origin')).toBe('null');
});
