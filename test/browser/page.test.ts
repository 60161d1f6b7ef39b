import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import axe, { type AxeResults } from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Client } from '../integration/client';
import { kubectl } from '../integration/kubectl';
import { startPlatform, type Platform } from '../integration/platform';
import { startChromium } from './chromium';
import { networkTo, type Network } from './cuttable';

/** The page in a real browser, on the real servers. */

const USER = 'browser-test';

/** Pictures of the page for the documentation are made when this variable is set. */
const IMAGES = process.env.SCREENSHOTS ? join(__dirname, '..', '..', 'docs', 'images') : null;

let platform: Platform;
let network: Network;
let browser: Browser;
let context: BrowserContext;
let page: Page;
/** What the browser complained of, such as a breach of the Content-Security-Policy. */
const complaints: string[] = [];

beforeAll(async () => {
  await promisify(execFile)(process.execPath, ['gateway/web/build.mjs']);
  platform = await startPlatform({ TEMPORAL_UI_URL: 'http://127.0.0.1:8233' });
  network = await networkTo(new URL(platform.url));
  browser = await startChromium();
});

afterAll(async () => {
  await browser?.close();
  await network?.close();
  await platform?.stop();
  await kubectl('delete', 'namespace', `user-${USER}`, '--ignore-not-found', '--wait=false');
});

beforeEach(async () => {
  complaints.length = 0;
  context = await browser.newContext({ viewport: { width: 1280, height: 900 }, colorScheme: 'light' });
  page = await context.newPage();
  page.setDefaultTimeout(90_000);
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) complaints.push(message.text());
  });
});

afterEach(async () => {
  await context.close();
  expect(complaints).toEqual([]);
});

async function logIn(): Promise<void> {
  await page.goto(network.origin);
  await page.getByLabel('Key').fill(platform.apiKey);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByLabel('User').fill(USER);
  await page.getByText('Connected', { exact: true }).waitFor();
  await page.locator('.cm-content').waitFor();
}

/** Types over what is in the editor, and sends it as a person who uses the keyboard does. */
async function submit(code: string): Promise<void> {
  await page.locator('.cm-content').focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Delete');
  await page.keyboard.insertText(code);
  await page.keyboard.press('Control+Enter');
}

const verdict = () => page.locator('.verdict');
const output = () => page.locator('.terminal');

async function expectVerdict(text: string): Promise<void> {
  await verdict().getByText(text, { exact: true }).waitFor();
}

async function picture(name: string): Promise<void> {
  if (IMAGES) await page.screenshot({ path: join(IMAGES, `${name}.png`) });
}

/** Violations that axe-core calls serious or critical. */
async function seriousFaults(): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

test('a wrong key is not let in, and the right one leaves no key in the browser', async () => {
  await page.goto(network.origin);
  await page.getByLabel('Key').fill('wrong');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('that is no valid key').waitFor();
  expect(await seriousFaults()).toEqual([]);
  await logIn();
  const [cookie] = await context.cookies();
  expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' });
  const kept = await page.evaluate<string>('JSON.stringify({ ...localStorage }) + document.cookie');
  expect(kept + cookie?.value).not.toContain(platform.apiKey);
});

test('a program that is broken has its line marked; one that works is deployed; both stay in the history', async () => {
  await logIn();
  await submit("x = 1\nprint('broken'");
  await expectVerdict('Tests failed');
  await page.locator('.cm-lint-marker-error').waitFor();
  const row = await page.locator('.cm-lint-marker-error').boundingBox();
  const line = await page.locator('.cm-line', { hasText: 'broken' }).boundingBox();
  expect(Math.abs((row?.y ?? 0) - (line?.y ?? 99))).toBeLessThan(10);
  await picture('page-error');

  await submit("print('Hello')");
  await expectVerdict('Deployed');
  await output().getByText('Hello').waitFor();
  const link = page.getByRole('link', { name: 'Run in Temporal' });
  expect(await link.getAttribute('href')).toMatch(
    /^http:\/\/127.0.0.1:8233\/namespaces\/default\/workflows\/submission-web-/,
  );
  expect(await page.locator('.timeline .completed').count()).toBeGreaterThanOrEqual(4);
  expect(await seriousFaults()).toEqual([]);
  await picture('page-deployed');

  await page.emulateMedia({ colorScheme: 'dark' });
  expect(await seriousFaults()).toEqual([]);
  await picture('page-dark');

  await page.setViewportSize({ width: 390, height: 844 });
  expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
  await picture('page-phone');

  await page.reload();
  await expectVerdict('Deployed');
  await page.getByLabel('User').fill(USER);
  await page.locator('.history button', { hasText: 'x = 1' }).click();
  await expectVerdict('Tests failed');
});

test('output that is HTML stays text, and colours of a terminal are shown', async () => {
  await logIn();
  await submit(`print('<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>')
print('\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\x1b[2Jplain')
raise SystemExit(1)`);
  await expectVerdict('Tests failed');
  await output().getByText('<img src=x onerror').waitFor();
  await output().locator('.fg-1', { hasText: 'red' }).waitFor();
  expect(await output().innerText()).toContain('red plain');
  expect(await output().locator('img, script').count()).toBe(0);
  expect(await page.evaluate("'hacked' in window")).toBe(false);
});

test('a connection that is lost comes back by itself, and no line is lost or repeated', async () => {
  await logIn();
  await submit(`import time
for n in range(40):
    print(f'line {n};', flush=True)
    time.sleep(0.1)
raise SystemExit(1)`);
  await output().getByText('line 5;').waitFor();
  network.cut();
  await page.getByText('Connection lost').waitFor();
  network.mend();
  await expectVerdict('Tests failed');
  await page.getByText('Connected', { exact: true }).waitFor();
  const lines = [...(await output().innerText()).matchAll(/line (\d+);/g)].map(([, n]) => Number(n));
  expect(lines).toEqual([...Array(40).keys()]);
});

test('a submission that is cancelled says so', async () => {
  await logIn();
  await submit("import time\nprint('begun', flush=True)\ntime.sleep(9)");
  await output().getByText('begun').waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await expectVerdict('Cancelled');
});

test('cases that do not pass show what they printed and what was expected', async () => {
  await logIn();
  await page.getByLabel('Example').selectOption({ label: 'Tested with cases' });
  await page.getByRole('button', { name: /^Submit/ }).click();
  await expectVerdict('Tests failed');
  await page.locator('.diff .added').first().waitFor();
  await page.locator('.diff .removed').first().waitFor();
  expect(await page.locator('.tests .passed').count()).toBe(1);
  expect(await seriousFaults()).toEqual([]);
  await picture('page-tests');
});

test('what was sent elsewhere is in the history, and what was deployed before is rolled back to', async () => {
  const client = await Client.connect(platform, '?progress=false');
  const first = await client.submit(USER, "print('first')");
  const second = await client.submit(USER, "print('second')");
  await client.close();
  expect([first.status, second.status]).toEqual(['deployed', 'deployed']);
  await logIn();
  await page.locator('.history button', { hasText: String(first.submission_id) }).click();
  await expectVerdict('Deployed');
  await page.getByRole('button', { name: 'Roll back to this' }).click();
  await page.getByRole('button', { name: 'Roll back', exact: true }).click();
  await page.getByText('Rolled back.').waitFor();
  expect(await kubectl('logs', '-l', 'app=prod', '-n', `user-${USER}`)).toContain('first');
  expect(await seriousFaults()).toEqual([]);
});
