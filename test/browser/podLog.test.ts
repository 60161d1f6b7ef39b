import type { Browser, Page } from 'playwright-core';
import { submit, Users } from '../integration/deployed';
import { podsOf } from '../integration/kubectl';
import { sharedPlatform } from '../integration/platform';
import { startChromium } from './chromium';
import { startNetworkProxy, type NetworkProxy } from './networkProxy';

/** The log of a live program on the page, in a real browser, on real servers. */

const users = new Users('pagelog');
const platform = sharedPlatform();
let network: NetworkProxy;
let browser: Browser;
let page: Page;
const browserErrors: string[] = [];

beforeAll(async () => {
  network = await startNetworkProxy(new URL(platform.url));
  browser = await startChromium();
  page = await browser.newPage();
  page.setDefaultTimeout(60_000);
  page.on('pageerror', (error) => browserErrors.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused/.test(message.text())) browserErrors.push(message.text());
  });
});

afterAll(async () => {
  await browser?.close();
  await network?.close();
  await users.remove();
  expect(browserErrors).toEqual([]);
});

const program = `
import os, time
print('<img src=x onerror="window.hacked=1"> \\x1b[31mred\\x1b[0m', flush=True)
n = 0
while os.environ.get("DATABASE_URL"):
    print(f'number {n};', flush=True)
    n += 1
    time.sleep(0.1)
`;

test('the log of the program that is live is followed, as text, over a connection that breaks', async () => {
  const user = users.another();
  expect(await submit(platform, user, program)).toMatchObject({ status: 'deployed' });
  await page.goto(network.origin);
  await page.getByLabel('Key').fill(platform.apiKey);
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByLabel('User').fill(user);
  await page.getByRole('button', { name: 'Follow the log' }).click();
  const log = page.locator('.pod-log');
  await log.getByText('number 5;').waitFor();
  await log.locator('.fg-1', { hasText: 'red' }).waitFor();
  expect(await log.locator('img').count()).toBe(0);
  expect(await page.evaluate("'hacked' in window")).toBe(false);
  const [pod] = (await podsOf(`user-${user}`)).filter(
    ({ metadata: { labels } }) => labels.component === 'program',
  );
  expect(await log.innerText()).toContain(`${pod!.metadata.name} number 5;`);

  network.disconnect();
  await page.getByText('Connection lost; trying to reconnect').waitFor();
  network.reconnect();
  await log.getByText('number 60;').waitFor();
  const numbers = [...(await log.innerText()).matchAll(/number (\d+);/g)].map(([, n]) => Number(n));
  expect(numbers).toEqual([...numbers.keys()]);

  await page.getByLabel('Part').selectOption({ label: 'Database' });
  await log.getByText('database system is ready to accept connections').first().waitFor();
  await page.getByRole('button', { name: 'Close the log' }).click();
  expect(await log.count()).toBe(0);
});
